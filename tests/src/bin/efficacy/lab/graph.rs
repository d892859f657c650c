//! The graphs in which a scenario is played: between policies nothing differs but transforms, schedulers and actuators.

use super::stage::{Scenario, VICTIM, VICTIM_CPU, shell};

/// What is brought along.
pub const PLUGINS: [&str; 7] = ["process", "cgroup", "policy", "file", "detect", "perf", "resctrl"];

/// How much of the work of all rivals a policy may take: as much as the search may, by which it is measured.
const MOST_TAKEN: f64 = 1.0;

/// How long a victim has to recover there: a count each half second shows by itself what needs many requests to show.
const PROOF: &str = "2s";

/// What lies between collectors and sinks.
struct Middle {
    sections: String,
    /// The nodes of it that are recorded.
    recorded: &'static [&'static str],
}

/// The graph of a scenario under a policy.
pub fn graph(scenario: &Scenario, policy: &str) -> String {
    let mut targets = target(VICTIM, &shell(scenario.act, 1), VICTIM_CPU, "class: Latency");
    let mut rivals = Vec::new();
    for rival in scenario.rivals {
        let rest = format!("class: BestEffort, start: \"{}s\", stop: \"{}s\"", rival.from, rival.to);
        targets += &target(rival.name, &shell(rival.act, rival.wide), rival.cpus, &rest);
        rivals.push(format!("\"{}\"", rival.name));
    }
    let rivals = rivals.join(", ");
    let Middle { sections, recorded } = middle(policy, scenario);
    let cpu = scenario.own_cpu();
    let heard: String = recorded.iter().map(|node| format!(", \"{node}\"")).collect();
    format!(
        r#"(
    version: 1,
    targets: {{
{targets}    }},
    collectors: {{
        "counters": (plugin: "perf.counters", of: ["{VICTIM}"], every: "500ms", cpu: {cpu}, config: (events: ["ipc", "llc"], cpus: Allowed)),
        // For the score alone: what the others get done. Each of their CPUs is asked, which takes the emulator its time.
        "work": (plugin: "perf.counters", of: [{rivals}], every: "1s", cpu: {cpu}, config: (events: ["ipc"], cpus: Allowed)),
        "cache": (plugin: "resctrl.monitor", of: ["{VICTIM}", {rivals}], every: "500ms", cpu: {cpu}),
        "time": (plugin: "process.stats", of: ["{VICTIM}", {rivals}], every: "500ms", cpu: {cpu}),
    }},
{sections}    sinks: {{
        "record": (plugin: "file.jsonl", from: ["counters", "work", "cache", "time"{heard}], cpu: {cpu}, config: (path: "/out/run.jsonl")),
    }},
)"#
    )
}

fn target(name: &str, shell: &str, cpus: &str, rest: &str) -> String {
    format!(
        "        \"{name}\": (plugin: \"process.run\", config: (command: \"sh -c '{shell}'\", cpus: \"{cpus}\", {rest})),\n"
    )
}

