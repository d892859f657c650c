//! A simulated node on which every detector finds something and every policy acts, and what they said there: to be held
//! against a replay of it, here or on another machine. Which elements there are is asked by the tests.

use pipeline_plugin_api::abi::Fate;
use pipeline_plugin_api::names::Names;
use pipeline_record_store::{Emission, Player, Run, Wanted};
use std::collections::BTreeSet;
use std::path::Path;

/// How long it is simulated, as `--for` takes it.
pub const SPAN: &str = "100s";

/// A service with a cache of its own needs; batch work on its CPU from 30 s on, and a scan that fills the last-level cache
/// from 65 s on; a job that is guaranteed something; one that computes all the time.
const SCENARIO: &str = r#"(
            version: 1,
            about: "every kind of trouble, one after the other",
            seed: 5,
            machine: (cores: 4, threads: 2, ghz: 2.8, cache: "22MiB", ways: 11, bandwidth: "25GB", core_bandwidth: "11GB"),
            workloads: {
                "web": (
                    kind: Service(rate: 2000.0, demand: "150us"),
                    class: Latency,
                    cpus: "0",
                    nature: (ipc: 1.5, accesses: 24.0, misses: Falling(least: 0.2, most: 20.0, scale: "3MiB"), overlap: 1.5),
                ),
                "batch": (
                    kind: Batch(load: 1.0),
                    class: BestEffort,
                    cpus: "0",
                    threads: 3,
                    during: (from: "30s", to: "50s"),
                ),
                "scan": (
                    kind: Batch(load: 1.0),
                    class: BestEffort,
                    cpus: "1",
                    nature: (ipc: 1.7, accesses: 36.0, misses: Falling(least: 12.0, most: 30.0, scale: "22MiB"), overlap: 11.0),
                    during: (from: "65s", to: "85s"),
                ),
                "job": (
                    kind: Batch(load: 1.0),
                    class: Batch,
                    priority: 1,
                    cpus: "2",
                    nature: (ipc: 1.5, accesses: 10.0, misses: Falling(least: 0.2, most: 8.0, scale: "2MiB"), overlap: 2.0),
                ),
                "sums": (
                    kind: Batch(load: 1.0),
                    class: BestEffort,
                    cpus: "3",
                    nature: (ipc: 2.5, accesses: 0.5, misses: Flat(0.001)),
                ),
            },
        )"#;

/// What an element must have said for a replay to be held to something.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Tells {
    /// A finding at least.
    Findings,
    /// An action at least that an actuator carried out.
    Actions,
    /// Readings of this metric, not all of them the same.
    Numbers(&'static str),
}

/// An element, and what makes it decide something.
#[derive(Copy, Clone, Debug)]
pub struct Case {
    /// Its name.
    pub element: &'static str,
    /// Its `from`: `all` readings, what is `slow`, who `wants` something.
    from: &'static [&'static str],
    config: &'static str,
    tells: Tells,
}

/// Who asks for something, for a policy that judges what others ask for.
const IDLE: &str = "(actions: [(target: \"batch\", knob: \"cpu.idle\", value: 1.0)])";

/// All detectors and policies.
pub const CASES: &[Case] = &[
    found("detect.baseline", &["all"], "(learn: \"6s\")"),
    found(
        "detect.outlier",
        &["all"],
        "(window: \"1s\", every: \"1s\", samples: 20, votes: 2, least_cpu: 0.0)",
    ),
    found("detect.culprit", &["all", "slow"], "(window: \"1m\")"),
    found("detect.triage", &["all"], "()"),
    found("detect.pattern", &["all"], "()"),
    Case {
        element: "detect.class",
        from: &["all"],
        config: "()",
        tells: Tells::Numbers("detect.class"),
    },
    acted("policy.fixed", &["all"], IDLE),
    acted("policy.throttle", &["slow"], "()"),
    acted("policy.priority", &["slow", "all"], "()"),
    acted("policy.adaptive", &["slow", "all"], "()"),
    acted("policy.dynamic", &["all"], "()"),
    acted("policy.budget", &["wants"], "()"),
];

