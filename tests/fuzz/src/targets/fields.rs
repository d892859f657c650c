//! The splitter of a config's fields: what it finds must lie in the text.

use super::Target;
use crate::mutate::Material;
use pipeline_plugin_api::config::nearest;
use pipeline_plugin_api::fields::{byte_at, entries, items, line_column};
use std::ops::Range;

pub(super) const TARGET: Target = Target {
    name: "fields",
    about: "configs as fields with their places",
    material: || Material {
        seeds: SEEDS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        words: WORDS,
        longest: 2048,
    },
    reader: || Box::new(read),
};

const SEEDS: &[&str] = &[
    "",
    "(a: 1, b: \"two\", c: [3, 4], d: (e: None))",
    "{\"a\": (plugin: \"x.y\"), \"b\": () /* c */, // d\n}",
    "[\"a\", \"b // no comment\", r#\"c\"#, 'd', -1.5e3, true]",
    "( a : /* one */ 1 , /* // */ b: \"ä\" // end\n , )",
    "Name(a: Some(Some(1)), b: Kind(x: 1), c: {1: 2})",
    "(a: 1, a: 2, \u{1F600}: 3)",
];

const WORDS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "//",
    "/*",
    "*/",
    "\n",
    "\"",
    "r#\"",
    "\"#",
    "'",
    "b'",
    "\\",
    "\\u{0}",
    "Some(",
    "None",
    "()",
    "0b1",
    "0o7",
    "0xF",
    "1_000",
    "inf",
    "NaN",
    "u8",
    "#![enable(implicit_some)]",
    "ä",
    "\u{1F600}",
    "\u{feff}",
    "\u{2028}",
];

fn read(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let places = match entries(&text) {
        Ok(entries) => {
            let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            nearest(text.get(..8).unwrap_or_default(), names.iter().copied());
            entries
                .iter()
                .flat_map(|entry| [entry.name_at.clone(), entry.value_at.clone()])
                .collect()
        }
        Err(error) => nowhere(error.at),
    };
    let items = items(&text).unwrap_or_else(|error| nowhere(error.at));
    for place in places.into_iter().chain(items) {
        assert!(
            text.get(place.clone()).is_some(),
            "{place:?} is no piece of a text of {} bytes",
            text.len()
        );
        let (line, column) = line_column(&text, place.start);
        assert_eq!(
            byte_at(&text, line as usize, column as usize),
            place.start,
            "{line}:{column}"
        );
    }
}

/// The place of an error as the only one.
fn nowhere(at: usize) -> Vec<Range<usize>> {
    std::iter::once(at..at).collect()
}
