//! What nodes may cost: how long a call may take, and how often a node is made anew.
//!
//! Nothing measures here; the watchdog looks at the times, the lanes at the restarts.

use pipeline_plugin_api::abi::Nanos;
use std::collections::VecDeque;

/// Restarts that a node has within [`PERIOD`].
pub const RESTARTS: usize = 3;
/// The time over which restarts are counted.
pub const PERIOD: Nanos = Nanos::from_secs(10);

/// How long a call may take. Past it the call's thread is given up with its node.
pub const CALL: Nanos = Nanos::from_secs(1);
/// How long a call of an element that says it blocks may take.
pub const BLOCKING_CALL: Nanos = Nanos::from_secs(30);
/// How long a node may take to be made and to start when a run begins: nothing waits for it then.
pub const START: Nanos = Nanos::from_secs(30);
/// The same for a node that is made anew while its lane waits.
pub const START_AGAIN: Nanos = Nanos::from_secs(5);
/// How long a lease may stand past its end before the host puts the knob back itself.
pub const LEASE_GRACE: Nanos = Nanos::from_secs(1);
/// Threads that may be lost at a time to calls that do not come back; with one more the run ends.
pub const ABANDONED_MOST: usize = 16;

/// How long calls may take in one run; tests shorten it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Calls of most elements: [`CALL`].
    pub call: Nanos,
    /// Calls of elements that say they block: [`BLOCKING_CALL`].
    pub blocking: Nanos,
    /// To be made and to start when the run begins: [`START`].
    pub start: Nanos,
    /// To be made anew: [`START_AGAIN`].
    pub start_again: Nanos,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            call: CALL,
            blocking: BLOCKING_CALL,
            start: START,
            start_again: START_AGAIN,
        }
    }
}

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
