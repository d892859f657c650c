//! The leases of an actuator as the host knows them, from the actions passed in and the outcomes told: what stands,
//! until when, and what still stands although its time is over.
//!
//! An actuator lets a lease lapse by itself. Where it does not, because it does not care or cannot, the host puts the
//! knob back from the journal and counts the node as broken; that is the lane's and the watchdog's to do, not this room's.

use super::budget::LEASE_GRACE;
use pipeline_plugin_api::abi::{Action, Fate, KnobId, Nanos, Outcome, TargetId};
use std::collections::BTreeMap;

/// How long an actuator may go on trying to put back a knob whose release it refused.
const TRIES: Nanos = Nanos::from_secs(15);

/// A knob of a target.
pub type Knob = (TargetId, KnobId);

/// What stands.
#[derive(Clone, Debug)]
pub struct Leases {
    held: BTreeMap<Knob, Lease>,
    /// The earliest instant at which one of them is to be looked at.
    next: Nanos,
}

#[derive(Clone, Debug)]
struct Lease {
    /// The action that it is known by.
    action: u64,
    until: Nanos,
    /// When it was first seen to stand after its end; its actuator was called then, and knows.
    over_since: Option<Nanos>,
}

impl Lease {
    /// When it is to be looked at next.
    fn look(&self) -> Nanos {
        self.over_since.map_or(self.until, |since| since + LEASE_GRACE)
    }
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            next: Nanos::FOREVER,
        }
    }
}

impl Leases {
    /// Takes in what became of actions.
    pub fn note<'a>(&mut self, at: Nanos, outcomes: &[Outcome], actions: impl Iterator<Item = &'a Action>) {
        let asked: BTreeMap<(u64, Knob), Nanos> = actions
            .map(|action| ((action.id, (action.target, action.knob)), action.until))
            .collect();
        for outcome in outcomes {
            let knob = (outcome.target, outcome.knob);
            match outcome.fate {
                Fate::APPLIED | Fate::CLAMPED => {
                    let until = asked.get(&(outcome.action, knob)).copied();
                    self.stands(knob, outcome.action, until);
                }
                Fate::UNDONE | Fate::LAPSED | Fate::TAKEN => drop(self.held.remove(&knob)),
                Fate::REFUSED => self.still_stands(at, knob, outcome.action),
                _ => {}
            }
        }
        self.reckon();
    }

    fn stands(&mut self, knob: Knob, action: u64, until: Option<Nanos>) {
        let before = self.held.get(&knob).map(|lease| lease.until);
        // An outcome that answers no action of this call changes what stands, not how long.
        let until = until.or(before).unwrap_or(Nanos::FOREVER);
        let lease = Lease {
            action,
            until,
            over_since: None,
        };
        self.held.insert(knob, lease);
    }

    /// A lease that is over and was refused to be put back has an actuator that tries again.
    fn still_stands(&mut self, at: Nanos, knob: Knob, action: u64) {
        if let Some(lease) = self.held.get_mut(&knob)
            && (lease.action == action || lease.until <= at)
        {
            lease.over_since = Some(at + TRIES);
        }
    }

    /// Targets went, and their knobs with them.
    pub fn forget(&mut self, targets: impl Iterator<Item = TargetId>) {
        let before = self.held.len();
        targets.for_each(|target| forget(&mut self.held, target));
        if self.held.len() < before {
            self.reckon();
        }
    }

    /// Their knobs were put back, which is told later: none is to be looked at any more.
    pub fn end_untold(&mut self) {
        self.held.values_mut().for_each(|lease| lease.until = Nanos::FOREVER);
        self.held.values_mut().for_each(|lease| lease.over_since = None);
        self.reckon();
    }

    /// Ends them all; gives what stood, with the action of each.
    pub fn end(&mut self) -> Vec<(Knob, u64)> {
        let held = std::mem::take(self).held;
        held.into_iter().map(|(knob, lease)| (knob, lease.action)).collect()
    }

    /// When one of them is to be looked at; [`Nanos::FOREVER`] for never.
    pub fn next(&self) -> Nanos {
        self.next
    }

    /// After the actuator was called at that instant: the knob that still stands though it had its grace.
    pub fn overdue(&mut self, at: Nanos) -> Option<(Knob, Nanos)> {
        if at < self.next {
            return None;
        }
        for (knob, lease) in &mut self.held {
            match lease.over_since {
                Some(since) if at >= since + LEASE_GRACE => return Some((*knob, lease.until)),
                None if at >= lease.until => lease.over_since = Some(at),
                _ => {}
            }
        }
        self.reckon();
        None
    }

    /// The earliest end of what stands, whether or not it was seen; for a lane that is stuck.
    pub fn first_end(&self) -> Nanos {
        let ends = self.held.values().map(|lease| lease.over_since.unwrap_or(lease.until));
        ends.min().unwrap_or(Nanos::FOREVER)
    }

    fn reckon(&mut self) {
        self.next = self.held.values().map(Lease::look).min().unwrap_or(Nanos::FOREVER);
    }
}

