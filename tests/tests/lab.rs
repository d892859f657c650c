//! What this machine may not have, seen on an emulated one under a stock kernel: cgroup v2 with all
//! its controllers. `PIPELINE_LAB` names the program that boots it.

use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::need::{Need, have, lab};
use system_tests::{built, record};

/// A command in the lab: files as (here, there), what it printed, and what it left under `/out`.
fn in_lab(files: &[(&Path, &str)], out: &Path, script: &str) -> (bool, String) {
    let mut command = Command::new(lab());
    command.args(["-m", "2048", "-t", "300", "-o"]).arg(out);
    for (here, there) in files {
        command.arg("-f").arg(format!("{}:{there}", here.display()));
    }
    let ended = command
        .args(["--", "sh", "-c", script])
        .output()
        .expect("the lab starts");
    let printed = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    (ended.status.success(), printed)
}

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
    let out = tempfile::tempdir().unwrap();
    let script = "PIPELINE_REQUIRE=cgroup kernel-tests --test-threads 1";
    let (well, printed) = in_lab(&[(&test_binary("kernel"), "/bin/kernel-tests")], out.path(), script);
    assert!(well && printed.contains("12 passed; 0 failed"), "{printed}");
}

const GRAPH: &str = r#"(
    version: 1,
    targets: {
        "web": (plugin: "process.run", config: (command: "sleep 600", cpus: "0", class: Latency)),
        "batch": (plugin: "process.run", config: (command: "sh -c 'while :; do :; done'", cpus: "1-2", class: BestEffort)),
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
        ])),
    },
    actuators: { "limit": (plugin: "cgroup.limit", from: ["pin"]) },
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
    wait $pid; echo status $? >> /out/after
    ls -d /sys/fs/cgroup/pipeline-* >> /out/after 2>/dev/null
    ls /run/pipeline 2>/dev/null | grep -vx acting.lock >> /out/after
    cat /sys/fs/cgroup/cgroup.subtree_control > /out/subtree
    exit 0";

/// Runs that script with the binary, the plugins and the graph at hand; what it left under `/out`.
fn graph_in_lab(script: &str) -> tempfile::TempDir {
    let out = tempfile::tempdir().expect("a folder can be made");
    let graph = out.path().join("graph.ron");
    std::fs::write(&graph, GRAPH).expect("the folder can be written");
    let plugins: Vec<(PathBuf, String)> = ["process", "cgroup", "policy", "file"]
        .iter()
        .map(|subject| (built::plugin(subject), format!("/plugins/libpipeline_{subject}.so")))
        .collect();
    let binary = built::pipeline();
    let mut files: Vec<(&Path, &str)> = vec![(&binary, "/bin/pipeline"), (&graph, "/graph.ron")];
    files.extend(plugins.iter().map(|(here, there)| (here.as_path(), there.as_str())));
    let (well, printed) = in_lab(&files, out.path(), script);
    assert!(well, "{printed}\n{}", read(&out, "log"));
    out
}

fn read(out: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(out.path().join(name)).unwrap_or_default()
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
    let log = read(&out, "log");
    assert_eq!(read(&out, "slept"), "slept\n", "{log}");
    assert_eq!(
        read(&out, "during"),
        "cpu.max 50000 100000\ncpuset.cpus 2\ncpu.weight 42\n",
        "{log}"
    );
    assert_eq!(read(&out, "after"), "status 0\n", "{log}");
    assert_eq!(log.matches("the machine was suspended for").count(), 1, "{log}");
    let lines = record::lines(&read(&out, "run.jsonl"));
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
    let left = |name: &str| read(&out, name);
    assert_eq!(
        left("during"),
        "cpu.max 50000 100000\ncpuset.cpus 2\ncpu.weight 42\n",
        "{}",
        left("log")
    );
    assert_eq!(left("after"), "status 0\n", "{}", left("log"));
    assert_eq!(left("before"), left("subtree"));
    let lines = record::lines(&left("run.jsonl"));
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
}
