//! A machine of two sockets with twelve ways each: a target is efficient when it has the ways that it needs, and stalls as
//! is said. Steps of 200 ms.

use crate::dynamic::Dynamic;
use pipeline_plugin_api::abi::{OUTCOMES_PORT, PortBatch};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::collections::BTreeMap;

const STEP: u64 = 200_000_000;
const WAYS: f64 = 12.0;

pub struct Machine {
    pub host: TestHost,
    pub node: TestNode,
    pub at: u64,
    /// The ways that a target needs to be efficient.
    pub needs: BTreeMap<TargetId, u32>,
    /// How much a target stalls; not told where it is not said.
    pub stalls: BTreeMap<TargetId, f64>,
    /// How much it does where it was moved to.
    pub stalls_away: BTreeMap<TargetId, f64>,
    pub refused: Vec<&'static str>,
    pub plans: bool,
    pub actions: Vec<Action>,
    held: BTreeMap<(TargetId, String), String>,
    outcomes: Vec<Outcome>,
    wish: u64,
}

impl Machine {
    pub fn new(config: &str) -> Self {
        let host = TestHost::new();
        let node = host.node::<Schedules<Dynamic>>(config).unwrap();
        Self {
            host,
            node,
            at: 0,
            needs: BTreeMap::new(),
            stalls: BTreeMap::new(),
            stalls_away: BTreeMap::new(),
            refused: Vec::new(),
            plans: false,
            actions: Vec::new(),
            held: BTreeMap::new(),
            outcomes: Vec::new(),
            wish: 0,
        }
    }

    pub fn appear(&mut self, name: &str, class: Class, priority: i32, cpus: &[u32]) -> TargetId {
        let target = self.host.target(Target {
            name: name.into(),
            class,
            priority,
            cpus: cpus.to_vec().into(),
            ..Target::default()
        });
        let said = self.node.change(Nanos(self.at), Change::APPEARED, &target).unwrap();
        self.take(said);
        let mut batch = Batch::default();
        for (knob, least, most) in [
            (vocabulary::L3_PART, 1.0, WAYS),
            (vocabulary::L3_WAYS, 1.0, WAYS),
            (vocabulary::MEMORY_BANDWIDTH_SHARE, 0.1, 1.0),
            (vocabulary::CPU_SET, 1.0, 8.0),
        ] {
            batch.controls.push(Control {
                target: target.id,
                knob: self.host.knob(&knob),
                least,
                most,
                value: most,
                stricter: -1,
                ..Control::default()
            });
        }
        let said = self
            .node
            .feed_ports(Nanos(self.at), &[(OUTCOMES_PORT, &batch)])
            .unwrap();
        self.take(said);
        target.id
    }

    pub fn gone(&mut self, target: TargetId) {
        let target = self.host.world().targets[&target].clone();
        self.needs.remove(&target.id);
        self.held.retain(|(of, _), _| *of != target.id);
        let said = self.node.change(Nanos(self.at), Change::GONE, &target).unwrap();
        self.take(said);
    }

    pub fn succeed(&mut self, config: &str) {
        let state = self.node.raw().save().into_result().unwrap();
        let mut node = self.host.node::<Schedules<Dynamic>>(config).unwrap();
        node.raw().load(1, state.as_slice().into()).into_result().unwrap();
        self.node = node;
    }

    pub fn seconds(&mut self, seconds: u64) {
        let until = self.at + seconds * 1_000_000_000;
        while self.at + STEP <= until {
            let due = self.at + STEP;
            while self.wish > self.at && self.wish < due {
                self.at = self.wish;
                self.call(&Batch::default());
            }
            self.at = due;
            let batch = self.readings();
            self.call(&batch);
        }
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

    fn readings(&self) -> Batch {
        let mut batch = Batch::default();
        let efficiency = self.host.metric(&vocabulary::PERF_IPC_EFFICIENCY);
        for (target, needs) in &self.needs {
            let value = if self.ways(*target) >= *needs { 0.95 } else { 0.6 };
            batch
                .readings
                .push(Reading::gauge(Nanos(self.at), *target, efficiency, value));
        }
        let metric = self.host.metric(&vocabulary::PERF_STALLED_L3_MISS);
        for (target, stalls) in &self.stalls {
            let away = self
                .stalls_away
                .get(target)
                .filter(|_| !self.stands(*target, "cpu.set").is_empty());
            let value = away.copied().unwrap_or(*stalls);
            batch
                .readings
                .push(Reading::gauge(Nanos(self.at), *target, metric, value));
        }
        batch
    }

    fn ways(&self, target: TargetId) -> u32 {
        let text = self.stands(target, "l3.part");
        let mask = text
            .split_once("0x")
            .and_then(|(_, mask)| u64::from_str_radix(mask, 16).ok());
        mask.map_or(WAYS as u32, u64::count_ones)
    }

    fn take(&mut self, said: Batch) {
        for action in &said.actions {
            let knob = self.name(action.knob);
            let held = (action.target, knob.clone());
            let fate = match action.is_release() {
                true => Fate::UNDONE,
                false if self.refused.contains(&knob.as_str()) => Fate::REFUSED,
                false if self.plans => Fate::PLANNED,
                false => Fate::APPLIED,
            };
            match fate {
                Fate::APPLIED => drop(self.held.insert(held, text(action))),
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
        self.actions.extend(said.actions.iter().cloned());
    }

    /// Where a knob stands; empty where nothing is held.
    pub fn stands(&self, target: TargetId, knob: &str) -> String {
        self.held.get(&(target, knob.to_owned())).cloned().unwrap_or_default()
    }

    /// How many knobs are held.
    pub fn holds(&self) -> usize {
        self.held.len()
    }

    /// The states that were asked for, each once in a row.
    pub fn history(&self, target: TargetId, knob: &str) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for action in self
            .actions
            .iter()
            .filter(|action| action.target == target && !action.is_release())
        {
            if self.name(action.knob) == knob && all.last() != Some(&text(action)) {
                all.push(text(action));
            }
        }
        all
    }

    /// When a knob was turned anew, releases apart.
    pub fn turned(&self) -> Vec<Nanos> {
        let mut last: BTreeMap<(TargetId, KnobId), String> = BTreeMap::new();
        let mut turned = Vec::new();
        for action in &self.actions {
            let knob = (action.target, action.knob);
            if action.is_release() {
                last.remove(&knob);
            } else if last.insert(knob, text(action)) != Some(text(action)) {
                turned.push(action.at);
            }
        }
        turned
    }

    /// How many actions after the first so many change something.
    pub fn changes(&self, after: usize) -> usize {
        let before = |action: &Action| {
            let same = |earlier: &&Action| (earlier.target, earlier.knob) == (action.target, action.knob);
            self.actions[..after].iter().rev().find(same).map(text)
        };
        let changes = |action: &&Action| action.is_release() || before(action) != Some(text(action));
        self.actions[after..].iter().filter(changes).count()
    }

    pub fn logged(&self, what: &str) -> usize {
        self.host
            .world()
            .logs
            .iter()
            .filter(|(_, line)| line.contains(what))
            .count()
    }

    fn name(&self, knob: KnobId) -> String {
        self.host.world().names.knob_name(knob).unwrap().name.to_string()
    }
}

fn text(action: &Action) -> String {
    match action.text.is_empty() {
        true => format!("{:.2}", action.value),
        false => action.text.to_string(),
    }
}
