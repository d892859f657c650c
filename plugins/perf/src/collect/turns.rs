//! Whose turn it is where there are more targets than descriptors. Pure.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// Where the turns stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// The first target whose turn it is.
    first: TargetId,
    /// Since when.
    since: Nanos,
}

impl Turns {
    /// The targets that may be counted now, of all with what they cost. All where the bound allows it; else as many as it
    /// allows from the first on, one at least, and after `turn` those that come next.
    pub fn now(&mut self, costs: &BTreeMap<TargetId, usize>, bound: usize, at: Nanos, turn: Nanos) -> Vec<TargetId> {
        if costs.values().sum::<usize>() <= bound {
            *self = Self {
                first: TargetId::NONE,
                since: at,
            };
            return costs.keys().copied().collect();
        }
        let mut chosen = self.chosen(costs, bound);
        if at.since(self.since) >= turn {
            let after = chosen.last().copied().unwrap_or_default();
            let next = costs
                .range(TargetId(after.0.saturating_add(1))..)
                .next()
                .or_else(|| costs.iter().next());
            *self = Self {
                first: next.map_or(TargetId::NONE, |(target, _)| *target),
                since: at,
            };
            chosen = self.chosen(costs, bound);
        }
        chosen
    }

    fn chosen(&self, costs: &BTreeMap<TargetId, usize>, bound: usize) -> Vec<TargetId> {
        let mut left = bound;
        let mut chosen = Vec::new();
        for (target, cost) in costs.range(self.first..).chain(costs.range(..self.first)) {
            if *cost > left && !chosen.is_empty() {
                break;
            }
            left = left.saturating_sub(*cost);
            chosen.push(*target);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Nanos = Nanos(10);

    fn costs(count: u32) -> BTreeMap<TargetId, usize> {
        (1..=count).map(|id| (TargetId(id), 4)).collect()
    }

    fn ids(turns: &mut Turns, count: u32, bound: usize, at: u64) -> Vec<u32> {
        let chosen = turns.now(&costs(count), bound, Nanos(at), TURN);
        chosen.into_iter().map(|target| target.0).collect()
    }

    #[test]
    fn all_are_counted_up_to_the_bound() {
        assert_eq!(ids(&mut Turns::default(), 3, 12, 100), [1, 2, 3]);
    }

    #[test]
    fn beyond_the_bound_targets_take_turns_and_each_has_one() {
        let mut turns = Turns::default();
        assert_eq!(ids(&mut turns, 5, 8, 1), [1, 2]);
        assert_eq!(ids(&mut turns, 5, 8, 9), [1, 2]);
        assert_eq!(ids(&mut turns, 5, 8, 10), [3, 4]);
        assert_eq!(ids(&mut turns, 5, 8, 19), [3, 4]);
        assert_eq!(ids(&mut turns, 5, 8, 20), [5, 1]);
        assert_eq!(ids(&mut turns, 5, 8, 30), [2, 3]);
    }

    #[test]
    fn one_is_counted_however_small_the_bound() {
        assert_eq!(ids(&mut Turns::default(), 3, 1, 1), [1]);
    }

    #[test]
    fn no_targets_have_no_turn() {
        assert_eq!(ids(&mut Turns::default(), 0, 1, 100), [0; 0]);
    }
}
