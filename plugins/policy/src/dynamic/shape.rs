//! From the accounts to end states: masks or numbers of ways, shares of the bandwidth, lists of CPUs.

use super::Dynamic;
use super::books::Part;
use crate::lease::{KnobOf, Wanted};
use crate::world::{Offer, World, cpu_list};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The knobs that the policy turns.
#[derive(Copy, Clone, Debug)]
pub struct Knobs {
    /// `l3.part`.
    pub part: KnobId,
    /// `l3.ways`.
    pub ways: KnobId,
    bandwidth: KnobId,
    set: KnobId,
    affinity: KnobId,
}

impl Knobs {
    /// Asks the host for them.
    ///
    /// # Errors
    /// Another node means something else by the name of a knob.
    pub fn new(host: &Host) -> Result<Self> {
        Ok(Self {
            part: host.knob(&vocabulary::L3_PART)?,
            ways: host.knob(&vocabulary::L3_WAYS)?,
            bandwidth: host.knob(&vocabulary::MEMORY_BANDWIDTH_SHARE)?,
            set: host.knob(&vocabulary::CPU_SET)?,
            affinity: host.knob(&vocabulary::CPU_AFFINITY)?,
        })
    }

    /// Whether it moves a target between CPUs.
    pub fn moves(&self, knob: KnobId) -> bool {
        knob == self.set || knob == self.affinity
    }

    /// The knob of a target's CPUs, if it has one that may be turned.
    pub fn cpus(&self, world: &World, target: TargetId, at: Nanos) -> Option<KnobOf> {
        let mut knobs = [self.set, self.affinity].map(|knob| (target, knob)).into_iter();
        knobs.find(|knob| world.offer(*knob, at).is_some())
    }

    /// The knob of a target's part of the cache: that of masks, by which parts are laid out, before that of numbers.
    pub fn cache(&self, world: &World, target: TargetId, at: Nanos) -> Option<KnobOf> {
        let mut knobs = [self.part, self.ways].map(|knob| (target, knob)).into_iter();
        knobs.find(|knob| world.offer(*knob, at).is_some())
    }
}

impl Dynamic {
    /// All end states that follow from the accounts and the moves.
    pub(super) fn wanted(&self) -> BTreeMap<KnobOf, Wanted> {
        let mut all = BTreeMap::new();
        let masks: Vec<(BTreeMap<TargetId, u64>, u64)> = (0..self.sockets.len()).map(|s| self.books.masks(s)).collect();
        for (target, part) in &self.books.parts {
            let mask = masks[part.socket].0.get(target).copied().unwrap_or_default();
            self.want_part(*target, *part, mask, &mut all);
        }
        let pools: Vec<u64> = masks.into_iter().map(|(_, pool)| pool).collect();
        for (target, member) in &self.members {
            if self.is_in_pool(*target, member) {
                self.want_pool(*target, member.socket(), &pools, &mut all);
            }
            if let Some(socket) = member.moved {
                self.want_cpus(*target, socket, &mut all);
            }
        }
        all
    }

    fn want_part(&self, target: TargetId, part: Part, mask: u64, all: &mut BTreeMap<KnobOf, Wanted>) {
        let why = format!(
            "`{}` is guaranteed an efficiency of {:.2}",
            self.world.name(target),
            self.config.guarantee
        );
        let text = format!("{}=0x{mask:x}", self.sockets[part.socket].l3);
        if mask != 0 {
            self.want_cache(target, part.ways, text, &why, all);
        }
        self.want_number((target, self.knobs.bandwidth), part.bandwidth, &why, all);
    }

    /// What is left of the sockets that are divided; a target on several of them has the least.
    fn want_pool(&self, target: TargetId, socket: Option<usize>, pools: &[u64], all: &mut BTreeMap<KnobOf, Wanted>) {
        let on = |which: &usize| socket.is_none_or(|socket| socket == *which) && self.books.is_divided(*which);
        let sockets: Vec<usize> = (0..self.sockets.len()).filter(on).collect();
        if sockets.is_empty() {
            return;
        }
        let why = "it shares what guarantees leave";
        let text = |socket: &usize| format!("{}=0x{:x}", self.sockets[*socket].l3, pools[*socket]);
        let texts: Vec<String> = sockets.iter().map(text).collect();
        let pooled = || sockets.iter().map(|socket| self.books.pool(*socket));
        let ways = pooled().map(|(ways, _)| ways).min().unwrap_or_default();
        let bandwidth = pooled().map(|(_, bandwidth)| bandwidth).fold(1.0, f64::min);
        if ways > 0 {
            self.want_cache(target, ways, texts.join(";"), why, all);
        }
        self.want_number((target, self.knobs.bandwidth), bandwidth, why, all);
    }

    fn want_cache(&self, target: TargetId, ways: u32, text: String, why: &str, all: &mut BTreeMap<KnobOf, Wanted>) {
        match self.knobs.cache(&self.world, target, self.at) {
            Some(knob) if knob.1 == self.knobs.part => drop(all.insert(knob, wanted(0.0, text, why))),
            Some(knob) => self.want_number(knob, f64::from(ways), why, all),
            None => {}
        }
    }

    fn want_number(&self, knob: KnobOf, value: f64, why: &str, all: &mut BTreeMap<KnobOf, Wanted>) {
        let offer: Option<&Offer> = self.world.offer(knob, self.at);
        if let Some(value) = offer.and_then(|offer| offer.bound(value)) {
            all.insert(knob, wanted(value, String::new(), why));
        }
    }

    fn want_cpus(&self, target: TargetId, socket: usize, all: &mut BTreeMap<KnobOf, Wanted>) {
        let knob = self.knobs.cpus(&self.world, target, self.at);
        if let Some(knob) = knob.filter(|_| !self.sockets[socket].cpus.is_empty()) {
            let text = cpu_list(&self.sockets[socket].cpus);
            all.insert(
                knob,
                wanted(0.0, text, "stalls are more even with it there, or more is free there"),
            );
        }
    }
}

fn wanted(value: f64, text: String, why: &str) -> Wanted {
    Wanted {
        value,
        text,
        why: why.to_owned(),
        ..Wanted::default()
    }
}
