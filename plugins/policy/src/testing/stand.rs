//! What the tests of policies stand on: a policy in a test host, an actuator that does as it is told, and the memory of all
//! that was asked of it. Whom the policy is to help, and what helps, is the business of the worlds that are built on it.
//!
//! They go on in steps of 200 ms; between them the policy is called when it wishes.

use pipeline_plugin_api::abi::{OUTCOMES_PORT, PortBatch};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::collections::BTreeMap;

/// How far a world goes on at a time.
const STEP: u64 = 200_000_000;

/// See the file.
pub struct Stand {
    pub host: TestHost,
    pub node: TestNode,
    pub at: u64,
    /// The knobs that the actuator refuses to turn.
    pub refused: Vec<&'static str>,
    /// Whether the actuator is in a dry run.
    pub plans: bool,
    pub actions: Vec<Action>,
    /// What the policy told of itself.
    pub readings: Vec<Reading>,
    make: fn(&TestHost, &str) -> TestNode,
    state_version: u32,
    knobs: BTreeMap<String, KnobId>,
    held: BTreeMap<(u32, String), Held>,
    outcomes: Vec<Outcome>,
    wish: u64,
}

/// A knob that is turned.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub value: f64,
    pub text: String,
    action: u64,
}

impl Stand {
    pub fn new<E: Scheduler>(config: &str) -> Self {
        let make = |host: &TestHost, config: &str| host.node::<Schedules<E>>(config).unwrap();
        let host = TestHost::new();
        Self {
            node: make(&host, config),
            host,
            at: 0,
            refused: Vec::new(),
            plans: false,
            actions: Vec::new(),
            readings: Vec::new(),
            make,
            state_version: E::STATE_VERSION,
            knobs: BTreeMap::new(),
            held: BTreeMap::new(),
            outcomes: Vec::new(),
            wish: 0,
        }
    }

    /// A successor that took over the state, in the same world.
    pub fn succeed(&mut self, config: &str) {
        let state = self.node.raw().save().into_result().unwrap();
        let mut node = (self.make)(&self.host, config);
        let version = self.state_version;
        node.raw().load(version, state.as_slice().into()).into_result().unwrap();
        self.node = node;
    }

    /// A target comes, and the actuator offers knobs of it.
    pub fn appear(&mut self, target: Target, offers: Vec<Control>) -> TargetId {
        let target = self.host.target(target);
        let said = self.node.change(Nanos(self.at), Change::APPEARED, &target).unwrap();
        self.take(said);
        let mut batch = Batch::default();
        for offer in offers {
            self.knobs.insert(self.name(offer.knob), offer.knob);
            batch.controls.push(Control {
                target: target.id,
                ..offer
            });
        }
        let said = self
            .node
            .feed_ports(Nanos(self.at), &[(OUTCOMES_PORT, &batch)])
            .unwrap();
        self.take(said);
        target.id
    }

    pub fn gone(&mut self, target: u32) {
        let target = self.host.world().targets[&TargetId(target)].clone();
        self.held.retain(|(of, _), _| *of != target.id.0);
        let said = self.node.change(Nanos(self.at), Change::GONE, &target).unwrap();
        self.take(said);
    }

    /// A target turns out to be one that must not be touched.
    pub fn protect(&mut self, target: u32) {
        self.tell_anew(target, |told| told.class = Class::LATENCY);
    }

    /// A target is told to be on those CPUs now.
    pub fn move_to(&mut self, target: u32, cpus: &[u32]) {
        self.tell_anew(target, |told| told.cpus = cpus.to_vec().into());
    }

    fn tell_anew(&mut self, target: u32, change: impl Fn(&mut Target)) {
        let mut target = self.host.world().targets[&TargetId(target)].clone();
        change(&mut target);
        let said = self.node.change(Nanos(self.at), Change::CHANGED, &target).unwrap();
        self.take(said);
    }

    /// Somebody else writes to a knob that the policy holds.
    pub fn seize(&mut self, target: u32, knob: &str) {
        self.end(target, knob, Fate::TAKEN);
    }

