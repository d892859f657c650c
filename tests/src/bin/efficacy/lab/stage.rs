//! Who plays on the emulated machine, and the graphs in which they do. A workload there is what it declares to the
//! emulator: core CPI, working set, accesses of the last-level cache per 1000 instructions, how much a busy sibling
//! slows it (in thousandths). CPUs 0 and 1 are threads of one core, 2 and 3 of the other; the cache has 11 MiB.

use pipeline_plugin_api::abi::Resource;
use std::fmt::Write;

/// What is brought along.
pub const PLUGINS: [&str; 7] = ["process", "cgroup", "policy", "file", "detect", "perf", "resctrl"];

/// Somebody who is there for a while, from one second to another.
#[derive(Copy, Clone, Debug)]
pub struct Rival {
    /// Its name.
    pub name: &'static str,
    /// Its character.
    pub act: &'static str,
    /// Where.
    pub cpus: &'static str,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// Through what it disturbs, if it does.
    pub through: Option<Resource>,
}

/// A scenario. The victim is there all the time, on CPU 0.
#[derive(Copy, Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The victim's character.
    pub act: &'static str,
    /// Who disturbs it, the worst first.
    pub rivals: &'static [Rival],
}

/// Fits 8 of the 11 MiB, alone.
const FITS: &str = "800 8000 30 300";
/// Reads what no cache holds.
const READS: &str = "800 60000 30 300";
/// Computes, and minds its sibling.
const COMPUTES: &str = "800 128 1 800";
/// Streams through the cache.
const STREAMS: &str = "800 20000 40 300";
/// Disturbs nobody.
const CALM: &str = "800 128 1 0";

const fn rival(
    name: &'static str,
    act: &'static str,
    cpus: &'static str,
    from: u64,
    through: Option<Resource>,
) -> Rival {
    Rival {
        name,
        act,
        cpus,
        from,
        to: 50,
        through,
    }
}

/// All of them.
pub const SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "l3",
        act: FITS,
        rivals: &[rival("rival", STREAMS, "2", 20, Some(Resource::L3))],
    },
    Scenario {
        name: "l3-again",
        act: FITS,
        rivals: &[
            Rival {
                to: 32,
                ..rival("first", STREAMS, "2", 20, Some(Resource::L3))
            },
            rival("second", STREAMS, "3", 38, Some(Resource::L3)),
        ],
    },
    Scenario {
        name: "bandwidth",
        act: READS,
        rivals: &[rival(
            "rival",
            "800 60000 60 0",
            "2-3",
            20,
            Some(Resource::MEMORY_BANDWIDTH),
        )],
    },
    Scenario {
        name: "smt",
        act: COMPUTES,
        rivals: &[rival("rival", CALM, "1", 20, Some(Resource::SMT))],
    },
    Scenario {
        name: "cpu",
        act: COMPUTES,
        rivals: &[rival("rival", CALM, "0", 20, Some(Resource::CPU_TIME))],
    },
    Scenario {
        name: "rivals",
        act: FITS,
        rivals: &[
            rival("thief", STREAMS, "2", 20, Some(Resource::L3)),
            rival("sibling", CALM, "1", 20, None),
            rival("bystander", CALM, "3", 20, None),
        ],
    },
    Scenario {
        name: "bystander",
        act: FITS,
        rivals: &[
            rival("thief", STREAMS, "2", 20, Some(Resource::L3)),
            rival("bystander", CALM, "3", 20, None),
        ],
    },
    Scenario {
        name: "quiet",
        act: FITS,
        rivals: &[rival("bystander", CALM, "2", 20, None)],
    },
    Scenario {
        name: "quiet-churn",
        act: COMPUTES,
        rivals: &[
            Rival {
                to: 30,
                ..rival("first", CALM, "2", 20, None)
            },
            Rival {
                to: 40,
                ..rival("second", CALM, "3", 25, None)
            },
            rival("third", CALM, "2", 35, None),
        ],
    },
];

/// The graph of a scenario under a policy.
pub fn graph(scenario: &Scenario, policy: &str) -> String {
    let (mut targets, mut names) = (String::new(), "\"victim\"".to_owned());
    for rival in scenario.rivals {
        // The emulator charges a thread with its cache when it comes onto its CPU, so somebody takes that for a moment now
        // and then, as everywhere.
        let _ = writeln!(
            targets,
            "        \"{}\": (plugin: \"process.run\", config: (command: \"sh -c 'while :; do sleep 0.02; done & exec act {}'\", \
             cpus: \"{}\", class: BestEffort, start: \"{}s\", stop: \"{}s\")),",
            rival.name, rival.act, rival.cpus, rival.from, rival.to
        );
        let _ = write!(names, ", \"{}\"", rival.name);
    }
    let (middle, heard) = middle(policy);
    format!(
        r#"(
    version: 1,
    targets: {{
        "victim": (plugin: "process.run", config: (
            command: "sh -c 'while :; do sleep 0.02; done & exec act {}'", cpus: "0", class: Latency,
        )),
{targets}    }},
    collectors: {{
        "counters": (plugin: "perf.counters", of: [{names}], every: "500ms", config: (events: ["ipc", "llc"], cpus: Allowed)),
        "cache": (plugin: "resctrl.monitor", of: [{names}], every: "500ms"),
        "time": (plugin: "process.stats", of: [{names}], every: "500ms"),
    }},
{middle}    sinks: {{
        "record": (plugin: "file.jsonl", from: ["counters", "time"{heard}], config: (path: "/out/run.jsonl")),
    }},
)"#,
        scenario.act
    )
}

/// Transforms, schedulers and actuators of a policy, and what of them is recorded.
fn middle(policy: &str) -> (String, &'static str) {
    let cores = r#"cores: [[0, 1], [2, 3]]"#;
    let triage = |last: &str| {
        format!(
            "    transforms: {{ \"triage\": (plugin: \"detect.triage\", from: [\"counters\", \"cache\", \"time\"]{last}, config: ({cores})) }},\n"
        )
    };
    let acting = |scheduler: &str| {
        format!(
            "    schedulers: {{ \"guard\": {scheduler} }},\n    actuators: {{\n        \
             \"l3\": (plugin: \"resctrl.partition\", from: [\"guard\"]),\n        \
             \"limit\": (plugin: \"cgroup.limit\", from: [\"guard\"]),\n    }},\n"
        )
    };
    let last = ", last: [\"l3\", \"limit\"]";
    let siblings = r#"siblings: ["0,1", "2,3"]"#;
    match policy {
        "ours" => (
            triage(last)
                + &acting(&format!(
                    "(plugin: \"policy.adaptive\", from: [\"triage\", \"time\"], config: ({siblings}))"
                )),
            ", \"triage\", \"guard\", \"l3\", \"limit\"",
        ),
        "throttle" => (
            triage(last)
                + &acting(&format!(
                    "(plugin: \"policy.throttle\", from: [\"triage\", \"time\"], config: ({siblings}, \
                     ladder: [Idle, Weight, CpuSet, Ways, Bandwidth, Quota]))"
                )),
            ", \"triage\", \"guard\", \"l3\", \"limit\"",
        ),
        "static" => (
            "    schedulers: { \"guard\": (plugin: \"policy.priority\") },\n    \
             actuators: { \"l3\": (plugin: \"resctrl.partition\", from: [\"guard\"]) },\n"
                .to_owned(),
            ", \"guard\", \"l3\"",
        ),
        _ => (triage(""), ", \"triage\""),
    }
}
