//! When a thread is to wake, and how late it did. Pure; who sleeps is in `meter`.

use pipeline_plugin_api::prelude::*;

/// Absolute deadlines at equal distances.
#[derive(Copy, Clone, Debug)]
pub struct Pace {
    due: Nanos,
    period: Nanos,
}

impl Pace {
    /// The first deadline is one period after `now`.
    pub fn new(now: Nanos, period: Nanos) -> Self {
        Self {
            due: now + period,
            period,
        }
    }

    /// When to wake next.
    pub fn due(&self) -> Nanos {
        self.due
    }

    /// It woke at `now`; gives how late that was. Deadlines that passed meanwhile are skipped, so that a stop of
    /// several periods is told once and in full.
    pub fn woke(&mut self, now: Nanos) -> Nanos {
        let late = now - self.due;
        let passed = late.0 / self.period.0.max(1) + 1;
        self.due = self.due + Nanos(passed.saturating_mul(self.period.0));
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Nanos = Nanos::from_millis(1);

    #[test]
    fn deadlines_do_not_drift_with_small_lateness() {
        let mut pace = Pace::new(Nanos::ZERO, MS);
        for beat in 1..=1000 {
            assert_eq!(pace.due(), Nanos::from_millis(beat));
            assert_eq!(pace.woke(pace.due() + Nanos(40_000)), Nanos(40_000));
        }
    }

    #[test]
    fn a_stop_of_many_periods_is_told_once_and_in_full() {
        let mut pace = Pace::new(Nanos::ZERO, MS);
        assert_eq!(pace.woke(Nanos(18_300_000)), Nanos(17_300_000));
        assert_eq!(pace.due(), Nanos::from_millis(19));
        assert_eq!(pace.woke(Nanos::from_millis(19)), Nanos::ZERO);
    }

    #[test]
    fn waking_early_is_not_late() {
        let mut pace = Pace::new(Nanos::ZERO, MS);
        assert_eq!(pace.woke(Nanos(999_999)), Nanos::ZERO);
        assert_eq!(pace.due(), Nanos::from_millis(2));
    }

    proptest! {
        #[test]
        fn the_next_deadline_is_the_first_that_has_not_passed(late in 0u64..1 << 40, period in 200_000u64..10_000_000) {
            let mut pace = Pace::new(Nanos(7), Nanos(period));
            let now = pace.due() + Nanos(late);
            prop_assert_eq!(pace.woke(now), Nanos(late));
            prop_assert!(pace.due() > now && pace.due() - now <= Nanos(period));
            prop_assert_eq!((pace.due().0 - 7) % period, 0);
        }
    }
}
