//! What a thread counted, taken from another one. Without a lock: a thread that goes ahead of all others must not wait
//! for one that holds it and cannot run.

use pipeline_plugin_api::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the thread began, and the longest lateness since it was last taken.
#[derive(Debug, Default)]
pub struct Tally {
    wakes: AtomicU64,
    time: AtomicU64,
    longest: AtomicU64,
}

/// What had been taken before.
#[derive(Copy, Clone, Debug, Default)]
pub struct Before {
    wakes: u64,
    time: u64,
}

/// What was added since.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Lateness beyond the threshold, each in full.
    pub time: Nanos,
    /// The longest lateness, beyond the threshold or not.
    pub longest: Nanos,
}

impl Tally {
    /// The thread woke that late.
    pub fn woke(&self, late: Nanos, threshold: Nanos) {
        if late > threshold {
            self.time.fetch_add(late.0, Ordering::Relaxed);
        }
        self.longest.fetch_max(late.0, Ordering::Relaxed);
        // Last, and released: who sees this wake-up sees what it counted.
        self.wakes.fetch_add(1, Ordering::Release);
    }

    /// What was added since `before`; `None` if the thread never woke since.
    pub fn take(&self, before: &mut Before) -> Option<Added> {
        let wakes = self.wakes.load(Ordering::Acquire);
        if wakes == before.wakes {
            return None;
        }
        let time = self.time.load(Ordering::Relaxed);
        let added = Added {
            time: Nanos(time - before.time),
            longest: Nanos(self.longest.swap(0, Ordering::Relaxed)),
        };
        *before = Before { wakes, time };
        Some(added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLD: Nanos = Nanos(100_000);

    #[test]
    fn only_what_is_beyond_the_threshold_counts_and_then_in_full() {
        let tally = Tally::default();
        for late in [99_000, 100_000, 100_001, 5_000_000] {
            tally.woke(Nanos(late), THRESHOLD);
        }
        let added = tally.take(&mut Before::default()).unwrap();
        assert_eq!(added.time, Nanos(5_100_001));
        assert_eq!(added.longest, Nanos(5_000_000));
    }

    #[test]
    fn each_is_taken_once() {
        let (tally, mut before) = (Tally::default(), Before::default());
        tally.woke(Nanos(5_000_000), THRESHOLD);
        assert_eq!(tally.take(&mut before).unwrap().time, Nanos(5_000_000));
        tally.woke(Nanos(30_000), THRESHOLD);
        let added = tally.take(&mut before).unwrap();
        assert_eq!((added.time, added.longest), (Nanos::ZERO, Nanos(30_000)));
    }

    #[test]
    fn a_thread_that_did_not_wake_said_nothing() {
        let (tally, mut before) = (Tally::default(), Before::default());
        assert_eq!(tally.take(&mut before), None);
        tally.woke(Nanos::ZERO, THRESHOLD);
        assert!(tally.take(&mut before).is_some());
        assert_eq!(tally.take(&mut before), None);
    }
}
