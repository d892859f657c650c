//! More workloads than the hardware can tell apart, on an emulated machine that has the hardware, under a stock kernel.
//! `PIPELINE_LAB` names the program that boots it. Each test prints what it found as `name value unit`.

use serde_json::Value;
use std::collections::BTreeSet;
use system_tests::lab::{Lab, Left, SHELL};
use system_tests::need::{Need, have};

/// One who is waited for, and all groups of a crowd, of which each other one wants a way more. They are there before they are
/// divided, so that it is decided once for all of them.
const GRAPH: &str = r#"(
    version: 1,
    targets: {
        "web": (plugin: "process.run", config: (command: "sleep 600", class: Latency)),
        "odd": (plugin: "cgroup.watch", config: (groups: ["/odd/*"], rules: [(groups: "/**", class: BestEffort)])),
        "even": (plugin: "cgroup.watch", config: (groups: ["/even/*"], rules: [(groups: "/**", class: BestEffort)])),
    },
    collectors: { "llc": (plugin: "resctrl.monitor", of: ["web", "odd", "even"], every: "2s") },
    schedulers: {
        "fixed": (plugin: "policy.fixed", config: (lease: "600s", during: (from: "4s"), actions: [
            (target: "web", knob: "l3.ways", value: 1.0),
            (target: "odd/*", knob: "l3.ways", value: 2.0),
            (target: "even/*", knob: "l3.ways", value: 1.0),
        ])),
    },
    actuators: { "l3": (plugin: "resctrl.partition", from: ["fixed"]) },
    sinks: { "record": (plugin: "file.jsonl", from: ["llc", "l3"], config: (path: "/out/run.jsonl")) },
)"#;

/// Makes so many groups, with a task each.
const CROWD: &str = r#"
    crowd() {
        mkdir /sys/fs/cgroup/odd /sys/fs/cgroup/even; of=odd
        for i in $(seq $1); do
            group=/sys/fs/cgroup/$of/t$i; mkdir $group; sleep 9999 & echo $! > $group/cgroup.procs
            [ $of = odd ] && of=even || of=odd
        done
    }
"#;

const PLUGINS: [&str; 5] = ["process", "cgroup", "policy", "file", "resctrl"];

fn in_lab(graph: &str, words: &str, script: &str) -> Left {
    let lab = Lab::with(&PLUGINS).text(graph, "/graph.ron").words(words);
    lab.run(&format!("{SHELL}{CROWD}{script}"))
}

/// Who was counted at last, by the readings of a record.
fn counted(lines: &[Value]) -> BTreeSet<&str> {
    let has_number = |line: &&Value| line["metric"] == "l3.occupancy" && line["value"].is_number();
    lines
        .iter()
        .filter(has_number)
        .filter_map(|line| line["target"].as_str())
        .collect()
}

/// Scenario: 15 and 40 targets, on 8 classes and on 16.
/// Guaranteed: no error, everybody is in a class and counted, and each is told with how many it shares.
#[test]
fn closid_budget() {
    if !have(&[Need::Lab]) {
        return;
    }
    for (words, classes) in [("", 8), ("rdt=!mba", 16)] {
        for count in [15, 40] {
            let members = grouped(words, classes, count);
            println!("closid_budget_{classes}_{count} {members} classes");
        }
    }
}

/// How many classes so many targets got.
fn grouped(words: &str, classes: usize, count: usize) -> usize {
    let script = "crowd OTHERS; begin /graph.ron; until_so fates COUNT && until_so counted COUNT || exit 1
        for group in /sys/fs/resctrl/pipeline-*; do wc -l < $group/tasks; done > /out/groups
        sleep 5; end; echo $? > /out/status
        find /sys/fs/resctrl -name 'pipeline*' > /out/after; exit 0"
        .replace("COUNT", &count.to_string())
        .replace("OTHERS", &(count - 1).to_string());
    let left = in_lab(GRAPH, words, &script);
    let log = format!("{}\n{}", left.printed, left.file("log"));
    let groups = left.file("groups");
    let members: Vec<usize> = groups.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let lines = left.record();
    let refused = lines
        .iter()
        .any(|line| line["kind"] == "outcome" && line["fate"] == "refused");
    assert!(!refused && !log.contains("ERROR"), "{log}");
    assert_eq!(left.file("status"), "0\n", "{log}");
    assert_eq!(counted(&lines).len(), count, "{log}");
    assert_eq!(members.len(), count.min(classes - 1), "{members:?}\n{log}");
    assert_eq!(
        members.iter().sum::<usize>(),
        count,
        "everybody is in a class: {members:?}\n{log}"
    );
    let is_told = |line: &Value| {
        line["why"]
            .as_str()
            .is_some_and(|why| why.contains("it shares a class with"))
    };
    assert_eq!(lines.iter().any(is_told), count >= classes, "{log}");
    assert_eq!(left.file("after"), "", "{log}");
    members.len()
}

/// Scenario: 70 groups are counted on hardware that tells 64 apart, one of which is the default group's; then ten of them go.
/// Guaranteed: 63 are counted, the rest is told to be unavailable and why, and is counted when there is room.
#[test]
fn more_targets_than_monitoring_ids_are_counted_in_part() {
    if !have(&[Need::Lab]) {
        return;
    }
    let graph = r#"(
        version: 1,
        targets: { "crowd": (plugin: "cgroup.watch", config: (groups: ["/odd/*", "/even/*"])) },
        collectors: { "llc": (plugin: "resctrl.monitor", of: ["crowd"], every: "500ms") },
        sinks: { "record": (plugin: "file.jsonl", from: ["llc"], config: (path: "/out/run.jsonl")) },
    )"#;
    let script = "crowd 70
        has() { [ $(ls /sys/fs/resctrl/mon_groups | wc -l) = $1 ]; }
        is_told() { grep -q 'llc: target=' /out/log; }
        begin /graph.ron; until_so has 63 && until_so is_told || exit 1; ls /sys/fs/resctrl/mon_groups | wc -l > /out/full
        for i in $(seq 2 2 20); do
            kill $(cat /sys/fs/cgroup/even/t$i/cgroup.procs); until_so rmdir /sys/fs/cgroup/even/t$i 2>/dev/null
        done
        until_so has 60; ls /sys/fs/resctrl/mon_groups | wc -l > /out/later
        end; ls /sys/fs/resctrl/mon_groups > /out/after; exit 0";
    let left = in_lab(graph, "", script);
    let log = format!("{}\n{}", left.printed, left.file("log"));
    assert_eq!(
        (left.file("full").trim(), left.file("later").trim()),
        ("63", "60"),
        "{log}"
    );
    assert_eq!(left.file("after"), "", "{log}");
    let lines = left.record();
    let lacks = |line: &&Value| line["metric"] == "l3.occupancy" && line["reason"] == "unsupported";
    let lacking: BTreeSet<&str> = lines
        .iter()
        .filter(lacks)
        .filter_map(|line| line["target"].as_str())
        .collect();
    assert_eq!(lacking.len(), 7, "{lacking:?}\n{log}");
    let counted = counted(&lines);
    println!("rmid_budget_lacking {} targets", lacking.len());
    println!("rmid_budget_counted {} targets", counted.len());
    assert!(
        log.contains("there is no room") && log.contains("`Out of RMIDs`"),
        "{log}"
    );
    assert!(
        !log.contains("Out of RMIDs; "),
        "the kernel repeats itself, and we do not\n{log}"
    );
    assert!(
        lacking.iter().all(|name| counted.contains(name)),
        "all were counted in the end: {lacking:?}\n{log}"
    );
}
