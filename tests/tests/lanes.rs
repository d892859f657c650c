//! Queues between lanes: what a slow reader cannot take is dropped as its queue says, counted, and
//! told, and nothing is lost otherwise.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use serde_json::Value;
use system_tests::bed::Bed;
use system_tests::child::Ended;
use system_tests::record::lines;

/// A fast collector and a slow sink with that queue.
fn graph(queue: &str) -> String {
    format!(
        r#"(
    version: 1,
    collectors: {{ "fast": (plugin: "fault.collect", every: "2ms", config: (readings: 3)) }},
    sinks: {{ "slow": (plugin: "fault.sink", from: ["fast"], {queue} config: (each: "15ms")) }},
)"#
    )
}

/// The figures of a run with that queue: produced, received, dropped.
fn figures(queue: &str) -> (u64, u64, u64) {
    let bed = Bed::with(&graph(queue));
    let said = bed.run(&["--for", "1s", "-v", "--log-format", "json"]).with(0);
    let told = lines(&said.stderr);
    let counted = |what: &str| {
        let line = told
            .iter()
            .find(|line| line["message"] == "counted" && line["what"] == what);
        number(line, "times", &said)
    };
    let ended = told
        .iter()
        .find(|line| line["node"] == "slow" && line["message"] == "ended");
    (
        counted("produced"),
        counted("received"),
        number(ended, "dropped", &said),
    )
}

fn number(line: Option<&Value>, field: &str, said: &Ended) -> u64 {
    let text = line.and_then(|line| line[field].as_str());
    text.unwrap_or_else(|| panic!("no `{field}` in:\n{}", said.stderr))
        .parse()
        .unwrap()
}

/// A sink that takes 15 ms a batch behind a queue of two gets the newest of what comes every 2 ms; what
/// it got and what was dropped are together what was produced, to the last reading.
#[test]
fn what_a_full_queue_drops_is_counted_exactly() {
    for overflow in ["DropOldest", "DropNewest"] {
        let (produced, received, dropped) = figures(&format!("queue: (capacity: 2, overflow: {overflow}),"));
        assert_eq!(received + dropped, produced, "{overflow}");
        assert!(
            dropped > produced / 2,
            "{overflow}: the sink was not slow ({dropped} of {produced})"
        );
        assert!(received > 100, "{overflow}: {received} of {produced}");
    }
}

/// A run that dropped values says so as a warning, so that it shows with `-q` too.
#[test]
fn drops_are_told_even_by_a_quiet_run() {
    let bed = Bed::with(&graph("queue: (capacity: 2, overflow: DropOldest),"));
    let said = bed.run(&["--for", "500ms", "-q"]).with(0);
    let line = said.line("slow: ");
    assert!(line.contains("WARN") && !line.contains("dropped=0"), "{line}");
}

/// With `Block` the producer waits instead: all that was produced arrives, but for what was on its way
/// into the full queue at the moment of the end, which is counted.
#[test]
fn a_queue_that_blocks_slows_its_producer_and_loses_nothing_before_the_end() {
    let (produced, received, dropped) = figures("queue: (capacity: 2, overflow: Block),");
    assert_eq!(received + dropped, produced);
    assert!(dropped <= 3, "more than the batch that was waiting: {dropped}");
    assert!(produced < 800, "the producer did not wait: {produced}");
}

/// A sink in its producer's lane has no queue: it gets all, and its slowness shows as missed instants.
#[test]
fn within_a_lane_nothing_is_queued_or_dropped() {
    let (produced, received, dropped) = figures("");
    assert_eq!((received, dropped), (produced, 0));
}

/// `Block` may not make an actuator wait for a sink: refused by `check`, with both places and a remedy.
#[test]
fn a_queue_that_would_hold_up_an_actuator_is_refused() {
    let bed = Bed::with(
        r#"(
    version: 1,
    targets: { "web": (plugin: "fault.target") },
    schedulers: { "guard": (plugin: "policy.fixed", config: (actions: [(target: "web", knob: "cpu.idle", value: 1.0)])) },
    actuators: { "limit": (plugin: "fault.actuate", from: ["guard"], config: (path: "knob")) },
    sinks: { "slow": (plugin: "fault.sink", from: ["limit"], queue: (capacity: 2, overflow: Block)) },
)"#,
    );
    let said = bed.tool(["check", "graph.ron"]).with(78);
    let message = "a full queue here would hold up lane `control`, and `limit` acts on it";
    assert!(said.line(message).starts_with("error: "));
    assert!(said.stderr.contains("use `overflow: DropOldest`"), "{}", said.stderr);
    assert!(said.stderr.contains("graph.ron:6:"), "{}", said.stderr);
}
