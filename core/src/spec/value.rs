//! One value of the file: its text, and where it stands. Whoever wants its fields asks again, so
//! that every fault keeps its place.

use super::fault::Fault;
use pipeline_plugin_api::fields::{self, SyntaxError};
use serde::de::DeserializeOwned;
use std::ops::Range;

/// Something read from the file, with its place in bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// What was read.
    pub value: T,
    /// Where it stands.
    pub at: Range<usize>,
}

/// A part of the file that is a value.
#[derive(Clone, Debug)]
pub struct Value<'t> {
    file: &'t str,
    /// Where it stands.
    pub at: Range<usize>,
}

/// A field of a struct, or an entry of a map.
#[derive(Clone, Debug)]
pub struct Field<'t> {
    /// Its name.
    pub name: Placed<String>,
    /// Its value.
    pub value: Value<'t>,
}

impl<'t> Value<'t> {
    /// The whole file as a value.
    pub fn file(text: &'t str) -> Self {
        Self {
            file: text,
            at: 0..text.len(),
        }
    }

    /// The part of a file that stands there.
    pub fn part(text: &'t str, at: Range<usize>) -> Self {
        Self { file: text, at }
    }

    /// Its text.
    pub fn text(&self) -> &'t str {
        &self.file[self.at.clone()]
    }

    /// The fields of a struct, or the entries of a map.
    ///
    /// # Errors
    /// The first place at which it is neither.
    pub fn fields(&self) -> Result<Vec<Field<'t>>, SyntaxError> {
        let entries = fields::entries(self.text()).map_err(|error| self.placed(error))?;
        let field = |entry: fields::Entry| Field {
            name: Placed {
                value: entry.name,
                at: self.inside(entry.name_at),
            },
            value: self.child(entry.value_at),
        };
        Ok(entries.into_iter().map(field).collect())
    }

    /// The items of a list.
    ///
    /// # Errors
    /// The first place at which it is none.
    pub fn items(&self) -> Result<Vec<Self>, SyntaxError> {
        let items = fields::items(self.text()).map_err(|error| self.placed(error))?;
        Ok(items.into_iter().map(|at| self.child(at)).collect())
    }

    /// Reads it as a type.
    ///
    /// # Errors
    /// What ron or the type says is wrong.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<Placed<T>, SyntaxError> {
        let value = fields::parse(self.text()).map_err(|error| self.placed(error))?;
        Ok(Placed {
            value,
            at: self.at.clone(),
        })
    }

    /// A fault of the whole value.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::error(self.at.clone(), message)
    }

    /// A fault at the place of a syntax error inside.
    pub fn syntax(&self, error: &SyntaxError) -> Fault {
        Fault::error(token(self.file, error.at), error.message.clone())
    }

    fn child(&self, at: Range<usize>) -> Self {
        Self {
            file: self.file,
            at: self.inside(at),
        }
    }

    fn inside(&self, at: Range<usize>) -> Range<usize> {
        self.at.start + at.start..self.at.start + at.end
    }

    fn placed(&self, error: SyntaxError) -> SyntaxError {
        SyntaxError {
            at: self.at.start + error.at,
            ..error
        }
    }
}

/// The word, the text in quotes, or else the one character that begins at a byte of a text.
pub fn token(text: &str, at: usize) -> Range<usize> {
    let at = (0..=at.min(text.len()))
        .rev()
        .find(|byte| text.is_char_boundary(*byte))
        .unwrap_or(0);
    let rest = &text[at..];
    let is_word = |letter: char| letter.is_alphanumeric() || "_.-+".contains(letter);
    let length = match rest.chars().next() {
        Some('"') => rest[1..].find(['"', '\n']).map_or(1, |end| end + 2),
        Some(first) if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
        Some('\n') | None => 0,
        Some(first) => first.len_utf8(),
    };
    at..at + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_file() {
        let text = "(a: (b: [\"x\", \"yy\"]))";
        let outer = Value::file(text).fields().unwrap();
        let inner = outer[0].value.fields().unwrap();
        let items = inner[0].value.items().unwrap();
        assert_eq!(&text[inner[0].name.at.clone()], "b");
        assert_eq!(&text[items[1].at.clone()], "\"yy\"");
        assert_eq!(items[1].parse::<String>().unwrap().value, "yy");
    }

    #[test]
    fn an_error_inside_is_placed_in_the_file() {
        let text = "(a: (b: 5))";
        let inner = Value::file(text).fields().unwrap()[0].value.fields().unwrap();
        let error = inner[0].value.parse::<String>().unwrap_err();
        assert_eq!(&text[inner[0].value.syntax(&error).at], "5");
    }

    #[test]
    fn a_token_is_a_word_or_a_text_or_a_character() {
        let text = "ab.c \"d e\", é";
        let tokens: Vec<&str> = [0, 5, 10, 12].map(|at| &text[token(text, at)]).to_vec();
        assert_eq!(tokens, ["ab.c", "\"d e\"", ",", "é"]);
        assert_eq!(token(text, 99), text.len()..text.len());
        assert_eq!(token("\"open\n", 0), 0..6);
    }
}
