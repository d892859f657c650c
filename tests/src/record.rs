//! The record of a run, as `file.jsonl` wrote it.

use serde_json::Value;
use std::path::Path;

/// The lines of a record.
#[derive(Clone, Debug)]
pub struct Record(Vec<Value>);

impl Record {
    /// Reads a record.
    ///
    /// # Panics
    /// It is not there, a line is no JSON object, or the last line has no end.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        assert!(
            text.ends_with('\n'),
            "the last line of `{}` is cut short",
            path.display()
        );
        Self(lines(&text))
    }

    /// The lines of a kind, such as `outcome`.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |line| line["kind"] == kind)
    }

    /// The readings of a metric of a target; those of no target under `""`. Unavailable ones are left out.
    pub fn values<'a>(&'a self, target: &'a str, metric: &'a str) -> impl Iterator<Item = (f64, f64)> + 'a {
        let readings = self.of_kind("reading");
        let wanted =
            readings.filter(move |line| line["target"] == target && line["metric"] == metric && line["part"] == "");
        wanted.filter_map(|line| Some((line["at"].as_f64()? / 1e9, line["value"].as_f64()?)))
    }

    /// The fates of the outcomes of a knob, in order.
    pub fn fates(&self, target: &str, knob: &str) -> Vec<String> {
        let outcomes = self
            .of_kind("outcome")
            .filter(|line| line["target"] == target && line["knob"] == knob);
        outcomes
            .filter_map(|line| Some(line["fate"].as_str()?.to_owned()))
            .collect()
    }

    /// All lines.
    pub fn lines(&self) -> &[Value] {
        &self.0
    }
}

/// Every line as JSON.
///
/// # Panics
/// A line is none.
pub fn lines(text: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}` is no JSON: {error}"));
    text.lines().map(parse).collect()
}
