//! Hardware counters, seen on an emulated machine that has them under a stock kernel, beside perf(1) where that can tell.
//! `PIPELINE_LAB` names the program that boots it. Each test prints what it found as `name value unit`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use system_tests::lab::{Lab, Left};
use system_tests::need::{Need, have};

/// A run of a graph in the lab: what it recorded, what it left, and its log.
struct Ran {
    lines: Vec<Value>,
    left: Left,
    log: String,
}

/// Runs a graph, with a script of perf(1) and workloads beside it.
fn run(graph: &str, seconds: u32, script: &str) -> Ran {
    let lab = Lab::with(&["perf", "cgroup", "process", "file"]).text(graph, "/graph.ron");
    let left = lab.file(Path::new("/usr/bin/perf"), "/bin/perf").run(&format!(
        "mkdir /sys/fs/cgroup/counted
         pipeline --plugin-dir /plugins run /graph.ron --for {seconds}s > /out/log 2>&1 &
         pid=$!
         {script}
         wait $pid; exit 0"
    ));
    let log = format!("{}\n{}", left.printed, left.file("log"));
    let lines = left.record();
    Ran { lines, left, log }
}

/// A victim that fits the cache, for so many seconds in the group that is counted.
fn act(seconds: u32) -> String {
    format!("sh -c 'echo $$ > /sys/fs/cgroup/counted/cgroup.procs; exec act 800 8000 30 300 {seconds}'")
}

impl Ran {
    /// The readings of a node and a metric, as (part, value, quality).
    fn readings(&self, node: &str, metric: &str) -> Vec<(String, Option<f64>, String)> {
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let of_it = |line: &&Value| line["node"] == node && line["metric"] == metric;
        let reading = |line: &Value| (text(line, "part"), line["value"].as_f64(), text(line, "quality"));
        self.lines.iter().filter(of_it).map(reading).collect()
    }

    /// What was counted of the whole in all.
    fn sum(&self, node: &str, metric: &str) -> f64 {
        let readings = self.readings(node, metric);
        let whole = readings.iter().filter(|(part, ..)| part.is_empty());
        whole.filter_map(|(_, value, _)| *value).sum()
    }

    /// The rate of a metric of a node while something is counted: the median over the second half of the run, since a
    /// busy machine stops the emulator for a while now and then.
    fn rate(&self, (node, metric): (&str, &str)) -> f64 {
        let of_it = |line: &&Value| line["node"] == node && line["metric"] == metric && line["part"] == "";
        let rate = |line: &Value| Some(line["value"].as_f64()? / line["span"].as_f64()?);
        let rates = self.lines.iter().filter(of_it).filter_map(rate);
        let rates: Vec<f64> = rates.filter(|rate| *rate > 0.0).collect();
        let mut later = rates[rates.len() / 2..].to_vec();
        assert!(later.len() >= 3, "{node} {metric}: {rates:?}\n{}", self.log);
        later.sort_by(f64::total_cmp);
        later[later.len() / 2]
    }

    /// How far what one node counts is from what another does, in percent.
    fn off_percent(&self, metric: (&str, &str), beside: (&str, &str)) -> f64 {
        off_percent(self.rate(metric), self.rate(beside))
    }

    /// What perf(1) counted of an event in all, from `perf stat -x,`.
    fn perf(&self, event: &str) -> f64 {
        let text = self.left.file("perf");
        let line = text.lines().find(|line| line.split(',').nth(2) == Some(event));
        let count = line.and_then(|line| line.split(',').next()?.parse().ok());
        count.unwrap_or_else(|| panic!("`{event}` in {text}\n{}", self.log))
    }
}

/// How far a value is from another, in percent of the latter.
fn off_percent(value: f64, truth: f64) -> f64 {
    (value / truth - 1.0).abs() * 100.0
}

