//! What is usual of a number: its median and how far it strays, both deaf to a few wild values.

use serde::{Deserialize, Serialize};

/// What a median absolute deviation is multiplied by to equal the standard deviation of normal noise.
const TO_DEVIATION: f64 = 1.4826;

/// How many samples are kept; beyond that every second one goes and fewer are taken in.
const MOST: usize = 4096;

/// The median and the spread of a number.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Typical {
    /// The median.
    pub middle: f64,
    /// The median absolute deviation, scaled to a standard deviation.
    pub spread: f64,
}

impl Typical {
    /// Of one value that does not stray.
    pub fn exactly(middle: f64) -> Self {
        Self { middle, spread: 0.0 }
    }

    /// Of these values, in any order; `None` where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        Self::of_these(&mut values.to_vec())
    }

    /// The same; the values are used up.
    pub fn of_these(values: &mut [f64]) -> Option<Self> {
        let middle = middle(values)?;
        for value in values.iter_mut() {
            *value = (*value - middle).abs();
        }
        let spread = self::middle(values)? * TO_DEVIATION;
        Some(Self { middle, spread })
    }

    /// The middle and that many spreads more.
    pub fn above(&self, spreads: f64) -> f64 {
        self.middle + spreads * self.spread
    }
}

/// The median; `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    middle(&mut values)
}

/// The median of those that are numbers; `None` of nothing. Moves them.
pub fn middle(values: &mut [f64]) -> Option<f64> {
    let count = values.iter().filter(|value| value.is_finite()).count();
    if count == 0 {
        return None;
    }
    if count < values.len() {
        values.sort_unstable_by_key(|value| !value.is_finite());
    }
    let values = &mut values[..count];
    let (below, middle, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(before) if count.is_multiple_of(2) => Some(before / 2.0 + *middle / 2.0),
        _ => Some(*middle),
    }
}

/// Samples, bounded in memory however many come.
#[derive(Clone, Debug)]
pub struct Samples<T> {
    kept: Vec<T>,
    stride: u64,
    seen: u64,
}

impl<T> Default for Samples<T> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            stride: 1,
            seen: 0,
        }
    }
}

impl<T> Samples<T> {
    /// Takes a sample in.
    pub fn push(&mut self, sample: T) {
        if self.seen.is_multiple_of(self.stride) {
            self.kept.push(sample);
        }
        self.seen += 1;
        if self.kept.len() == MOST {
            self.thin();
        }
    }

    /// Those that were kept, in order.
    pub fn kept(&self) -> &[T] {
        &self.kept
    }

    fn thin(&mut self) {
        let mut keep = false;
        self.kept.retain(|_| {
            keep = !keep;
            keep
        });
        self.stride *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wild_values_move_neither_middle_nor_spread() {
        let typical = Typical::of(&[1.0, 2.0, 3.0, 4.0, 1000.0]).unwrap();
        assert_eq!(typical.middle, 3.0);
        assert!((typical.spread - 1.4826).abs() < 1e-9);
    }

    #[test]
    fn nothing_has_no_middle() {
        assert_eq!(Typical::of(&[]), None);
        assert_eq!(Typical::of(&[f64::NAN]), None);
        assert_eq!(median(vec![1.0, 3.0]), Some(2.0));
    }

    proptest::proptest! {
        #[test]
        fn the_middle_is_that_of_the_sorted_numbers(
            mut values in proptest::collection::vec(proptest::prop_oneof![-9.0..9.0_f64, proptest::num::f64::ANY], 0..70)
        ) {
            let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            sorted.sort_by(f64::total_cmp);
            let half = sorted.len() / 2;
            let expected = match sorted.len() {
                0 => None,
                odd if odd % 2 == 1 => Some(sorted[half]),
                _ => Some(sorted[half - 1] / 2.0 + sorted[half] / 2.0),
            };
            proptest::prop_assert_eq!(middle(&mut values).map(f64::to_bits), expected.map(f64::to_bits));
        }
    }

    #[test]
    fn samples_are_bounded_and_keep_their_middle() {
        let mut samples = Samples::default();
        for i in 0..100_000_u32 {
            samples.push(f64::from(i));
        }
        assert!(samples.kept().len() < MOST, "{}", samples.kept().len());
        let middle = Typical::of(samples.kept()).unwrap().middle;
        assert!((middle - 50_000.0).abs() < 100.0, "{middle}");
    }
}
