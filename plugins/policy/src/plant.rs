//! A small world for the tests of policies that close a loop: a victim that suffers from neighbours through resources, more
//! or less as their knobs stand, a detector that says so, and an actuator that does as it is told. Steps of 200 ms; the
//! policy is also called when it wishes. It stands for no machine: the simulated node does that.

use pipeline_plugin_api::abi::{OUTCOMES_PORT, PortBatch};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::collections::BTreeMap;

/// The victim, of class Latency, on CPU 0.
pub const WEB: u32 = 1;
/// The first neighbour.
pub const BATCH: u32 = 2;
const STEP: u64 = 200_000_000;
/// From which ratio on the detector counts a sample as bad.
const BAD: f64 = 1.5;

/// A neighbour.
#[derive(Clone, Debug)]
pub struct Rival {
    /// Through what it harms the victim.
    pub resource: Resource,
    /// By how many times more than its baseline, unrestrained.
    pub harm: f64,
    /// From when to when it works, in seconds.
    pub works: (f64, f64),
}

/// See the file.
pub struct Plant {
    pub host: TestHost,
    pub node: TestNode,
    pub at: u64,
    pub rivals: Vec<Rival>,
    /// Whom the detector blames, and through what; those who do harm where not said.
    pub blames: Option<(Resource, Vec<u32>)>,
    /// The knobs that the actuator refuses to turn.
    pub refused: Vec<&'static str>,
    /// Whether the actuator is in a dry run.
    pub plans: bool,
    pub actions: Vec<Action>,
    /// The victim's ratio at each step.
    pub ratios: Vec<f64>,
    /// The share of the neighbours' work that got done, by step.
    pub kept: Vec<f64>,
    state_version: u32,
    make: fn(&TestHost, &str) -> TestNode,
    held: BTreeMap<(u32, String), (f64, String, u64)>,
    finding: Option<(u64, Resource)>,
    findings: u64,
    bad: u32,
    quiet: u32,
    outcomes: Vec<Outcome>,
    wish: u64,
}

/// What the actuator offers of each neighbour: name, unit, least, most, step, found, stricter, resource, cost.
type Offered = (&'static str, &'static str, f64, f64, f64, f64, i32, Resource, f64);

const OFFERS: [Offered; 10] = [
    ("cpu.idle", "1", 0.0, 1.0, 1.0, 0.0, 1, Resource::CPU_TIME, 0.1),
    (
        "cpu.weight",
        "1",
        1.0,
        10_000.0,
        1.0,
        100.0,
        -1,
        Resource::CPU_TIME,
        0.15,
    ),
    ("cpu.set", "list", 1.0, 4.0, 1.0, 4.0, -1, Resource::CPU_TIME, 0.5),
    (
        "cpu.quota",
        "cpus",
        0.01,
        4.0,
        0.0,
        f64::INFINITY,
        -1,
        Resource::CPU_TIME,
        0.95,
    ),
    ("freeze", "1", 0.0, 1.0, 1.0, 0.0, 1, Resource::CPU_TIME, 1.0),
    ("process.running", "1", 0.0, 1.0, 1.0, 1.0, -1, Resource::CPU_TIME, 1.0),
    ("l3.ways", "ways", 1.0, 20.0, 1.0, 20.0, -1, Resource::L3, 0.5),
    ("l3.part", "list", 1.0, 20.0, 1.0, 20.0, -1, Resource::L3, 0.5),
    (
        "memory.bandwidth.share",
        "1",
        0.1,
        1.0,
        0.1,
        1.0,
        -1,
        Resource::MEMORY_BANDWIDTH,
        0.5,
    ),
    // A knob that no policy here was told of.
    ("disk.share", "1", 0.05, 1.0, 0.0, 1.0, -1, Resource::IO, 0.5),
];

