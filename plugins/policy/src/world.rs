//! What a policy knows of the world: targets, the knobs that actuators offer, and those that were
//! refused or taken. What may never be touched is decided here, once; on which CPUs somebody may be put, in `places`.

mod places;

pub use places::cpu_list;

use crate::config::cpus;
use crate::lease::KnobOf;
use pipeline_plugin_api::pattern::{fits_any, fits_one};
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// What matters of a target here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Whether it answers somebody who waits.
    pub latency: bool,
    /// The id of the target that holds it, 0 for none.
    pub parent: u32,
    /// The CPUs that it may use; empty where not restricted.
    pub cpus: Vec<u32>,
}

/// Who may be restrained, by name.
#[derive(Copy, Clone, Debug, Default)]
pub struct Scope<'a> {
    /// Those only; all where empty.
    pub only: &'a [String],
    /// Never those.
    pub spare: &'a [String],
}

/// A knob as its actuator offers it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// The least value.
    pub least: f64,
    /// The greatest value.
    pub most: f64,
    /// Where it stood when nobody of this policy held it; NaN where not known.
    pub value: f64,
    /// Whether greater values restrain more.
    pub upwards: bool,
    /// By how much it can be turned at a time; 0 for any.
    pub step: f64,
    /// The share of its work that the target is expected to lose at the strictest value, 0..=1.
    pub cost: f64,
    /// The number of the resource whose use it restrains, see [`Resource`].
    pub resource: u32,
}

impl Offer {
    fn of(control: &Control) -> Self {
        Self {
            least: control.least,
            most: control.most,
            value: control.value,
            upwards: control.stricter > 0,
            step: control.step,
            cost: control.cost,
            resource: control.resource.0,
        }
    }

    /// The resource whose use it restrains.
    pub fn resource(&self) -> Resource {
        Resource(self.resource)
    }

    /// The nearest value that is possible; `None` where the bounds make no sense.
    pub fn bound(&self, value: f64) -> Option<f64> {
        (self.least <= self.most && !value.is_nan()).then(|| value.max(self.least).min(self.most))
    }

    /// The value that restrains most.
    pub fn strictest(&self) -> Option<f64> {
        self.bound(if self.upwards { self.most } else { self.least })
    }

    /// The value that restrains least.
    pub fn loosest(&self) -> Option<f64> {
        self.bound(if self.upwards { self.least } else { self.most })
    }

    /// Where it stood, or else the value that restrains least.
    pub fn found(&self) -> Option<f64> {
        Some(self.value)
            .filter(|value| !value.is_nan())
            .or_else(|| self.loosest())
    }

    /// The nearest value on its steps that restrains at least as much.
    pub fn rounded(&self, value: f64) -> Option<f64> {
        let value = self.bound(value)?;
        if self.step <= 0.0 || !self.step.is_finite() || !value.is_finite() || !self.least.is_finite() {
            return Some(value);
        }
        let steps = (value - self.least) / self.step;
        // A hair beside a step is that step.
        let whole = if self.upwards {
            (steps - 1e-6).ceil()
        } else {
            (steps + 1e-6).floor()
        };
        self.bound(self.least + whole * self.step)
    }

    /// Which of two values restrains more.
    pub fn stricter(&self, a: f64, b: f64) -> f64 {
        if self.upwards { a.max(b) } else { a.min(b) }
    }
}

/// See the file.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The targets.
    pub targets: BTreeMap<TargetId, Known>,
    /// The knobs on offer.
    pub offers: BTreeMap<KnobOf, Offer>,
    /// Knobs that are left alone until then.
    pub barred: BTreeMap<KnobOf, Nanos>,
    /// The CPUs that are threads of one core, as the config says, else as a target's label told last.
    pub cores: Vec<Vec<u32>>,
    /// Whether the config says it.
    cores_are_given: bool,
    /// Those that hold a target of class Latency, at any depth: asked for often, and changed rarely.
    holders: BTreeSet<TargetId>,
    /// The CPUs of all targets of class Latency: as the holders.
    protected: BTreeSet<u32>,
}

/// The label by which a target tells the threads of each core, as `0,4 1,5`.
const SIBLINGS: &str = "cpu.siblings";

impl World {
    /// One in which nobody is, on a machine whose cores have these threads, as `0,4` for each core; what targets tell
    /// counts where there are none.
    ///
    /// # Errors
    /// A text is no list of CPUs.
    pub fn on(siblings: &[String]) -> Result<Self> {
        let cores = siblings.iter().map(|text| cpus(text).map_err(Failure::fatal));
        Ok(Self {
            cores: cores.collect::<Result<_>>()?,
            cores_are_given: !siblings.is_empty(),
            ..Self::default()
        })
    }

