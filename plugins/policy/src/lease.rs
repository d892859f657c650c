//! Leases: from the end states that are wanted now to the actions that say so. New ones are asked
//! for, those that last are renewed before half of them is over, the rest is put back. Which states
//! are wanted is decided elsewhere.

use crate::rate::Rate;
use crate::world::{Offer, World, knobs_of};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// A knob of a target.
pub type KnobOf = (TargetId, KnobId);

/// An end state that is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// In the knob's unit.
    pub value: f64,
    /// For knobs that are not numbers.
    pub text: String,
    /// One sentence for people.
    pub why: String,
    /// Whether its value goes to and fro by itself, which is one change for all the time that it lasts.
    pub pulses: bool,
}

impl Wanted {
    fn same_state(&self, other: &Self) -> bool {
        // Two strings that never held anything are not compared: memcmp(3) reads, masked, at an address that is not mapped, and
        // a CPU with AVX-512 took 150 ns for that, measured.
        let same_text = || self.text.len() == other.text.len() && (self.text.is_empty() || self.text == other.text);
        self.value.to_bits() == other.value.to_bits() && same_text()
    }
}

/// Wants a state of a knob besides all that is wanted already: of two for the same knob the stricter.
pub fn want(all: &mut BTreeMap<KnobOf, Wanted>, knob: KnobOf, wanted: Wanted, offer: &Offer) {
    match all.get_mut(&knob) {
        None => drop(all.insert(knob, wanted)),
        Some(known) if known.value != wanted.value && offer.stricter(known.value, wanted.value) == wanted.value => {
            *known = wanted;
        }
        Some(_) => {}
    }
}

/// An end state that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// What is wanted.
    pub wanted: Wanted,
    /// The action that asked for it first.
    pub first: u64,
    /// The action that renewed it last.
    pub last: u64,
    /// When it is to be renewed.
    pub renew: Nanos,
}

impl Lease {
    /// Asked for by that action, and to be renewed then.
    fn new(wanted: Wanted, id: u64, renew: Nanos) -> Self {
        Self {
            wanted,
            first: id,
            last: id,
            renew,
        }
    }

    /// Asked for again, by that action: it is the same lease while its state is the same, or goes to and fro by itself.
    fn ask(&mut self, wanted: &Wanted, id: u64, renew: Nanos) {
        if self.wanted.same_state(wanted) {
            self.wanted.why.clone_from(&wanted.why);
            self.wanted.pulses = wanted.pulses;
        } else {
            self.first = if wanted.pulses && self.wanted.pulses {
                self.first
            } else {
                id
            };
            self.wanted = wanted.clone();
        }
        (self.last, self.renew) = (id, renew);
    }
}

/// What became of a lease, where that matters.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The actuator will not do it.
    Refused,
    /// Someone else changed the knob.
    Taken,
    /// It ran out or was put back although it is still wanted.
    Lost,
    /// A dry run: nothing was done.
    Planned,
}

/// All leases of a policy.
#[derive(Clone, Debug)]
pub struct Leases {
    /// The id of the last action.
    pub last_id: u64,
    /// What is held.
    pub held: BTreeMap<KnobOf, Lease>,
    length: Nanos,
}

impl Leases {
    /// None yet, each to last that long.
    pub fn new(length: Nanos) -> Self {
        Self {
            last_id: 0,
            held: BTreeMap::new(),
            length,
        }
    }

    /// Whether that knob is held.
    pub fn holds(&self, knob: KnobOf) -> bool {
        self.held.contains_key(&knob)
    }

    /// Whether any knob of a target is held.
    pub fn holds_any(&self, target: TargetId) -> bool {
        self.held.range(knobs_of(target)).next().is_some()
    }

    /// Whether a list of a target is held: where it may run is not its own then.
    pub fn holds_list(&self, target: TargetId) -> bool {
        let mut held = self.held.range(knobs_of(target));
        held.any(|(_, lease)| !lease.wanted.text.is_empty())
    }

