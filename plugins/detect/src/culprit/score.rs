//! How likely a neighbour is the cause, by what it used and how the victim did meanwhile. Pure numbers; what is not a
//! number is absent.
//!
//! All of it is sums of products over lines of equal length, four at a time so that the compiler makes vectors of them.
//! Lines without a gap, as most are, need one such sum for each lag and those with gaps six.

/// How many spans later a use may show.
pub const LAGS: usize = 2;

/// A number for each lag.
type ByLag = [f64; LAGS + 1];

/// CPI² (EuroSys 2013, section 4.2), exactly: with the use `u` normalised so that it adds up to 1, the sum of
/// `u · (1 − threshold / c)` where the signal `c` is above the threshold and of `u · (c / threshold − 1)` where it is below.
/// Between -1 and 1; `None` where nothing was used or nothing was seen. The signal must get worse upwards.
pub fn published(signal: &[f64], used: &[f64], threshold: f64) -> Option<f64> {
    let (mut all, mut sum) = (0.0, 0.0);
    for (signal, used) in both(signal, used) {
        all += used;
        sum += if signal > threshold {
            used * (1.0 - threshold / signal)
        } else {
            used * (signal / threshold - 1.0)
        };
    }
    (all > 0.0).then(|| sum / all)
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

    /// Of what was added up of both; 0 where one does not vary.
    fn of(sums: &Sums, mean_a: f64, mean_b: f64) -> Self {
        let n = sums.n.max(1.0);
        let flat = |square: f64, sum: f64, mean: f64| {
            let mean = mean + sum / n;
            square <= 1e-12 * n * mean * mean
        };
        let (aa, bb) = (sums.aa - sums.a * sums.a / n, sums.bb - sums.b * sums.b / n);
        let still = sums.n < 3.0 || flat(aa, sums.a, mean_a) || flat(bb, sums.b, mean_b);
        let r = if still {
            0.0
        } else {
            ((sums.ab - sums.a * sums.b / n) / (aa * bb).sqrt()).clamp(-1.0, 1.0)
        };
        Self {
            r,
            count: sums.n as usize,
        }
    }
}

/// What was added up of the spans in which both lines are there.
#[derive(Copy, Clone, Debug, Default)]
struct Sums {
    n: f64,
    a: f64,
    aa: f64,
    b: f64,
    bb: f64,
    ab: f64,
}

/// A line about its mean, with nothing where it was absent.
#[derive(Clone, Debug, Default)]
pub struct Centred {
    mean: f64,
    values: Vec<f64>,
    squares: f64,
    /// 1 where it is there and 0 where not; empty where it is there throughout.
    there: Vec<f64>,
}

impl Centred {
    /// Makes it that of a line.
    pub fn set(&mut self, line: &[f64]) {
        let sum = total(line);
        self.there.clear();
        self.values.clear();
        if sum.is_finite() {
            self.mean = sum / line.len().max(1) as f64;
            let mean = self.mean;
            self.values.extend(line.iter().map(|value| value - mean));
        } else {
            let count = line.iter().filter(|value| value.is_finite()).count();
            let sum: f64 = line.iter().filter(|value| value.is_finite()).sum();
            self.mean = sum / count.max(1) as f64;
            for value in line {
                let is_there = value.is_finite();
                self.there.push(if is_there { 1.0 } else { 0.0 });
                self.values.push(if is_there { value - self.mean } else { 0.0 });
            }
        }
        self.squares = dot(&self.values, &self.values);
    }

    /// That of a line.
    pub fn of(line: &[f64]) -> Self {
        let mut centred = Self::default();
        centred.set(line);
        centred
    }

    /// Whether it is there throughout.
    pub fn is_whole(&self) -> bool {
        self.there.is_empty()
    }

    /// How much it varies: the sum of the squared distances from its mean.
    pub fn variation(&self) -> f64 {
        self.squares
    }

    fn presence(&self) -> Vec<f64> {
        if self.is_whole() {
            vec![1.0; self.values.len()]
        } else {
            self.there.clone()
        }
    }
}

/// The best of a neighbour's use now and up to `LAGS` spans before: what it does shows in the victim at once or a little
/// later, as where a cache fills. Never of what it does after the victim was slow already.
pub fn lagged(signal: &Centred, used: &Centred) -> Correlation {
    let sums = if signal.is_whole() && used.is_whole() {
        whole(signal, used)
    } else {
        gapped(signal, used)
    };
    let found = sums.iter().map(|sums| Correlation::of(sums, signal.mean, used.mean));
    found.fold(
        Correlation::default(),
        |best, this| if this.r > best.r { this } else { best },
    )
}

