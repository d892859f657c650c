//! Spans, sizes and patterns: what is read can be printed, and reads back as the same.

use super::Target;
use crate::mutate::Material;
use pipeline_plugin_api::fields::parse;
use pipeline_plugin_api::pattern;
use pipeline_plugin_api::units::{Bytes, Span};

pub(super) const TARGET: Target = Target {
    name: "units",
    about: "spans, sizes and patterns of names",
    material: || Material {
        seeds: SEEDS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        words: WORDS,
        longest: 64,
    },
    reader: || Box::new(read),
};

const SEEDS: &[&str] = &[
    "100ms",
    "1m30s",
    "1m 30s",
    "250us",
    "2h",
    "0s",
    "1000000000y",
    "2MiB",
    "500kB",
    "1.5 GiB",
    "18446744073709551615",
    "19971597926B",
    "16EiB",
    "cpu.*",
    "cpu.time",
    "*",
];

const WORDS: &[&str] = &[
    "ns", "us", "µs", "ms", "s", "m", "h", "d", "w", "M", "y", "months", "years", "k", "KiB", "MB", "GiB", "TiB", "PB",
    "EiB", "B", ".", "-", "+", "e9", "_", " ", "*", "**",
];

fn read(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let quoted = format!("\"{}\"", text.escape_debug());
    if let Ok(span) = parse::<Span>(&quoted) {
        let printed = format!("\"{span}\"");
        assert_eq!(
            parse::<Span>(&printed).ok(),
            Some(span),
            "{text:?} is printed as {printed}"
        );
    }
    if let Ok(size) = parse::<Bytes>(&quoted) {
        let printed = format!("\"{size}\"");
        assert_eq!(
            parse::<Bytes>(&printed).ok(),
            Some(size),
            "{text:?} is printed as {printed}"
        );
    }
    let good = pattern::fault(&text).is_none();
    assert!(
        !good || pattern::matches(&text, text.trim_end_matches('*')),
        "{text:?} does not mean itself"
    );
}
