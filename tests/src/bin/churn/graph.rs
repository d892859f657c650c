//! What the pipeline runs: every kind of element that keeps something of a target.

/// The graph, for groups of that pattern. The commands live for 50 ms in every 150 ms, each under a name of its own.
pub fn text(pattern: &str) -> String {
    let job = |number: u32| {
        format!(
            "        \"job-{number}\": (plugin: \"process.run\", config: (command: \"sleep 60\", class: BestEffort, \
             stop: \"50ms\", every: \"150ms\", stop_signal: Kill)),\n"
        )
    };
    let jobs: String = (0..3).map(job).collect();
    format!(
        r#"(
    version: 1,
    targets: {{
        "groups": (plugin: "cgroup.watch", config: (groups: ["{pattern}"], rules: [(groups: "**", class: Latency)])),
{jobs}    }},
    collectors: {{
        "use": (plugin: "cgroup.stats", of: ["groups", "job-0", "job-1", "job-2"], every: "50ms"),
        "wait": (plugin: "cgroup.pressure", of: ["groups", "job-0"], every: "50ms", config: (
            trigger: (some: "100ms", window: "2s", most: 8),
        )),
        "tasks": (plugin: "process.stats", of: ["job-0", "job-1", "job-2"], every: "50ms"),
    }},
    transforms: {{
        "rate": (plugin: "signal.rate", from: ["use", "wait", "tasks"], config: (metrics: ["cpu.*", "psi.*"])),
        "typical": (plugin: "signal.window", from: ["rate"], config: (metrics: ["cpu.time.rate"], span: "1s")),
        "slow": (plugin: "detect.baseline", from: ["use", "wait", "tasks"], config: (
            signal: "psi.cpu.some", learn: "100ms", victims: ["groups"],
        )),
    }},
    sinks: {{
        "lines": (plugin: "file.jsonl", from: ["use", "wait", "rate", "typical", "slow"], config: (
            path: "/dev/null", existing: Append,
        )),
        "table": (plugin: "file.table", from: ["use", "slow"], config: (path: "/dev/null", every: "500ms")),
    }},
)
"#
    )
}
