//! Nodes that go wrong in a running graph: what fails is told in one sentence, nothing else suffers,
//! and `on_error` is kept to.

use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::Ended;
use system_tests::record::Record;

/// A graph with a shaky collector, a steady one beside it, and a record of both.
fn graph(shaky: &str) -> String {
    format!(
        r#"(
    version: 1,
    targets: {{ "web": (plugin: "fault.target") }},
    collectors: {{
        "shaky": (plugin: "fault.collect", of: ["web"], every: "20ms", {shaky}),
        "steady": (plugin: "fault.collect", of: ["web"], every: "20ms"),
    }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["shaky", "steady"], config: (path: "out.jsonl")) }},
)"#
    )
}

fn trouble(what: &str, call: &str, more: &str) -> String {
    format!("config: (trouble: (what: {what}, call: {call}, {more}))")
}

/// Runs it for a while; gives what was said and the instants (s) at which a node's numbers were told.
fn run(shaky: &str, options: &[&str]) -> (Ended, Record) {
    let bed = Bed::with(&graph(shaky));
    let said = bed.run(options);
    (said, Record::read(&bed.path("out.jsonl")))
}

fn last_of(record: &Record, node: &str) -> f64 {
    let readings = record.of_kind("reading").filter(|line| line["node"] == node);
    readings.filter_map(|line| line["at"].as_f64()).fold(0.0, f64::max) / 1e9
}

/// The lives of a node in which it told of a target, in order and each once.
fn lives(record: &Record, node: &str) -> Vec<u64> {
    let readings = record.of_kind("reading").filter(|line| line["node"] == node);
    let of_web = readings.filter(|line| line["metric"] == "fault.life" && line["target"] == "web");
    let mut lives: Vec<u64> = of_web
        .filter_map(|line| line["value"].as_f64())
        .map(|life| life as u64)
        .collect();
    lives.dedup();
    lives
}

/// A plugin whose `create`, `start` or `ports` panics or fails is told in one sentence with the node's
/// name; the run does not begin, whatever was started is ended, and the status says so.
#[test]
fn a_node_that_cannot_begin_keeps_the_run_from_beginning() {
    for (what, call, status, sentence) in [
        (
            "Panic",
            "Ports",
            78,
            "panic in `ports`: this mock panics in Ports, as it was told",
        ),
        (
            "Panic",
            "Create",
            1,
            "`shaky` cannot start: panic in `create`: this mock panics in Create, as it was told",
        ),
        (
            "Fatal",
            "Create",
            1,
            "`shaky` cannot start: this mock cannot go on in Create, as it was told",
        ),
        (
            "Panic",
            "Start",
            1,
            "`shaky` cannot start: panic in `start`: this mock panics in Start, as it was told",
        ),
        (
            "Fatal",
            "Start",
            1,
            "`shaky` cannot start: this mock cannot go on in Start, as it was told",
        ),
    ] {
        let bed = Bed::with(&graph(&trouble(what, call, "")));
        let said = bed.run(&["--for", "5s"]).with(status);
        assert!(
            said.line("as it was told").contains(sentence),
            "{what} in {call}:\n{}",
            said.stderr
        );
        assert!(
            said.took < Duration::from_secs(4),
            "{what} in {call} took {:?}",
            said.took
        );
        let begun = bed.path("out.jsonl").exists() && bed.read("out.jsonl").contains("\"reading\"");
        assert!(!begun, "{what} in {call} let the rest run");
    }
}

/// A node that panics at every tick is made anew three times within ten seconds and then stopped; that
/// is told once, the others run on, and the run as a whole ends well.
#[test]
fn a_node_that_always_panics_is_stopped_after_three_restarts() {
    let (said, record) = run(&trouble("Panic", "Work", ""), &["--for", "1500ms"]);
    let said = said.with(0);
    assert_eq!(said.count("the node is made anew"), 3, "{}", said.stderr);
    let stopped = "it was made anew 3 times within 10s, so the node is stopped; the rest runs on";
    assert!(
        said.line(stopped)
            .contains("panic in `tick`: this mock panics in Work, as it was told")
    );
    assert!(said.line("ended early").contains("restarts=3"), "{}", said.stderr);
    assert!(last_of(&record, "steady") > 1.3, "the other node stopped too");
    assert_eq!(last_of(&record, "shaky"), 0.0);
}

