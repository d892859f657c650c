//! Values as JSON objects, one a line: the run and its readings here, the others in `line/`. What a
//! field means stands in the README; which values are written is decided in `jsonl`.

pub mod finding;
pub mod knob;
pub mod target;

use crate::names::Names;
use pipeline_plugin_api::prelude::*;
use serde::Serialize;
use std::borrow::Cow;

/// The version of the lines, in the first of them.
const VERSION: u32 = 1;

/// A name that may be a number of a later version.
type Word = Cow<'static, str>;

/// The first line of a run.
#[derive(Serialize)]
struct RunLine<'a> {
    kind: &'static str,
    run_id: &'a str,
    wall_ns: u64,
    sources: &'a [String],
    version: u32,
}

#[derive(Serialize)]
struct ReadingLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    at: u64,
    span: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    target: &'a str,
    metric: &'a str,
    part: &'a str,
    value: Option<f64>,
    unit: &'a str,
    quality: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Word>,
}

/// The line that tells of the run: its id, and the wall clock (nanoseconds since 1970) at its start.
pub fn run(run_id: &str, wall: Nanos, sources: &[String]) -> Vec<u8> {
    text(&RunLine {
        kind: "run",
        run_id,
        wall_ns: wall.0,
        sources,
        version: VERSION,
    })
}

/// The line of a reading.
pub fn reading(names: &mut Names, node: &str, reading: &Reading) -> Vec<u8> {
    with_reading(names, Some(node), reading, |line| text(line))
}

/// What is known of a reading's number beside its quality: the share of a scaled one, and why there
/// is none.
pub fn share_and_reason(reading: &Reading) -> (Option<f64>, Option<Word>) {
    match reading.quality {
        Quality::UNAVAILABLE => {
            let reason = Reason(reading.detail);
            (None, Some(word(reason.name(), reason)))
        }
        Quality::SCALED => (Some(share(reading.detail)), not_finite(reading.value)),
        _ => (None, not_finite(reading.value)),
    }
}

/// The name of an open integer, or its number where this version has no name for it.
pub fn word(name: Option<&'static str>, value: impl std::fmt::Display) -> Word {
    name.map_or_else(|| value.to_string().into(), Cow::Borrowed)
}

fn with_reading<T>(
    names: &mut Names,
    node: Option<&str>,
    reading: &Reading,
    then: impl FnOnce(&ReadingLine<'_>) -> T,
) -> T {
    let metric = names.metric(reading.metric);
    let (share, reason) = share_and_reason(reading);
    then(&ReadingLine {
        kind: node.map(|_| "reading"),
        at: reading.at.0,
        span: reading.span.0,
        node,
        target: &names.target(reading.target),
        metric: &metric.name,
        part: &names.part(reading.part),
        value: reading.number(),
        unit: &metric.unit,
        quality: word(reading.quality.name(), reading.quality),
        share,
        reason,
    })
}

/// A share as it was given, not as it was kept in 16 bits.
fn share(detail: u16) -> f64 {
    (f64::from(detail) / 65535.0 * 1e4).round() / 1e4
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// JSON has no word for these.
fn not_finite(value: f64) -> Option<Word> {
    let reason = match value {
        value if value.is_nan() => "not a number",
        f64::INFINITY => "infinite",
        f64::NEG_INFINITY => "negative infinite",
        _ => return None,
    };
    Some(reason.into())
}

fn text(line: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).expect("a struct of texts and numbers is always JSON");
    text.push(b'\n');
    text
}
