//! Texts that come again and again, each kept once.

use std::collections::BTreeMap;

/// Stands for no text.
pub const ABSENT: i32 = -1;

/// Texts by number.
#[derive(Clone, Debug, Default)]
pub struct Words {
    texts: Vec<String>,
    keys: BTreeMap<String, i32>,
}

impl Words {
    /// The number of a text; [`ABSENT`] for the empty one.
    pub fn key(&mut self, text: &str) -> i32 {
        if text.is_empty() {
            return ABSENT;
        }
        if let Some(key) = self.keys.get(text) {
            return *key;
        }
        let key = i32::try_from(self.texts.len()).unwrap_or(ABSENT);
        self.texts.push(text.to_owned());
        self.keys.insert(text.to_owned(), key);
        key
    }

    /// The texts, by number.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_and_the_empty_one_none() {
        let mut words = Words::default();
        assert_eq!(
            [words.key("a"), words.key("b"), words.key("a"), words.key("")],
            [0, 1, 0, ABSENT]
        );
        assert_eq!(words.texts(), ["a", "b"]);
    }
}
