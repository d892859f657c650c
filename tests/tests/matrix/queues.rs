//! A node that says more than others take: what is lost is counted to the last value, and told.

use crate::rows::Row;
use crate::scene::this_row;
use serde_json::Value;
use system_tests::bed::Bed;
use system_tests::child::Ended;
use system_tests::record::lines;

/// A fast collector and a slow sink with that overflow; gives what was said, and produced, received and dropped.
fn flooded(overflow: &str) -> (Ended, [u64; 3]) {
    let graph = format!(
        r#"(
    version: 1,
    collectors: {{ "fast": (plugin: "fault.collect", every: "2ms", config: (readings: 3)) }},
    sinks: {{ "slow": (plugin: "fault.sink", from: ["fast"], queue: (capacity: 2, overflow: {overflow}), config: (each: "15ms")) }},
)"#
    );
    let bed = Bed::with(&graph);
    let said = bed.run(&["--for", "800ms", "-v", "--log-format", "json"]);
    let told = lines(&said.stderr);
    let counted = |what: &str| {
        told.iter()
            .find(|line| line["message"] == "counted" && line["what"] == what)
    };
    let ended = told
        .iter()
        .find(|line| line["node"] == "slow" && line["dropped"].is_string());
    let figures = [
        number(counted("produced"), "times"),
        number(counted("received"), "times"),
        number(ended, "dropped"),
    ];
    let text = Bed::with(&graph).run(&["--for", "800ms"]);
    (text, figures)
}

fn number(line: Option<&Value>, field: &str) -> u64 {
    let text = line.and_then(|line| line[field].as_str()).expect("it is told");
    text.parse().unwrap()
}

#[track_caller]
fn adds_up(name: &str, overflow: &str) -> [u64; 3] {
    let (said, figures) = flooded(overflow);
    Row::held(name, &said);
    let [produced, received, dropped] = figures;
    assert_eq!(received + dropped, produced);
    assert!(received > 0, "the sink got nothing");
    figures
}

#[test]
fn a_flood_into_a_queue_that_drops_the_oldest() {
    let [produced, _, dropped] = adds_up(this_row!(), "DropOldest");
    assert!(dropped > produced / 2, "{dropped} of {produced}");
}

#[test]
fn a_flood_into_a_queue_that_drops_the_newest() {
    let [produced, _, dropped] = adds_up(this_row!(), "DropNewest");
    assert!(dropped > produced / 2, "{dropped} of {produced}");
}

/// The producer waits instead; only what was on its way into the full queue at the end is dropped.
#[test]
fn a_flood_into_a_queue_that_blocks() {
    let [produced, _, dropped] = adds_up(this_row!(), "Block");
    assert!(dropped <= 3 && produced < 800, "{dropped} of {produced}");
}
