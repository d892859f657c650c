//! What all cases together take of the work of those who may be restrained. A case weighs many moves before it makes one, so
//! this is reckoned once an instant and then follows what comes into force; what a knob takes is reckoned in `grip`.
//!
//! Factors and sums always run in the same order, whoever asks: by target, and of a target first what the case that asks has in
//! force and then what the others have. Prices that are equal thus stay equal to the last bit.

use super::case::Case;
use super::grip::{Grip, Grips, Turned};
use crate::lease::KnobOf;
use crate::taken::Work;
use crate::world::{World, knobs_of};
use pipeline_plugin_api::prelude::*;

/// See the file.
#[derive(Clone, Debug)]
pub struct Ledger {
    work: Work,
    /// By target, then by victim, then by knob.
    entries: Vec<Entry>,
}

/// A knob that is turned.
#[derive(Copy, Clone, Debug)]
struct Entry {
    /// Whose it is.
    target: TargetId,
    /// What the work of that target weighs.
    weight: f64,
    /// For whom it is turned.
    victim: TargetId,
    /// The share of the target's work that it leaves.
    left: f64,
}

/// What is taken beside what a case may turn.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    ledger: &'a Ledger,
    world: &'a World,
    victim: TargetId,
    grips: &'a Grips,
    /// The work that each target loses now, by target.
    lost: Vec<(TargetId, f64)>,
}

impl Ledger {
    /// What those cases have in force now.
    pub fn of<'a>(work: Work, cases: impl Iterator<Item = &'a Case>, world: &World) -> Self {
        let mut ledger = Self {
            work,
            entries: Vec::new(),
        };
        for case in cases {
            ledger.add(case, world);
        }
        ledger.sort();
        ledger
    }

    /// What a case has in force changed.
    pub fn enter(&mut self, case: &Case, world: &World) {
        self.entries.retain(|entry| entry.victim != case.victim);
        self.add(case, world);
        self.sort();
    }

    /// What is taken beside what that case may turn.
    pub fn beside<'a>(&'a self, case: &'a Case, world: &'a World) -> Beside<'a> {
        let mut lost = Vec::with_capacity(self.entries.len());
        for of_one in self.entries.chunk_by(|a, b| a.target == b.target) {
            let left: f64 = others(of_one, case.victim).product();
            lost.push((of_one[0].target, of_one[0].weight * (1.0 - left)));
        }
        let mut beside = Beside {
            ledger: self,
            world,
            victim: case.victim,
            grips: &case.grips,
            lost,
        };
        let mut last = TargetId::NONE;
        for (target, _) in case.grips.keys() {
            if *target != last {
                last = *target;
                let lost = beside.lost(*target, None);
                put(&mut beside.lost, *target, lost);
            }
        }
        beside
    }

    fn add(&mut self, case: &Case, world: &World) {
        let entry = |(knob, grip): (&KnobOf, &Grip)| {
            Some(Entry {
                target: knob.0,
                weight: self.work.weight(knob.0),
                victim: case.victim,
                left: left(*knob, grip, world)?,
            })
        };
        let entries: Vec<Entry> = case.grips.iter().filter_map(entry).collect();
        self.entries.extend(entries);
    }

    /// Stable, so that the knobs of a case stay in their order.
    fn sort(&mut self) {
        self.entries.sort_by_key(|entry| (entry.target, entry.victim));
    }
}

impl Beside<'_> {
    /// The share of the work that is taken with these knobs of the case turned so, 0..=1.
    pub fn taken(&self, turned: &[Turned]) -> f64 {
        let mut lost = self.lost.clone();
        for one in turned {
            put(&mut lost, one.0.0, self.lost(one.0.0, Some(one)));
        }
        let taken = lost.iter().map(|(_, lost)| lost).sum();
        self.ledger.work.share(taken)
    }

    /// The work that a target loses, with one of its knobs turned.
    fn lost(&self, target: TargetId, turned: Option<&Turned>) -> f64 {
        let own = self.grips.range(knobs_of(target));
        let own = own.filter(|(knob, _)| turned.is_none_or(|(other, _)| *knob != other));
        let all = own.chain(turned.map(|(knob, grip)| (knob, grip)));
        let own = all.filter_map(|(knob, grip)| left(*knob, grip, self.world));
        let entries = &self.ledger.entries;
        let first = entries.partition_point(|entry| entry.target < target);
        let of_one = entries[first..].iter().take_while(|entry| entry.target == target);
        let left: f64 = own.chain(others(of_one, self.victim)).product();
        self.ledger.work.weight(target) * (1.0 - left)
    }
}

/// What knobs that are not turned for that victim leave.
fn others<'a>(entries: impl IntoIterator<Item = &'a Entry>, victim: TargetId) -> impl Iterator<Item = f64> {
    let others = entries.into_iter().filter(move |entry| entry.victim != victim);
    others.map(|entry| entry.left)
}