const fn found(element: &'static str, from: &'static [&'static str], config: &'static str) -> Case {
    Case {
        element,
        from,
        config,
        tells: Tells::Findings,
    }
}

const fn acted(element: &'static str, from: &'static [&'static str], config: &'static str) -> Case {
    Case {
        tells: Tells::Actions,
        ..found(element, from, config)
    }
}

impl Case {
    /// A name for its files.
    pub fn name(&self) -> String {
        self.element.replace('.', "-")
    }

    /// The graph in which it is the node `judge`, recorded into that folder.
    pub fn graph(&self, folder: &str) -> String {
        let from: Vec<String> = self.from.iter().map(|node| format!("{node:?}")).collect();
        let judge = format!(
            "\"judge\": (plugin: \"{}\", from: [{}], config: {}),",
            self.element,
            from.join(", "),
            self.config
        );
        let node = |name: &str, text: &str| match self.from.contains(&name) {
            true => format!("\"{name}\": {text},"),
            false => String::new(),
        };
        let acts = self.tells == Tells::Actions;
        let last = if acts { "last: [\"limit\"], " } else { "" };
        let slow = node(
            "slow",
            &format!("(plugin: \"detect.baseline\", from: [\"all\"], {last}config: (learn: \"6s\"))"),
        );
        let wants = node("wants", &format!("(plugin: \"policy.fixed\", config: {IDLE})"));
        let (judges, keeps) = match acts {
            true => (
                format!(
                    "transforms: {{ {slow} }},
    schedulers: {{ {wants} {judge} }},
    actuators: {{ \"limit\": (plugin: \"sim.knobs\", from: [\"judge\"]) }},"
                ),
                "\"judge\", \"limit\"",
            ),
            false => (format!("transforms: {{ {slow} {judge} }},"), "\"judge\""),
        };
        format!(
            "(
    version: 1,
    targets: {{ \"node\": (plugin: \"sim.node\", config: (scenario: Inline({SCENARIO}))) }},
    collectors: {{
        \"all\": (plugin: \"sim.metrics\", of: [\"node\"], every: \"500ms\", config: (families: [Kpi, Cpu, Quota, Steal, Perf, Cache])),
    }},
    {judges}
    sinks: {{ \"record\": (plugin: \"record.write\", from: [{keeps}], config: (path: {folder:?})) }},
)"
        )
    }

    /// All that counts of a run of its graph: what it said, and what became of that.
    ///
    /// # Panics
    /// There is no run in that folder.
    pub fn told(&self, run: &Path) -> [Vec<String>; 2] {
        let outcomes = match self.tells {
            Tells::Actions => Words::of(run, "limit").outcomes,
            _ => Vec::new(),
        };
        [Words::of(run, "judge").all, outcomes]
    }

    /// What is missing for a replay to be held to something, in a run of its graph.
    ///
    /// # Errors
    /// It said nothing of what it is there for.
    ///
    /// # Panics
    /// There is no run in that folder.
    pub fn decided(&self, run: &Path) -> Result<(), String> {
        let words = Words::of(run, "judge");
        match self.tells {
            Tells::Findings if words.findings == 0 => Err(format!("`{}` found nothing", self.element)),
            Tells::Actions if words.actions == 0 => Err(format!("`{}` asked for nothing", self.element)),
            Tells::Actions if Words::of(run, "limit").applied == 0 => {
                Err(format!("nothing that `{}` asked for was carried out", self.element))
            }
            Tells::Numbers(metric) if words.numbers_of(metric).len() < 2 => {
                Err(format!("`{}` said the same of everybody", self.element))
            }
            _ => Ok(()),
        }
    }
}

/// All that a node said in a run.
#[derive(Debug, Default)]
struct Words {
    /// Each time it spoke, with the bits of its numbers.
    all: Vec<String>,
    outcomes: Vec<String>,
    findings: usize,
    /// But for those that give a knob back.
    actions: usize,
    /// Outcomes of actions that hold.
    applied: usize,
    /// Metric and bits.
    numbers: BTreeSet<(String, u64)>,
}

impl Words {
    fn of(folder: &Path, node: &str) -> Self {
        let run = Run::open(folder).unwrap_or_else(|error| panic!("{error}"));
        let mut names = Names::default();
        let mut player = Player::new(&run, Wanted::Nodes(vec![node.to_owned()]), &mut names);
        let mut emission = Emission::default();
        let mut words = Self::default();
        while player.next_into(&mut emission, &mut names) {
            words.hear(&emission, &names);
        }
        words
    }

    fn hear(&mut self, emission: &Emission, names: &Names) {
        let batch = &emission.batch;
        let bits: Vec<u64> = batch.readings.iter().map(|reading| reading.value.to_bits()).collect();
        self.all.push(format!("{} {bits:x?} {batch:?}", emission.at));
        self.findings += batch.findings.len();
        self.actions += batch.actions.iter().filter(|action| !action.is_release()).count();
        self.outcomes
            .extend(batch.outcomes.iter().map(|outcome| format!("{outcome:?}")));
        let holds = |fate: Fate| fate == Fate::APPLIED || fate == Fate::CLAMPED;
        self.applied += batch.outcomes.iter().filter(|outcome| holds(outcome.fate)).count();
        for reading in &batch.readings {
            let name = names.metric_name(reading.metric).map(|metric| metric.name.to_string());
            self.numbers.insert((name.unwrap_or_default(), reading.value.to_bits()));
        }
    }

    fn numbers_of(&self, metric: &str) -> Vec<u64> {
        let own = self.numbers.iter().filter(|(name, _)| name == metric);
        own.map(|(_, bits)| *bits).collect()
    }
}