fn middle(policy: &str, scenario: &Scenario) -> Middle {
    let cores = scenario.cores;
    match policy {
        "ours" => {
            let well = scenario.strict.map(|(_, well)| format!(", loss: {well}"));
            let config = bounds(cores) + &well.unwrap_or_default();
            of_ours(scenario, "policy.adaptive", r#""triage", "time""#, &config)
        }
        "throttle" => {
            let ladder = "ladder: [Idle, Weight, CpuSet, Ways, Bandwidth, Quota], release: 1.1, may_move: true";
            let config = format!("{}, {ladder}", bounds(cores));
            of_ours(scenario, "policy.throttle", r#""triage""#, &config)
        }
        "static" => Middle {
            sections: "    schedulers: { \"guard\": (plugin: \"policy.priority\") },\n    \
                       actuators: { \"l3\": (plugin: \"resctrl.partition\", from: [\"guard\"]) },\n"
                .to_owned(),
            recorded: &["guard", "l3"],
        },
        "cpi2-fast" => Middle {
            sections: CPI2_FAST.to_owned(),
            recorded: &["who", "guard", "limit"],
        },
        "micro-container" => Middle {
            sections: MICRO_CONTAINER.to_owned(),
            recorded: &["drop", "guard", "limit"],
        },
        _ => Middle {
            sections: triage(scenario, ""),
            recorded: &["triage"],
        },
    }
}

/// Our detectors before a scheduler with both actuators.
fn of_ours(scenario: &Scenario, plugin: &str, from: &str, config: &str) -> Middle {
    let rest = format!(
        r#"    schedulers: {{ "guard": (plugin: "{plugin}", from: [{from}], config: ({config})) }},
    actuators: {{
        "l3": (plugin: "resctrl.partition", from: ["guard"]),
        "limit": (plugin: "cgroup.limit", from: ["guard"]),
    }},
"#
    );
    Middle {
        sections: triage(scenario, ", last: [\"l3\", \"limit\"]") + &rest,
        recorded: &["triage", "guard", "l3", "limit"],
    }
}

fn triage(scenario: &Scenario, last: &str) -> String {
    let strict = scenario.strict;
    let strict = strict.map(|(suffers, well)| format!("loss: {suffers}, release: {well}, "));
    let cores: Vec<String> = threads(scenario.cores)
        .map(|(one, other)| format!("[{one}, {other}]"))
        .collect();
    format!(
        "    transforms: {{ \"triage\": (plugin: \"detect.triage\", from: [\"counters\", \"cache\", \"time\"]{last}, \
         config: ({}cores: [{}])) }},\n",
        strict.unwrap_or_default(),
        cores.join(", ")
    )
}

/// What our policies are told alike.
fn bounds(cores: u32) -> String {
    let siblings = siblings(cores);
    format!("{siblings}, proof: \"{PROOF}\", most_taken: {MOST_TAKEN:.1}")
}

fn siblings(cores: u32) -> String {
    let cores: Vec<String> = threads(cores)
        .map(|(one, other)| format!("\"{one},{other}\""))
        .collect();
    format!("siblings: [{}]", cores.join(", "))
}

/// The CPUs of each core.
fn threads(cores: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..cores).map(|core| (2 * core, 2 * core + 1))
}

/// As in `configs/efficacy-cpi2-fast.ron`, with a job that is known from 4 samples on: the victim is alone for 12 s.
const CPI2_FAST: &str = r#"    transforms: {
        "outlier": (plugin: "detect.outlier", from: ["counters", "time"], last: ["limit"], config: (
            window: "500ms", every: "3s", samples: 4,
        )),
        "who": (plugin: "detect.culprit", from: ["outlier", "time"], config: (
            method: Published, threshold: 1.05, span: "500ms", window: "30s", every: "1s",
        )),
    },
    schedulers: {
        "guard": (plugin: "policy.throttle", from: ["who"], config: (
            ladder: [Quota], against: Any, cut: 0.0, floor: 0.01, settle: "0s", proof: "15s", improvement: 0.0,
            hold: "15s", hold_most: "15s", cooldown: "3s", quota_step: 1000.0,
        )),
    },
    actuators: { "limit": (plugin: "cgroup.limit", from: ["guard"]) },
"#;

/// As in `configs/efficacy-micro-container.ron`, with a baseline that is learnt in 6 s.
const MICRO_CONTAINER: &str = r#"    transforms: {
        "drop": (plugin: "detect.baseline", from: ["counters"], last: ["limit"], config: (
            signal: "perf.ipc", worse: Lower, threshold: 1.6667, release: 1.6667, learn: "6s",
            spreads: 0.0, votes: 1, of_last: 1, quiet: 1, quiet_of: 1,
        )),
    },
    schedulers: {
        "guard": (plugin: "policy.throttle", from: ["drop"], config: (
            ladder: [Freeze], against: Any, whom: Everybody, least_confidence: 0.0, settle: "0s", proof: "3s",
            improvement: 0.0, hold: "3s", hold_most: "3s", relapse: "0s", cooldown: "1s", most_changes: 100000,
        )),
    },
    actuators: { "limit": (plugin: "cgroup.limit", from: ["guard"], config: (knobs: [Freeze])) },
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::arms;
    use crate::lab::stage::SCENARIOS;
    use std::collections::BTreeSet;

    #[test]
    fn each_policy_has_a_graph_of_its_own_with_the_same_players() {
        for scenario in &SCENARIOS {
            let graphs: BTreeSet<String> = arms().map(|arm| graph(scenario, arm.name)).collect();
            assert_eq!(graphs.len(), arms().count());
            let players = |graph: &String| graph.matches("process.run").count();
            assert!(graphs.iter().all(|graph| players(graph) == 1 + scenario.rivals.len()));
        }
    }

    #[test]
    fn only_where_the_defaults_are_too_coarse_is_told_what_a_victim_may_lose() {
        for scenario in &SCENARIOS {
            for arm in ["none", "ours"] {
                let is_told = graph(scenario, arm).contains("loss: ");
                assert_eq!(is_told, scenario.strict.is_some(), "{} {arm}", scenario.name);
            }
        }
    }

    #[test]
    fn siblings_are_named_for_as_many_cores_as_there_are() {
        assert_eq!(siblings(2), r#"siblings: ["0,1", "2,3"]"#);
        assert!(triage(&SCENARIOS[0], "").contains("(cores: [[0, 1], [2, 3], [4, 5]])"));
    }
}
