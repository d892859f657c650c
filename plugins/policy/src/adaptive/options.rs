//! What could be done for a victim: for each knob that its culprits have, how much it would take and how likely it is to
//! help. The cheapest comes first: the least taken for a chance of help. A knob is turned on all culprits that have it, for
//! together they do the harm.

use super::case::{Attempt, Bench, Case, Stage};
use super::grip::{Grip, Turned, is_quota};
use super::ledger::{Beside, Ledger};
use crate::cores;
use crate::heard::Blame;
use crate::lease::KnobOf;
use crate::taken::Work;
use crate::world::{Offer, World, cpu_list};
use pipeline_plugin_api::pattern::fits_one;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeSet;

/// How often a cut is halved to keep within what may be taken.
const HALVINGS: u32 = 3;

/// A knob of which is known what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Whether it is no number.
    pub is_list: bool,
}

impl Named {
    /// Whether it is a list, and against harm through that resource it matters which are on it. Of the cache and of bandwidth one
    /// CPU takes as much as another, and fewer take less.
    fn is_place(&self, resource: Resource) -> bool {
        self.is_list && !matches!(resource, Resource::L3 | Resource::MEMORY_BANDWIDTH)
    }
}

/// One knob turned further on culprits.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The knob.
    pub knob: KnobId,
    /// The grips that come into force.
    pub grips: Vec<Turned>,
}

impl Case {
    /// The cheapest move that was not tried in vain and is within what may be taken.
    pub(super) fn best(&self, blame: &Blame, bench: &Bench<'_>) -> Option<Move> {
        let knobs: BTreeSet<KnobId> = blame
            .culprits
            .iter()
            .flat_map(|culprit| bench.world.offered(*culprit))
            .collect();
        let mut best: Option<(f64, &Named, Move)> = None;
        let beside = self.beside(bench);
        let before = beside.taken(&[]);
        for knob in knobs {
            let Some(named) = bench.named.get(&knob).filter(|named| self.may_use(knob, named, bench)) else {
                continue;
            };
            let Some((price, found)) = self.option(knob, named, blame, (&beside, before), bench) else {
                continue;
            };
            let is_better = best
                .as_ref()
                .is_none_or(|(least, other, _)| (price, &named.name) < (*least, &other.name));
            if is_better {
                best = Some((price, named, found));
            }
        }
        best.map(|(_, named, mut found)| {
            self.explain(&mut found.grips, named, blame, bench);
            found
        })
    }

    /// The knob that is on trial, turned on those who are blamed only now.
    pub(super) fn joining(&self, attempt: &Attempt, blame: &Blame, bench: &Bench<'_>) -> Vec<Turned> {
        let Some(named) = bench.named.get(&attempt.knob) else {
            return Vec::new();
        };
        let newcomers = blame.culprits.iter().map(|culprit| (*culprit, attempt.knob));
        let newcomers = newcomers.filter(|knob| !attempt.before.contains_key(knob) && !self.grips.contains_key(knob));
        let mut grips: Vec<Turned> = newcomers
            .filter_map(|knob| {
                let offer = bench.world.offer(knob, bench.at)?;
                self.grip(knob, offer, named, bench.config.cut, (blame, bench))
            })
            .take(bench.left)
            .collect();
        if !grips.is_empty() && self.beside(bench).taken(&grips) <= bench.config.most_taken + 1e-9 {
            self.explain(&mut grips, named, blame, bench);
            grips
        } else {
            Vec::new()
        }
    }

    fn may_use(&self, knob: KnobId, named: &Named, bench: &Bench<'_>) -> bool {
        let config = bench.config;
        let name = named.name.as_str();
        let stops = name == vocabulary::FREEZE.name || name == vocabulary::PROCESS_PAUSED.name;
        let moves = name == vocabulary::CPU_SET.name || name == vocabulary::CPU_AFFINITY.name;
        name != vocabulary::PROCESS_RUNNING.name
            && (config.may_stop || !stops)
            && (moves || !named.is_list)
            && !fits_one(&config.never, name.as_bytes())
            && !self.spent.contains(&knob)
            && !(name == vocabulary::CPU_WEIGHT.name && self.idling_was_tried(bench))
    }

    /// The least weight cannot do what idling could not, nor add to it.
    fn idling_was_tried(&self, bench: &Bench<'_>) -> bool {
        let idles = |knob: &KnobId| {
            bench
                .named
                .get(knob)
                .is_some_and(|named| named.name == vocabulary::CPU_IDLE.name)
        };
        self.spent.iter().any(idles) || self.grips.keys().any(|(_, knob)| idles(knob))
    }