    /// Takes over what a predecessor knew of cores, unless the config says it.
    pub fn recall_cores(&mut self, cores: Vec<Vec<u32>>) {
        if !self.cores_are_given {
            self.cores = cores;
        }
    }

    /// Takes in what happened to a target. While it was `moved` by this policy, the CPUs on which it is told to be say nothing
    /// of those that it may use.
    pub fn change(&mut self, change: &TargetChange, moved: bool) {
        let target = &change.target;
        if change.change == Change::GONE {
            self.targets.remove(&target.id);
            forget(&mut self.offers, target.id);
            forget(&mut self.barred, target.id);
            self.reckon();
            return;
        }
        let before = self.targets.get(&target.id).filter(|_| moved);
        let known = Known {
            name: target.name.to_string(),
            latency: target.class == Class::LATENCY,
            parent: target.parent.0,
            cpus: before.map_or_else(|| target.cpus.to_vec(), |before| before.cpus.clone()),
        };
        self.targets.insert(target.id, known);
        self.reckon();
        if let Some(label) = target.labels.iter().find(|label| label.name.as_str() == SIBLINGS) {
            let cores: Vec<Vec<u32>> = label
                .value
                .split_whitespace()
                .filter_map(|core| cpus(core).ok())
                .collect();
            if !cores.is_empty() {
                self.recall_cores(cores);
            }
        }
    }

    /// Finds anew who holds whom that is protected, and which CPUs are; to be called where targets were put in by hand.
    pub fn reckon(&mut self) {
        let (mut holders, mut protected) = (BTreeSet::new(), BTreeSet::new());
        for known in self.targets.values().filter(|known| known.latency) {
            protected.extend(&known.cpus);
            let mut at = TargetId(known.parent);
            // One that is known already has its own holders in, and ends a circle.
            while at != TargetId::NONE && holders.insert(at) {
                at = TargetId(self.targets.get(&at).map_or(0, |known| known.parent));
            }
        }
        (self.holders, self.protected) = (holders, protected);
    }

    /// Takes in a knob on offer. While it is held its value is ours and says nothing of before.
    pub fn control(&mut self, control: &Control, held: bool) {
        let knob = (control.target, control.knob);
        let before = self.offers.get(&knob).filter(|_| held).map(|offer| offer.value);
        let offer = Offer::of(control);
        let value = before.unwrap_or(offer.value);
        self.offers.insert(knob, Offer { value, ..offer });
    }

    /// The knobs that are on offer for a target.
    pub fn offered(&self, target: TargetId) -> impl Iterator<Item = KnobId> {
        self.offers.range(knobs_of(target)).map(|((_, knob), _)| *knob)
    }

    /// Leaves a knob alone until then.
    pub fn bar(&mut self, knob: KnobOf, until: Nanos) {
        self.barred.insert(knob, until);
    }

    /// The knob's offer, unless it is to be left alone.
    pub fn offer(&self, knob: KnobOf, at: Nanos) -> Option<&Offer> {
        let free = self.barred.get(&knob).is_none_or(|until| *until <= at);
        self.offers.get(&knob).filter(|_| free)
    }

    /// For people: a target's name.
    pub fn name(&self, id: TargetId) -> &str {
        self.targets.get(&id).map_or("?", |known| known.name.as_str())
    }

    /// Whether a target may be restrained for a victim: it is known, neither of class Latency nor
    /// the victim nor within it, holds nothing that is, and the config does not spare it.
    pub fn may_restrain(&self, culprit: TargetId, victim: TargetId, scope: Scope<'_>) -> bool {
        let Some(known) = self.targets.get(&culprit) else {
            return false;
        };
        let family = || culprit == victim || self.holds(victim, culprit) || self.holds(culprit, victim);
        self.is_free(culprit, known, scope) && !family()
    }

    /// Whether a target may be restrained for anybody's sake: as [`World::may_restrain`] without a victim.
    pub fn may_be_restrained(&self, target: TargetId, scope: Scope<'_>) -> bool {
        let known = self.targets.get(&target);
        known.is_some_and(|known| self.is_free(target, known, scope))
    }

    /// All targets that may be restrained for anybody's sake, in order.
    pub fn restrainable(&self, scope: Scope<'_>) -> impl Iterator<Item = TargetId> {
        let free = self
            .targets
            .iter()
            .filter(move |(id, known)| self.is_free(**id, known, scope));
        free.map(|(id, _)| *id)
    }

    /// Whether it neither answers somebody who waits, nor holds one that does, nor is spared.
    fn is_free(&self, target: TargetId, known: &Known, scope: Scope<'_>) -> bool {
        !known.latency && is_listed(known, scope) && !self.holders.contains(&target)
    }

