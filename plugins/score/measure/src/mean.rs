//! Figures that are no counts: their mean with its interval, and their quantiles.

use crate::share::Interval;

/// See [`crate::Share`].
const Z: f64 = 1.959_964;

/// Figures of which the mean is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mean(Vec<f64>);

impl Mean {
    /// One more.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// All of another.
    pub fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The figures, in the order in which they came.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The mean; none of nothing.
    pub fn value(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// Where the mean lies with 95 % confidence by the central limit theorem; none of fewer than two.
    pub fn interval(&self) -> Option<Interval> {
        let (mean, count) = (self.value()?, self.0.len() as f64);
        let squares: f64 = self.0.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (self.0.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt())?;
        Some(Interval {
            low: mean - Z * error,
            high: mean + Z * error,
        })
    }
}

/// The value below which that share of the values lies, between the two nearest in proportion; none of nothing.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * values.len().checked_sub(1)? as f64;
    let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_an_interval_from_two_values_on() {
        let mut mean = Mean::default();
        assert_eq!((mean.value(), mean.interval()), (None, None));
        mean.add(1.0);
        assert_eq!((mean.value(), mean.interval()), (Some(1.0), None));
        mean.add(3.0);
        let interval = mean.interval().unwrap();
        // The standard error of 1 and 3 is 1.
        assert!((interval.low - (2.0 - Z)).abs() < 1e-9 && (interval.high - (2.0 + Z)).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_lies_between_values() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[4.0], 0.9), Some(4.0));
        assert_eq!(quantile(&[3.0, 1.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[5.0, 1.0, 2.0, 3.0, 4.0], 0.9), Some(4.6));
    }
}
