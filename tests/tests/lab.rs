//! What this machine may not have, seen on an emulated one under a stock kernel: cgroup v2 with all
//! its controllers. `PIPELINE_LAB` names the program that boots it.

use std::path::PathBuf;
use system_tests::built;
use system_tests::lab::{Lab, Left};
use system_tests::need::{Need, have};

/// The newest test binary of that name beside this one.
fn test_binary(name: &str) -> PathBuf {
    let folder = built::folder().join("deps");
    let prefix = format!("{name}-");
    let found = std::fs::read_dir(&folder)
        .expect("cargo keeps test binaries in `deps`")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            file.starts_with(&prefix) && path.extension().is_none()
        });
    let newest = found.max_by_key(|path| path.metadata().and_then(|meta| meta.modified()).ok());
    newest.unwrap_or_else(|| {
        panic!(
            "no `{prefix}…` in `{}`; run `cargo build --workspace --all-targets` first",
            folder.display()
        )
    })
}

/// Every test of the cgroup library against the kernel holds on a machine that has version 2 alone:
/// attach, statistics, throttling, weight, idle, quota, cpuset, freeze, pressure and its triggers.
#[test]
fn the_cgroup_library_holds_on_a_machine_with_version_2_alone() {
    if !have(&[Need::Lab]) {
        return;
    }
    let lab = Lab::new().program(&test_binary("kernel"), "/bin/kernel-tests");
    let printed = lab.run("PIPELINE_REQUIRE=cgroup kernel-tests --test-threads 1").printed;
    assert!(printed.contains("12 passed; 0 failed"), "{printed}");
    println!("cgroup_v2_library 12 tests");
}

const GRAPH: &str = r#"(
    version: 1,
    targets: {
        "web": (plugin: "process.run", config: (command: "sleep 600", cpus: "0", class: Latency)),
        "batch": (plugin: "process.run", config: (command: "sh -c 'while :; do :; done'", cpus: "1-2", class: BestEffort)),
        "still": (plugin: "process.run", config: (command: "sleep 600", cpus: "0", class: BestEffort)),
    },
    collectors: {
        "use": (plugin: "cgroup.stats", of: ["web", "batch"], every: "500ms"),
        "wait": (plugin: "cgroup.pressure", of: ["batch"], every: "500ms"),
    },
    schedulers: {
        "pin": (plugin: "policy.fixed", config: (actions: [
            (target: "batch", knob: "cpu.quota", value: 0.5),
            (target: "batch", knob: "cpu.set", text: "2"),
            (target: "batch", knob: "cpu.weight", value: 42.0),
            (target: "still", knob: "freeze", value: 1.0),
        ])),
    },
    actuators: { "limit": (plugin: "cgroup.limit", from: ["pin"], config: (knobs: [Weight, CpuSet, Quota, Freeze])) },
    sinks: {
        "record": (plugin: "file.jsonl", from: ["use", "wait", "pin", "limit"], config: (path: "/out/run.jsonl")),
    },
)"#;

/// Runs the graph, looks at the group while it runs, and lists what is left when it has ended.
const SCRIPT: &str = "
    cat /sys/fs/cgroup/cgroup.subtree_control > /out/before
    pipeline --plugin-dir /plugins run /graph.ron --for 25s > /out/log 2>&1 &
    pid=$!
    sleep 8
    for file in cpu.max cpuset.cpus cpu.weight; do
        echo $file $(cat /sys/fs/cgroup/pipeline-*/batch-1/$file) >> /out/during
    done
    echo cgroup.freeze $(cat /sys/fs/cgroup/pipeline-*/still-1/cgroup.freeze) >> /out/during
    wait $pid; echo status $? >> /out/after
    ls -d /sys/fs/cgroup/pipeline-* >> /out/after 2>/dev/null
    ls /run/pipeline 2>/dev/null | grep -vx acting.lock >> /out/after
    cat /sys/fs/cgroup/cgroup.subtree_control > /out/subtree
    exit 0";

/// Runs that script with the binary, the plugins and the graph at hand.
fn graph_in_lab(script: &str) -> Left {
    Lab::with(&["process", "cgroup", "policy", "file"])
        .text(GRAPH, "/graph.ron")
        .run(script)
}