/// Scenario: a workload comes and goes in a control group that this plugin and `perf stat -G` count at the same time.
/// Guaranteed: cycles, instructions, loads of the last-level cache and their misses are the same within 2 %.
#[test]
fn perf_agrees() {
    if !have(&[Need::Lab]) {
        return;
    }
    let graph = r#"(
        version: 1,
        targets: { "groups": (plugin: "cgroup.watch", config: (groups: ["/counted"])) },
        collectors: {
            "count": (plugin: "perf.counters", of: ["groups"], every: "500ms", config: (
                events: ["cycles", "instructions", "LLC-loads", "LLC-load-misses"], by: Cgroup,
            )),
        },
        sinks: { "record": (plugin: "file.jsonl", from: ["count"], config: (path: "/out/run.jsonl")) },
    )"#;
    // Both are counting when the work begins, and count on until it is over.
    let script = format!(
        "perf stat -x, -o /out/perf -a -e cycles,instructions,LLC-loads,LLC-load-misses \
             -G counted,counted,counted,counted -- sleep 20 &
         beside=$!
         sleep 9; {}
         wait $beside",
        act(4)
    );
    let ran = run(graph, 30, &script);
    for (metric, event) in [
        ("perf.cycles", "cycles"),
        ("perf.instructions", "instructions"),
        ("perf.llc_loads", "LLC-loads"),
        ("perf.llc_load_misses", "LLC-load-misses"),
    ] {
        let (ours, theirs) = (ran.sum("count", metric), ran.perf(event));
        let off = off_percent(ours, theirs);
        println!("perf_agrees.{event} {off:.3} percent ({ours:.0} beside {theirs:.0})");
        assert!(
            theirs > 1e6 && off <= 2.0,
            "{event}: {ours} beside {theirs}\n{}",
            ran.log
        );
    }
}

/// Scenario: twelve events of a group share the counters that a pinned group leaves, and one node asks for groups that
/// are too large for that.
/// Guaranteed: each reading carries its share, scaled counts are within 5 % of the pinned ones, and the node with the
/// large groups makes them smaller, says so once, and counts.
#[test]
fn multiplex_error() {
    if !have(&[Need::Lab]) {
        return;
    }
    let graph = r#"(
        version: 1,
        targets: { "groups": (plugin: "cgroup.watch", config: (groups: ["/counted"])) },
        collectors: {
            "truth": (plugin: "perf.counters", of: ["groups"], every: "500ms", config: (
                events: ["cycles", "instructions", "LLC-loads", "LLC-load-misses"], by: Cgroup, pinned: true,
            )),
            "many": (plugin: "perf.counters", of: ["groups"], every: "500ms", config: (
                events: [
                    "cycles", "instructions", "LLC-loads", "LLC-load-misses", "cache-references", "cache-misses",
                    "branches", "branch-misses", "bus-cycles", "ref-cycles", "L1-dcache-loads", "L1-dcache-stores",
                ],
                by: Cgroup,
            )),
        },
        sinks: { "record": (plugin: "file.jsonl", from: ["truth", "many"], config: (path: "/out/run.jsonl")) },
    )"#;
    let ran = run(graph, 24, &format!("sleep 4; {}", act(16)));
    for metric in [
        "perf.cycles",
        "perf.instructions",
        "perf.llc_loads",
        "perf.llc_load_misses",
    ] {
        let off = ran.off_percent(("many", metric), ("truth", metric));
        println!(
            "multiplex_error.{} {off:.3} percent",
            metric.trim_start_matches("perf.")
        );
        assert!(off <= 5.0, "{metric}\n{}", ran.log);
    }
    let many = ran.readings("many", "perf.branches");
    let scaled = many
        .iter()
        .filter(|(_, value, quality)| quality == "scaled" && value.is_some())
        .count();
    println!("multiplex_error.scaled_readings {scaled} 1");
    assert!(scaled >= 4, "{many:?}\n{}", ran.log);
    let truth = ran.readings("truth", "perf.cycles");
    assert!(
        truth
            .iter()
            .all(|(_, value, quality)| value.is_none() || quality == "exact"),
        "{truth:?}"
    );
    let told = ran.log.matches("groups have").count();
    println!("multiplex_error.groups_made_smaller {told} 1");
    assert!((1..=3).contains(&told), "{}", ran.log);
}

