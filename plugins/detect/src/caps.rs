//! Which remedies are in force, as the actuators in `last` told: a baseline is not learnt under a
//! cap, and a target that was moved to other CPUs is to be looked for there.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The knobs that somebody holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caps {
    held: BTreeMap<(TargetId, KnobId), Option<Vec<u32>>>,
    /// The knobs that say on which CPUs a target may run.
    places: [KnobId; 2],
}

impl Caps {
    /// No caps; `places` are the knobs that say on which CPUs a target may run.
    pub fn new(places: [KnobId; 2]) -> Self {
        Self {
            held: BTreeMap::new(),
            places,
        }
    }

    /// Takes in what became of an action.
    pub fn outcome(&mut self, outcome: &Outcome) {
        let knob = (outcome.target, outcome.knob);
        match outcome.fate {
            Fate::APPLIED | Fate::CLAMPED => {
                let is_place = self.places.contains(&outcome.knob);
                let cpus = is_place.then(|| cpu_list(&outcome.text)).flatten();
                self.held.insert(knob, cpus);
            }
            Fate::LAPSED | Fate::UNDONE | Fate::TAKEN => {
                self.held.remove(&knob);
            }
            _ => {}
        }
    }

    /// A target went, and its caps with it.
    pub fn forget(&mut self, target: TargetId) {
        let knobs = (target, KnobId(0))..=(target, KnobId(u32::MAX));
        let knobs: Vec<(TargetId, KnobId)> = self.held.range(knobs).map(|(knob, _)| *knob).collect();
        knobs.iter().for_each(|knob| drop(self.held.remove(knob)));
    }

    /// Whether any knob is held.
    pub fn any(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether any knob of that target is held.
    pub fn holds(&self, target: TargetId) -> bool {
        let knobs = (target, KnobId(0))..=(target, KnobId(u32::MAX));
        self.held.range(knobs).next().is_some()
    }

    /// The CPUs to which a target was moved: those that all knobs which place it have in common, or, where these have
    /// none in common, those of the first.
    pub fn cpus(&self, target: TargetId) -> Option<Vec<u32>> {
        let lists = self
            .places
            .iter()
            .filter_map(|knob| self.held.get(&(target, *knob))?.as_ref());
        lists.cloned().reduce(|found, other| {
            let common: Vec<u32> = found.iter().copied().filter(|cpu| other.contains(cpu)).collect();
            if common.is_empty() { found } else { common }
        })
    }

    /// What is held, for a successor.
    pub fn held(&self) -> Vec<(u32, u32, Option<Vec<u32>>)> {
        let plain = |((target, knob), cpus): (&(TargetId, KnobId), &Option<Vec<u32>>)| (target.0, knob.0, cpus.clone());
        self.held.iter().map(plain).collect()
    }

    /// Takes over what a predecessor knew to be held.
    pub fn restore(&mut self, held: Vec<(u32, u32, Option<Vec<u32>>)>) {
        let known = held
            .into_iter()
            .map(|(target, knob, cpus)| ((TargetId(target), KnobId(knob)), cpus));
        self.held = known.collect();
    }
}

/// Reads a list such as `0-3,8` (cgroup-v2.rst, "List of CPUs"); `None` where it is none.
fn cpu_list(text: &str) -> Option<Vec<u32>> {
    const MOST: u32 = 4096;
    let mut cpus = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (last < MOST).then_some(())?;
        cpus.extend(first..=last);
    }
    (!cpus.is_empty()).then_some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(fate: Fate, knob: u32, text: &str) -> Outcome {
        Outcome {
            target: TargetId(1),
            knob: KnobId(knob),
            fate,
            text: text.into(),
            ..Outcome::default()
        }
    }

    #[test]
    fn a_cap_is_on_until_it_is_undone_lapsed_or_taken() {
        for end in [Fate::UNDONE, Fate::LAPSED, Fate::TAKEN] {
            let mut caps = Caps::new([KnobId(9), KnobId(8)]);
            caps.outcome(&outcome(Fate::APPLIED, 1, ""));
            assert!(caps.any());
            caps.outcome(&outcome(end, 1, ""));
            assert!(!caps.any(), "{end}");
        }
    }

    #[test]
    fn what_was_refused_or_only_planned_is_no_cap() {
        let mut caps = Caps::new([KnobId(9), KnobId(8)]);
        caps.outcome(&outcome(Fate::REFUSED, 1, ""));
        caps.outcome(&outcome(Fate::PLANNED, 1, ""));
        assert!(!caps.any());
    }

    #[test]
    fn a_moved_target_is_looked_for_where_it_is() {
        let mut caps = Caps::new([KnobId(9), KnobId(8)]);
        caps.outcome(&outcome(Fate::APPLIED, 9, "1-2,4"));
        assert_eq!(caps.cpus(TargetId(1)), Some(vec![1, 2, 4]));
        assert_eq!(caps.cpus(TargetId(2)), None);
    }

    #[test]
    fn a_target_that_is_placed_twice_is_where_both_let_it_be() {
        for (second, place) in [("2-3", vec![2]), ("5", vec![1, 2])] {
            let mut caps = Caps::new([KnobId(9), KnobId(8)]);
            caps.outcome(&outcome(Fate::APPLIED, 9, "1-2"));
            caps.outcome(&outcome(Fate::APPLIED, 8, second));
            assert_eq!(caps.cpus(TargetId(1)), Some(place));
            caps.outcome(&outcome(Fate::UNDONE, 9, ""));
            assert_eq!(caps.cpus(TargetId(1)), cpu_list(second));
            caps.forget(TargetId(1));
            assert!(!caps.any());
        }
    }

    #[test]
    fn what_is_no_list_of_cpus_is_none() {
        for text in ["", "a", "1-", "0-99999", "-"] {
            assert_eq!(cpu_list(text), None, "{text}");
        }
    }
}
