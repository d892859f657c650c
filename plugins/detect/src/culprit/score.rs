//! How likely a neighbour is the cause, by what it used and how the victim did meanwhile. Pure numbers.

/// What a victim's signal and a neighbour's use were in one span; either may be absent.
pub type Pair = (Option<f64>, Option<f64>);

/// CPI² (EuroSys 2013, section 4.2), exactly: with the use `u` normalised so that it adds up to 1, the sum of
/// `u · (1 − threshold / c)` where the signal `c` is above the threshold and of `u · (c / threshold − 1)` where it is below.
/// Between -1 and 1; `None` where nothing was used or nothing was seen. The signal must get worse upwards.
pub fn published(pairs: &[Pair], threshold: f64) -> Option<f64> {
    let both = || pairs.iter().filter_map(|(signal, used)| Some(((*signal)?, (*used)?)));
    let all: f64 = both().map(|(_, used)| used).sum();
    let weighed = |(signal, used): (f64, f64)| match signal {
        above if above > threshold => used * (1.0 - threshold / above),
        below => used * (below / threshold - 1.0),
    };
    (all > 0.0).then(|| both().map(weighed).sum::<f64>() / all)
}

/// A correlation, and how many spans it rests on.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Correlation {
    /// -1..=1.
    pub r: f64,
    /// Spans.
    pub count: usize,
}

impl Correlation {
    /// As a multiple of its own error (Student's t), `given` other explanations.
    pub fn clear(&self, given: usize) -> f64 {
        let free = self.count.saturating_sub(2 + given) as f64;
        self.r * (free / (1.0 - self.r * self.r).max(1e-9)).sqrt()
    }
}

/// Pearson's correlation of two lines, of the spans in which both are there; 0 where one does not vary.
pub fn correlation(a: &[Option<f64>], b: &[Option<f64>]) -> Correlation {
    let both = || a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let count = both().count();
    let n = count.max(1) as f64;
    let (mean_a, mean_b) = both().fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a / n, sum.1 + b / n));
    let (ab, aa, bb) = both().fold((0.0, 0.0, 0.0), |sum, (a, b)| {
        let (a, b) = (a - mean_a, b - mean_b);
        (sum.0 + a * b, sum.1 + a * a, sum.2 + b * b)
    });
    let flat = aa <= 1e-12 * n * mean_a * mean_a || bb <= 1e-12 * n * mean_b * mean_b;
    let r = if flat || count < 3 {
        0.0
    } else {
        (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0)
    };
    Correlation { r, count }
}

/// The best of a neighbour's use now and up to `lags` spans before: what it does shows in the victim at once or a little
/// later, as where a cache fills. Never of what it does after the victim was slow already.
pub fn lagged(signal: &[Option<f64>], used: &[Option<f64>], lags: usize) -> Correlation {
    let lag = |by: usize| {
        let by = by.min(signal.len());
        correlation(&signal[by..], &used[..used.len().min(signal.len() - by)])
    };
    (0..=lags).map(lag).fold(
        Correlation::default(),
        |best, this| if this.r > best.r { this } else { best },
    )
}

/// What is left of a line when what another explains of it is taken off by least squares; where the other is absent, what
/// there was.
pub fn residual(line: &[Option<f64>], other: &[Option<f64>]) -> Vec<Option<f64>> {
    let both = || line.iter().zip(other).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let n = both().count().max(1) as f64;
    let (mean, mean_other) = both().fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a / n, sum.1 + b / n));
    let (ab, bb) = both().fold((0.0, 0.0), |sum, (a, b)| {
        (sum.0 + (a - mean) * (b - mean_other), sum.1 + (b - mean_other).powi(2))
    });
    let slope = if bb > 0.0 { ab / bb } else { 0.0 };
    let left = |(a, b): (&Option<f64>, &Option<f64>)| Some((*a)? - b.map_or(0.0, |b| slope * (b - mean_other)));
    line.iter().zip(other).map(left).collect()
}

/// How much a line varies: the sum of the squared distances from its mean.
pub fn variation(line: &[Option<f64>]) -> f64 {
    let there = || line.iter().flatten();
    let mean = there().sum::<f64>() / there().count().max(1) as f64;
    there().map(|value| (value - mean).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[(f64, f64)]) -> Vec<Pair> {
        all.iter().map(|(signal, used)| (Some(*signal), Some(*used))).collect()
    }

    #[test]
    fn the_published_formula_by_hand() {
        // Used a quarter each; 1 - 2/4, 1 - 2/4, 1/2 - 1, 2/2 - 1.
        let even = pairs(&[(4.0, 1.0), (4.0, 1.0), (1.0, 1.0), (2.0, 1.0)]);
        assert_eq!(published(&even, 2.0), Some((0.5 + 0.5 - 0.5 + 0.0) / 4.0));
        let guilty = pairs(&[(4.0, 3.0), (4.0, 3.0), (1.0, 0.0), (1.0, 0.0)]);
        assert_eq!(published(&guilty, 2.0), Some(0.5));
        let elsewhere = pairs(&[(4.0, 0.0), (1.0, 5.0)]);
        assert_eq!(published(&elsewhere, 2.0), Some(-0.5));
        assert_eq!(published(&pairs(&[(4.0, 0.0)]), 2.0), None);
        assert_eq!(published(&[(None, Some(1.0))], 2.0), None);
    }

    fn some(line: &[f64]) -> Vec<Option<f64>> {
        line.iter().copied().map(Some).collect()
    }

    #[test]
    fn a_line_that_does_not_vary_explains_nothing() {
        assert_eq!(correlation(&some(&[1.0, 2.0, 3.0]), &some(&[5.0, 5.0, 5.0])).r, 0.0);
        assert_eq!(correlation(&some(&[1.0, 2.0, 3.0]), &some(&[2.0, 4.0, 6.0])).r, 1.0);
        assert_eq!(
            correlation(&[Some(1.0), None], &some(&[1.0, 2.0])),
            Correlation { r: 0.0, count: 1 }
        );
    }

    #[test]
    fn what_comes_later_is_seen_and_what_came_before_is_not() {
        let used = some(&[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        let later = some(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        assert!((lagged(&later, &used, 2).r - 1.0).abs() < 1e-9);
        assert!(lagged(&used, &later, 0).r < 0.2);
    }

    #[test]
    fn what_is_explained_is_taken_off() {
        let (a, b) = (
            some(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]),
            some(&[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
        );
        let sum: Vec<Option<f64>> = a.iter().zip(&b).map(|(a, b)| Some(2.0 * (*a)? + 0.5 * (*b)?)).collect();
        let left = residual(&sum, &a);
        assert!(correlation(&left, &a).r.abs() < 1e-9);
        assert!(correlation(&left, &b).r > 0.9);
    }
}
