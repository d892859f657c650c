//! A RON text as its fields with their places, so that every fault can be told where it stands.
//!
//! ron's own parser does the reading; this only keeps where each value began. One level at a time:
//! a value is handed on as text, and whoever wants its fields asks again.

use ron::value::RawValue;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::ops::Range;

/// One `name: value` of a struct, or one `"name": value` of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without quotes.
    pub name: String,
    /// Where the name stands, as bytes of the text.
    pub name_at: Range<usize>,
    /// Where the value stands, as bytes of the text.
    pub value_at: Range<usize>,
}

/// Something that is not as RON should be, placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Byte of the text at which it was noticed.
    pub at: usize,
    /// What ron says of it.
    pub message: String,
}

/// The fields of a struct or map, in order, duplicates included. Empty text has none.
///
/// # Errors
/// The first place at which the text stops being RON, or is neither a struct nor a map.
pub fn entries(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let found: Split<'_> = parse(text)?;
    let mut from = 0;
    let entries = found.0.into_iter().map(|(name, value)| {
        let value_at = place(text, value);
        let name_at = name_place(text, from, value_at.start, &name);
        from = value_at.end;
        Entry {
            name,
            name_at,
            value_at,
        }
    });
    Ok(entries.collect())
}

/// The items of a list, in order, as bytes of the text.
///
/// # Errors
/// The first place at which the text stops being RON, or is not a list.
pub fn items(text: &str) -> Result<Vec<Range<usize>>, SyntaxError> {
    let found: Items<'_> = parse(text)?;
    Ok(found.0.into_iter().map(|value| place(text, value)).collect())
}

/// The options under which every RON text of the project is read: `Some(x)` may be written `x`.
pub fn options() -> ron::Options {
    ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
        .with_default_extension(ron::extensions::Extensions::UNWRAP_NEWTYPES)
}

/// Reads a value from text; the error's place is a byte of that text.
///
/// # Errors
/// What ron or the type says is wrong.
pub fn parse<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, SyntaxError> {
    options().from_str(text).map_err(|error| SyntaxError {
        at: byte_at(text, error.span.start.line, error.span.start.col),
        message: plain(&error.code.to_string()),
    })
}

/// Line and column, from 1, of a byte of the text; the column counts characters.
pub fn line_column(text: &str, at: usize) -> (u32, u32) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line as u32, before[start..].chars().count() as u32 + 1)
}

/// The byte at a line and column, both from 1.
pub fn byte_at(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = &text[start.min(text.len())..];
    start
        + rest
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(rest.len(), |(byte, _)| byte)
}

fn plain(message: &str) -> String {
    let mut letters = message.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// `RawValue` keeps the blanks and comments around a value; the place is that of the value alone.
fn place(text: &str, value: &str) -> Range<usize> {
    let start = value.as_ptr() as usize - text.as_ptr() as usize;
    let lead = value.len() - skip_blank(value).len();
    let body = trim_end(&value[lead..]);
    start + lead..start + lead + body.len()
}

fn skip_blank(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix("//") {
            text = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(rest) = text.strip_prefix("/*") {
            text = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else {
            return text;
        }
    }
}

/// Cuts blanks and a trailing comment; a value that itself holds `//` (a string) is left whole.
fn trim_end(text: &str) -> &str {
    let text = text.trim_end();
    let Some(newline_comment) = text.rfind("//") else {
        return text;
    };
    let head = text[..newline_comment].trim_end();
    let in_comment = !text[newline_comment..].contains(['"', ')', ']', '}', '\n']);
    if in_comment && options().from_str::<ron::Value>(head).is_ok() {
        trim_end(head)
    } else {
        text
    }
}

fn name_place(text: &str, from: usize, until: usize, name: &str) -> Range<usize> {
    let between = &text[from..until];
    match between.rfind(name) {
        Some(at) => from + at..from + at + name.len(),
        None => until..until,
    }
}

struct Split<'de>(Vec<(String, &'de str)>);

impl<'de> Deserialize<'de> for Split<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Split<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a struct `(name: value, …)` or a map `{\"name\": value, …}`")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Split(Vec::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    found.push((name, map.next_value::<&'de RawValue>()?.get_ron()));
                }
                Ok(Split(found))
            }
        }
        deserializer.deserialize_any(Fields)
    }
}

struct Items<'de>(Vec<&'de str>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list `[value, …]`")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some(value) = list.next_element::<&'de RawValue>()? {
                    found.push(value.get_ron());
                }
                Ok(Items(found))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "// head\n(\n    version: 1, // one\n    targets: {\n        \"web\": (plugin: \"a.b\", config: (x: 1)),\n    },\n)\n";

    fn texts(text: &str) -> Vec<(String, String)> {
        entries(text)
            .unwrap()
            .into_iter()
            .map(|e| (e.name, text[e.value_at].to_owned()))
            .collect()
    }

    #[test]
    fn a_struct_gives_its_fields_with_their_text() {
        let found = texts(TEXT);
        assert_eq!(found[0], ("version".to_owned(), "1".to_owned()));
        assert_eq!(found[1].0, "targets");
        let inner = texts(&found[1].1);
        assert_eq!(
            inner,
            [("web".to_owned(), "(plugin: \"a.b\", config: (x: 1))".to_owned())]
        );
    }

    #[test]
    fn names_are_placed_where_they_stand() {
        let found = entries(TEXT).unwrap();
        assert_eq!(line_column(TEXT, found[0].name_at.start), (3, 5));
        assert_eq!(line_column(TEXT, found[1].name_at.start), (4, 5));
    }

    #[test]
    fn duplicates_are_kept_for_the_caller_to_refuse() {
        let found = texts("{\"a\": 1, \"a\": 2}");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_string_with_slashes_is_not_cut() {
        assert_eq!(texts("(url: \"redis://127.0.0.1\")")[0].1, "\"redis://127.0.0.1\"");
        assert_eq!(texts("(url: \"redis://h\" // the server\n)")[0].1, "\"redis://h\"");
    }

    #[test]
    fn a_syntax_error_has_a_place() {
        let error = entries("(\n  a: 1\n  b: 2\n)").unwrap_err();
        assert_eq!(line_column("(\n  a: 1\n  b: 2\n)", error.at).0, 3);
    }

    #[test]
    fn lists_give_their_items() {
        let text = "[\"a\", \"b\"]";
        let found: Vec<&str> = items(text).unwrap().into_iter().map(|at| &text[at]).collect();
        assert_eq!(found, ["\"a\"", "\"b\""]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_split_without_a_panic(text in "[ -~\n]{0,80}") {
            let _ = entries(&text);
            let _ = items(&text);
        }
        #[test]
        fn byte_and_line_column_agree(text in "[a-zé\n]{0,60}", at in 0usize..60) {
            let at = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            let (line, column) = line_column(&text, at);
            proptest::prop_assert_eq!(byte_at(&text, line as usize, column as usize), at);
        }
    }
}