impl Plant {
    pub fn new<E: Scheduler>(config: &str, rivals: &[(Resource, f64)]) -> Self {
        let make = |host: &TestHost, config: &str| host.node::<Schedules<E>>(config).unwrap();
        let host = TestHost::new();
        let node = make(&host, config);
        let rivals: Vec<Rival> = rivals
            .iter()
            .map(|(resource, harm)| Rival {
                resource: *resource,
                harm: *harm,
                works: (5.0, f64::INFINITY),
            })
            .collect();
        let mut plant = Self {
            host,
            node,
            at: 0,
            rivals,
            blames: None,
            refused: Vec::new(),
            plans: false,
            actions: Vec::new(),
            ratios: Vec::new(),
            kept: Vec::new(),
            state_version: E::STATE_VERSION,
            make,
            held: BTreeMap::new(),
            finding: None,
            findings: 0,
            bad: 0,
            quiet: 0,
            outcomes: Vec::new(),
            wish: 0,
        };
        plant.appear("web", Class::LATENCY, &[0]);
        for i in 0..plant.rivals.len() {
            plant.appear(&format!("batch{i}"), Class::BEST_EFFORT, &[0, 1, 2, 3]);
        }
        plant
    }

    /// A successor that took over the state, in the same world.
    pub fn succeed(&mut self, config: &str) {
        let state = self.node.raw().save().into_result().unwrap();
        let mut node = (self.make)(&self.host, config);
        let version = self.state_version;
        node.raw().load(version, state.as_slice().into()).into_result().unwrap();
        self.node = node;
    }

    fn appear(&mut self, name: &str, class: Class, cpus: &[u32]) {
        let target = self.host.target(Target {
            name: name.into(),
            class,
            cpus: cpus.to_vec().into(),
            ..Target::default()
        });
        self.node.change(Nanos(self.at), Change::APPEARED, &target).unwrap();
        let mut batch = Batch::default();
        for (name, unit, least, most, step, value, stricter, resource, cost) in OFFERS {
            let knob = self.host.world().names.knob(name, unit).unwrap();
            batch.controls.push(Control {
                target: target.id,
                knob,
                resource,
                least,
                most,
                step,
                value,
                stricter,
                cost,
                ..Control::default()
            });
        }
        let said = self
            .node
            .feed_ports(Nanos(self.at), &[(OUTCOMES_PORT, &batch)])
            .unwrap();
        self.take(said);
    }

    pub fn gone(&mut self, target: u32) {
        let target = self.host.world().targets[&TargetId(target)].clone();
        self.held.retain(|(of, _), _| *of != target.id.0);
        let said = self.node.change(Nanos(self.at), Change::GONE, &target).unwrap();
        self.take(said);
    }

    /// Somebody else writes to a knob that the policy holds.
    pub fn seize(&mut self, target: u32, knob: &str) {
        let (_, _, action) = self
            .held
            .remove(&(target, knob.to_owned()))
            .expect("a knob that is held");
        let knob = self.knob(knob);
        self.outcomes.push(Outcome {
            action,
            target: TargetId(target),
            knob,
            fate: Fate::TAKEN,
            ..Outcome::default()
        });
    }

    pub fn seconds(&mut self, seconds: u64) {
        let until = self.at + seconds * 1_000_000_000;
        while self.at + STEP <= until {
            self.step();
        }
    }

    fn step(&mut self) {
        let due = self.at + STEP;
        while self.wish > self.at && self.wish < due {
            self.at = self.wish;
            self.call(&Batch::default());
        }
        self.at = due;
        self.ratios.push(self.ratio());
        let work: f64 = (0..self.rivals.len()).map(|i| self.done(i)).sum();
        self.kept.push(work / self.rivals.len().max(1) as f64);
        let batch = self.detect();
        self.call(&batch);
    }

    fn call(&mut self, batch: &Batch) {
        let answers = Batch {
            outcomes: std::mem::take(&mut self.outcomes).into(),
            ..Batch::default()
        };
        let at = Nanos(self.at);
        let mut out = Batch::default();
        let ports = [(0, batch), (OUTCOMES_PORT, &answers)].map(|(port, batch)| PortBatch { port, batch });
        let wish = self
            .node
            .raw()
            .input(at, ports.as_slice().into(), &mut out)
            .into_result()
            .unwrap();
        self.wish = wish.0;
        self.take(out);
    }

    fn take(&mut self, said: Batch) {
        for action in &said.actions {
            self.act(action);
        }
        self.actions.extend(said.actions.iter().cloned());
    }