/// Of lines without a gap: what a lag leaves out at either end is taken off.
fn whole(a: &Centred, b: &Centred) -> [Sums; LAGS + 1] {
    let ab = products(&a.values, &b.values);
    let length = a.values.len().min(b.values.len());
    std::array::from_fn(|lag| {
        let out = lag.min(length);
        let (first, last) = (&a.values[..out], &b.values[length - out..]);
        let squares = |ends: &[f64]| ends.iter().map(|value| value * value).sum::<f64>();
        Sums {
            n: (length - out) as f64,
            a: -first.iter().sum::<f64>(),
            aa: a.squares - squares(first),
            b: -last.iter().sum::<f64>(),
            bb: b.squares - squares(last),
            ab: ab[lag],
        }
    })
}

/// Of any lines.
fn gapped(a: &Centred, b: &Centred) -> [Sums; LAGS + 1] {
    let square = |line: &Centred| line.values.iter().map(|value| value * value).collect::<Vec<f64>>();
    let (there_a, there_b) = (a.presence(), b.presence());
    let n = products(&there_a, &there_b);
    let (sum_a, sum_b) = (products(&a.values, &there_b), products(&there_a, &b.values));
    let (aa, bb) = (products(&square(a), &there_b), products(&there_a, &square(b)));
    let ab = products(&a.values, &b.values);
    std::array::from_fn(|lag| Sums {
        n: n[lag],
        a: sum_a[lag],
        aa: aa[lag],
        b: sum_b[lag],
        bb: bb[lag],
        ab: ab[lag],
    })
}

/// Takes off a line what another explains of it by least squares; where the other is absent, what there was stays.
pub fn take_off(line: &mut [f64], other: &Centred) {
    let (mut ab, mut bb, mut b) = (dot(line, &other.values), other.squares, 0.0);
    if !(other.is_whole() && ab.is_finite()) {
        let there = |i: usize| other.there.get(i).is_none_or(|there| *there > 0.0);
        let both = || {
            let pairs = line.iter().zip(&other.values).enumerate();
            pairs.filter_map(|(i, (a, b))| (a.is_finite() && there(i)).then_some((*a, *b)))
        };
        let n = both().count().max(1) as f64;
        let mean = both().fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a / n, sum.1 + b / n));
        (ab, bb) = both().fold((0.0, 0.0), |sum, (a, b)| {
            (sum.0 + (a - mean.0) * (b - mean.1), sum.1 + (b - mean.1).powi(2))
        });
        b = mean.1;
    }
    let slope = if bb > 0.0 { ab / bb } else { 0.0 };
    for (i, (value, other_value)) in line.iter_mut().zip(&other.values).enumerate() {
        if other.there.get(i).is_none_or(|there| *there > 0.0) {
            *value -= slope * (other_value - b);
        }
    }
}

fn both(a: &[f64], b: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    let pairs = a.iter().copied().zip(b.iter().copied());
    pairs.filter(|(a, b)| a.is_finite() && b.is_finite())
}

/// Numbers that are added up beside each other.
const LANES: usize = 4;

fn total(line: &[f64]) -> f64 {
    let (chunks, rest) = line.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().chain(rest).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let ((a, rest_a), (b, rest_b)) = (a[..length].as_chunks::<LANES>(), b[..length].as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).sum()
}