    /// Whether all that is wanted is held already, as it is wanted.
    pub fn stands(&self, wanted: &BTreeMap<KnobOf, Wanted>) -> bool {
        if self.knows(wanted) {
            let mut both = self.held.values().zip(wanted.values());
            return both.all(|(lease, state)| lease.wanted.same_state(state));
        }
        let held =
            |(knob, state): (&KnobOf, &Wanted)| self.held.get(knob).is_some_and(|lease| lease.wanted.same_state(state));
        wanted.iter().all(held)
    }

    /// What of the wanted a rate limit allows now: where it allows no change, things stay as they are held.
    pub fn afford(&self, at: Nanos, wanted: BTreeMap<KnobOf, Wanted>, rate: &mut Rate) -> BTreeMap<KnobOf, Wanted> {
        let mut allowed = |(knob, state): (KnobOf, Wanted)| {
            let held = self.held.get(&knob).map(|lease| &lease.wanted);
            let stays = held.is_some_and(|held| held.same_state(&state));
            if stays || rate.take(at, 1) > 0 {
                return Some((knob, state));
            }
            held.map(|held| (knob, held.clone()))
        };
        wanted.into_iter().filter_map(&mut allowed).collect()
    }

    /// Asks for what is wanted, renews what lasts, puts back the rest. `parting` says why a knob is put back;
    /// gives how many were put back of which it says nothing.
    pub fn reconcile(
        &mut self,
        at: Nanos,
        wanted: &BTreeMap<KnobOf, Wanted>,
        parting: &BTreeMap<KnobOf, String>,
        out: &mut Batch,
    ) -> usize {
        let over: Vec<KnobOf> = match self.knows(wanted) {
            // The usual instant: all stands as it is wanted, and nothing is to be renewed.
            true if self.next().is_none_or(|renew| at < renew) && self.stands(wanted) => return 0,
            true => Vec::new(),
            false => {
                let over = self.held.keys().filter(|knob| !wanted.contains_key(knob));
                over.copied().collect()
            }
        };
        let put_back = over.iter().filter(|knob| !parting.contains_key(knob)).count();
        for knob in over {
            let why = parting.get(&knob).map_or("it is no longer wanted", String::as_str);
            self.put_back(at, knob, why, out);
        }
        for (knob, state) in wanted {
            self.want(at, *knob, state, out);
        }
        put_back
    }

    /// What an outcome means for a lease; one that is over is no longer held.
    pub fn hear(&mut self, outcome: &Outcome) -> Option<Turn> {
        let knob = (outcome.target, outcome.knob);
        let lease = self.held.get(&knob)?;
        (lease.first..=lease.last).contains(&outcome.action).then_some(())?;
        let turn = match outcome.fate {
            Fate::REFUSED => Turn::Refused,
            Fate::TAKEN => Turn::Taken,
            Fate::LAPSED | Fate::UNDONE => Turn::Lost,
            Fate::PLANNED => return Some(Turn::Planned),
            _ => return None,
        };
        self.held.remove(&knob);
        Some(turn)
    }

    /// What an outcome means for a lease, as [`Leases::hear`] says, and until when its knob is left alone, if it is: one that
    /// somebody else took for good, one that was refused or lost for `cooldown`. What was lost may be asked for again at
    /// once where the rate limit allows it.
    pub fn heed(
        &mut self,
        outcome: &Outcome,
        at: Nanos,
        cooldown: Nanos,
        world: &mut World,
        rate: &mut Rate,
    ) -> Option<(Turn, Option<Nanos>)> {
        let turn = self.hear(outcome)?;
        let until = match turn {
            Turn::Taken => Some(Nanos::FOREVER),
            Turn::Lost if rate.take(at, 1) > 0 => None,
            Turn::Refused | Turn::Lost => Some(at + cooldown),
            Turn::Planned => None,
        };
        if let Some(until) = until {
            world.bar((outcome.target, outcome.knob), until);
        }
        Some((turn, until))
    }

    /// How many of those that are held are not wanted.
    pub fn unwanted(&self, wanted: &BTreeMap<KnobOf, Wanted>) -> usize {
        if self.knows(wanted) {
            return 0;
        }
        self.held.keys().filter(|knob| !wanted.contains_key(knob)).count()
    }

