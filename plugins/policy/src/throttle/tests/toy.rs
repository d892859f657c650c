//! The toy world. Steps of 200 ms; the policy is also called when it wishes.

use crate::throttle::Throttle;
use pipeline_plugin_api::abi::OUTCOMES_PORT;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::collections::BTreeMap;

pub const WEB: u32 = 1;
/// The first neighbour.
pub const BATCH: u32 = 2;
const STEP: u64 = 200_000_000;

pub struct Toy {
    pub host: TestHost,
    pub node: TestNode,
    pub at: u64,
    /// Which knobs help the victim when they are held on every culprit.
    pub helps: Vec<&'static str>,
    /// Whether culprits are at work at all.
    pub disturbed: bool,
    /// What the detector blames.
    pub resource: Resource,
    pub blamed: Vec<(u32, f64)>,
    /// The knobs that the actuator refuses to turn.
    pub refused: Vec<&'static str>,
    /// Whether the actuator is in a dry run.
    pub plans: bool,
    pub actions: Vec<Action>,
    pub readings: Vec<Reading>,
    held: BTreeMap<(u32, String), u64>,
    finding: Option<u64>,
    findings: u64,
    quiet: u32,
    outcomes: Vec<Outcome>,
    wish: u64,
}

impl Toy {
    pub fn new(config: &str, neighbours: &[(&str, Class, &[u32])]) -> Self {
        let host = TestHost::new();
        let node = host.node::<Schedules<Throttle>>(config).unwrap();
        let mut toy = Self {
            host,
            node,
            at: 0,
            helps: vec!["cpu.idle"],
            disturbed: false,
            resource: Resource::CPU_TIME,
            blamed: vec![(BATCH, 1.0)],
            refused: Vec::new(),
            plans: false,
            actions: Vec::new(),
            readings: Vec::new(),
            held: BTreeMap::new(),
            finding: None,
            findings: 0,
            quiet: 0,
            outcomes: Vec::new(),
            wish: 0,
        };
        toy.appear("web", Class::LATENCY, &[0]);
        for (name, class, cpus) in neighbours {
            toy.appear(name, *class, cpus);
        }
        toy
    }

    /// A successor that took over the state, in the same world.
    pub fn succeed(&mut self, config: &str) {
        let state = self.node.raw().save().into_result().unwrap();
        let mut node = self.host.node::<Schedules<Throttle>>(config).unwrap();
        node.raw().load(2, state.as_slice().into()).into_result().unwrap();
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
        let controls = self.controls(target.id);
        self.node
            .feed_ports(Nanos(self.at), &[(OUTCOMES_PORT, &controls)])
            .unwrap();
    }

    fn controls(&self, target: TargetId) -> Batch {
        let inf = f64::INFINITY;
        let offers = [
            (vocabulary::CPU_IDLE, 0.0, 1.0, 0.0, 1),
            (vocabulary::CPU_WEIGHT, 1.0, 10_000.0, 100.0, -1),
            (vocabulary::CPU_SET, 0.0, 0.0, f64::NAN, -1),
            (vocabulary::CPU_QUOTA, 0.01, inf, inf, -1),
            (vocabulary::FREEZE, 0.0, 1.0, 0.0, 1),
            (vocabulary::L3_WAYS, 1.0, 20.0, 20.0, -1),
            (vocabulary::MEMORY_BANDWIDTH_SHARE, 0.1, 1.0, 1.0, -1),
            (vocabulary::PROCESS_PAUSED, 0.0, 1.0, 0.0, 1),
        ];
        let mut batch = Batch::default();
        for (knob, least, most, value, stricter) in offers {
            batch.controls.push(Control {
                target,
                knob: self.host.knob(&knob),
                least,
                most,
                value,
                stricter,
                cost: 0.5,
                ..Control::default()
            });
        }
        batch
    }

    pub fn gone(&mut self, target: u32) {
        let target = self.host.world().targets[&TargetId(target)].clone();
        self.held.retain(|(of, _), _| *of != target.id.0);
        let said = self.node.change(Nanos(self.at), Change::GONE, &target).unwrap();
        self.take(said);
    }

    /// A target turns out to be one that must not be touched.
    pub fn protect(&mut self, target: u32) {
        let target = self.host.world().targets[&TargetId(target)].clone();
        let target = Target {
            class: Class::LATENCY,
            ..target
        };
        let said = self.node.change(Nanos(self.at), Change::CHANGED, &target).unwrap();
        self.take(said);
    }

