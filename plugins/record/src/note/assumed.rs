//! What becomes of actions where nobody knows: they are taken for applied, and their leases lapse.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// What each outcome says.
const ASSUMED: &str = "assumed: the recorded run was not asked for this";

/// Knobs that are held, and since when that is assumed.
#[derive(Debug, Default)]
pub struct Assumed {
    since: Option<Nanos>,
    leases: BTreeMap<(TargetId, KnobId), (u64, Nanos)>,
    controls: BTreeMap<(TargetId, KnobId), (f64, f64)>,
    /// The ends of leases that were asked for while all was as recorded.
    asked: BTreeMap<u64, Nanos>,
}

impl Assumed {
    /// From the beginning, or not yet.
    pub fn new(from_the_beginning: bool) -> Self {
        Self {
            since: from_the_beginning.then_some(Nanos::ZERO),
            ..Self::default()
        }
    }

    /// Since when outcomes are assumed.
    pub fn since(&self) -> Option<Nanos> {
        self.since
    }

    /// From now on outcomes are assumed.
    pub fn begin(&mut self, at: Nanos) {
        self.since = Some(at);
    }

    /// Takes in what the actuator said: what it offers, and what it held while all was as recorded.
    pub fn learn(&mut self, said: &Batch) {
        for control in &said.controls {
            self.controls
                .insert((control.target, control.knob), (control.least, control.most));
        }
        if self.since.is_some() {
            return;
        }
        for outcome in &said.outcomes {
            let knob = (outcome.target, outcome.knob);
            let until = self.asked.remove(&outcome.action);
            match outcome.fate {
                Fate::APPLIED | Fate::CLAMPED | Fate::PLANNED => {
                    self.leases
                        .insert(knob, (outcome.action, until.unwrap_or(Nanos::FOREVER)));
                }
                Fate::REFUSED => {}
                _ => drop(self.leases.remove(&knob)),
            }
        }
    }

    /// A target went, and with it all that was held of it.
    pub fn forget(&mut self, target: TargetId) {
        self.leases.retain(|(held, _), _| *held != target);
        self.controls.retain(|(held, _), _| *held != target);
    }

    /// An action that the actuator itself will answer.
    pub fn ask(&mut self, action: &Action) {
        if self.since.is_none() {
            self.asked.insert(action.id, action.until);
        }
    }

    /// Answers an action, where that is assumed.
    pub fn take(&mut self, at: Nanos, action: &Action, out: &mut Batch) {
        let knob = (action.target, action.knob);
        if self.since.is_none() {
            return;
        }
        if action.is_release() {
            let held = self.leases.remove(&knob).is_some();
            let fate = if held { Fate::UNDONE } else { Fate::REFUSED };
            out.outcomes.push(outcome(at, knob, action.id, fate));
            return;
        }
        let bounds = self.controls.get(&knob).copied();
        let (least, most) = bounds
            .filter(|(least, most)| least <= most)
            .unwrap_or((f64::MIN, f64::MAX));
        let value = if action.text.is_empty() {
            action.value.clamp(least, most)
        } else {
            action.value
        };
        let clamped = action.text.is_empty() && value != action.value;
        self.leases.insert(knob, (action.id, action.until));
        out.outcomes.push(Outcome {
            value,
            text: action.text.clone(),
            ..outcome(at, knob, action.id, if clamped { Fate::CLAMPED } else { Fate::APPLIED })
        });
    }

    /// Ends leases that ran out, and says when the next does.
    pub fn lapse(&mut self, at: Nanos, out: &mut Batch) -> Wish {
        if self.since.is_none() {
            return Wish::Nothing;
        }
        let over: Vec<_> = self
            .leases
            .iter()
            .filter(|(_, (_, until))| *until <= at)
            .map(|(knob, held)| (*knob, held.0))
            .collect();
        for (knob, action) in over {
            self.leases.remove(&knob);
            out.outcomes.push(outcome(at, knob, action, Fate::LAPSED));
        }
        let next = self.leases.values().map(|(_, until)| *until).min();
        next.filter(|next| *next != Nanos::FOREVER)
            .map_or(Wish::Nothing, Wish::At)
    }
}

fn outcome(at: Nanos, (target, knob): (TargetId, KnobId), action: u64, fate: Fate) -> Outcome {
    Outcome {
        at,
        action,
        target,
        knob,
        fate,
        why: ASSUMED.into(),
        ..Outcome::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOB: (TargetId, KnobId) = (TargetId(1), KnobId(2));

    fn action(id: u64, value: f64, until: u64) -> Action {
        Action {
            id,
            target: KNOB.0,
            knob: KNOB.1,
            value,
            until: Nanos(until),
            ..Action::default()
        }
    }

    fn fates(out: &Batch) -> Vec<(Fate, f64)> {
        out.outcomes
            .iter()
            .map(|outcome| (outcome.fate, outcome.value))
            .collect()
    }

    #[test]
    fn an_action_is_applied_within_what_was_offered_and_lapses() {
        let mut assumed = Assumed::new(true);
        assumed.learn(&Batch {
            controls: vec![Control {
                target: KNOB.0,
                knob: KNOB.1,
                least: 0.0,
                most: 1.0,
                ..Control::default()
            }]
            .into(),
            ..Batch::default()
        });
        let mut out = Batch::default();
        assumed.take(Nanos(1), &action(7, 5.0, 50), &mut out);
        assert_eq!(assumed.lapse(Nanos(1), &mut out), Wish::At(Nanos(50)));
        assert_eq!(assumed.lapse(Nanos(50), &mut out), Wish::Nothing);
        assert_eq!(fates(&out), [(Fate::CLAMPED, 1.0), (Fate::LAPSED, 0.0)]);
        assert!(
            out.outcomes
                .iter()
                .all(|outcome| outcome.action == 7 && outcome.why.contains("assumed"))
        );
    }

    #[test]
    fn nothing_is_answered_while_all_is_as_recorded() {
        let mut assumed = Assumed::new(false);
        let mut out = Batch::default();
        assumed.take(Nanos(1), &action(1, 1.0, 50), &mut out);
        assert_eq!(
            (assumed.lapse(Nanos(90), &mut out), out.outcomes.len()),
            (Wish::Nothing, 0)
        );
    }

    #[test]
    fn what_was_held_when_the_two_part_lapses_too() {
        let mut assumed = Assumed::new(false);
        let mut out = Batch::default();
        assumed.ask(&action(1, 1.0, 50));
        assumed.learn(&Batch {
            outcomes: vec![outcome(Nanos(2), KNOB, 1, Fate::APPLIED)].into(),
            ..Batch::default()
        });
        assumed.begin(Nanos(3));
        assumed.lapse(Nanos(60), &mut out);
        assert_eq!(fates(&out), [(Fate::LAPSED, 0.0)]);
    }

    #[test]
    fn a_release_of_what_is_not_held_is_refused() {
        let mut assumed = Assumed::new(true);
        let mut out = Batch::default();
        assumed.take(Nanos(9), &action(1, 0.0, 0), &mut out);
        assert_eq!(fates(&out), [(Fate::REFUSED, 0.0)]);
    }
}