/// For each lag the sum of the products of a line with another of so many spans before.
fn products(a: &[f64], b: &[f64]) -> ByLag {
    let length = a.len().min(b.len());
    let body = length.saturating_sub(LAGS) / LANES * LANES;
    let lag = |by: usize| a.get(by..by + body).unwrap_or_default().as_chunks::<LANES>().0;
    let (now, before, long_before) = (lag(0), lag(1), lag(2));
    let mut sums = [[0.0; LANES]; LAGS + 1];
    let used = b[..body].as_chunks::<LANES>().0;
    for (((b, now), before), long_before) in used.iter().zip(now).zip(before).zip(long_before) {
        for lane in 0..LANES {
            sums[0][lane] += now[lane] * b[lane];
            sums[1][lane] += before[lane] * b[lane];
            sums[2][lane] += long_before[lane] * b[lane];
        }
    }
    std::array::from_fn(|lag| {
        let rest = (body..length.saturating_sub(lag)).map(|i| a[i + lag] * b[i]);
        sums[lag].into_iter().chain(rest).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_formula_by_hand() {
        // Used a quarter each; 1 - 2/4, 1 - 2/4, 1/2 - 1, 2/2 - 1.
        let signal = [4.0, 4.0, 1.0, 2.0];
        assert_eq!(published(&signal, &[1.0; 4], 2.0), Some((0.5 + 0.5 - 0.5 + 0.0) / 4.0));
        let steep = [4.0, 4.0, 1.0, 1.0];
        assert_eq!(published(&steep, &[3.0, 3.0, 0.0, 0.0], 2.0), Some(0.5));
        assert_eq!(published(&[4.0, 1.0], &[0.0, 5.0], 2.0), Some(-0.5));
        assert_eq!(published(&[4.0], &[0.0], 2.0), None);
        assert_eq!(published(&[f64::NAN], &[1.0], 2.0), None);
    }

    fn correlated(signal: &[f64], used: &[f64]) -> Correlation {
        lagged(&Centred::of(signal), &Centred::of(used))
    }

    #[test]
    fn a_line_that_does_not_vary_explains_nothing() {
        let rising = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(correlated(&rising, &[5.0; 5]).r, 0.0);
        assert_eq!(correlated(&rising, &[3e9 + 0.1; 5]).r, 0.0);
        assert!((correlated(&rising, &rising).r - 1.0).abs() < 1e-12);
        assert_eq!(correlated(&[1.0, f64::NAN], &[1.0, 2.0]).r, 0.0);
        assert_eq!(correlated(&[], &[]).r, 0.0);
    }

    #[test]
    fn what_comes_later_is_seen_and_what_came_before_is_not() {
        let used = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0];
        let later = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        assert!((correlated(&later, &used).r - 1.0).abs() < 1e-9);
        assert!(correlated(&used, &later).r < 0.2);
    }

    #[test]
    fn what_is_explained_is_taken_off() {
        let (a, b) = ([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        let mut sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 2.0 * a + 0.5 * b).collect();
        take_off(&mut sum, &Centred::of(&a));
        assert!(dot(&Centred::of(&sum).values, &Centred::of(&a).values).abs() < 1e-9);
        assert!(correlated(&sum, &b).r > 0.9);
    }

    /// As textbooks have it: spans in which both are there, their means, and the products of the distances from them.
    fn textbook(signal: &[f64], used: &[f64]) -> Correlation {
        let of_lag = |lag: usize| {
            let lag = lag.min(signal.len());
            let pairs: Vec<(f64, f64)> = both(&signal[lag..], used).collect();
            let n = pairs.len().max(1) as f64;
            let mean = pairs.iter().fold((0.0, 0.0), |m, (a, b)| (m.0 + a / n, m.1 + b / n));
            let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(a, b)| of(a - mean.0, b - mean.1)).sum::<f64>();
            let (ab, aa, bb) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
            let flat = aa <= 1e-12 * n * mean.0 * mean.0 || bb <= 1e-12 * n * mean.1 * mean.1;
            let r = if flat || pairs.len() < 3 {
                0.0
            } else {
                ab / (aa * bb).sqrt()
            };
            Correlation { r, count: pairs.len() }
        };
        (0..=LAGS).map(of_lag).fold(
            Correlation::default(),
            |best, this| if this.r > best.r { this } else { best },
        )
    }

    fn line(gaps: bool) -> impl Strategy<Value = Vec<f64>> {
        let number = (0u32..1000).prop_map(f64::from);
        let maybe = (number, 0..4).prop_map(move |(number, gap)| if gaps && gap == 0 { f64::NAN } else { number });
        proptest::collection::vec(maybe, 40)
    }

    proptest! {
        #[test]
        fn with_gaps_and_without_it_is_the_textbooks_correlation(
            (signal, used) in (any::<bool>(), any::<bool>()).prop_flat_map(|(a, b)| (line(a), line(b))),
            length in 0usize..=40,
        ) {
            let (signal, used) = (&signal[..length], &used[..length]);
            let (ours, theirs) = (correlated(signal, used), textbook(signal, used));
            prop_assert!((ours.r - theirs.r).abs() < 1e-7, "{ours:?} {theirs:?}");
        }
    }
}
