//! Graphs on the simulated node, through the real binary in virtual time: what a policy makes of a neighbour, that a run
//! can be repeated to the byte, and that nobody who decides can see the truth.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::Child;
use system_tests::record::Record;
use system_tests::{built, record};

/// A computed run of some minutes takes a moment; on a crowded machine, some.
const RUN: Duration = Duration::from_secs(120);

/// The graph of `configs/NAME.ron`, recorded into `record.jsonl`.
fn graph(name: &str) -> String {
    let path = built::repository().join("configs").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("runs/sim-{run}.jsonl"));
    text.replace("runs/sim-{run}.jsonl", "record.jsonl")
}

/// Runs a graph in virtual time; gives the record's text.
fn recorded(graph: &str, span: &str) -> String {
    let bed = Bed::with(graph);
    let mut command = bed.command(["run", "graph.ron", "--virtual", "--for", span]);
    Child::start(&mut command).end(RUN).with(0);
    bed.read("record.jsonl")
}

/// The mean of a metric of a target between two seconds.
fn mean(record: &Record, target: &str, metric: &str, from: f64, to: f64) -> f64 {
    let values = record.values(target, metric).filter(|(at, _)| (from..to).contains(at));
    let values: Vec<f64> = values.map(|(_, value)| value).collect();
    assert!(!values.is_empty(), "no `{metric}` of `{target}` from {from} to {to} s");
    values.iter().sum::<f64>() / values.len() as f64
}

/// A service shares its CPU with batch work in two windows; the policy acts in the second only. Guaranteed: the harm is
/// found, the remedy helps, and the batch work keeps most of what it did.
#[test]
fn a_policy_helps_on_the_simulated_node_as_it_does_on_a_real_one() {
    let bed = Bed::new();
    let path = bed.write("record.jsonl", recorded(&graph("sim.ron"), "4m"));
    let record = Record::read(&path);
    let p99 = |from: f64, to: f64| mean(&record, "web", "kpi.latency.p99", from, to) / 1e6;
    let (alone, disturbed, protected) = (p99(20.0, 59.0), p99(65.0, 99.0), p99(190.0, 219.0));
    assert!(
        alone < 0.2 && disturbed > 2.0,
        "alone {alone} ms, disturbed {disturbed} ms"
    );
    assert!(protected < 0.3, "protected {protected} ms");
    assert_eq!(
        record.fates("batch", "cpu.idle").first().map(String::as_str),
        Some("applied")
    );
    let work = |from: f64, to: f64| mean(&record, "batch", "truth.work", from, to);
    let kept = work(190.0, 219.0) / work(65.0, 99.0);
    assert!(kept > 0.9, "{kept} of the batch work is left");
}

#[test]
fn the_same_graph_gives_the_same_record_twice() {
    let graph = graph("sim.ron");
    let (one, other) = (recorded(&graph, "2m"), recorded(&graph, "2m"));
    let told = |text: &str| {
        let readings = record::lines(text).into_iter().filter(|line| line["kind"] != "run");
        readings.map(|line| line.to_string()).collect::<Vec<_>>()
    };
    assert!(told(&one).len() > 1000);
    assert_eq!(told(&one), told(&other));
}

#[test]
fn a_graph_in_which_a_detector_sees_the_truth_is_refused() {
    let seen = graph("sim.ron").replace(
        "from: [\"latency\", \"time\"], last",
        "from: [\"latency\", \"time\", \"truth\"], last",
    );
    let refused = Bed::with(&seen).tool(["check", "graph.ron"]);
    assert!(refused.code != Some(0), "{}", refused.stdout);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("truth."), "{said}");
}