    /// Whether the knobs that are held are those that are wanted.
    fn knows(&self, wanted: &BTreeMap<KnobOf, Wanted>) -> bool {
        self.held.len() == wanted.len() && self.held.keys().eq(wanted.keys())
    }

    /// A target went, and its knobs with it.
    pub fn forget(&mut self, target: TargetId) {
        crate::world::forget(&mut self.held, target);
    }

    /// When the next one is to be renewed.
    pub fn next(&self) -> Option<Nanos> {
        self.held.values().map(|lease| lease.renew).min()
    }

    fn want(&mut self, at: Nanos, knob: KnobOf, wanted: &Wanted, out: &mut Batch) {
        let known = self.held.get_mut(&knob);
        let lasts = |lease: &Lease| lease.wanted.same_state(wanted);
        if known.as_ref().is_some_and(|lease| lasts(lease) && at < lease.renew) {
            return;
        }
        self.last_id += 1;
        let (id, renew) = (self.last_id, at + Nanos(self.length.0 / 5 * 2));
        out.actions.push(Action {
            at,
            id,
            target: knob.0,
            knob: knob.1,
            value: wanted.value,
            text: wanted.text.as_str().into(),
            until: at + self.length,
            why: wanted.why.as_str().into(),
            ..Action::default()
        });
        match known {
            Some(lease) => lease.ask(wanted, id, renew),
            None => drop(self.held.insert(knob, Lease::new(wanted.clone(), id, renew))),
        }
    }

    fn put_back(&mut self, at: Nanos, knob: KnobOf, why: &str, out: &mut Batch) {
        self.held.remove(&knob);
        out.actions.push(Action {
            at,
            id: self.next_id(),
            target: knob.0,
            knob: knob.1,
            until: at,
            why: why.into(),
            ..Action::default()
        });
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOB: KnobOf = (TargetId(2), KnobId(1));

    fn wanted(value: f64) -> BTreeMap<KnobOf, Wanted> {
        let state = Wanted {
            value,
            why: "because".to_owned(),
            ..Wanted::default()
        };
        BTreeMap::from([(KNOB, state)])
    }

    fn run(leases: &mut Leases, at: u64, wanted: &BTreeMap<KnobOf, Wanted>) -> Vec<Action> {
        let mut out = Batch::default();
        leases.reconcile(Nanos(at), wanted, &BTreeMap::new(), &mut out);
        out.actions.into()
    }

    #[test]
    fn a_lease_is_renewed_before_half_of_it_is_over() {
        let mut leases = Leases::new(Nanos(1000));
        let first = run(&mut leases, 0, &wanted(1.0));
        assert_eq!((first[0].until, leases.next()), (Nanos(1000), Some(Nanos(400))));
        assert_eq!(run(&mut leases, 399, &wanted(1.0)), []);
        let renewal = run(&mut leases, 400, &wanted(1.0));
        assert_eq!((renewal[0].until, renewal[0].id), (Nanos(1400), 2));
    }

    #[test]
    fn another_value_is_asked_for_at_once_and_what_is_not_wanted_is_put_back() {
        let mut leases = Leases::new(Nanos(1000));
        run(&mut leases, 0, &wanted(1.0));
        assert_eq!(run(&mut leases, 1, &wanted(2.0))[0].value, 2.0);
        let back = run(&mut leases, 2, &BTreeMap::new());
        assert!(back[0].is_release() && !leases.holds(KNOB));
    }

    #[test]
    fn only_outcomes_of_its_own_actions_end_a_lease() {
        let mut leases = Leases::new(Nanos(1000));
        run(&mut leases, 0, &wanted(1.0));
        run(&mut leases, 500, &wanted(1.0));
        let outcome = |action, fate| Outcome {
            action,
            target: KNOB.0,
            knob: KNOB.1,
            fate,
            ..Outcome::default()
        };
        assert_eq!(leases.hear(&outcome(7, Fate::REFUSED)), None);
        assert_eq!(leases.hear(&outcome(2, Fate::APPLIED)), None);
        assert_eq!(leases.hear(&outcome(1, Fate::TAKEN)), Some(Turn::Taken));
        assert_eq!(leases.hear(&outcome(1, Fate::TAKEN)), None, "told twice counts once");
    }
}
