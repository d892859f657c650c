//! A run as an ordinary user: what they may works, and what they may not is told before it is tried, or where it is
//! refused, or as a reading that is unavailable. These tests become user 65534 themselves, and so need root.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use serde_json::Value;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::{Child, Ended};
use system_tests::need::{Need, have};

const NOBODY: u32 = 65534;

/// A folder that belongs to the ordinary user, with that graph.
fn bed(graph: &str) -> Bed {
    let bed = Bed::with(graph);
    chown(bed.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    bed
}

/// The command line as the ordinary user: no groups, no capabilities, a home of its own.
fn nobody(bed: &Bed, arguments: &[&str]) -> Ended {
    let mut command = bed.command(arguments);
    command
        .uid(NOBODY)
        .gid(NOBODY)
        .env("HOME", bed.folder())
        .env("TMPDIR", bed.folder())
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("XDG_STATE_HOME");
    Child::start(&mut command).end(Duration::from_secs(20))
}

/// Watches a command of the user's own, by its processes and by its group.
const WATCH: &str = r#"(
    version: 1,
    targets: { "job": (plugin: "process.run", config: (command: "sleep 60")) },
    collectors: {
        "tasks": (plugin: "process.stats", of: ["job"], every: "200ms"),
        "group": (plugin: "cgroup.stats", of: ["job"], every: "200ms"),
    },
    sinks: {
        "table": (plugin: "file.table", from: ["tasks", "group"]),
        "out": (plugin: "file.jsonl", from: ["tasks", "group"], config: (path: "out.jsonl", flush: "0s")),
    },
)"#;

/// The same with a knob that the user may not turn.
const ACT: &str = r#"(
    version: 1,
    targets: { "job": (plugin: "process.run", config: (command: "sleep 60")) },
    schedulers: { "pin": (plugin: "policy.fixed", config: (actions: [(target: "job", knob: "cpu.weight", value: 10.0)])) },
    actuators: { "limit": (plugin: "cgroup.limit", from: ["pin"]) },
    sinks: { "out": (plugin: "file.jsonl", from: ["pin", "limit"], config: (path: "out.jsonl", flush: "0s")) },
)"#;

fn lines(bed: &Bed) -> Vec<Value> {
    let text = bed.read("out.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Doctor says who they are, that no capability is in effect, and which elements cannot run, each with what is missing.
#[test]
fn doctor_says_what_they_may_not() {
    if !have(&[Need::Root, Need::Cgroup]) {
        return;
    }
    let bed = bed(WATCH);
    let said = nobody(&bed, &["doctor", "-o", "json", "cgroup.limit", "kpi.redis"]);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    let fact = |key: &str| {
        let host = told["host"].as_array().unwrap();
        host.iter().find(|fact| fact["key"] == key).unwrap().clone()
    };
    assert_eq!(fact("user")["detail"], "user 65534");
    assert_eq!(fact("capabilities")["names"].as_array().unwrap().len(), 0, "{told}");
    let need = |what: &str| {
        let needs = told["needs"].as_array().unwrap();
        needs.iter().find(|need| need["what"] == what).unwrap().clone()
    };
    assert_eq!(need("write access to control groups")["state"], "missing", "{told}");
    assert_ne!(need("write access to control groups")["mend"], "", "{told}");
    assert_eq!(need("real-time scheduling")["state"], "without", "{told}");
    let verdict = |element: &str| {
        let elements = told["elements"].as_array().unwrap();
        elements.iter().find(|one| one["element"] == element).unwrap()["can_run"].clone()
    };
    assert_eq!(
        (verdict("cgroup.limit"), verdict("kpi.redis")),
        (false.into(), true.into())
    );
    assert_eq!(said.code, Some(69));
}

/// A graph that only watches their own command is good for doctor and check, and runs: the command is there and its
/// processes are read; what needs a group of its own is said to be missing, and no number stands in for it.
#[test]
fn a_graph_that_watches_their_own_command_runs() {
    if !have(&[Need::Root]) {
        return;
    }
    let bed = bed(WATCH);
    nobody(&bed, &["doctor", "graph.ron"]).with(0);
    nobody(&bed, &["check", "graph.ron"]).with(0);
    let said = nobody(&bed, &["run", "graph.ron", "--for", "1500ms"]).with(0);
    assert!(
        said.line("runs without a group of its own").contains("WARN"),
        "{}",
        said.stderr
    );
    assert_eq!(said.count("ERROR"), 0, "{}", said.stderr);
    let lines = lines(&bed);
    let of = |node: &str| {
        lines
            .iter()
            .filter(|line| line["kind"] == "reading" && line["node"] == node)
            .collect::<Vec<_>>()
    };
    assert!(of("tasks").iter().any(|line| line["value"].is_number()), "{lines:?}");
    let numbers: Vec<&Value> = of("group")
        .into_iter()
        .filter(|line| line["value"].is_number())
        .collect();
    assert!(numbers.is_empty(), "{numbers:?}");
    assert!(said.stdout.contains("job"), "{}", said.stdout);
}

/// A knob that they may not turn is told before: doctor says that the graph cannot do what it is for. Run all the same,
/// the command runs, a warning says that it has no group to turn knobs of, none is turned, and the host is left alone.
#[test]
fn a_knob_that_they_may_not_turn_is_told_before_and_not_turned() {
    if !have(&[Need::Root, Need::Cgroup]) {
        return;
    }
    let bed = bed(ACT);
    let told = nobody(&bed, &["doctor", "graph.ron"]).with(69);
    let verdict = "cgroup.limit cannot run here: write access to control groups is missing";
    assert!(told.stdout.contains(verdict), "{}", told.stdout);
    let said = nobody(&bed, &["run", "graph.ron", "--for", "1500ms"]).with(0);
    assert!(
        said.line("runs without a group of its own").contains("WARN"),
        "{}",
        said.stderr
    );
    let applied = |line: &Value| line["kind"] == "outcome" && line["fate"] == "applied";
    assert!(!lines(&bed).iter().any(applied), "{}", bed.read("out.jsonl"));
    assert!(said.line("the host is as it was found").contains("INFO"));
}
