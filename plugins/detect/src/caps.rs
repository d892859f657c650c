//! Which remedies are in force, as the actuators in `last` told: a baseline is not learnt under a
//! cap, and a target that was moved to other CPUs is to be looked for there.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The knobs that somebody holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caps {
    held: BTreeMap<(TargetId, KnobId), Option<Vec<u32>>>,
    cpu_set: KnobId,
}

impl Caps {
    /// No caps; `cpu_set` is the knob that says on which CPUs a target may run.
    pub fn new(cpu_set: KnobId) -> Self {
        Self {
            held: BTreeMap::new(),
            cpu_set,
        }
    }

    /// Takes in what became of an action.
    pub fn outcome(&mut self, outcome: &Outcome) {
        let knob = (outcome.target, outcome.knob);
        match outcome.fate {
            Fate::APPLIED | Fate::CLAMPED => {
                let cpus = (outcome.knob == self.cpu_set)
                    .then(|| cpu_list(&outcome.text))
                    .flatten();
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
        self.held.retain(|(of, _), _| *of != target);
    }

    /// Whether any knob is held.
    pub fn any(&self) -> bool {
        !self.held.is_empty()
    }

    /// The CPUs to which a target was moved.
    pub fn cpus(&self, target: TargetId) -> Option<&[u32]> {
        self.held.get(&(target, self.cpu_set))?.as_deref()
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
            let mut caps = Caps::new(KnobId(9));
            caps.outcome(&outcome(Fate::APPLIED, 1, ""));
            assert!(caps.any());
            caps.outcome(&outcome(end, 1, ""));
            assert!(!caps.any(), "{end}");
        }
    }

    #[test]
    fn what_was_refused_or_only_planned_is_no_cap() {
        let mut caps = Caps::new(KnobId(9));
        caps.outcome(&outcome(Fate::REFUSED, 1, ""));
        caps.outcome(&outcome(Fate::PLANNED, 1, ""));
        assert!(!caps.any());
    }

    #[test]
    fn a_moved_target_is_looked_for_where_it_is() {
        let mut caps = Caps::new(KnobId(9));
        caps.outcome(&outcome(Fate::APPLIED, 9, "1-2,4"));
        assert_eq!(caps.cpus(TargetId(1)), Some(&[1, 2, 4][..]));
        assert_eq!(caps.cpus(TargetId(2)), None);
    }

    #[test]
    fn what_is_no_list_of_cpus_is_none() {
        for text in ["", "a", "1-", "0-99999", "-"] {
            assert_eq!(cpu_list(text), None, "{text}");
        }
    }
}