/// Scenario: the same workload by control group, by process, by CPU, and the machine as a whole.
/// Guaranteed: each way gives counts and an IPC that is plausible; those of the process and its group are alike.
#[test]
fn all_four_ways_count() {
    if !have(&[Need::Lab]) {
        return;
    }
    let graph = r#"(
        version: 1,
        targets: {
            "web": (plugin: "process.run", config: (command: "act 800 8000 30 300", cpus: "1")),
        },
        collectors: {
            "cgroup": (plugin: "perf.counters", of: ["web"], every: "500ms", config: (events: ["ipc", "stalls"], by: Cgroup)),
            "process": (plugin: "perf.counters", of: ["web"], every: "500ms", config: (events: ["ipc"], by: Process)),
            "cpu": (plugin: "perf.counters", of: ["web"], every: "500ms", config: (events: ["ipc"], by: Cpu)),
            "system": (plugin: "perf.counters", every: "500ms", config: (events: ["ipc", "r00c0", "cpu/event=0xc0,umask=0x0/"], by: System)),
            "sample": (plugin: "perf.sample", of: ["web"]),
        },
        sinks: {
            "record": (plugin: "file.jsonl", from: ["cgroup", "process", "cpu", "system", "sample"], config: (path: "/out/run.jsonl")),
        },
    )"#;
    let ran = run(graph, 12, "");
    let mean = |node: &str, part: &str| {
        let readings = ran.readings(node, "perf.ipc");
        let of_it = readings.iter().filter(|(its, ..)| its == part);
        let values: Vec<f64> = of_it.filter_map(|(_, value, _)| *value).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    for (node, part) in [
        ("cgroup", ""),
        ("process", ""),
        ("cpu", "cpu/1"),
        ("system", ""),
        ("sample", ""),
    ] {
        let ipc = mean(node, part);
        println!("four_ways.{node}.ipc {ipc:.3} 1");
        assert!(
            (0.05..2.0).contains(&ipc),
            "{node}: {:?}\n{}",
            ran.readings(node, "perf.ipc"),
            ran.log
        );
    }
    let off = ran.off_percent(("process", "perf.instructions"), ("cgroup", "perf.instructions"));
    println!("four_ways.process_beside_cgroup {off:.3} percent");
    assert!(off <= 5.0, "{}", ran.log);
    let cpus: Vec<String> = ran
        .readings("cpu", "perf.cycles")
        .into_iter()
        .map(|(part, ..)| part)
        .collect();
    assert!(
        cpus.iter().all(|part| part.is_empty() || part == "cpu/1"),
        "it may use CPU 1 alone: {cpus:?}"
    );
    for raw in ["perf.r00c0", "perf.cpu_event_0xc0_umask_0x0"] {
        let off = ran.off_percent(("system", raw), ("system", "perf.instructions"));
        println!("four_ways.{raw} {off:.3} percent");
        assert!(off <= 5.0, "{raw} is instructions retired\n{}", ran.log);
    }
    let overflows = ran.sum("sample", "perf.overflows");
    println!("four_ways.sample.overflows {overflows} 1");
    assert!(overflows >= 10.0, "{}", ran.log);
}

/// Scenario: what Intel's PCM shows, of the machine, its CPUs and its socket, with a workload on one CPU.
/// Guaranteed: the CPUs make up the socket, and the socket the machine; the workload's CPU ran the most instructions; ticks are
/// counted by a PMU that is not the CPUs' own; and what this machine lacks (it has no counters of memory channels) has no
/// number anywhere.
#[test]
fn what_pcm_shows_is_counted_by_cpu_and_socket() {
    if !have(&[Need::Lab]) {
        return;
    }
    let graph = r#"(
        version: 1,
        targets: { "web": (plugin: "process.run", config: (command: "act 800 8000 30 300", cpus: "1")) },
        collectors: {
            "pcm": (plugin: "perf.counters", every: "500ms", config: (events: ["pcm"], by: System, per_cpu: true, per_socket: true)),
        },
        sinks: { "record": (plugin: "file.jsonl", from: ["pcm"], config: (path: "/out/run.jsonl")) },
    )"#;
    let ran = run(graph, 12, "");
    let of = |metric: &str, wanted: &dyn Fn(&str) -> bool| -> f64 {
        let readings = ran.readings("pcm", metric);
        let of_it = readings.iter().filter(|(part, ..)| wanted(part));
        of_it.filter_map(|(_, value, _)| *value).sum()
    };
    let most = |metric: &str| {
        (0..4)
            .map(|cpu| of(metric, &|part| part == format!("cpu/{cpu}")))
            .fold(0.0, f64::max)
    };
    for metric in ["perf.cycles", "perf.instructions", "perf.msr_tsc"] {
        let whole = of(metric, &str::is_empty);
        let (cpus, socket) = (
            of(metric, &|part| part.starts_with("cpu/")),
            of(metric, &|part| part == "socket/0"),
        );
        println!("sockets.{} {whole:.0} 1", metric.trim_start_matches("perf."));
        assert!(whole > 1e6, "{metric}\n{}", ran.log);
        assert!(
            off_percent(cpus, whole) < 0.01 && off_percent(socket, whole) < 0.01,
            "{metric}: {cpus} of CPUs, {socket} of the socket, {whole} in all\n{}",
            ran.log
        );
    }
    let busy = of("perf.instructions", &|part| part == "cpu/1");
    assert!(busy > 0.0 && busy >= most("perf.instructions"), "{}", ran.log);
    let reads = ran.readings("pcm", "perf.uncore_imc_cas_count_read");
    assert!(
        !reads.is_empty() && reads.iter().all(|(_, value, _)| value.is_none()),
        "{reads:?}\n{}",
        ran.log
    );
    assert_eq!(ran.log.matches("uncore_imc/cas_count_read/").count(), 1, "{}", ran.log);
}

