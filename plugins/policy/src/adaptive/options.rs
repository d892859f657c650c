//! What could be done for a victim: for each knob that its culprits have, how much it would take and how likely it is to
//! help. The cheapest comes first: the least taken for a chance of help. A knob is turned on all culprits that have it, for
//! together they do the harm.

use super::case::{Attempt, Bench, Case, Stage};
use super::grip::{Grip, Turned, is_quota};
use crate::cores;
use crate::heard::Blame;
use crate::lease::KnobOf;
use crate::taken::Work;
use crate::world::cpu_list;
use pipeline_plugin_api::pattern::fits_one;
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
        let mut best: Option<(f64, &str, Move)> = None;
        for knob in knobs {
            let Some(named) = bench.named.get(&knob).filter(|named| self.may_use(knob, named, bench)) else {
                continue;
            };
            let Some((price, found)) = self.option(knob, named, blame, bench) else {
                continue;
            };
            let is_better = best
                .as_ref()
                .is_none_or(|(least, name, _)| (price, named.name.as_str()) < (*least, *name));
            if is_better {
                best = Some((price, &named.name, found));
            }
        }
        best.map(|(_, _, found)| found)
    }

    /// The knob that is on trial, turned on those who are blamed only now.
    pub(super) fn joining(&self, attempt: &Attempt, blame: &Blame, bench: &Bench<'_>) -> Vec<Turned> {
        let Some(named) = bench.named.get(&attempt.knob) else {
            return Vec::new();
        };
        let newcomers = blame.culprits.iter().map(|culprit| (*culprit, attempt.knob));
        let newcomers = newcomers.filter(|knob| !attempt.before.contains_key(knob) && !self.grips.contains_key(knob));
        let grips: Vec<Turned> = newcomers
            .filter_map(|knob| self.grip(knob, named, bench.config.cut, blame, bench))
            .take(bench.left)
            .collect();
        let changed: BTreeMap<KnobOf, &Grip> = grips.iter().map(|(knob, grip)| (*knob, grip)).collect();
        let after = bench.taken(self.all(&changed));
        if after <= bench.config.most_taken + 1e-9 {
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

    /// A knob on all culprits that have it, and its price.
    fn option(&self, knob: KnobId, named: &Named, blame: &Blame, bench: &Bench<'_>) -> Option<(f64, Move)> {
        let first = blame
            .culprits
            .iter()
            .find_map(|culprit| bench.world.offer((*culprit, knob), bench.at))?;
        let fit = bench
            .experience
            .fit(knob, &named.name, first.resource(), blame.resource);
        if fit <= 0.0 || fit < bench.config.least_fit {
            return None;
        }
        let before = bench.taken(self.all(&BTreeMap::new()));
        let mut cut = bench.config.cut;
        // Those who have it not yet come first, before anybody is cut further.
        let has = |culprit: &&TargetId| self.grips.contains_key(&(**culprit, knob));
        let able = || {
            blame
                .culprits
                .iter()
                .filter(|culprit| bench.world.offer((**culprit, knob), bench.at).is_some())
        };
        let all_have = able().all(|culprit| has(&culprit));
        for _ in 0..HALVINGS {
            let grips: Vec<Turned> = able()
                .filter(|culprit| all_have || !has(culprit))
                .filter_map(|culprit| self.grip((*culprit, knob), named, cut, blame, bench))
                .collect();
            let changed: BTreeMap<KnobOf, &Grip> = grips.iter().map(|(knob, grip)| (*knob, grip)).collect();
            let after = bench.taken(self.all(&changed));
            if grips.is_empty() || grips.len() > bench.left {
                return None;
            }
            if after <= bench.config.most_taken + 1e-9 {
                let price = (after - before).max(0.0) / fit;
                return Some((price, Move { knob, grips }));
            }
            cut /= 2.0;
        }
        None
    }

    fn grip(&self, knob: KnobOf, named: &Named, cut: f64, blame: &Blame, bench: &Bench<'_>) -> Option<Turned> {
        let (world, config) = (bench.world, bench.config);
        let offer = world.offer(knob, bench.at)?;
        let held = self.grips.get(&knob);
        let why = format!(
            "`{}` slows `{}` {:.1} times through {}; `{}` takes least for its chance to help",
            world.name(knob.0),
            world.name(self.victim),
            blame.severity,
            blame.resource,
            named.name
        );
        if named.is_list {
            let avoid = cores::avoided(blame, self.victim, world);
            if held.is_some() || blame.resource == Resource::SMT && avoid.is_empty() {
                return None;
            }
            let beyond = || world.asylum(knob.0, &avoid).filter(|_| config.may_move);
            let refuge = world.refuge(knob.0, self.victim, &avoid).or_else(beyond)?;
            return Some((knob, Grip::list(cpu_list(&refuge), &why)));
        }
        let used = bench.uses.get(&knob.0).copied().filter(|_| is_quota(&named.name));
        Some((knob, Grip::number(held, offer, used, cut.min(config.cut), &why)?))
    }

    /// All grips of the case as they would be with these changed.
    fn all<'a>(&'a self, changed: &'a BTreeMap<KnobOf, &'a Grip>) -> Vec<(KnobOf, f64, &'a str)> {
        let kept = self.grips.iter().filter(|(knob, _)| !changed.contains_key(knob));
        let all = kept
            .map(|(knob, grip)| (*knob, grip))
            .chain(changed.iter().map(|(knob, grip)| (*knob, *grip)));
        all.map(|(knob, grip)| (knob, grip.value, grip.text.as_str())).collect()
    }
}

impl Bench<'_> {
    /// The share of the work taken with these states beside what is in force for other victims.
    pub(super) fn taken(&self, states: Vec<(KnobOf, f64, &str)>) -> f64 {
        let others = self.others.values().flat_map(|case| &case.grips);
        let others = others.map(|(knob, grip)| (*knob, grip.value, grip.text.as_str()));
        let work = self
            .work
            .get_or_init(|| Work::of(self.world, self.config.scope(), self.uses));
        work.taken(self.world, states.into_iter().chain(others))
    }

    /// Whether a knob of that culprit is on trial for another victim.
    pub(super) fn is_busy(&self, culprit: TargetId) -> bool {
        let tries = |case: &Case| match &case.stage {
            Stage::Trying(attempt) => attempt.before.keys().any(|(target, _)| *target == culprit),
            _ => false,
        };
        self.others.values().any(tries)
    }
}
