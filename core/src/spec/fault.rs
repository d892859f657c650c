//! A fault of a graph file: what is wrong, where it stands, and how to mend it.
//!
//! Only the value; how it looks on a terminal is the command line's.

use std::ops::Range;

/// How much a fault matters.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The graph cannot run.
    Error,
    /// The graph runs, and something in it is likely not meant.
    Warning,
}

/// Another place that explains a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the file.
    pub at: Range<usize>,
    /// What stands there.
    pub label: String,
}

/// Something wrong in a graph file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whether the graph can run all the same.
    pub severity: Severity,
    /// What is wrong, in lower case.
    pub message: String,
    /// Bytes of the file.
    pub at: Range<usize>,
    /// What to say right at the place; may be empty.
    pub label: String,
    /// Other places that explain it.
    pub also: Vec<Mark>,
    /// What else to know.
    pub notes: Vec<String>,
    /// How to mend it; may be empty.
    pub help: String,
    /// Whether what stands at the place must not be shown, because it is a secret.
    pub secret: bool,
}

impl Fault {
    /// A fault that keeps the graph from running.
    pub fn error(at: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            at,
            label: String::new(),
            also: Vec::new(),
            notes: Vec::new(),
            help: String::new(),
            secret: false,
        }
    }

    /// Something that is likely not meant.
    pub fn warning(at: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(at, message)
        }
    }

    /// What stands at the place is a secret and is not shown.
    pub fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Says something right at the place.
    pub fn label(self, label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..self
        }
    }

    /// Points at another place too.
    pub fn also(mut self, at: Range<usize>, label: impl Into<String>) -> Self {
        self.also.push(Mark {
            at,
            label: label.into(),
        });
        self
    }

    /// Adds what else to know.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says how to mend it.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: help.into(),
            ..self
        }
    }
}

/// Names for a sentence: `` `a`, `b` and `c` ``.
pub fn quoted<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_a_sentence() {
        assert_eq!(quoted(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(quoted(["a"]), "`a`");
        assert_eq!(quoted::<&str>([]), "nothing");
    }
}