/// A node that panics once is made anew and told again of every target that there is.
#[test]
fn a_node_that_panics_once_is_told_of_its_targets_again() {
    let (said, record) = run(&trouble("Panic", "Work", "after: 5, lives: 1"), &["--for", "1s"]);
    let said = said.with(0);
    assert!(said.line("the node is made anew").contains("panic in `tick`"));
    assert_eq!(lives(&record, "shaky"), [1, 2]);
    assert_eq!(lives(&record, "steady"), [1]);
    assert!(last_of(&record, "shaky") > 0.8, "it did not run on");
}

/// The same for a node that says itself that it cannot go on, and for one that panics when it is told
/// of a target.
#[test]
fn a_node_that_cannot_go_on_is_made_anew() {
    let (said, record) = run(&trouble("Fatal", "Work", "after: 5, lives: 2"), &["--for", "1s"]);
    assert_eq!(said.with(0).count("the node is made anew"), 2);
    assert_eq!(lives(&record, "shaky"), [1, 2, 3]);
    let (said, record) = run(&trouble("Panic", "Target", "lives: 1"), &["--for", "1s"]);
    assert!(said.with(0).line("the node is made anew").contains("panic in `input`"));
    assert_eq!(lives(&record, "shaky"), [2]);
}

/// A call that fails and may do better is told once in a while, not at each tick, and costs no restart.
#[test]
fn a_call_that_may_do_better_is_told_once() {
    let (said, record) = run(&trouble("Retry", "Work", "after: 5"), &["--for", "1s"]);
    let said = said.with(0);
    assert!(said.line("this mock fails in Work").contains("WARN"));
    let ended = said.line("shaky: calls=");
    assert!(ended.contains("restarts=0") && !ended.contains("failures=0"), "{ended}");
    assert!(last_of(&record, "steady") > 0.8);
}

/// `on_error: Stop` stops the node at its first failure; the rest runs on to the end.
#[test]
fn on_error_stop_stops_the_node_alone() {
    let shaky = format!("on_error: Stop, {}", trouble("Panic", "Work", "after: 5"));
    let (said, record) = run(&shaky, &["--for", "1s"]);
    let said = said.with(0);
    assert!(said.line("the node is stopped, the rest runs on").contains("ERROR"));
    assert_eq!(said.count("made anew"), 0);
    assert!(last_of(&record, "shaky") < 0.5 && last_of(&record, "steady") > 0.8);
}

/// `on_error: Abort` ends the whole run at the node's first failure, in order, with status 1.
#[test]
fn on_error_abort_ends_the_run() {
    let shaky = format!("on_error: Abort, {}", trouble("Fatal", "Work", "after: 5"));
    let (said, record) = run(&shaky, &["--for", "15s"]);
    let said = said.with(1);
    assert!(
        said.line("the run is stopped, as `on_error: Abort` says")
            .contains("ERROR")
    );
    assert!(said.took < Duration::from_secs(5), "{:?}", said.took);
    assert!(
        last_of(&record, "steady") > 0.0,
        "what was said before is not in the record"
    );
}

/// A target provider that is made anew brings its targets anew; the ones before are told gone, so that
/// nobody goes on reading what nobody looks after.
#[test]
fn a_provider_that_is_made_anew_takes_its_old_targets_along() {
    let graph = r#"(
    version: 1,
    targets: { "web": (plugin: "fault.target", every: "20ms", config: (trouble: (what: Panic, call: Work, after: 10, lives: 1))) },
    collectors: { "steady": (plugin: "fault.collect", of: ["web"], every: "20ms") },
    sinks: { "out": (plugin: "file.jsonl", from: ["steady"], config: (path: "out.jsonl")) },
)"#;
    let bed = Bed::with(graph);
    bed.run(&["--for", "1s"]).with(0);
    let record = Record::read(&bed.path("out.jsonl"));
    let told: Vec<String> = record
        .of_kind("target")
        .map(|line| format!("{} {}", line["change"].as_str().unwrap(), line["generation"]))
        .collect();
    assert_eq!(told, ["appeared 1", "gone 1", "appeared 2", "gone 2"]);
}