    /// Somebody else writes to a knob that the policy holds.
    pub fn seize(&mut self, target: u32, knob: &str) {
        let action = self
            .held
            .remove(&(target, knob.to_owned()))
            .expect("a knob that is held");
        let knob = vocabulary::knob(knob).unwrap();
        self.outcomes.push(Outcome {
            action,
            target: TargetId(target),
            knob: self.host.knob(&knob),
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

    pub fn step(&mut self) {
        let due = self.at + STEP;
        while self.wish > self.at && self.wish < due {
            self.at = self.wish;
            self.call(&Batch::default());
        }
        self.at = due;
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
        let ports = [(0, batch), (OUTCOMES_PORT, &answers)]
            .map(|(port, batch)| pipeline_plugin_api::abi::PortBatch { port, batch });
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
        self.readings.extend(said.readings.iter().copied());
        for action in &said.actions {
            self.act(action);
        }
        self.actions.extend(said.actions.iter().cloned());
    }

    fn act(&mut self, action: &Action) {
        let knob = self.knob(action);
        let held = (action.target.0, knob.clone());
        let fate = match action.is_release() {
            true => Fate::UNDONE,
            false if self.refused.contains(&knob.as_str()) => Fate::REFUSED,
            false if self.plans => Fate::PLANNED,
            false => Fate::APPLIED,
        };
        match fate {
            Fate::APPLIED => drop(self.held.insert(held, action.id)),
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

    /// The detector: three bad samples begin a finding, six quiet ones end it.
    fn detect(&mut self) -> Batch {
        let mut batch = Batch::default();
        let ratio = if self.suffers() { 20.0 } else { 1.1 };
        let metric = self.host.metric(&vocabulary::DETECT_RATIO);
        batch
            .readings
            .push(Reading::gauge(Nanos(self.at), TargetId(WEB), metric, ratio));
        self.quiet = if self.suffers() { 0 } else { self.quiet + 1 };
        let phase = match self.finding {
            None if self.suffers() => Phase::BEGINS,
            None => return batch,
            Some(_) if self.quiet >= 6 => Phase::ENDS,
            Some(_) => Phase::LASTS,
        };
        if phase == Phase::BEGINS {
            self.findings += 1;
            self.finding = Some(self.findings);
        }
        batch.findings.push(self.found(phase, ratio));
        if phase == Phase::ENDS {
            self.finding = None;
        }
        batch
    }

    fn found(&self, phase: Phase, severity: f64) -> Finding {
        let culprit = |(target, score): &(u32, f64)| Culprit {
            target: TargetId(*target),
            score: *score,
        };
        let second = Nanos::from_secs(1);
        let metric = self.host.metric(&vocabulary::CPU_TIME);
        let used = |(target, _): &(u32, f64)| Reading::delta(Nanos(self.at), second, TargetId(*target), metric, 0.8e9);
        Finding {
            at: Nanos(self.at),
            id: self.findings,
            phase,
            victim: TargetId(WEB),
            resource: self.resource,
            severity,
            confidence: 0.9,
            culprits: self.blamed.iter().map(culprit).collect(),
            evidence: self.blamed.iter().map(used).collect(),
            ..Finding::default()
        }
    }

    fn suffers(&self) -> bool {
        let held = |target: u32| {
            self.helps
                .iter()
                .any(|knob| self.held.contains_key(&(target, (*knob).to_owned())))
        };
        self.disturbed && !self.blamed.iter().all(|(target, _)| held(*target))
    }

    pub fn holds(&self, target: u32, knob: &str) -> bool {
        self.held.contains_key(&(target, knob.to_owned()))
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

    pub fn describe(&self, action: &Action) -> String {
        let name = self.host.world().targets[&action.target].name.to_string();
        let knob = self.knob(action);
        match action.is_release() {
            true => format!("{name} {knob} undone"),
            false if action.text.is_empty() => format!("{name} {knob} {:.2}", action.value),
            false => format!("{name} {knob} {}", action.text),
        }
    }

    pub fn logged(&self, what: &str) -> usize {
        self.host
            .world()
            .logs
            .iter()
            .filter(|(_, line)| line.contains(what))
            .count()
    }

    /// What was told of a metric of the policy itself: seconds and value.
    pub fn told(&self, metric: &Metric) -> Vec<(f64, f64)> {
        let id = self.host.metric(metric);
        let told = self.readings.iter().filter(|reading| reading.metric == id);
        told.map(|reading| (reading.at.seconds(), reading.value)).collect()
    }

    fn knob(&self, action: &Action) -> String {
        self.host.world().names.knob_name(action.knob).unwrap().name.to_string()
    }
}