/// Scenario: the list of 28 events that RDT4NN counted, with a tracepoint and a raw code, on the machine as a whole; and four groups with
/// descriptors for two of them.
/// Guaranteed: of each event there is a number or the reason why not, which is told once; and each group has its turn.
#[test]
fn named_events_are_counted_or_told_and_groups_take_turns() {
    if !have(&[Need::Lab]) {
        return;
    }
    let graph = r#"(
        version: 1,
        targets: { "groups": (plugin: "cgroup.watch", config: (groups: ["/counted/*"])) },
        collectors: {
            "named": (plugin: "perf.counters", every: "1s", config: (events: ["rdt4nn", "sched:sched_switch", "r00c4"], by: System)),
            "turns": (plugin: "perf.counters", of: ["groups"], every: "500ms", config: (
                events: ["instructions"], by: Cgroup, descriptors: 8, turn: "2s",
            )),
        },
        sinks: { "record": (plugin: "file.jsonl", from: ["named", "turns"], config: (path: "/out/run.jsonl")) },
    )"#;
    let crowd = "for name in a b c d; do
            mkdir /sys/fs/cgroup/counted/$name
            sh -c 'echo $$ > /sys/fs/cgroup/counted/'$name'/cgroup.procs; while :; do sleep 0.2; done' &
        done";
    let ran = run(graph, 24, crowd);
    let of_node = |node: &str| {
        let lines: Vec<&Value> = ran.lines.iter().filter(|line| line["node"] == node).collect();
        lines
    };
    let is_delta =
        |line: &&&Value| line["part"] == "" && line["metric"].as_str().is_some_and(|name| !RATIOS.contains(&name));
    let names = |wanted: &dyn Fn(&Value) -> bool| {
        let lines = of_node("named");
        let of_it = lines.iter().filter(is_delta).filter(|line| wanted(line));
        of_it
            .filter_map(|line| line["metric"].as_str().map(str::to_owned))
            .collect::<BTreeSet<String>>()
    };
    let counted = names(&|line| line["value"].is_number());
    let lacking = names(&|line| !line["value"].is_number() && line["reason"] == "unsupported");
    println!("named_events_counted {} events", counted.len());
    println!("named_events_lacking {} events", lacking.len());
    assert_eq!(
        counted.union(&lacking).count(),
        30,
        "{counted:?}\n{lacking:?}\n{}",
        ran.log
    );
    assert!(counted.is_disjoint(&lacking), "{counted:?}\n{lacking:?}");
    for metric in [
        "perf.cycles",
        "perf.llc_load_misses",
        "perf.context_switches",
        "perf.sched_sched_switch",
        "perf.r00c4",
    ] {
        assert!(ran.sum("named", metric) > 0.0, "{metric} of {counted:?}\n{}", ran.log);
    }
    let turns = of_node("turns");
    let had = |line: &&&Value| line["metric"] == "perf.instructions" && line["value"].as_f64() > Some(0.0);
    let had: BTreeSet<&str> = turns
        .iter()
        .filter(had)
        .filter_map(|line| line["target"].as_str())
        .collect();
    println!("named_events_turns {} groups", had.len());
    assert_eq!(had.len(), 4, "{had:?}\n{}", ran.log);
    assert!(
        turns.iter().any(|line| line["reason"] == "unknown"),
        "some wait for their turn\n{}",
        ran.log
    );
}

/// What is derived from counts and is no event.
const RATIOS: [&str; 12] = [
    "perf.ipc",
    "perf.cpi",
    "perf.cache_miss_rate",
    "perf.llc_miss_rate",
    "perf.l1d_miss_rate",
    "perf.dtlb_miss_rate",
    "perf.branch_miss_rate",
    "perf.cache_mpki",
    "perf.llc_mpki",
    "perf.l1d_mpki",
    "perf.branch_mpki",
    "perf.stalled_frontend",
];
