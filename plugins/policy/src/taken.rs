//! How much of the work of those who may be restrained is taken: what the costs of the knobs say, weighed by the CPU time
//! that each used. An estimate that keeps a policy within bounds, not a measurement.

use crate::lease::KnobOf;
use crate::world::{Offer, Scope, World};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The CPU time that targets used before anything was done, in CPUs.
pub type Uses = BTreeMap<TargetId, f64>;

/// The share of its work that a target is expected to lose while one of its knobs stands at a value: the knob's cost at
/// its strictest value, in proportion to how far towards it the value is.
pub fn by(offer: &Offer, value: f64, is_text: bool) -> f64 {
    let cost = if offer.cost.is_finite() {
        offer.cost.clamp(0.0, 1.0)
    } else {
        1.0
    };
    let (Some(found), Some(strictest)) = (offer.found(), offer.strictest()) else {
        return cost;
    };
    let (range, turned) = ((strictest - found).abs(), (value - found).abs());
    let depth = if is_text || !range.is_finite() || !turned.is_finite() {
        1.0
    } else if range > 0.0 {
        (turned / range).min(1.0)
    } else {
        0.0
    };
    cost * depth
}

/// The work of all that may be restrained, by target in order. It is weighed once for as many questions as there are: what
/// could be done is weighed for every knob of every culprit.
#[derive(Clone, Debug, Default)]
pub struct Work {
    weights: Vec<(TargetId, f64)>,
    whole: f64,
}

impl Work {
    /// The work of all that may be restrained now.
    pub fn of(world: &World, scope: Scope<'_>, uses: &Uses) -> Self {
        let usual = usual(uses);
        let known = |target: TargetId| uses.get(&target).copied().filter(|used| *used > 0.0);
        let all = world.restrainable(scope);
        let weights: Vec<(TargetId, f64)> = all.map(|id| (id, known(id).unwrap_or(usual))).collect();
        let whole = weights.iter().map(|(_, weight)| weight).sum();
        Self { weights, whole }
    }

    /// The share of it which these states of knobs take, 0..=1. A knob that nobody offers takes nothing.
    pub fn taken<'a>(&self, world: &World, states: impl Iterator<Item = (KnobOf, f64, &'a str)>) -> f64 {
        let mut kept: BTreeMap<TargetId, f64> = BTreeMap::new();
        for (knob, value, text) in states {
            if let Some(offer) = world.offers.get(&knob) {
                *kept.entry(knob.0).or_insert(1.0) *= 1.0 - by(offer, value, !text.is_empty());
            }
        }
        let lost = |(target, kept): (TargetId, f64)| self.weight(target) * (1.0 - kept);
        let taken: f64 = kept.into_iter().map(lost).sum();
        self.share(taken)
    }

    /// As a share of the whole; 0 where there is nothing to take.
    pub fn share(&self, work: f64) -> f64 {
        if self.whole > 0.0 { work / self.whole } else { 0.0 }
    }

    /// What the work of a target weighs; 0 for one that must not be restrained.
    pub fn weight(&self, target: TargetId) -> f64 {
        let place = self.weights.binary_search_by_key(&target, |(id, _)| *id);
        place.map_or(0.0, |place| self.weights[place].1)
    }
}

/// What is taken for the use of a target of which it is not known: the mean of those of which it is.
fn usual(uses: &Uses) -> f64 {
    let known: Vec<f64> = uses.values().copied().filter(|used| *used > 0.0).collect();
    if known.is_empty() {
        1.0
    } else {
        known.iter().sum::<f64>() / known.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Known;

    fn offer(least: f64, most: f64, value: f64, upwards: bool, cost: f64) -> Offer {
        Offer {
            least,
            most,
            value,
            upwards,
            cost,
            ..Offer::default()
        }
    }

    #[test]
    fn what_a_knob_takes_is_in_proportion_to_how_far_it_is_turned() {
        let ways = offer(1.0, 11.0, 11.0, false, 0.5);
        let quota = offer(0.01, f64::INFINITY, f64::INFINITY, false, 0.9);
        let idle = offer(0.0, 1.0, 0.0, true, 0.1);
        for (offer, value, expected) in [
            (ways, 11.0, 0.0),
            (ways, 6.0, 0.25),
            (ways, 1.0, 0.5),
            (quota, 0.5, 0.9),
            (idle, 1.0, 0.1),
            (idle, 0.0, 0.0),
        ] {
            assert!(
                (by(&offer, value, false) - expected).abs() < 1e-9,
                "{offer:?} at {value}"
            );
        }
        assert_eq!(by(&offer(0.0, 0.0, f64::NAN, false, 0.5), 0.0, true), 0.5);
    }

    #[test]
    fn the_whole_is_the_work_of_those_who_may_be_restrained() {
        let mut world = World::default();
        let knob = |target| (TargetId(target), KnobId(1));
        for (id, latency) in [(1, true), (2, false), (3, false)] {
            let known = Known {
                latency,
                ..Known::default()
            };
            world.targets.insert(TargetId(id), known);
            world.offers.insert(knob(id), offer(0.0, 1.0, 0.0, true, 1.0));
        }
        let scope = Scope::default();
        let taken = |world: &World, uses: &Uses, states: &[(KnobOf, f64, &'static str)]| {
            Work::of(world, scope, uses).taken(world, states.iter().copied())
        };
        assert_eq!(taken(&world, &Uses::new(), &[(knob(2), 1.0, "")]), 0.5);
        let uses = Uses::from([(TargetId(2), 3.0), (TargetId(3), 1.0)]);
        assert_eq!(taken(&world, &uses, &[(knob(2), 1.0, "")]), 0.75);
        assert_eq!(taken(&world, &uses, &[(knob(2), 1.0, ""), (knob(3), 0.5, "")]), 0.875);
        assert_eq!(
            taken(&world, &uses, &[(knob(1), 1.0, "")]),
            0.0,
            "who is protected has no part in it"
        );
        assert_eq!(taken(&World::default(), &uses, &[]), 0.0);
    }
}
