//! Who shares the machine: targets with their CPUs, and how much of one's CPU time can fall on
//! another's CPUs.

use crate::caps::Caps;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What matters of a target here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// The node that brought it.
    pub provider: String,
    /// Whether it answers somebody who waits.
    pub latency: bool,
    /// The id of the target that holds it, 0 for none.
    pub parent: u32,
    /// The CPUs that it may use; empty where not restricted.
    pub cpus: Vec<u32>,
}

impl Known {
    fn of(target: &Target) -> Self {
        Self {
            name: target.name.to_string(),
            provider: target.provider.to_string(),
            latency: target.class == Class::LATENCY,
            parent: target.parent.0,
            cpus: target.cpus.to_vec(),
        }
    }
}

/// How much of a neighbour's CPU time falls on the victim's CPUs, as far as can be known.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Overlap {
    /// 0..=1.
    pub share: f64,
    /// Whether the CPUs of both are known.
    pub certain: bool,
}

/// The targets there are, and the CPUs that were heard of.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    known: BTreeMap<TargetId, Known>,
    cpus: BTreeSet<u32>,
}

/// The most CPUs that are told apart.
const MOST_CPUS: usize = 4096;

impl Roster {
    /// Takes in what happened to a target.
    pub fn change(&mut self, change: &TargetChange) {
        if change.change == Change::GONE {
            self.known.remove(&change.target.id);
        } else {
            self.put(change.target.id, Known::of(&change.target));
        }
    }

    /// Makes a target known.
    pub fn put(&mut self, id: TargetId, known: Known) {
        for cpu in &known.cpus {
            self.hear_of(*cpu);
        }
        self.known.insert(id, known);
    }

    /// There is such a CPU.
    pub fn hear_of(&mut self, cpu: u32) {
        if self.cpus.len() < MOST_CPUS {
            self.cpus.insert(cpu);
        }
    }

    /// How many CPUs were heard of.
    pub fn cpu_count(&self) -> usize {
        self.cpus.len()
    }

    /// What is known of a target.
    pub fn find(&self, id: TargetId) -> Option<&Known> {
        self.known.get(&id)
    }

    /// Every target, in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = (TargetId, &Known)> {
        self.known.iter().map(|(id, known)| (*id, known))
    }

    /// For people: a target's name.
    pub fn name(&self, id: TargetId) -> &str {
        self.find(id).map_or("?", |known| known.name.as_str())
    }

    /// The CPUs that a target may use now; empty where not restricted.
    pub fn cpus(&self, id: TargetId, caps: &Caps) -> Vec<u32> {
        let own = || self.find(id).map(|known| known.cpus.clone()).unwrap_or_default();
        caps.cpus(id).unwrap_or_else(own)
    }

    /// The targets whose CPU time is not the victim's own: neither it, nor what holds it, nor what it
    /// holds; and of a group and its members only the members, so that nothing counts twice.
    pub fn neighbours(&self, victim: TargetId) -> Vec<TargetId> {
        let holders: BTreeSet<TargetId> = self.known.values().map(|known| TargetId(known.parent)).collect();
        self.known
            .keys()
            .copied()
            .filter(|id| *id != victim && !holders.contains(id))
            .filter(|id| !self.holds(*id, victim) && !self.holds(victim, *id))
            .collect()
    }

    /// How much of a neighbour's CPU time falls on the victim's CPUs; `None` where they share none.
    pub fn overlap(&self, victim: TargetId, neighbour: TargetId, caps: &Caps) -> Option<Overlap> {
        self.overlap_of(&self.cpus(victim, caps), &self.cpus(neighbour, caps))
    }

    /// The same of the CPUs of both; empty where not restricted.
    pub fn overlap_of(&self, own: &[u32], other: &[u32]) -> Option<Overlap> {
        let share = match (own.is_empty(), other.is_empty()) {
            (false, false) => other.iter().filter(|cpu| own.contains(cpu)).count() as f64 / other.len() as f64,
            (false, true) if !self.cpus.is_empty() => (own.len() as f64 / self.cpus.len() as f64).min(1.0),
            _ => 1.0,
        };
        let certain = !own.is_empty() && !other.is_empty();
        (share > 0.0).then_some(Overlap { share, certain })
    }

    /// Whether `outer` holds `inner`, at any depth.
    pub fn holds(&self, outer: TargetId, inner: TargetId) -> bool {
        let mut at = inner;
        for _ in 0..self.known.len() {
            let Some(known) = self.known.get(&at) else { return false };
            at = TargetId(known.parent);
            if at == outer {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(targets: &[(u32, u32, &[u32])]) -> Roster {
        let mut roster = Roster::default();
        for (id, parent, cpus) in targets {
            let known = Known {
                name: format!("t{id}"),
                parent: *parent,
                cpus: cpus.to_vec(),
                ..Known::default()
            };
            roster.put(TargetId(*id), known);
        }
        roster
    }

    #[test]
    fn overlaps_are_by_cpus() {
        let cases: &[(&[u32], &[u32], Option<f64>)] = &[
            (&[0], &[0], Some(1.0)),
            (&[0], &[1], None),
            (&[0], &[0, 1], Some(0.5)),
            (&[0, 1], &[1], Some(1.0)),
            (&[0, 1], &[], Some(0.5)),
            (&[], &[3], Some(1.0)),
        ];
        for (own, other, share) in cases {
            let mut roster = roster(&[(1, 0, own), (2, 0, other)]);
            (0..4).for_each(|cpu| roster.hear_of(cpu));
            let overlap = roster.overlap(TargetId(1), TargetId(2), &Caps::default());
            assert_eq!(overlap.map(|overlap| overlap.share), *share, "{own:?} {other:?}");
        }
    }

    #[test]
    fn neither_holder_nor_held_is_a_neighbour() {
        let roster = roster(&[(1, 3, &[]), (2, 1, &[]), (3, 0, &[]), (4, 0, &[]), (5, 4, &[])]);
        assert_eq!(roster.neighbours(TargetId(1)), [TargetId(5)]);
    }

    #[test]
    fn a_circle_of_holders_ends() {
        let roster = roster(&[(1, 2, &[]), (2, 1, &[]), (3, 0, &[])]);
        assert_eq!(roster.neighbours(TargetId(3)), []);
    }
}