    /// A knob on all culprits that have it, and its price, with what is taken beside it, and was before. Why is not said yet.
    fn option(
        &self,
        knob: KnobId,
        named: &Named,
        blame: &Blame,
        (beside, before): (&Beside<'_>, f64),
        bench: &Bench<'_>,
    ) -> Option<(f64, Move)> {
        let offered = |culprit: &TargetId| Some((*culprit, bench.world.offer((*culprit, knob), bench.at)?));
        let able: Vec<(TargetId, &Offer)> = blame.culprits.iter().filter_map(offered).collect();
        let (_, first) = able.first()?;
        let fit = bench
            .experience
            .fit(knob, &named.name, first.resource(), blame.resource);
        if fit <= 0.0 || fit < bench.config.least_fit {
            return None;
        }
        let mut cut = bench.config.cut;
        // Those who have it not yet come first, before anybody is cut further.
        let has = |culprit: TargetId| self.grips.contains_key(&(culprit, knob));
        let all_have = able.iter().all(|(culprit, _)| has(*culprit));
        // Of where it is sent there are no degrees.
        let halvings = if named.is_place(blame.resource) { 1 } else { HALVINGS };
        for _ in 0..halvings {
            let grips: Vec<Turned> = able
                .iter()
                .filter(|(culprit, _)| all_have || !has(*culprit))
                .filter_map(|(culprit, offer)| self.grip((*culprit, knob), offer, named, cut, (blame, bench)))
                .collect();
            if grips.is_empty() || grips.len() > bench.left {
                return None;
            }
            let after = beside.taken(&grips);
            if after <= bench.config.most_taken + 1e-9 {
                let price = (after - before).max(0.0) / fit;
                return Some((price, Move { knob, grips }));
            }
            cut /= 2.0;
        }
        None
    }

    /// A knob turned as far, if it can be. Why is not said yet: few of those that are weighed come into force.
    fn grip(
        &self,
        knob: KnobOf,
        offer: &Offer,
        named: &Named,
        cut: f64,
        (blame, bench): (&Blame, &Bench<'_>),
    ) -> Option<Turned> {
        let (world, config) = (bench.world, bench.config);
        let held = self.grips.get(&knob);
        if named.is_place(blame.resource) {
            let avoid = cores::avoided(blame, self.victim, world);
            if held.is_some() || blame.resource == Resource::SMT && avoid.is_empty() {
                return None;
            }
            let haven = world.haven(knob.0, self.victim, &avoid, config.may_move)?;
            return Some((knob, Grip::list(cpu_list(&haven))));
        }
        let limits_cpus = named.is_list || is_quota(&named.name);
        let used = bench.uses.get(&knob.0).copied().filter(|_| limits_cpus);
        if named.is_list && held.is_some_and(|held| !held.is_count()) {
            // Whoever was sent somewhere stays there.
            return None;
        }
        let mut grip = Grip::number(held, offer, used, cut.min(config.cut))?;
        if named.is_list {
            grip = self.on_cpus(knob.0, grip, world)?;
        }
        Some((knob, grip))
    }

    /// As many of a culprit's CPUs as a grip leaves it; `None` where these are not to be found.
    pub(super) fn on_cpus(&self, culprit: TargetId, grip: Grip, world: &World) -> Option<Grip> {
        let cpus = world.some_cpus(culprit, self.victim, grip.value as usize)?;
        let text = cpu_list(&cpus);
        Some(Grip { text, ..grip })
    }

    /// Says why they come into force.
    fn explain(&self, grips: &mut [Turned], named: &Named, blame: &Blame, bench: &Bench<'_>) {
        let world = bench.world;
        for ((culprit, _), grip) in grips {
            grip.why = format!(
                "`{}` slows `{}` {:.1} times through {}; `{}` takes least for its chance to help",
                world.name(*culprit),
                world.name(self.victim),
                blame.severity,
                blame.resource,
                named.name
            );
        }
    }

    /// What is taken beside what the case may turn.
    fn beside<'a>(&'a self, bench: &Bench<'a>) -> Beside<'a> {
        let ledger = bench.ledger.get_or_init(|| {
            let work = Work::of(bench.world, bench.config.scope(), bench.uses);
            Ledger::of(work, bench.others.values().chain([self]), bench.world)
        });
        ledger.beside(self, bench.world)
    }
}

impl Bench<'_> {
    /// Whether a knob of that culprit is on trial for another victim.
    pub(super) fn is_busy(&self, culprit: TargetId) -> bool {
        let tries = |case: &Case| match &case.stage {
            Stage::Trying(attempt) => attempt.before.keys().any(|(target, _)| *target == culprit),
            _ => false,
        };
        self.others.values().any(tries)
    }
}
