//! When the recorder writes next, so that no row waits for the disk longer than an interval. Pure: it is told when writes
//! began and ended, and looks at no clock itself.
//!
//! A row that comes just after a write began is on disk when the next write has ended. So the next one begins early: as
//! much before the interval is over as a write is expected to take.

use pipeline_plugin_api::prelude::Nanos;

/// A slow write is forgotten by this share with each one that follows.
const FADES: u64 = 8;

/// See the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rhythm {
    interval: Nanos,
    /// The slowest of the recent writes.
    slowest: Nanos,
    /// When the last write that succeeded began.
    since: Option<Nanos>,
}

impl Rhythm {
    /// One for that interval.
    pub const fn new(interval: Nanos) -> Self {
        Self {
            interval,
            slowest: Nanos::ZERO,
            since: None,
        }
    }

    /// How long after the beginning of a write the next one begins. It is given twice what the slowest of the recent ones
    /// took; a quarter of the interval at least, and three quarters at most.
    pub fn rest(&self) -> Nanos {
        let quarter = self.interval.0 / 4;
        let early = self.slowest.0.saturating_mul(2).clamp(quarter, 3 * quarter);
        self.interval - Nanos(early)
    }

    /// A write succeeded. Gives how old the oldest row was by then, where that is more than the interval.
    pub fn wrote(&mut self, began: Nanos, ended: Nanos) -> Option<Nanos> {
        let took = ended.since(began);
        self.slowest = took.max(Nanos(self.slowest.0 - self.slowest.0 / FADES));
        let age = ended.since(self.since.replace(began)?);
        Some(age).filter(|age| *age > self.interval)
    }

    /// A write failed: rows wait for as long as that lasts, which is told elsewhere.
    pub fn failed(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Nanos = Nanos::from_secs(2);

    /// A rhythm whose writes took so many milliseconds, one after the other; gives how old rows were at most.
    fn paced(writes: impl IntoIterator<Item = u64>) -> (Rhythm, Option<Nanos>) {
        let mut rhythm = Rhythm::new(INTERVAL);
        let (mut at, mut oldest) = (Nanos::ZERO, None);
        for took in writes {
            oldest = oldest.max(rhythm.wrote(at, at + Nanos::from_millis(took)));
            at = at + rhythm.rest();
        }
        (rhythm, oldest)
    }

    #[test]
    fn the_longer_writes_take_the_earlier_the_next_one_begins() {
        for (took, rest) in [(0, 1500), (100, 1500), (400, 1200), (700, 600), (5000, 500)] {
            assert_eq!(paced([took]).0.rest(), Nanos::from_millis(rest), "{took} ms");
        }
    }

    #[test]
    fn a_slow_write_is_forgotten_after_some_quick_ones() {
        let after = |quick: usize| paced([700].into_iter().chain(std::iter::repeat_n(10, quick))).0.rest();
        assert!(after(0) < after(1) && after(1) < after(3));
        assert_eq!(after(10), Nanos::from_millis(1500));
    }

    #[test]
    fn no_row_is_older_than_the_interval_while_no_write_takes_twice_as_long_as_those_before() {
        let growing = [100, 190, 370, 730, 730, 600, 700];
        let changing = (0..200).map(|number| 10 + 23 * (number * number % 17));
        assert_eq!(paced(growing).1, None);
        assert_eq!(paced(changing).1, None);
    }

    #[test]
    fn a_write_that_is_over_too_late_is_told_with_the_age_of_the_oldest_row() {
        assert_eq!(paced([100, 501]).1, Some(Nanos::from_millis(2001)));
    }

    #[test]
    fn after_a_failure_the_age_counts_anew() {
        let mut rhythm = Rhythm::new(INTERVAL);
        rhythm.wrote(Nanos::ZERO, Nanos(1));
        rhythm.failed();
        assert_eq!(rhythm.wrote(Nanos::from_secs(60), Nanos::from_secs(61)), None);
        assert!(rhythm.wrote(Nanos::from_secs(62), Nanos::from_secs(63)).is_some());
    }
}
