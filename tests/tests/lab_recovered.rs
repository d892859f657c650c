//! A cache that a neighbour took, and that its owner gets back: counted, noticed and divided by real plugins on an emulated
//! machine that has the hardware for it, under a stock kernel. `PIPELINE_LAB` names the program that boots it. The test prints
//! what it measured as `name value unit`.

use serde_json::Value;
use system_tests::lab::Lab;
use system_tests::need::{Need, have};

/// Of the victim's counters and of the groups.
const TICK_MS: f64 = 500.0;
/// From when on the cache is divided, in seconds since the run began.
const DIVIDED: f64 = 27.0;

/// The victim fits the cache beside a rival that streams through it. The model gives a thread the cache for which it asked when
/// it last came onto its CPU, and sees only there that misses slow it; so the rival has a child that now and then
/// takes its CPU for a moment, as everything on a real machine has.
const GRAPH: &str = r#"(
    version: 1,
    targets: {
        "victim": (plugin: "process.run", config: (command: "act 800 8000 30 300", cpus: "0", class: Latency)),
        "rival": (plugin: "process.run", config: (
            command: "sh -c 'while :; do sleep 0.02; done & exec act 800 20000 40 300'", cpus: "2", class: BestEffort, start: "15s",
        )),
    },
    collectors: {
        "ipc": (plugin: "perf.counters", of: ["victim"], every: "500ms", config: (events: ["ipc"], cpus: Allowed)),
        "llc": (plugin: "resctrl.monitor", of: ["victim", "rival"], every: "500ms"),
    },
    transforms: {
        "slow": (plugin: "detect.baseline", from: ["ipc"], config: (
            signal: "perf.ipc", worse: Lower, learn: "6s", threshold: 1.5, release: 1.3,
        )),
    },
    schedulers: {
        "fixed": (plugin: "policy.fixed", from: ["slow", "llc"], config: (during: (from: "27s"), actions: [
            (target: "victim", knob: "l3.ways", value: 9.0),
            (target: "rival", knob: "l3.ways", value: 2.0),
        ])),
    },
    actuators: { "l3": (plugin: "resctrl.partition", from: ["fixed"]) },
    sinks: { "record": (plugin: "file.jsonl", from: ["ipc", "llc", "slow", "fixed", "l3"], config: (path: "/out/run.jsonl")) },
)"#;

const SCRIPT: &str = "
    pipeline --plugin-dir /plugins run /graph.ron --for 38s > /out/log 2>&1; echo $? > /out/status
    find /sys/fs/resctrl -name 'pipeline*' > /out/after";

/// A victim that loses its cache to a rival is seen to, and gets it back with ways of its own.
///
/// Guaranteed: its IPC falls by more than half beside the rival, that is noticed within 5 ticks, and when the cache is
/// divided it is 80 % at least of what it was alone.
#[test]
fn l3_recovered() {
    if !have(&[Need::Lab]) {
        return;
    }
    let lab = Lab::with(&["process", "cgroup", "policy", "file", "detect", "perf", "resctrl"]);
    let left = lab.text(GRAPH, "/graph.ron").run(SCRIPT);
    let log = left.file("log");
    assert_eq!(left.file("status"), "0\n", "{log}");
    assert_eq!(left.file("after"), "", "{log}");
    let lines = left.record();
    // When the rival began is what its first count tells.
    let began = lines.iter().filter(|line| line["target"] == "rival").find_map(seconds);
    let began = began.expect("the rival is counted");
    let median = |metric: &str, target: &str, from: f64, to: f64| {
        let wanted = |line: &&Value| {
            let at = seconds(line).unwrap_or_default();
            line["metric"] == metric && line["target"] == target && line["part"] == "" && from <= at && at < to
        };
        let mut values: Vec<f64> = lines
            .iter()
            .filter(wanted)
            .filter_map(|line| line["value"].as_f64())
            .collect();
        assert!(
            values.len() >= 5,
            "{metric} of {target} from {from} to {to}: {values:?}\n{log}"
        );
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let ipc = |from, to| median("perf.ipc", "victim", from, to);
    let (alone, beside, after) = (
        ipc(3.0, began),
        ipc(began + 1.0, DIVIDED),
        ipc(DIVIDED + 2.0, f64::INFINITY),
    );
    let is_of_victim = |line: &&Value| line["kind"] == "finding" && line["victim"] == "victim";
    let noticed = lines
        .iter()
        .filter(is_of_victim)
        .find_map(seconds)
        .expect("the fall is noticed");
    let ticks = (noticed - began) * 1000.0 / TICK_MS;
    println!("l3_alone {alone:.3} ipc");
    println!("l3_beside {beside:.3} ipc");
    println!("l3_noticed {ticks:.1} ticks");
    for (name, from, to) in [
        ("beside", began + 1.0, DIVIDED),
        ("divided", DIVIDED + 2.0, f64::INFINITY),
    ] {
        let occupancy = median("l3.occupancy", "victim", from, to) / 1024.0;
        println!("l3_occupancy_{name} {occupancy:.0} KiB");
    }
    println!("l3_recovered {:.3} ratio", after / alone);
    assert!(beside < 0.5 * alone, "{beside} beside the rival, {alone} alone\n{log}");
    assert!(
        (0.0..=5.0).contains(&ticks),
        "noticed {ticks} ticks after the rival began\n{log}"
    );
    assert!(
        after >= 0.8 * alone,
        "{after} with ways of its own, {alone} alone\n{log}"
    );
}

fn seconds(line: &Value) -> Option<f64> {
    line["at"].as_f64().map(|nanos| nanos / 1e9)
}
