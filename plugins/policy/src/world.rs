//! What a policy knows of the world: targets, the knobs that actuators offer, and those that were
//! refused or taken. What may never be touched is decided here, once.

use crate::config::cpus;
use crate::lease::KnobOf;
use pipeline_plugin_api::pattern::{fits_any, fits_one};
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
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

    /// All CPUs that are known of.
    fn cpus(&self) -> BTreeSet<u32> {
        let told = self.targets.values().flat_map(|known| &known.cpus);
        told.chain(self.cores.iter().flatten()).copied().collect()
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

    /// The CPUs to which a culprit is sent so that the victim has its own: some of those that it may use, or else, where it
    /// `may_move`, others. `None` where there are none, or it is nowhere else already.
    pub fn haven(&self, culprit: TargetId, victim: TargetId, avoid: &[u32], may_move: bool) -> Option<Vec<u32>> {
        let beyond = || self.asylum(culprit, avoid).filter(|_| may_move);
        let haven = self.refuge(culprit, victim, avoid).or_else(beyond)?;
        let has = self.targets.get(&culprit).map_or(&[][..], |known| &known.cpus);
        (haven != has).then_some(haven)
    }

    /// So many of the CPUs that a culprit may use: those first that are neither the victim's nor those of any target of class
    /// Latency, nor siblings of these; of the same kind the last. Where it may use all, those only. `None` where it has no more,
    /// or not as many are known of.
    pub fn some_cpus(&self, culprit: TargetId, victim: TargetId, count: usize) -> Option<Vec<u32>> {
        let own = self.targets.get(&victim).map_or(&[][..], |known| &known.cpus);
        let near = self.with_siblings(self.protected.iter().chain(own).copied().collect());
        let mut cpus: Vec<u32> = match &self.targets.get(&culprit)?.cpus {
            cpus if cpus.is_empty() => self.cpus().difference(&near).copied().collect(),
            cpus => cpus.clone(),
        };
        cpus.sort_by_key(|cpu| (near.contains(cpu), Reverse(*cpu)));
        let some = cpus.get(..count).filter(|some| !some.is_empty());
        let mut some = some?.to_vec();
        some.sort_unstable();
        Some(some)
    }

    /// The CPUs to which a culprit can go so that the victim has its own, away from every target of
    /// class Latency if that leaves any, and never on those to `avoid`; `None` where there are none.
    fn refuge(&self, culprit: TargetId, victim: TargetId, avoid: &[u32]) -> Option<Vec<u32>> {
        let own = &self.targets.get(&victim).filter(|known| !known.cpus.is_empty())?.cpus;
        let may: BTreeSet<u32> = match &self.targets.get(&culprit)?.cpus {
            cpus if cpus.is_empty() => self.cpus(),
            cpus => cpus.iter().copied().collect(),
        };
        let taken = |cpu: &&u32| own.contains(cpu) || avoid.contains(cpu);
        let free: Vec<u32> = may.iter().filter(|cpu| !taken(cpu)).copied().collect();
        let best: Vec<u32> = free
            .iter()
            .filter(|cpu| !self.protected.contains(cpu))
            .copied()
            .collect();
        let refuge = if best.is_empty() { free } else { best };
        (!refuge.is_empty()).then_some(refuge)
    }

    /// The CPUs beyond its own to which a culprit can go where its own leave none: of all that are known of, away from
    /// those to `avoid` and from every target of class Latency and the siblings of its CPUs; those to which nobody else
    /// is bound if there are any. `None` where there are none.
    fn asylum(&self, culprit: TargetId, avoid: &[u32]) -> Option<Vec<u32>> {
        let others = || {
            self.targets
                .iter()
                .filter(|(id, _)| **id != culprit)
                .map(|(_, known)| known)
        };
        let protected = others()
            .filter(|known| known.latency)
            .flat_map(|known| known.cpus.iter().copied());
        let mut protected = self.with_siblings(protected.collect());
        protected.extend(avoid);
        let free: Vec<u32> = self.cpus().difference(&protected).copied().collect();
        let bound: BTreeSet<u32> = others().flat_map(|known| known.cpus.iter().copied()).collect();
        let best: Vec<u32> = free.iter().filter(|cpu| !bound.contains(cpu)).copied().collect();
        let asylum = if best.is_empty() { free } else { best };
        (!asylum.is_empty()).then_some(asylum)
    }

    /// These CPUs and those that share a core with one of them.
    fn with_siblings(&self, mut cpus: BTreeSet<u32>) -> BTreeSet<u32> {
        let shared = self
            .cores
            .iter()
            .filter(|core| core.iter().any(|cpu| cpus.contains(cpu)));
        let siblings: Vec<u32> = shared.flatten().copied().collect();
        cpus.extend(siblings);
        cpus
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

/// CPUs as a list such as `0-3,8` (cgroup-v2.rst, "List of CPUs").
pub fn cpu_list(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *cpu => *last = *cpu,
            _ => ranges.push((*cpu, *cpu)),
        }
    }
    let text = |(first, last): &(u32, u32)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(targets: &[(u32, &str, bool, u32, &[u32])]) -> World {
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
    fn a_refuge_is_away_from_the_victim_and_from_others_that_are_protected() {
        type Row<'a> = (&'a [u32], &'a [u32], &'a [u32], &'a str);
        let cases: &[Row<'_>] = &[
            (&[0], &[0, 1, 2], &[], "2"),
            (&[0], &[0, 1, 2], &[2], "1"),
            (&[0], &[0, 1, 2], &[1, 2], ""),
            (&[0], &[0, 1], &[], "1"),
            (&[0], &[0], &[], ""),
            (&[], &[0, 1], &[], ""),
            (&[0], &[], &[], "3"),
        ];
        for (victim, culprit, avoid, refuge) in cases {
            let world = world(&[
                (1, "web", true, 0, victim),
                (2, "batch", false, 0, culprit),
                (3, "api", true, 0, &[1]),
                (4, "else", false, 0, &[3]),
            ]);
            let found = world.refuge(TargetId(2), TargetId(1), avoid).unwrap_or_default();
            assert_eq!(cpu_list(&found), *refuge, "{victim:?} {culprit:?} {avoid:?}");
        }
    }

    #[test]
    fn whoever_is_away_already_is_sent_nowhere() {
        let world = world(&[
            (1, "web", true, 0, &[0]),
            (2, "batch", false, 0, &[2, 3]),
            (3, "else", false, 0, &[4]),
        ]);
        let haven = |avoid: &[u32], may_move| world.haven(TargetId(2), TargetId(1), avoid, may_move);
        assert_eq!(haven(&[], true), None);
        assert_eq!(haven(&[2], true), Some(vec![3]));
        assert_eq!((haven(&[2, 3], true), haven(&[2, 3], false)), (Some(vec![4]), None));
    }

    #[test]
    fn of_the_cpus_of_a_culprit_those_stay_that_are_farthest_from_whoever_is_protected() {
        let mut world = world(&[
            (1, "web", true, 0, &[0]),
            (2, "batch", false, 0, &[0, 1, 2, 3, 4]),
            (3, "api", true, 0, &[4]),
        ]);
        let some = |world: &World, count| {
            let some = world.some_cpus(TargetId(2), TargetId(1), count);
            some.map_or_else(|| "none".to_owned(), |cpus| cpu_list(&cpus))
        };
        assert_eq!(
            [some(&world, 2), some(&world, 4), some(&world, 6)],
            ["2-3", "1-4", "none"]
        );
        world.cores = vec![vec![0, 3], vec![1, 4], vec![5, 6]];
        assert_eq!([some(&world, 1), some(&world, 2)], ["2", "2,4"]);
        // Where it may use all, nobody knows how many there are besides these.
        world.targets.insert(TargetId(2), Known::default());
        assert_eq!([some(&world, 2), some(&world, 3)], ["5-6", "none"]);
    }

    #[test]
    fn an_asylum_is_away_from_all_who_are_protected_and_from_their_siblings() {
        let mut world = world(&[
            (1, "web", true, 0, &[0]),
            (2, "batch", false, 0, &[4]),
            (3, "other", false, 0, &[1]),
        ]);
        assert_eq!(world.asylum(TargetId(2), &[4]), Some(vec![1]), "of none else is known");
        world.cores = vec![vec![0, 4], vec![1, 5], vec![2, 6]];
        assert_eq!(world.asylum(TargetId(2), &[4]), Some(vec![2, 5, 6]));
        assert_eq!(world.asylum(TargetId(2), &[2, 5, 6]), Some(vec![1]));
        assert_eq!(world.asylum(TargetId(2), &[1, 2, 5, 6]), None);
    }

    #[test]
    fn cpus_that_only_the_config_names_are_an_asylum() {
        let mut given = World::on(&["0,1".to_owned(), "2,3".to_owned()]).unwrap();
        given.targets = world(&[(1, "web", true, 0, &[0]), (2, "batch", false, 0, &[1])]).targets;
        given.recall_cores(vec![vec![0, 2]]);
        assert_eq!(given.asylum(TargetId(2), &[1]), Some(vec![2, 3]));
        assert!(World::on(&["0-".to_owned()]).is_err());
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
    fn lists_of_cpus_are_short() {
        assert_eq!(cpu_list(&[0, 1, 2, 3, 8, 10, 11]), "0-3,8,10-11");
        assert_eq!(cpu_list(&[]), "");
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
