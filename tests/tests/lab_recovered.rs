//! A cache that a neighbour took, and that its owner gets back: counted, noticed, blamed on the neighbour and divided by real
//! plugins on an emulated machine that has the hardware for it, under a stock kernel. Nobody but the detector says who is to
//! be restrained, through what, and when. `PIPELINE_LAB` names the program that boots the machine. The test prints what it
//! measured as `name value unit`.

use serde_json::Value;
use system_tests::lab::{Lab, Left};
use system_tests::need::{Need, have};

/// Of the counters, and of the spans that the detector judges.
const TICK: f64 = 0.5;
/// The model is given so long to settle, at the start and after a remedy.
const SETTLED: f64 = 2.0;

/// The victim fits the cache, and a rival streams through it. The model gives a thread the cache for which it asks when it comes
/// onto its CPU, and tells of a monitoring group what its thread that left a CPU last had; so the rival is two processes of the
/// same kind, which take turns on its CPU. A fall as deep as this needs no more than two bad spans to be believed.
const GRAPH: &str = r#"(
    version: 1,
    targets: {
        "victim": (plugin: "process.run", config: (command: "act 800 8000 30 300", cpus: "0", class: Latency)),
        "rival": (plugin: "process.run", config: (
            command: "sh -c 'act 800 20000 40 300 & exec act 800 20000 40 300'", cpus: "2", class: BestEffort, start: "15s",
        )),
    },
    collectors: {
        "ipc": (plugin: "perf.counters", of: ["victim", "rival"], every: "500ms", config: (events: ["ipc", "llc"], cpus: Allowed)),
        "llc": (plugin: "resctrl.monitor", of: ["victim", "rival"], every: "500ms"),
        "time": (plugin: "process.stats", of: ["victim", "rival"], every: "500ms"),
    },
    transforms: {
        "who": (plugin: "detect.triage", from: ["ipc", "llc", "time"], last: ["l3"], config: (
            cores: [[0, 1], [2, 3]], votes: 2, of_last: 3,
        )),
    },
    schedulers: { "guard": (plugin: "policy.throttle", from: ["who"], config: (ladder: [Ways, Bandwidth])) },
    actuators: { "l3": (plugin: "resctrl.partition", from: ["guard"]) },
    sinks: {
        "record": (plugin: "file.jsonl", from: ["ipc", "llc", "time", "who", "guard", "l3"], config: (path: "/out/run.jsonl")),
    },
)"#;

const SCRIPT: &str = "
    pipeline --plugin-dir /plugins run /graph.ron --for 30s > /out/log 2>&1; echo $? > /out/status
    find /sys/fs/resctrl -name 'pipeline*' > /out/after";

/// A victim that loses its cache to a rival is seen to, the rival is named, and the victim gets its cache back.
///
/// Guaranteed: its IPC falls by more than half beside the rival; within 5 ticks that is found, with the cache as the resource
/// and the rival as the culprit; nobody else is restrained for it; the policy's proof holds; and the IPC is 80 % at least of what
/// it was alone. Nothing is left of it at the end.
#[test]
fn l3_recovered() {
    if !have(&[Need::Lab]) {
        return;
    }
    let lab = Lab::with(&["process", "cgroup", "policy", "file", "detect", "perf", "resctrl"]);
    let left = lab.text(GRAPH, "/graph.ron").run(SCRIPT);
    let ran = Ran::of(&left);
    let log = &ran.log;
    assert_eq!(left.file("status"), "0\n", "{log}");
    assert_eq!(left.file("after"), "", "{log}");

    let began = ran.first(|line| line["target"] == "rival").1;
    let (finding, noticed) = ran.first(|line| line["kind"] == "finding" && line["victim"] == "victim");
    let (outcome, applied) = ran.first(|line| line["kind"] == "outcome");
    // Every whole tick beside the rival counts, and the best of them must be bad.
    let beside = ran.values("perf.ipc", "victim", began + TICK, applied);
    let beside = beside.into_iter().fold(f64::NAN, f64::max);
    let alone = ran.median("perf.ipc", "victim", SETTLED, began);
    let after = ran.median("perf.ipc", "victim", applied + SETTLED, f64::INFINITY);
    let ticks = (noticed - began) / TICK;

    println!("l3_alone {alone:.3} ipc");
    println!("l3_beside {beside:.3} ipc");
    println!("l3_noticed {ticks:.1} ticks");
    println!("l3_divided {:.2} s", applied - noticed);
    println!(
        "l3_left_to_rival {} ways",
        outcome["value"].as_f64().unwrap_or_default()
    );
    for (name, from, to) in [("alone", SETTLED, began), ("divided", applied + SETTLED, f64::INFINITY)] {
        let occupancy = ran.median("l3.occupancy", "victim", from, to) / 1024.0;
        println!("l3_occupancy_{name} {occupancy:.0} KiB");
    }
    println!("l3_recovered {:.3} ratio", after / alone);

    assert_eq!(finding["resource"], "l3", "{finding}\n{log}");
    assert_eq!(finding["culprits"][0]["target"], "rival", "{finding}\n{log}");
    assert_eq!(
        (&outcome["target"], &outcome["knob"]),
        (&"rival".into(), &"l3.ways".into()),
        "{outcome}\n{log}"
    );
    assert!(
        noticed <= applied,
        "the remedy comes from the finding: {finding}\n{outcome}\n{log}"
    );
    let is_of_another = |line: &&Value| line["kind"] == "action" && line["target"] != "rival";
    assert_eq!(ran.lines.iter().find(is_of_another), None, "{log}");
    assert!(log.contains("the remedy helped"), "{log}");
    assert!(beside < 0.5 * alone, "{beside} beside the rival, {alone} alone\n{log}");
    assert!(
        (0.0..=5.0).contains(&ticks),
        "noticed {ticks} ticks after the rival began\n{log}"
    );
    assert!(
        after >= 0.8 * alone,
        "{after} with the cache divided, {alone} alone\n{log}"
    );
}

/// A run by what it recorded, in the order in which that was written.
struct Ran {
    lines: Vec<Value>,
    log: String,
}

impl Ran {
    fn of(left: &Left) -> Self {
        Self {
            lines: left.record(),
            log: left.file("log"),
        }
    }

    /// The first line of a kind, and its second.
    fn first(&self, wanted: impl Fn(&Value) -> bool) -> (&Value, f64) {
        let found = self.lines.iter().filter(|line| wanted(line));
        let mut found = found.filter_map(|line| Some((line, seconds(line)?)));
        found.next().unwrap_or_else(|| panic!("it never was\n{}", self.log))
    }

    /// The values of a metric of a whole target from one second on up to another.
    fn values(&self, metric: &str, target: &str, from: f64, to: f64) -> Vec<f64> {
        let wanted = |line: &&Value| {
            let at = seconds(line).unwrap_or_default();
            line["metric"] == metric && line["target"] == target && line["part"] == "" && from <= at && at <= to
        };
        let values = self.lines.iter().filter(wanted);
        let values: Vec<f64> = values.filter_map(|line| line["value"].as_f64()).collect();
        assert!(
            !values.is_empty(),
            "{metric} of {target} from {from} to {to}: {values:?}\n{}",
            self.log
        );
        values
    }

    fn median(&self, metric: &str, target: &str, from: f64, to: f64) -> f64 {
        let mut values = self.values(metric, target, from, to);
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

fn seconds(line: &Value) -> Option<f64> {
    line["at"].as_f64().map(|nanos| nanos / 1e9)
}
