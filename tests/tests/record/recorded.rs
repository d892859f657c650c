//! A run that was really recorded, with lanes of its own and a queue, and its replay under its own graph.

use serde_json::Value;
use system_tests::bed::Bed;

/// A policy that turns a knob, a detector in a lane of its own, a collector of what the run says of itself.
const GRAPH: &str = r#"(
    version: 1,
    targets: { "web": (plugin: "fault.target"), "self": (plugin: "telemetry.self") },
    collectors: {
        "fast": (plugin: "fault.collect", of: ["web"], every: "10ms"),
        "slow": (plugin: "fault.collect", of: ["web"], every: "100ms", lane: "aside"),
    },
    transforms: {
        "rate": (plugin: "signal.window", from: ["fast", "slow"], config: (metrics: ["*"], span: "200ms")),
    },
    schedulers: { "guard": (plugin: "policy.fixed", from: ["rate"], config: (actions: [(target: "web", knob: "cpu.idle", value: 1.0)])) },
    actuators: { "limit": (plugin: "fault.actuate", from: ["guard"], config: (path: "knob")) },
    sinks: { "record": (plugin: "record.write", from: ["fast", "slow", "rate", "guard", "limit"], config: (flush: "200ms")) },
)"#;

/// A folder with a run in `runs`.
pub fn bed() -> Bed {
    let bed = Bed::with(GRAPH);
    bed.write("knob", "0");
    bed.run(&["--for", "2s"]).with(0);
    bed
}

fn listed(bed: &Bed) -> Vec<Value> {
    let said = bed.tool(["runs", "-o", "json"]).with(0);
    serde_json::from_str::<Value>(&said.stdout)
        .unwrap()
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn a_run_is_recorded_listed_and_replayed_with_the_same_actions() {
    let bed = bed();
    let [run] = &listed(&bed)[..] else {
        panic!("{:?}", listed(&bed))
    };
    assert!(run["whole"] == true && run["replayable"] == true, "{run:#}");
    assert!(run["readings"].as_u64().unwrap() > 200, "{run:#}");
    let said = bed.tool(["replay", "last"]).with(0);
    assert!(
        said.stdout.contains("`guard`:") && said.stdout.contains("all the same"),
        "{}{}",
        said.stdout,
        said.stderr
    );
    let runs = listed(&bed);
    assert_eq!(runs.len(), 2);
    let replay = runs
        .iter()
        .find(|run| run["origin"].as_str().unwrap().starts_with("replay of "))
        .unwrap();
    assert_eq!(
        (&replay["whole"], &replay["replayable"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    assert_eq!(bed.read("knob"), "0", "a replay changes nothing");
    let compared = bed
        .tool(["compare", run["run"].as_str().unwrap(), replay["run"].as_str().unwrap()])
        .with(0)
        .stdout;
    assert!(!compared.contains("; then"), "{compared}");
}
