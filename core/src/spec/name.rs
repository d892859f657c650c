//! Names of nodes, checked when they are made.

use std::fmt;

/// The longest name of a node, in bytes.
pub const LONGEST_NAME: usize = 64;

/// The name of a node: letters, digits, `_`, `-` and `.`, beginning with a letter, a digit or `_`.
///
/// Names become parts of paths and of metric labels, so nothing else is allowed; `/` stands between
/// a provider and one of its targets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeName(String);

/// Why a text is no name of a node.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing.
    #[error("a node's name is empty")]
    Empty,
    /// It is longer than [`LONGEST_NAME`].
    #[error("a node's name has at most {LONGEST_NAME} characters")]
    TooLong,
    /// It begins with `-` or `.`.
    #[error("a node's name begins with a letter, a digit or `_`")]
    Start,
    /// It has a character that is not allowed.
    #[error("a node's name has no `{}` in it", .0.escape_debug())]
    Character(char),
}

impl NodeName {
    /// Checks a name.
    ///
    /// # Errors
    /// What about the text is not as in a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
        if let Some(wrong) = text.chars().find(|letter| !allowed(*letter)) {
            return Err(NameError::Character(wrong));
        }
        match text.chars().next() {
            None => Err(NameError::Empty),
            Some('-' | '.') => Err(NameError::Start),
            Some(_) if text.len() > LONGEST_NAME => Err(NameError::TooLong),
            Some(_) => Ok(Self(text.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_taken() {
        for name in ["web", "l3", "redis-0.p99", "_x", "9"] {
            assert_eq!(NodeName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_would_break_a_path_is_refused() {
        assert_eq!(NodeName::new("pods/x"), Err(NameError::Character('/')));
        assert_eq!(NodeName::new(""), Err(NameError::Empty));
        assert_eq!(NodeName::new("../x"), Err(NameError::Character('/')));
        assert_eq!(NodeName::new(".."), Err(NameError::Start));
        assert_eq!(NodeName::new("näme"), Err(NameError::Character('ä')));
    }

    #[test]
    fn the_longest_name_is_taken_and_one_more_is_not() {
        assert!(NodeName::new(&"a".repeat(LONGEST_NAME)).is_ok());
        assert_eq!(NodeName::new(&"a".repeat(LONGEST_NAME + 1)), Err(NameError::TooLong));
    }
}