    /// Whether `outer` holds `inner`, at any depth.
    fn holds(&self, outer: TargetId, inner: TargetId) -> bool {
        let mut at = inner;
        for _ in 0..self.targets.len() {
            let Some(known) = self.targets.get(&at) else {
                return false;
            };
            at = TargetId(known.parent);
            if at == outer || at == TargetId::NONE {
                return at == outer;
            }
        }
        false
    }
}

fn is_listed(known: &Known, scope: Scope<'_>) -> bool {
    let name = known.name.as_bytes();
    fits_any(scope.only, name) && !fits_one(scope.spare, name)
}

/// Drops all knobs of a target, without a walk over those of others.
pub fn forget<T>(all: &mut BTreeMap<KnobOf, T>, target: TargetId) {
    let knobs: Vec<KnobOf> = all.range(knobs_of(target)).map(|(knob, _)| *knob).collect();
    knobs.iter().for_each(|knob| drop(all.remove(knob)));
}

/// From the first knob that a target can have to the last.
pub fn knobs_of(target: TargetId) -> RangeInclusive<KnobOf> {
    (target, KnobId(0))..=(target, KnobId(u32::MAX))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Of each its id, its name, whether it is protected, who holds it, and its CPUs.
    pub fn world(targets: &[(u32, &str, bool, u32, &[u32])]) -> World {
        let known = |(id, name, latency, parent, cpus): &(u32, &str, bool, u32, &[u32])| {
            let known = Known {
                name: (*name).to_owned(),
                latency: *latency,
                parent: *parent,
                cpus: cpus.to_vec(),
            };
            (TargetId(*id), known)
        };
        let mut world = World {
            targets: targets.iter().map(known).collect(),
            ..World::default()
        };
        world.reckon();
        world
    }

    #[test]
    fn what_must_not_be_restrained_is_not() {
        let world = world(&[
            (1, "web", true, 4, &[]),
            (2, "batch", false, 0, &[]),
            (3, "api", true, 0, &[]),
            (4, "group", false, 5, &[]),
            (5, "slice", false, 0, &[]),
            (6, "spared", false, 0, &[]),
            (7, "helper", false, 1, &[]),
        ]);
        let spare = ["spa*".to_owned()];
        let scope = Scope {
            only: &[],
            spare: &spare,
        };
        let may: Vec<u32> = (1..10)
            .filter(|id| world.may_restrain(TargetId(*id), TargetId(1), scope))
            .collect();
        assert_eq!(may, [2]);
        let only = Scope {
            only: &["other".to_owned()],
            ..scope
        };
        assert!(!world.may_restrain(TargetId(2), TargetId(1), only));
    }

    #[test]
    fn a_target_that_goes_takes_its_own_knobs_with_it_and_no_other_s() {
        let mut all: BTreeMap<KnobOf, ()> = BTreeMap::new();
        for (target, knob) in [(1, u32::MAX), (2, 0), (2, 7), (2, u32::MAX), (3, 0)] {
            all.insert((TargetId(target), KnobId(knob)), ());
        }
        forget(&mut all, TargetId(2));
        let left: Vec<(u32, u32)> = all.keys().map(|(target, knob)| (target.0, knob.0)).collect();
        assert_eq!(left, [(1, u32::MAX), (3, 0)]);
    }

    #[test]
    fn where_a_target_was_moved_to_does_not_hide_where_it_may_run() {
        let mut world = World::default();
        let on = |cpus: &[u32]| TargetChange {
            target: Target {
                id: TargetId(2),
                cpus: cpus.to_vec().into(),
                ..Target::default()
            },
            ..TargetChange::default()
        };
        let cpus = |world: &World| world.targets[&TargetId(2)].cpus.clone();
        world.change(&on(&[0, 1, 2]), true);
        assert_eq!(cpus(&world), [0, 1, 2], "of one that was not known it is all there is");
        world.change(&on(&[2]), true);
        assert_eq!(cpus(&world), [0, 1, 2]);
        world.change(&on(&[0, 1]), false);
        assert_eq!(cpus(&world), [0, 1]);
    }

    #[test]
    fn a_held_knobs_value_does_not_hide_what_was_found() {
        let mut world = World::default();
        let control = |value| Control {
            target: TargetId(1),
            knob: KnobId(1),
            most: 1.0,
            value,
            ..Control::default()
        };
        world.control(&control(0.0), false);
        world.control(&control(1.0), true);
        assert_eq!(world.offers[&(TargetId(1), KnobId(1))].value, 0.0);
    }
}