    fn act(&mut self, action: &Action) {
        let knob = self.name(action.knob);
        let held = (action.target.0, knob.clone());
        let fate = match action.is_release() {
            true => Fate::UNDONE,
            false if self.refused.contains(&knob.as_str()) => Fate::REFUSED,
            false if self.plans => Fate::PLANNED,
            false => Fate::APPLIED,
        };
        match fate {
            Fate::APPLIED => drop(
                self.held
                    .insert(held, (action.value, action.text.to_string(), action.id)),
            ),
            _ => drop(self.held.remove(&held)),
        }
        self.outcomes.push(Outcome {
            action: action.id,
            target: action.target,
            knob: action.knob,
            fate,
            ..Outcome::default()
        });
    }

    /// The value at which a knob of a neighbour stands, and its text.
    fn stands(&self, rival: usize, knob: &str) -> Option<(f64, &str)> {
        let held = self.held.get(&(BATCH + rival as u32, knob.to_owned()))?;
        Some((held.0, held.1.as_str()))
    }

    /// What is left of a neighbour's harm as its knobs stand, 0..=1.
    fn left(&self, rival: usize) -> f64 {
        let number = |knob, free: f64| self.stands(rival, knob).map_or(free, |(value, _)| value);
        let away = |cpu: char| {
            self.stands(rival, "cpu.set")
                .is_some_and(|(_, text)| !text.contains(cpu))
        };
        if number("freeze", 0.0) == 1.0 {
            return 0.0;
        }
        let quota = (number("cpu.quota", 1.0)).min(1.0);
        match self.rivals[rival].resource {
            Resource::CPU_TIME if number("cpu.idle", 0.0) == 1.0 || away('0') => 0.0,
            // A quota spares only the requests that come while it has run out.
            Resource::CPU_TIME => quota.powf(0.3) * (number("cpu.weight", 100.0) / 100.0),
            Resource::L3 => quota * ((number("l3.ways", 20.0) - 4.0) / 16.0).max(0.0),
            Resource::MEMORY_BANDWIDTH => quota * ((number("memory.bandwidth.share", 1.0) - 0.2) / 0.8).max(0.0),
            // The sibling of CPU 0 is CPU 2.
            Resource::SMT => quota * if away('2') { 0.0 } else { 1.0 },
            Resource::IO => ((number("disk.share", 1.0) - 0.05) / 0.95).max(0.0),
            _ => 1.0,
        }
    }

    fn works(&self, rival: usize) -> bool {
        let (from, to) = self.rivals[rival].works;
        let now = self.at as f64 / 1e9;
        (from..to).contains(&now)
    }

    /// What is left of a neighbour's work, as the costs of the knobs say.
    fn done(&self, rival: usize) -> f64 {
        let mut done = 1.0;
        for (name, _, least, most, _, found, stricter, _, cost) in OFFERS {
            if let Some((value, text)) = self.stands(rival, name) {
                let (strictest, found) = if stricter > 0 {
                    (most, least)
                } else {
                    (least, found.min(most))
                };
                let depth = if text.is_empty() {
                    (found - value).abs() / (found - strictest).abs()
                } else {
                    1.0
                };
                done *= 1.0 - cost * depth.min(1.0);
            }
        }
        done
    }

    /// How many times worse than its baseline the victim is.
    pub fn ratio(&self) -> f64 {
        let works = (0..self.rivals.len()).filter(|rival| self.works(*rival));
        1.0 + works
            .map(|rival| self.rivals[rival].harm * self.left(rival))
            .sum::<f64>()
    }

