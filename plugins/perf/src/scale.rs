//! From what groups counted to what was added, scaled by the share of time in which they ran. Pure.
//!
//! A group that shares the CPU's counters with others runs only part of the time (perf_event_open(2), `time_enabled`
//! and `time_running`). What it missed is estimated, never silently: the share goes with the number.

use crate::group::Counts;
use pipeline_plugin_api::prelude::*;

/// One event's count at several places, added up.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// Scaled, of the places at which the group ran.
    value: f64,
    /// Time of those counted, in ns, at all places.
    enabled: u64,
    /// The same at the places at which the group ran at all.
    enabled_where_ran: u64,
    /// Time in which the group ran, in ns.
    running: u64,
    /// A count went backwards.
    is_reset: bool,
    /// A group was kept from its counters, for a time that is not known.
    has_failed: bool,
    /// It was read somewhere.
    is_read: bool,
}

/// What is known of a sum.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Known {
    /// A number, from that share of the time: 1 where nothing had to be scaled.
    Number(f64, f64),
    /// None, and why.
    Nothing(Reason),
}

impl Sum {
    /// Adds what one event of one group counted between two reads.
    pub fn add(&mut self, before: (&Counts, u64), after: (&Counts, u64)) {
        self.is_read = true;
        let (Some(value), Some(enabled), Some(running)) = (
            after.1.checked_sub(before.1),
            after.0.enabled.checked_sub(before.0.enabled),
            after.0.running.checked_sub(before.0.running),
        ) else {
            self.is_reset = true;
            return;
        };
        self.enabled += enabled;
        if running > 0 {
            let scale = if running < enabled {
                enabled as f64 / running as f64
            } else {
                1.0
            };
            self.value += value as f64 * scale;
            self.enabled_where_ran += enabled;
            self.running += running.min(enabled);
        }
    }

    /// A pinned group did not get its counters.
    pub fn fail(&mut self) {
        (self.has_failed, self.is_read) = (true, true);
    }

    /// Whether it was read anywhere: a PMU outside the CPUs is read on some of them only.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// Adds what was counted elsewhere.
    pub fn absorb(&mut self, other: &Self) {
        self.value += other.value;
        self.enabled += other.enabled;
        self.enabled_where_ran += other.enabled_where_ran;
        self.running += other.running;
        self.is_reset |= other.is_reset;
        self.has_failed |= other.has_failed;
        self.is_read |= other.is_read;
    }

    /// What is known of it. Where a group did not run at some places, they are taken to be like those at which it did;
    /// where it ran nowhere there is no number. What did not run at all counted exactly nothing.
    pub fn known(&self) -> Known {
        if self.is_reset {
            return Known::Nothing(Reason::RESET);
        }
        if self.has_failed {
            return Known::Nothing(Reason::NEVER_RAN);
        }
        if self.enabled == 0 {
            return Known::Number(0.0, 1.0);
        }
        if self.enabled_where_ran == 0 {
            return Known::Nothing(Reason::NEVER_RAN);
        }
        let missed = self.enabled as f64 / self.enabled_where_ran as f64;
        Known::Number(self.value * missed, self.running as f64 / self.enabled as f64)
    }
}

impl Known {
    /// As a reading of that kind: exact, or scaled with its share.
    pub fn reading(self, exact: Reading) -> Reading {
        match self {
            Self::Number(value, share) if share >= 1.0 => Reading { value, ..exact },
            Self::Number(value, share) => Reading { value, ..exact }.scaled(share),
            Self::Nothing(reason) => {
                Reading::unavailable(exact.at, exact.target, exact.metric, reason).of_part(exact.part)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(enabled: u64, running: u64) -> Counts {
        let mut counts = Counts::zero(1);
        (counts.enabled, counts.running) = (enabled, running);
        counts
    }

    fn sum(places: &[(u64, u64, u64)]) -> Sum {
        let mut sum = Sum::default();
        for (value, enabled, running) in places {
            sum.add((&counts(10, 5), 100), (&counts(10 + enabled, 5 + running), 100 + value));
        }
        sum
    }

    #[test]
    fn a_count_that_ran_all_the_time_is_as_it_is() {
        assert_eq!(sum(&[(50, 10, 10), (7, 3, 3)]).known(), Known::Number(57.0, 1.0));
    }

    #[test]
    fn a_count_that_ran_part_of_the_time_is_scaled_and_says_so() {
        assert_eq!(sum(&[(50, 100, 25)]).known(), Known::Number(200.0, 0.25));
    }

    #[test]
    fn where_it_never_ran_it_is_taken_to_be_like_elsewhere() {
        assert_eq!(sum(&[(50, 100, 100), (0, 100, 0)]).known(), Known::Number(100.0, 0.5));
    }

    #[test]
    fn a_group_that_never_ran_gives_no_number() {
        assert_eq!(
            sum(&[(0, 100, 0), (0, 5, 0)]).known(),
            Known::Nothing(Reason::NEVER_RAN)
        );
    }

    #[test]
    fn what_did_not_run_at_all_counted_nothing() {
        assert_eq!(sum(&[(0, 0, 0)]).known(), Known::Number(0.0, 1.0));
    }

    #[test]
    fn a_count_that_goes_backwards_is_no_number() {
        let mut sum = Sum::default();
        sum.add((&counts(10, 10), 100), (&counts(20, 20), 90));
        assert_eq!(sum.known(), Known::Nothing(Reason::RESET));
    }

    #[test]
    fn the_share_is_the_readings_detail() {
        let exact = Reading::delta(Nanos(9), Nanos(4), TargetId(1), MetricId(1), 0.0);
        let scaled = sum(&[(50, 100, 50)]).known().reading(exact);
        assert_eq!(
            (scaled.value, scaled.quality, scaled.detail),
            (100.0, Quality::SCALED, 32768)
        );
        let never = sum(&[(0, 100, 0)]).known().reading(exact.of_part(Part::cpu(1)));
        assert_eq!(
            (never.number(), Reason(never.detail), never.part),
            (None, Reason::NEVER_RAN, Part::cpu(1))
        );
    }

    proptest! {
        #[test]
        fn a_scaled_count_is_never_below_what_was_counted(
            places in proptest::collection::vec((0..1_u64 << 40, 1..1_u64 << 30, 0..1_u64 << 30), 1..9)
        ) {
            let places: Vec<_> = places.into_iter().map(|(value, enabled, running)| {
                let running = running.min(enabled);
                (if running == 0 { 0 } else { value }, enabled, running)
            }).collect();
            let counted: u64 = places.iter().map(|place| place.0).sum();
            match sum(&places).known() {
                Known::Number(value, share) => {
                    prop_assert!(value >= counted as f64 * 0.999_999, "{value} {counted}");
                    prop_assert!((0.0..=1.0).contains(&share));
                }
                Known::Nothing(reason) => prop_assert_eq!(reason, Reason::NEVER_RAN),
            }
        }
    }
}
