//! What the elements can be told, one struct for each.

use crate::fs::Place;
use crate::pattern;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done with a file that holds something already.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Existing {
    /// It is left alone, and the node does not start.
    Refuse,
    /// What comes is written behind what is there.
    Append,
    /// What is there is thrown away.
    Overwrite,
}

/// A kind of value.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ValueKind {
    /// Targets that appear, change and go.
    Target,
    /// Readings.
    Reading,
    /// Findings.
    Finding,
    /// Knobs that can be turned.
    Control,
    /// Actions.
    Action,
    /// What became of actions.
    Outcome,
}

impl ValueKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Target,
        Self::Reading,
        Self::Finding,
        Self::Control,
        Self::Action,
        Self::Outcome,
    ];
}

/// Config of `file.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonlConfig {
    /// The file to write; `{run}` stands for the run's id, and folders that are missing are made.
    /// Relative to where `pipeline` was started. `runs/{run}.jsonl` by default.
    pub path: String,
    /// What to do if the file holds something already: `Refuse` (the default), `Append` or
    /// `Overwrite`.
    pub existing: Existing,
    /// How long a value waits to be written at most. 1s by default; 0s writes at each instant, for
    /// readers that follow the file.
    pub flush: Span,
    /// The kinds of values to write. All by default.
    pub kinds: Vec<ValueKind>,
    /// The metrics whose readings are written: names, or the beginning of names with `*` at the end.
    /// All by default.
    pub metrics: Vec<String>,
}

impl Default for JsonlConfig {
    fn default() -> Self {
        Self {
            path: "runs/{run}.jsonl".to_owned(),
            existing: Existing::Refuse,
            flush: Span::secs(1),
            kinds: ValueKind::ALL.to_vec(),
            metrics: vec!["*".to_owned()],
        }
    }
}

impl Configure for JsonlConfig {
    fn check(&self, faults: &mut Faults) {
        check_path(faults, &self.path);
        pattern::check(faults, "metrics", &self.metrics);
        faults.require(
            !self.kinds.is_empty(),
            "kinds",
            "`kinds` is empty, so nothing would be written",
            "name one",
        );
    }
}

/// Config of `file.csv`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CsvConfig {
    /// The file to write; `{run}` stands for the run's id, and folders that are missing are made.
    /// Relative to where `pipeline` was started. `runs/{run}.csv` by default.
    pub path: String,
    /// What to do if the file holds something already: `Refuse` (the default), `Append` or
    /// `Overwrite`.
    pub existing: Existing,
    /// How long a reading waits to be written at most. 1s by default; 0s writes at each instant, for
    /// readers that follow the file.
    pub flush: Span,
    /// The metrics whose readings are written: names, or the beginning of names with `*` at the end.
    /// All by default.
    pub metrics: Vec<String>,
}

impl Default for CsvConfig {
    fn default() -> Self {
        Self {
            path: "runs/{run}.csv".to_owned(),
            existing: Existing::Refuse,
            flush: Span::secs(1),
            metrics: vec!["*".to_owned()],
        }
    }
}

impl Configure for CsvConfig {
    fn check(&self, faults: &mut Faults) {
        check_path(faults, &self.path);
        pattern::check(faults, "metrics", &self.metrics);
    }
}

/// Config of `file.table`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TableConfig {
    /// Where to write: `-` is standard output (the default), `stderr` standard error, anything else a
    /// file, with `{run}` for the run's id.
    pub path: String,
    /// What to do if the file holds something already: `Refuse` (the default), `Append` or
    /// `Overwrite`.
    pub existing: Existing,
    /// How often the table is written. 1s by default; above 0s.
    pub every: Span,
    /// The columns, from left to right: metrics, or the beginning of their names with `*` at the end.
    /// Empty, as by default, for all that come, by name.
    pub columns: Vec<String>,
    /// Whether parts of targets (`cpu/3`, `dev/8:0`) have rows of their own. Not by default; buckets of
    /// histograms never have.
    pub parts: bool,
    /// A value older than this is shown as missing. 10s by default; give more than the slowest
    /// collector's `every`.
    pub age: Span,
    /// The most characters in a line; further columns go below. 120 by default, from 40.
    pub width: u16,
}

impl Default for TableConfig {
    fn default() -> Self {
        Self {
            path: "-".to_owned(),
            existing: Existing::Refuse,
            every: Span::secs(1),
            columns: Vec::new(),
            parts: false,
            age: Span::secs(10),
            width: 120,
        }
    }
}

impl Configure for TableConfig {
    fn check(&self, faults: &mut Faults) {
        check_path(faults, &self.path);
        pattern::check(faults, "columns", &self.columns);
        for (field, span) in [("every", self.every), ("age", self.age)] {
            faults.require(
                span.nanos() > Nanos::ZERO,
                field,
                format!("`{field}` is 0s"),
                "give a span such as `1s`",
            );
        }
        faults.require(
            self.width >= 40,
            "width",
            format!("`width` is {}", self.width),
            "give 40 or more",
        );
    }
}

/// The file of that path, for a run.
pub fn file(path: &str, run: &str) -> Place {
    Place::Path(path.replace("{run}", run).into())
}

/// The place of that path, for a run: a file, or one of the standard streams.
pub fn place(path: &str, run: &str) -> Place {
    match path {
        "-" => Place::Stdout,
        "stderr" => Place::Stderr,
        path => file(path, run),
    }
}

fn check_path(faults: &mut Faults, path: &str) {
    faults.require(
        !path.is_empty(),
        "path",
        "`path` is empty",
        "name a file, such as `runs/{run}.jsonl`",
    );
    faults.require(
        !path.replace("{run}", "").contains(['{', '}']),
        "path",
        format!("`{path}` has braces around something else than `run`"),
        "only `{run}` is replaced",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn every_default_runs() {
        assert!(parse::<JsonlConfig>("").is_ok());
        assert!(parse::<CsvConfig>("").is_ok());
        assert!(parse::<TableConfig>("").is_ok());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, field) in [
            ("(path: \"\")", "path"),
            ("(path: \"{runs}.jsonl\")", "braces"),
            ("(kinds: [])", "kinds"),
            ("(kinds: [Readings])", "kinds"),
            ("(metrics: [\"a*b\"])", "a*b"),
            ("(existing: Ask)", "existing"),
        ] {
            let faults = parse::<JsonlConfig>(text).unwrap_err();
            assert!(
                faults.len() == 1 && faults[0].message.contains(field),
                "{text}: {faults:?}"
            );
        }
        for text in ["(every: \"0s\")", "(age: \"0s\")", "(width: 39)", "(columns: [\"\"])"] {
            assert_eq!(parse::<TableConfig>(text).unwrap_err().len(), 1, "{text}");
        }
    }

    #[test]
    fn a_path_names_a_file_or_a_stream() {
        assert_eq!(place("-", "r1"), Place::Stdout);
        assert_eq!(place("stderr", "r1"), Place::Stderr);
        assert_eq!(place("./stderr", "r1"), Place::Path("./stderr".into()));
        assert_eq!(place("a/{run}/{run}.csv", "r1"), Place::Path("a/r1/r1.csv".into()));
    }
}
