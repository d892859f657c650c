//! A machine of two sockets with twelve ways each: a target is efficient when it has the ways that it needs, and stalls as
//! is said.

use crate::dynamic::Dynamic;
use crate::testing::stand::{Held, Stand, state};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

const WAYS: f64 = 12.0;

pub struct Machine {
    stand: Stand,
    /// The ways that a target needs to be efficient.
    pub needs: BTreeMap<TargetId, u32>,
    /// How much a target stalls; not told where it is not said.
    pub stalls: BTreeMap<TargetId, f64>,
    /// How much it does where it was moved to.
    pub stalls_away: BTreeMap<TargetId, f64>,
}

impl Deref for Machine {
    type Target = Stand;

    fn deref(&self) -> &Stand {
        &self.stand
    }
}

impl DerefMut for Machine {
    fn deref_mut(&mut self) -> &mut Stand {
        &mut self.stand
    }
}

impl Machine {
    pub fn new(config: &str) -> Self {
        Self {
            stand: Stand::new::<Dynamic>(config),
            needs: BTreeMap::new(),
            stalls: BTreeMap::new(),
            stalls_away: BTreeMap::new(),
        }
    }

    pub fn enter(&mut self, name: &str, class: Class, priority: i32, cpus: &[u32]) -> TargetId {
        let target = Target {
            name: name.into(),
            class,
            priority,
            cpus: cpus.to_vec().into(),
            ..Target::default()
        };
        let offers = [
            (vocabulary::L3_PART, 1.0, WAYS),
            (vocabulary::L3_WAYS, 1.0, WAYS),
            (vocabulary::MEMORY_BANDWIDTH_SHARE, 0.1, 1.0),
            (vocabulary::CPU_SET, 1.0, 8.0),
        ];
        let offer = |(knob, least, most)| Control {
            knob: self.host.knob(&knob),
            least,
            most,
            value: most,
            stricter: -1,
            ..Control::default()
        };
        let offers = offers.map(offer).to_vec();
        self.appear(target, offers)
    }

    pub fn leave(&mut self, target: TargetId) {
        self.needs.remove(&target);
        self.gone(target.0);
    }

    pub fn seconds(&mut self, seconds: u64) {
        for _ in 0..Stand::steps(seconds) {
            self.pass();
            let batch = self.readings();
            self.call(&batch);
        }
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
                .filter(|_| !self.shown(*target, "cpu.set").is_empty());
            let value = away.copied().unwrap_or(*stalls);
            batch
                .readings
                .push(Reading::gauge(Nanos(self.at), *target, metric, value));
        }
        batch
    }

    fn ways(&self, target: TargetId) -> u32 {
        let text = self.shown(target, "l3.part");
        let mask = text
            .split_once("0x")
            .and_then(|(_, mask)| u64::from_str_radix(mask, 16).ok());
        mask.map_or(WAYS as u32, u64::count_ones)
    }

    /// Where a knob stands, for people; empty where nothing is held.
    pub fn shown(&self, target: TargetId, knob: &str) -> String {
        self.stands(target.0, knob).map(Held::shown).unwrap_or_default()
    }

    /// The states that were asked for, each once in a row.
    pub fn history(&self, target: TargetId, knob: &str) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for action in self
            .actions
            .iter()
            .filter(|action| action.target == target && !action.is_release())
        {
            if self.name(action.knob) == knob && all.last() != Some(&state(action)) {
                all.push(state(action));
            }
        }
        all
    }

    /// When a knob was turned anew, releases apart.
    pub fn turned(&self) -> Vec<Nanos> {
        let changes = self.changes().into_iter();
        changes
            .filter(|action| !action.is_release())
            .map(|action| action.at)
            .collect()
    }

    /// How many actions after the first so many change something.
    pub fn changed(&self, after: usize) -> usize {
        let before = |action: &Action| {
            let same = |earlier: &&Action| (earlier.target, earlier.knob) == (action.target, action.knob);
            self.actions[..after].iter().rev().find(same).map(state)
        };
        let changes = |action: &&Action| action.is_release() || before(action) != Some(state(action));
        self.actions[after..].iter().filter(changes).count()
    }
}
