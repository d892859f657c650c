//! Numbers about numbers: mean, spread, quantiles of sorted values. Nothing here knows a reading.

/// One number about several.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Statistic {
    /// The arithmetic mean.
    Mean,
    /// The sample standard deviation: the root of the squared deviations' sum over count - 1.
    Std,
    /// The value below which that share (0..=1) lies.
    Quantile(f64),
    /// The least value.
    Min,
    /// The greatest value.
    Max,
}

impl Statistic {
    /// What it is called at the end of a metric's name: `mean`, `std`, `p95`, `p999`, `min`, `max`.
    pub fn suffix(self) -> String {
        match self {
            Self::Mean => "mean".to_owned(),
            Self::Std => "std".to_owned(),
            Self::Quantile(share) => {
                // Rounded, since 0.29 * 100 is 28.999999999999996.
                let percent = (share * 1e8).round() / 1e6;
                format!("p{}", percent.to_string().replace('.', ""))
            }
            Self::Min => "min".to_owned(),
            Self::Max => "max".to_owned(),
        }
    }

    /// What it is of values that are sorted and finite; `None` where there are too few: one for
    /// most, two for the deviation.
    pub fn of(self, sorted: &[f64]) -> Option<f64> {
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        match self {
            Self::Mean => Some(mean(sorted).clamp(least, most)),
            Self::Std => deviation(sorted),
            Self::Quantile(share) => Some(quantile(sorted, share)),
            Self::Min => Some(least),
            Self::Max => Some(most),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    // Divided before it is added up, so that the sum of great values stays finite.
    values.iter().map(|value| value / count).sum()
}

fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Interpolates on a line between the two nearest values: the one at position (count - 1) × share
/// from 0, which is Hyndman and Fan's type 7.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * share;
    let (below, part) = (place.floor() as usize, place.fract());
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    (low * (1.0 - part) + high * part).clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values_have_their_known_statistics() {
        let values = [1.0, 2.0, 3.0, 4.0];
        for (statistic, expected) in [
            (Statistic::Mean, 2.5),
            (Statistic::Std, 1.2909944487358056),
            (Statistic::Quantile(0.5), 2.5),
            (Statistic::Quantile(0.95), 3.85),
            (Statistic::Quantile(0.0), 1.0),
            (Statistic::Quantile(1.0), 4.0),
            (Statistic::Min, 1.0),
            (Statistic::Max, 4.0),
        ] {
            let found = statistic.of(&values).unwrap();
            assert!((found - expected).abs() < 1e-12, "{statistic:?}: {found}");
        }
    }

    #[test]
    fn few_values_have_few_statistics() {
        assert_eq!(Statistic::Mean.of(&[]), None);
        assert_eq!(Statistic::Std.of(&[7.0]), None);
        assert_eq!(Statistic::Quantile(0.95).of(&[7.0]), Some(7.0));
    }

    #[test]
    fn quantiles_are_named_by_percent() {
        let names = [0.5, 0.95, 0.99, 0.999, 0.29, 1.0].map(|share| Statistic::Quantile(share).suffix());
        assert_eq!(names, ["p50", "p95", "p99", "p999", "p29", "p100"]);
    }

    proptest! {
        #[test]
        fn mean_and_quantiles_lie_between_least_and_most(
            mut values in proptest::collection::vec(-1e300f64..1e300, 1..60),
            shares in (0.0f64..=1.0, 0.0f64..=1.0),
        ) {
            values.sort_by(f64::total_cmp);
            let (least, most) = (values[0], values[values.len() - 1]);
            let low = Statistic::Quantile(shares.0.min(shares.1)).of(&values).unwrap();
            let high = Statistic::Quantile(shares.0.max(shares.1)).of(&values).unwrap();
            let mean = Statistic::Mean.of(&values).unwrap();
            prop_assert!(least <= low && low <= high && high <= most);
            prop_assert!(least <= mean && mean <= most);
        }

        #[test]
        fn the_same_value_again_and_again_does_not_deviate(value in -1e6f64..1e6, count in 2usize..50) {
            let deviation = Statistic::Std.of(&vec![value; count]).unwrap();
            prop_assert!(deviation <= value.abs() * 1e-12);
        }
    }
}
