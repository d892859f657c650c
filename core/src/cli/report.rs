//! Faults as people and as programs read them. What is wrong is decided elsewhere.

use crate::graph::masked;
use crate::spec::{Fault, GraphSpec, Severity};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use pipeline_plugin_api::fields::line_column;
use serde_json::{Value, json as object};
use std::ops::Range;

/// The faults as rustc shows its own: what, `file:line:column`, the line with carets, help.
pub fn render(spec: &GraphSpec, faults: &[Fault], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let path = spec.path.display().to_string();
    let text = without_secrets(&spec.text, faults);
    let shown = faults
        .iter()
        .map(|fault| renderer.render(&[group(&text, &path, fault)]) + "\n");
    shown.collect::<Vec<_>>().join("\n")
}

/// The file's text with a star for each byte of a secret, so that places stay what they are: of what was found to be
/// one, and of what looks like one where the text could not be read.
fn without_secrets(text: &str, faults: &[Fault]) -> String {
    let mut shown = masked(text);
    for fault in faults.iter().filter(|fault| fault.secret) {
        let stars: String = text[fault.at.clone()]
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { '*' })
            .collect();
        shown.replace_range(fault.at.clone(), &stars);
    }
    shown
}

fn group<'a>(text: &'a str, path: &'a str, fault: &'a Fault) -> Group<'a> {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let also = fault
        .also
        .iter()
        .map(|mark| AnnotationKind::Context.span(mark.at.clone()).label(mark.label.as_str()));
    let place = AnnotationKind::Primary.span(fault.at.clone());
    let place = if fault.label.is_empty() {
        place
    } else {
        place.label(fault.label.as_str())
    };
    let snippet = Snippet::source(text).path(path).annotation(place).annotations(also);
    let mut group = level.primary_title(fault.message.as_str()).element(snippet);
    for note in &fault.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if fault.help.is_empty() {
        return group;
    }
    group.element(Level::HELP.message(fault.help.as_str()))
}

/// `2 faults, 1 warning`.
pub(super) fn counted(faults: &[Fault]) -> String {
    let warnings = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Warning)
        .count();
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match (faults.len() - warnings, warnings) {
        (0, 0) => "no faults".to_owned(),
        (0, warnings) => format!("no faults, {}", plural(warnings, "warning")),
        (errors, 0) => plural(errors, "fault"),
        (errors, warnings) => format!("{}, {}", plural(errors, "fault"), plural(warnings, "warning")),
    }
}

/// The faults as JSON: lines and columns from 1, columns in characters, ends exclusive.
pub fn json(spec: &GraphSpec, faults: &[Fault]) -> Value {
    faults.iter().map(|fault| one(spec, fault)).collect()
}

fn one(spec: &GraphSpec, fault: &Fault) -> Value {
    let also = fault
        .also
        .iter()
        .map(|mark| with_place(spec, &mark.at, object!({ "label": mark.label })));
    let what = object!({
        "severity": match fault.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": fault.message,
        "label": fault.label,
        "notes": fault.notes,
        "help": fault.help,
        "also": also.collect::<Vec<_>>(),
    });
    with_place(spec, &fault.at, what)
}

fn with_place(spec: &GraphSpec, at: &Range<usize>, mut what: Value) -> Value {
    let (line, column) = line_column(&spec.text, at.start);
    let (end_line, end_column) = line_column(&spec.text, at.end);
    for (name, value) in [
        ("line", line),
        ("column", column),
        ("end_line", end_line),
        ("end_column", end_column),
    ] {
        what[name] = value.into();
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_and_warnings_are_counted_apart() {
        let (error, warning) = (Fault::error(0..0, ""), Fault::warning(0..0, ""));
        assert_eq!(counted(&[]), "no faults");
        assert_eq!(counted(&[error.clone(), warning.clone(), error]), "2 faults, 1 warning");
        assert_eq!(counted(&[warning]), "no faults, 1 warning");
    }
}