/// Runs the graph, sets the clock ten years ahead and back by an hour, puts the machine to sleep for ten seconds (S3, woken by its
/// clock), and looks at the group afterwards.
const SLEEP: &str = "
    pipeline --plugin-dir /plugins run /graph.ron --for 45s > /out/log 2>&1 &
    pid=$!
    sleep 8
    date -s '2036-01-01 00:00:00'; sleep 2
    date -s '2035-12-31 23:00:00'; sleep 2
    echo +10 > /sys/class/rtc/rtc0/wakealarm
    echo mem > /sys/power/state && echo slept >> /out/slept
    sleep 8
    for file in cpu.max cpuset.cpus cpu.weight; do
        echo $file $(cat /sys/fs/cgroup/pipeline-*/batch-1/$file) >> /out/during
    done
    wait $pid; echo status $? >> /out/after
    ls -d /sys/fs/cgroup/pipeline-* >> /out/after 2>/dev/null
    exit 0";

/// The clock on the wall is nothing to a run, and of a sleep it tells once; ticks that were missed are skipped.
#[test]
fn the_clock_may_be_set_and_the_machine_may_sleep_while_a_run_acts() {
    if !have(&[Need::Lab]) {
        return;
    }
    let out = graph_in_lab(SLEEP);
    let log = out.file("log");
    assert_eq!(out.file("slept"), "slept\n", "{log}");
    assert_eq!(
        out.file("during"),
        "cpu.max 50000 100000\ncpuset.cpus 2\ncpu.weight 42\n",
        "{log}"
    );
    assert_eq!(out.file("after"), "status 0\n", "{log}");
    assert_eq!(log.matches("the machine was suspended for").count(), 1, "{log}");
    let lines = out.record();
    let at = |line: &serde_json::Value| {
        line["at"]
            .as_u64()
            .filter(|_| line["metric"] == "cpu.time" && line["target"] == "batch")
    };
    let mut instants: Vec<u64> = lines.iter().filter_map(at).collect();
    instants.dedup();
    let gaps: Vec<u64> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let longest = gaps.iter().position(|gap| gap == gaps.iter().max().unwrap()).unwrap();
    assert!(gaps[longest] > 5_000_000_000, "{gaps:?}");
    let after_waking = instants[longest + 1];
    let soon = instants[longest + 1..]
        .iter()
        .filter(|at| **at < after_waking + 2_000_000_000)
        .count();
    assert!(soon <= 5, "ticks that were missed came all the same: {gaps:?}");
}

/// A graph with version 2 alone: knobs are applied and read back by the kernel, throttling and
/// pressure are counted, and at the end nothing is left.
#[test]
fn a_graph_limits_a_workload_on_a_machine_with_version_2_alone_and_leaves_nothing() {
    if !have(&[Need::Lab]) {
        return;
    }
    let out = graph_in_lab(SCRIPT);
    let left = |name: &str| out.file(name);
    assert_eq!(
        left("during"),
        "cpu.max 50000 100000\ncpuset.cpus 2\ncpu.weight 42\ncgroup.freeze 1\n",
        "{}",
        left("log")
    );
    assert_eq!(left("after"), "status 0\n", "{}", left("log"));
    assert_eq!(left("before"), left("subtree"));
    let lines = out.record();
    let most = |metric: &str| {
        let readings = lines
            .iter()
            .filter(|line| line["metric"] == metric && line["target"] == "batch");
        readings.filter_map(|line| line["value"].as_f64()).fold(0.0, f64::max)
    };
    assert!(
        most("cpu.throttled_periods") > 0.0,
        "the quota of half a CPU throttles a busy loop"
    );
    assert!(most("psi.cpu.some") > 0.0, "what waits for its quota is under pressure");
    assert!(most("memory.current") > 0.0);
    println!("cgroup_v2_knobs 4 knobs");
    println!("cgroup_v2_pressure {:.0} ns", most("psi.cpu.some"));
}

/// What the machine counts and divides is told in numbers, each once, and what a virtual machine mostly lacks is there.
#[test]
fn doctor_tells_what_the_machine_counts_and_divides() {
    if !have(&[Need::Lab]) {
        return;
    }
    let lab = Lab::with(&["perf", "resctrl"]);
    let told = lab
        .run("pipeline --plugin-dir /plugins doctor > /out/doctor; exit 0")
        .file("doctor");
    let facts = [
        "hardware counters (PMU): cycles and instructions can be counted",
        "hardware counters can be believed: a known loop ran at ",
        "resctrl filesystem: at `/sys/fs/resctrl`",
        "cache monitoring: 64 ids; llc_occupancy, mbm_total_bytes, mbm_local_bytes",
        "cache allocation: 11 ways, of which devices may fill 2; 16 classes",
        "memory bandwidth allocation: in percent from 10 in steps of 10; 8 classes",
    ];
    for fact in facts {
        assert_eq!(
            told.matches(&format!("there    {fact}")).count(),
            1,
            "{fact} in\n{told}"
        );
    }
    assert!(told.contains("4 elements: all that is required is there"), "{told}");
    println!("doctor_tells {} facts", facts.len());
}