/// The share of its target's work that a knob leaves; `None` where nobody offers it, which takes nothing.
fn left(knob: KnobOf, grip: &Grip, world: &World) -> Option<f64> {
    world.offers.get(&knob).map(|offer| grip.left(offer))
}

fn put(all: &mut Vec<(TargetId, f64)>, target: TargetId, lost: f64) {
    match all.binary_search_by_key(&target, |(id, _)| *id) {
        Ok(place) => all[place].1 = lost,
        Err(place) => all.insert(place, (target, lost)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AdaptiveConfig;
    use crate::taken::Uses;
    use crate::world::{Known, Offer};

    /// Seven targets with three knobs each, whose costs and values have no short binary form.
    fn world() -> World {
        let mut world = World::default();
        for target in (1..=7).map(TargetId) {
            world.targets.insert(target, Known::default());
            for knob in (1..=3).map(KnobId) {
                let offer = Offer {
                    most: 1.0,
                    upwards: true,
                    cost: 0.3 + 0.1 * f64::from(knob.0),
                    ..Offer::default()
                };
                world.offers.insert((target, knob), offer);
            }
        }
        world
    }

    fn turned(target: u32, knob: u32, value: f64) -> Turned {
        let grip = Grip {
            value,
            ..Grip::default()
        };
        ((TargetId(target), KnobId(knob)), grip)
    }

    fn case(victim: u32, grips: Vec<Turned>) -> Case {
        let mut case = Case::new(TargetId(victim), &AdaptiveConfig::default());
        case.grips.extend(grips);
        case
    }

    /// What is taken, with all states told one by one in the order in which they count.
    fn told(world: &World, own: &[&Turned], others: &[&Case]) -> u64 {
        let others = others.iter().flat_map(|case| case.grips.iter());
        let states = own.iter().map(|(knob, grip)| (knob, grip)).chain(others);
        let states = states.map(|(knob, grip)| (*knob, grip.value, ""));
        work(world).taken(world, states).to_bits()
    }

    fn work(world: &World) -> Work {
        let uses: Uses = (1..=7).map(|id| (TargetId(id), 0.1 * f64::from(id))).collect();
        Work::of(world, Default::default(), &uses)
    }

    #[test]
    fn what_is_taken_is_the_same_to_the_last_bit_as_with_all_states_told_one_by_one() {
        let world = world();
        let one = case(11, vec![turned(2, 1, 0.7), turned(3, 2, 0.9), turned(4, 1, 0.3)]);
        let mut two = case(12, vec![turned(2, 2, 0.1), turned(4, 2, 0.6)]);
        let three = case(13, vec![turned(2, 3, 0.2), turned(5, 1, 0.8), turned(9, 1, 1.0)]);
        let mut ledger = Ledger::of(work(&world), [&one, &three, &two].into_iter(), &world);
        let (a, b) = (turned(2, 2, 0.1), turned(4, 2, 0.6));
        let (more, new) = (turned(4, 2, 0.9), turned(1, 3, 0.4));
        let beside = ledger.beside(&two, &world);
        assert_eq!(beside.taken(&[]).to_bits(), told(&world, &[&a, &b], &[&one, &three]));
        let both = [more.clone(), new.clone()];
        assert_eq!(
            beside.taken(&both).to_bits(),
            told(&world, &[&a, &new, &more], &[&one, &three])
        );
        assert!(beside.taken(&both) > beside.taken(&[]));

        two.grips.remove(&a.0);
        two.grips.extend(both);
        ledger.enter(&two, &world);
        let beside = ledger.beside(&three, &world);
        let own: Vec<Turned> = three.grips.iter().map(|(knob, grip)| (*knob, grip.clone())).collect();
        let own: Vec<&Turned> = own.iter().collect();
        assert_eq!(beside.taken(&[]).to_bits(), told(&world, &own, &[&one, &two]));
    }

    #[test]
    fn what_a_case_no_longer_has_in_force_does_not_count_for_it_before_that_is_entered() {
        let world = world();
        let mut one = case(11, vec![turned(2, 1, 0.7), turned(3, 2, 0.9)]);
        let ledger = Ledger::of(work(&world), [&one].into_iter(), &world);
        one.grips.take();
        assert_eq!(ledger.beside(&one, &world).taken(&[]), 0.0);
    }

    #[test]
    fn grips_say_once_that_they_changed() {
        let mut grips = Grips::default();
        assert!(!grips.were_changed());
        let (knob, grip) = turned(2, 1, 0.7);
        grips.insert(knob, grip);
        assert!(grips.were_changed() && !grips.were_changed());
        grips.retain(|_| true);
        assert!(grips.remove(&(TargetId(3), KnobId(1))).is_none() && !grips.were_changed());
        grips.retain(|target| target != knob.0);
        assert!(grips.were_changed() && grips.take().is_empty() && !grips.were_changed());
    }
}