    /// What the policy holds of a knob comes to that end.
    pub fn end(&mut self, target: u32, knob: &str, fate: Fate) {
        let held = self.held.remove(&(target, knob.to_owned()));
        self.outcomes.push(Outcome {
            action: held.expect("a knob that is held").action,
            target: TargetId(target),
            knob: self.knob(knob),
            fate,
            ..Outcome::default()
        });
    }

    /// How many steps those seconds are.
    pub fn steps(seconds: u64) -> u64 {
        seconds * 1_000_000_000 / STEP
    }

    /// Goes on to the next step; the policy is called when it wishes meanwhile.
    pub fn pass(&mut self) {
        let due = self.at + STEP;
        while self.wish > self.at && self.wish < due {
            self.at = self.wish;
            self.call(&Batch::default());
        }
        self.at = due;
    }

    /// The policy hears that, and what became of what it asked for last.
    pub fn call(&mut self, batch: &Batch) {
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
        self.readings.extend(said.readings.iter().copied());
        for action in &said.actions {
            self.act(action);
        }
        self.actions.extend(said.actions.iter().cloned());
    }

    fn act(&mut self, action: &Action) {
        let name = self.name(action.knob);
        let fate = match action.is_release() {
            true => Fate::UNDONE,
            false if self.refused.contains(&name.as_str()) => Fate::REFUSED,
            false if self.plans => Fate::PLANNED,
            false => Fate::APPLIED,
        };
        let knob = (action.target.0, name);
        let held = Held {
            value: action.value,
            text: action.text.to_string(),
            action: action.id,
        };
        match fate {
            Fate::APPLIED => drop(self.held.insert(knob, held)),
            _ => drop(self.held.remove(&knob)),
        }
        self.outcomes.push(Outcome {
            action: action.id,
            target: action.target,
            knob: action.knob,
            fate,
            ..Outcome::default()
        });
    }

    /// Where a knob stands that is turned.
    pub fn stands(&self, target: u32, knob: &str) -> Option<&Held> {
        self.held.get(&(target, knob.to_owned()))
    }

    pub fn holds(&self, target: u32, knob: &str) -> bool {
        self.stands(target, knob).is_some()
    }

    /// How many knobs are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Actions that change something: no renewals.
    pub fn changes(&self) -> Vec<Action> {
        let mut last: BTreeMap<(TargetId, KnobId), (u64, &str)> = BTreeMap::new();
        let mut changes = Vec::new();
        for action in &self.actions {
            let knob = (action.target, action.knob);
            let state = (action.value.to_bits(), action.text.as_str());
            if action.is_release() {
                last.remove(&knob);
                changes.push(action.clone());
            } else if last.insert(knob, state) != Some(state) {
                changes.push(action.clone());
            }
        }
        changes
    }

    /// The changes for people, in order.
    pub fn story(&self) -> Vec<String> {
        self.changes().iter().map(|action| self.describe(action)).collect()
    }

    pub fn describe(&self, action: &Action) -> String {
        let name = self.host.world().targets[&action.target].name.to_string();
        let knob = self.name(action.knob);
        match action.is_release() {
            true => format!("{name} {knob} undone"),
            false => format!("{name} {knob} {}", state(action)),
        }
    }

    pub fn logged(&self, what: &str) -> usize {
        let world = self.host.world();
        world.logs.iter().filter(|(_, line)| line.contains(what)).count()
    }

    /// What was told of a metric of the policy itself: seconds and value.
    pub fn told(&self, metric: &Metric) -> Vec<(f64, f64)> {
        let id = self.host.metric(metric);
        let told = self.readings.iter().filter(|reading| reading.metric == id);
        told.map(|reading| (reading.at.seconds(), reading.value)).collect()
    }

    /// A knob that was offered.
    pub fn knob(&self, name: &str) -> KnobId {
        self.knobs[name]
    }

    pub fn name(&self, knob: KnobId) -> String {
        self.host.world().names.knob_name(knob).unwrap().name.to_string()
    }
}

impl Held {
    /// For people.
    pub fn shown(&self) -> String {
        shown(self.value, &self.text)
    }
}

/// What an action asks for, for people.
pub fn state(action: &Action) -> String {
    shown(action.value, &action.text)
}

fn shown(value: f64, text: &str) -> String {
    match text.is_empty() {
        true => format!("{value:.2}"),
        false => text.to_owned(),
    }
}
