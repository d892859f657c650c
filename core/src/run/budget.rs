//! How often a node may be made anew: so many times within so long, then it is stopped.

use pipeline_plugin_api::abi::Nanos;
use std::collections::VecDeque;

/// Restarts that a node has within [`PERIOD`].
pub const RESTARTS: usize = 3;
/// The time over which restarts are counted.
pub const PERIOD: Nanos = Nanos::from_secs(10);

/// The restarts of one node.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    spent: VecDeque<Nanos>,
    total: u64,
}

impl Budget {
    /// Takes a restart out of the budget; `false` if there is none left.
    pub fn spend(&mut self, now: Nanos) -> bool {
        while self.spent.front().is_some_and(|at| now.since(*at) >= PERIOD) {
            self.spent.pop_front();
        }
        let allowed = self.spent.len() < RESTARTS;
        if allowed {
            self.spent.push_back(now);
            self.total += 1;
        }
        allowed
    }

    /// How many restarts there were in all.
    pub fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_ten_seconds_and_no_more() {
        let mut budget = Budget::default();
        let allowed: Vec<bool> = (0..4).map(|s| budget.spend(Nanos::from_secs(s))).collect();
        assert_eq!(allowed, [true, true, true, false]);
        assert_eq!(budget.total(), 3);
    }

    #[test]
    fn after_ten_seconds_there_is_a_new_one() {
        let mut budget = Budget::default();
        (0..3).for_each(|s| assert!(budget.spend(Nanos::from_secs(s))));
        assert!(!budget.spend(Nanos::from_secs(9)));
        assert!(budget.spend(Nanos::from_secs(10)));
    }
}