    /// The detector: three bad samples begin a finding, six good ones end it.
    fn detect(&mut self) -> Batch {
        let mut batch = Batch::default();
        let ratio = self.ratio();
        let metric = self.host.metric(&vocabulary::DETECT_RATIO);
        batch
            .readings
            .push(Reading::gauge(Nanos(self.at), TargetId(WEB), metric, ratio));
        (self.bad, self.quiet) = if ratio >= BAD {
            (self.bad + 1, 0)
        } else {
            (0, self.quiet + 1)
        };
        let phase = match self.finding {
            None if self.bad >= 3 => Phase::BEGINS,
            None => return batch,
            Some(_) if self.quiet >= 6 => Phase::ENDS,
            Some(_) => Phase::LASTS,
        };
        if phase == Phase::BEGINS {
            self.findings += 1;
        }
        let worst = (0..self.rivals.len()).filter(|rival| self.works(*rival));
        let worst = worst.max_by(|a, b| self.rivals[*a].harm.total_cmp(&self.rivals[*b].harm));
        let seen = worst.map_or(Resource::UNKNOWN, |rival| self.rivals[rival].resource);
        let (id, resource) = match self.finding {
            Some((id, resource)) => (id, resource),
            None => (
                self.findings,
                self.blames.as_ref().map_or(seen, |(resource, _)| *resource),
            ),
        };
        self.finding = (phase != Phase::ENDS).then_some((id, resource));
        batch.findings.push(self.found(id, phase, resource, ratio));
        batch
    }

    fn found(&self, id: u64, phase: Phase, resource: Resource, severity: f64) -> Finding {
        let doing = (0..self.rivals.len())
            .filter(|rival| self.works(*rival))
            .map(|rival| BATCH + rival as u32);
        let blamed: Vec<u32> = match &self.blames {
            Some((_, blamed)) => blamed.clone(),
            None => doing.collect(),
        };
        let culprit = |target: &u32| Culprit {
            target: TargetId(*target),
            score: 0.5,
        };
        let metric = self.host.metric(&vocabulary::CPU_TIME);
        let used = |target: &u32| {
            let used = Reading::delta(Nanos(self.at), Nanos::from_secs(1), TargetId(*target), metric, 1.0e9);
            if resource == Resource::SMT {
                used.of_part(Part::cpu(2))
            } else {
                used
            }
        };
        Finding {
            at: Nanos(self.at),
            id,
            phase,
            victim: TargetId(WEB),
            resource,
            severity,
            confidence: 0.9,
            culprits: blamed.iter().map(culprit).collect(),
            evidence: blamed.iter().map(used).collect(),
            ..Finding::default()
        }
    }

    pub fn holds(&self, target: u32, knob: &str) -> bool {
        self.held.contains_key(&(target, knob.to_owned()))
    }

    /// How many knobs are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Actions that change something: no renewals.
    pub fn changes(&self) -> Vec<Action> {
        let mut last: BTreeMap<(TargetId, KnobId), (u64, String)> = BTreeMap::new();
        let mut changes = Vec::new();
        for action in &self.actions {
            let knob = (action.target, action.knob);
            let state = (action.value.to_bits(), action.text.to_string());
            if action.is_release() {
                last.remove(&knob);
                changes.push(action.clone());
            } else if last.insert(knob, state.clone()) != Some(state) {
                changes.push(action.clone());
            }
        }
        changes
    }

    /// The changes for people, in order.
    pub fn story(&self) -> Vec<String> {
        let describe = |action: &Action| {
            let name = self.host.world().targets[&action.target].name.to_string();
            let knob = self.name(action.knob);
            match action.is_release() {
                true => format!("{name} {knob} undone"),
                false if action.text.is_empty() => format!("{name} {knob} {:.2}", action.value),
                false => format!("{name} {knob} {}", action.text),
            }
        };
        self.changes().iter().map(describe).collect()
    }

    pub fn logged(&self, what: &str) -> usize {
        self.host
            .world()
            .logs
            .iter()
            .filter(|(_, line)| line.contains(what))
            .count()
    }

    pub fn knob(&self, name: &str) -> KnobId {
        let (_, unit, ..) = OFFERS
            .iter()
            .find(|(offered, ..)| *offered == name)
            .expect("a knob on offer");
        self.host.world().names.knob(name, unit).unwrap()
    }

    fn name(&self, knob: KnobId) -> String {
        self.host.world().names.knob_name(knob).unwrap().name.to_string()
    }
}

/// The mean over the last so many seconds.
pub fn lately(samples: &[f64], seconds: usize) -> f64 {
    let last = &samples[samples.len().saturating_sub(seconds * 5)..];
    last.iter().sum::<f64>() / last.len().max(1) as f64
}
