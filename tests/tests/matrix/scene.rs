//! A graph with one node that goes wrong and steady ones beside it, and what must be so after any row.

use crate::rows::{Row, row};
use system_tests::bed::Bed;
use system_tests::child::Ended;
use system_tests::record::Record;

/// What stands beside the node that goes wrong, in sections of a graph.
#[derive(Default)]
pub struct Scene<'a> {
    /// Further target providers.
    pub targets: &'a str,
    /// Further collectors.
    pub collectors: &'a str,
    /// Further transforms.
    pub transforms: &'a str,
    /// Schedulers and what they ask for.
    pub schedulers: &'a str,
    /// Actuators.
    pub actuators: &'a str,
    /// Further sinks.
    pub sinks: &'a str,
    /// What the record takes beside the steady collector: `, "other"`.
    pub recorded: &'a str,
}

impl Scene<'_> {
    /// The graph: a target, a steady collector in the control lane, and a record of it that is written at once.
    pub fn graph(&self) -> String {
        let Self {
            targets,
            collectors,
            transforms,
            schedulers,
            actuators,
            sinks,
            recorded,
        } = self;
        format!(
            r#"(
    version: 1,
    targets: {{ "web": (plugin: "fault.target"), {targets} }},
    collectors: {{ "steady": (plugin: "fault.collect", of: ["web"], every: "20ms"), {collectors} }},
    transforms: {{ {transforms} }},
    schedulers: {{ {schedulers} }},
    actuators: {{ {actuators} }},
    sinks: {{
        "out": (plugin: "file.jsonl", from: ["steady"{recorded}], config: (path: "out.jsonl", flush: "0s")),
        {sinks}
    }},
)"#
        )
    }

    /// A folder with the graph, and with a file for `fault.actuate`.
    pub fn bed(&self) -> Bed {
        let bed = Bed::with(&self.graph());
        bed.write("knob", "0");
        bed
    }

    /// Runs it; gives what was said and what was recorded.
    pub fn run(&self, options: &[&str]) -> (Ended, Record) {
        let bed = self.bed();
        let said = bed.run(options);
        (said, Record::read(&bed.path("out.jsonl")))
    }
}

/// Seconds of the run at which a node's last reading was told.
pub fn last_of(record: &Record, node: &str) -> f64 {
    let readings = record.of_kind("reading").filter(|line| line["node"] == node);
    readings.filter_map(|line| line["at"].as_f64()).fold(0.0, f64::max) / 1e9
}

/// The steady collector's figures went on until that second of the run, in steps of one.
#[track_caller]
pub fn others_ran_until(record: &Record, seconds: f64) {
    assert_eq!(gaps_until(record, seconds), 0, "figures are missing");
}

/// How often a figure of the steady collector is missing, until that second of the run at least.
#[track_caller]
pub fn gaps_until(record: &Record, seconds: f64) -> usize {
    let last = last_of(record, "steady");
    assert!(last >= seconds, "the others stopped at {last} s");
    let numbers: Vec<f64> = record
        .of_kind("reading")
        .filter(|line| line["node"] == "steady" && line["metric"] == "fault.number")
        .filter_map(|line| line["value"].as_f64())
        .collect();
    assert!(numbers.is_sorted());
    numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1.0).count()
}

/// The lines that are louder than `INFO`, without the figures at the end.
pub fn loud(said: &str) -> Vec<&str> {
    let is_loud = |line: &str| line.contains(" WARN ") || line.contains(" ERROR ") || line.starts_with("error");
    let is_figures = |line: &str| line.contains(": calls=");
    said.lines().filter(|line| is_loud(line) && !is_figures(line)).collect()
}

impl Row {
    /// The row of that name held: its exit status, and its sentence as the only loud one.
    #[track_caller]
    pub fn held(name: &str, said: &Ended) {
        let row = row(name);
        assert_eq!(
            said.code, row.status,
            "stdout:\n{}\nstderr:\n{}",
            said.stdout, said.stderr
        );
        let loud = loud(&said.stderr);
        assert_eq!(
            loud.len(),
            row.says.len(),
            "{:#?} was to be said, once:\n{}",
            row.says,
            said.stderr
        );
        for (line, sentence) in loud.iter().zip(row.says) {
            assert!(says(line, sentence), "\n  {line}\nis not\n  {sentence}");
        }
    }
}

/// Whether a text has the pieces of a sentence, in order; `…` in the sentence stands for anything.
pub fn says(text: &str, sentence: &str) -> bool {
    let mut rest = text;
    sentence.split('…').all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// The name of the test that calls it.
macro_rules! this_row {
    () => {{
        fn here() {}
        let name = std::any::type_name_of_val(&here);
        name.trim_end_matches("::here").rsplit("::").next().unwrap_or_default()
    }};
}

pub(crate) use this_row;

#[test]
fn a_sentence_is_found_by_its_pieces_in_order() {
    assert!(says("shaky: a b c", "a…c") && says("abc", ""));
    assert!(!says("c b a", "a…c") && !says("", "a"));
}