/// Takes out what is kept for the knobs of a target.
pub fn forget<T>(kept: &mut BTreeMap<Knob, T>, target: TargetId) {
    let of_it = (target, KnobId(0))..=(target, KnobId(u32::MAX));
    let knobs: Vec<Knob> = kept.range(of_it).map(|(knob, _)| *knob).collect();
    for knob in knobs {
        kept.remove(&knob);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOB: Knob = (TargetId(1), KnobId(2));

    fn action(id: u64, until: u64) -> Action {
        Action {
            id,
            target: KNOB.0,
            knob: KNOB.1,
            until: Nanos(until),
            ..Action::default()
        }
    }

    fn outcome(action: u64, fate: Fate) -> Outcome {
        Outcome {
            action,
            target: KNOB.0,
            knob: KNOB.1,
            fate,
            ..Outcome::default()
        }
    }

    fn holding(until: u64) -> Leases {
        let mut leases = Leases::default();
        leases.note(Nanos(0), &[outcome(1, Fate::APPLIED)], [action(1, until)].iter());
        leases
    }

    #[test]
    fn a_lease_that_outlives_its_end_and_the_grace_is_overdue() {
        let mut leases = holding(100);
        assert_eq!((leases.next(), leases.overdue(Nanos(99))), (Nanos(100), None));
        assert_eq!(
            leases.overdue(Nanos(100)),
            None,
            "the actuator was told, and has its grace"
        );
        let late = Nanos(100) + LEASE_GRACE;
        assert_eq!(leases.next(), late);
        assert_eq!(leases.overdue(late), Some((KNOB, Nanos(100))));
    }

    #[test]
    fn after_a_long_sleep_the_grace_begins_when_the_actuator_is_called() {
        let mut leases = holding(100);
        let woken = Nanos::from_secs(3600);
        assert_eq!(leases.overdue(woken), None);
        assert_eq!(leases.overdue(woken + LEASE_GRACE), Some((KNOB, Nanos(100))));
    }

    #[test]
    fn a_lease_that_lapsed_or_was_renewed_is_none_that_is_overdue() {
        for fate in [Fate::LAPSED, Fate::UNDONE, Fate::TAKEN] {
            let mut leases = holding(100);
            leases.overdue(Nanos(100));
            leases.note(Nanos(101), &[outcome(1, fate)], std::iter::empty());
            assert_eq!((leases.next(), leases.end()), (Nanos::FOREVER, vec![]), "{fate}");
        }
        let mut leases = holding(100);
        leases.overdue(Nanos(100));
        leases.note(Nanos(101), &[outcome(2, Fate::CLAMPED)], [action(2, 500)].iter());
        assert_eq!((leases.next(), leases.first_end()), (Nanos(500), Nanos(500)));
    }

    #[test]
    fn an_actuator_that_tries_again_has_time_to() {
        let mut leases = holding(100);
        leases.overdue(Nanos(100));
        leases.note(Nanos(101), &[outcome(1, Fate::REFUSED)], std::iter::empty());
        let long = Nanos(101) + TRIES;
        assert_eq!(leases.overdue(long), None);
        assert_eq!(leases.overdue(long + LEASE_GRACE), Some((KNOB, Nanos(100))));
    }

    #[test]
    fn what_a_target_held_goes_with_it() {
        let mut leases = holding(100);
        leases.forget([TargetId(9), TargetId(0)].into_iter());
        assert_eq!(leases.next(), Nanos(100));
        leases.forget(std::iter::once(KNOB.0));
        assert_eq!(leases.next(), Nanos::FOREVER);
    }

    #[test]
    fn an_unknown_fate_changes_nothing() {
        let mut leases = holding(100);
        leases.note(Nanos(1), &[outcome(1, Fate(77))], std::iter::empty());
        assert_eq!(leases.end(), [(KNOB, 1)]);
    }
}
