//! Counts of so many, as a share with the interval in which the true one lies.

use serde::Serialize;
use std::ops::AddAssign;

/// The quantile of the normal distribution that has 2.5 % above it: intervals are two-sided ones of 95 %.
const Z: f64 = 1.959_964;

/// So many of so many.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// For how many it is so.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
}

/// Where a figure lies with 95 % confidence.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Share {
    /// Counts one more.
    pub fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.of += 1;
    }

    /// The share, 0..=1; none where there was nothing to count.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// The score interval of Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    /// Journal of the American Statistical Association 22; it is sensible for few cases and for shares near 0 and 1 too.
    pub fn wilson(self) -> Option<Interval> {
        let (share, of) = (self.value()?, self.of as f64);
        let square = Z * Z;
        let middle = share + square / (2.0 * of);
        let reach = Z * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt();
        let scale = 1.0 + square / of;
        Some(Interval {
            low: ((middle - reach) / scale).max(0.0),
            high: ((middle + reach) / scale).min(1.0),
        })
    }
}

impl AddAssign for Share {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.of += other.of;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bounds as tables of the interval give them, to four digits.
    #[test]
    fn the_interval_is_that_of_the_tables() {
        for (hits, of, low, high) in [
            (0, 10, 0.0, 0.2775),
            (10, 10, 0.7225, 1.0),
            (5, 10, 0.2366, 0.7634),
            (97, 100, 0.9155, 0.9897),
            (1, 1, 0.2065, 1.0),
        ] {
            let interval = Share { hits, of }.wilson().unwrap();
            assert!(
                (interval.low - low).abs() < 5e-4 && (interval.high - high).abs() < 5e-4,
                "{hits} of {of}: {interval:?}"
            );
        }
    }

    #[test]
    fn nothing_counted_is_no_share() {
        assert_eq!(Share::default().value(), None);
        assert_eq!(Share::default().wilson(), None);
    }

    proptest! {
        #[test]
        fn the_share_lies_in_its_interval(of in 1_u64..10_000, part in 0.0..=1.0_f64) {
            let share = Share { hits: (of as f64 * part) as u64, of };
            let (interval, value) = (share.wilson().unwrap(), share.value().unwrap());
            prop_assert!(interval.low <= value + 1e-12 && value <= interval.high + 1e-12);
            prop_assert!(0.0 <= interval.low && interval.high <= 1.0);
        }
    }
}
