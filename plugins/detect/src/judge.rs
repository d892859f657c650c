//! Whether a victim suffers: its signal against its baseline, by votes, with hysteresis. From what
//! it suffers is asked in `cause`.

use crate::config::{BaselineConfig, Worse};
use crate::typical::{Typical, median};
use std::collections::VecDeque;

/// The greatest ratio that is told: what lies beyond is "no longer there", not a number.
const MOST_RATIO: f64 = 1e6;

/// How many times worse than its baseline a value is; `None` where a ratio means nothing.
pub fn ratio(value: f64, baseline: f64, worse: Worse) -> Option<f64> {
    (baseline > 0.0 && value >= 0.0).then_some(())?;
    let ratio = match worse {
        Worse::Higher => value / baseline,
        Worse::Lower => baseline / value.max(baseline / MOST_RATIO),
    };
    ratio.is_finite().then_some(ratio.min(MOST_RATIO))
}

/// What a sample says.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Sample {
    /// How many times worse than the baseline.
    pub ratio: f64,
    /// Counts for a finding.
    pub bad: bool,
    /// Counts for its end.
    pub quiet: bool,
}

impl Sample {
    /// Judges a value; `None` where a ratio to that baseline means nothing.
    pub fn of(value: f64, baseline: Typical, config: &BaselineConfig) -> Option<Self> {
        let ratio = ratio(value, baseline.middle, config.worse)?;
        let worsening = match config.worse {
            Worse::Higher => value - baseline.middle,
            Worse::Lower => baseline.middle - value,
        };
        let matters = (config.spreads * baseline.spread).max(config.floor.unwrap_or(0.0));
        let bad = ratio >= config.threshold && worsening >= matters;
        Some(Self {
            ratio,
            bad,
            quiet: !bad && (ratio < config.release || worsening < matters / 2.0),
        })
    }
}

/// Where a finding goes after a sample.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is none.
    Peace,
    /// One begins.
    Begins,
    /// It lasts.
    Lasts,
    /// It ends.
    Ends,
}

/// The last votes of one victim.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    samples: VecDeque<Sample>,
    open: bool,
}

impl Judge {
    /// A judge who knows whether a finding is open.
    pub fn new(open: bool) -> Self {
        Self {
            samples: VecDeque::new(),
            open,
        }
    }

    /// Takes a sample in and says where that leads.
    pub fn hear(&mut self, sample: Sample, config: &BaselineConfig) -> Turn {
        self.samples.push_back(sample);
        if self.samples.len() > config.of_last.max(config.quiet_of) as usize {
            self.samples.pop_front();
        }
        match self.open {
            false if self.votes(config.of_last, |sample| sample.bad) >= config.votes => self.turn(true, Turn::Begins),
            false => Turn::Peace,
            true if self.votes(config.quiet_of, |sample| sample.quiet) >= config.quiet => self.turn(false, Turn::Ends),
            true => Turn::Lasts,
        }
    }

    /// How much worse the signal is: the median of the last votes, which one wild sample does not move.
    pub fn severity(&self, config: &BaselineConfig) -> f64 {
        let last = self.samples.iter().rev().take(config.of_last as usize);
        let bad: Vec<f64> = last
            .clone()
            .filter(|sample| sample.bad)
            .map(|sample| sample.ratio)
            .collect();
        let heard = if bad.len() as u32 >= config.votes {
            bad
        } else {
            last.map(|sample| sample.ratio).collect()
        };
        median(heard).unwrap_or(1.0)
    }

    fn votes(&self, of: u32, vote: impl Fn(&Sample) -> bool) -> u32 {
        self.samples
            .iter()
            .rev()
            .take(of as usize)
            .filter(|sample| vote(sample))
            .count() as u32
    }

    /// Quiet samples from before a finding began cannot end it: the bad ones that began it stay.
    fn turn(&mut self, open: bool, turn: Turn) -> Turn {
        self.open = open;
        self.samples
            .retain(|sample| if open { sample.bad } else { !sample.bad });
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(values: &[f64], config: &BaselineConfig) -> Vec<Turn> {
        let baseline = Typical {
            middle: 100.0,
            spread: 10.0,
        };
        let mut judge = Judge::default();
        let samples = values.iter().map(|value| Sample::of(*value, baseline, config).unwrap());
        samples.map(|sample| judge.hear(sample, config)).collect()
    }

    #[test]
    fn ratios_are_of_both_directions_and_bounded() {
        assert_eq!(ratio(300.0, 100.0, Worse::Higher), Some(3.0));
        assert_eq!(ratio(50.0, 100.0, Worse::Lower), Some(2.0));
        assert_eq!(ratio(0.0, 100.0, Worse::Lower), Some(MOST_RATIO));
        assert_eq!(ratio(1e300, 1e-300, Worse::Higher), None);
        assert_eq!(ratio(1.0, 0.0, Worse::Higher), None);
        assert_eq!(ratio(-1.0, 5.0, Worse::Higher), None);
    }

    #[test]
    fn three_bad_of_five_begin_and_two_do_not() {
        let config = BaselineConfig::default();
        let two = turns(
            &[100.0, 900.0, 900.0, 100.0, 100.0, 100.0, 900.0, 900.0, 100.0],
            &config,
        );
        assert!(two.iter().all(|turn| *turn == Turn::Peace), "{two:?}");
        let three = turns(&[900.0, 100.0, 900.0, 100.0, 900.0], &config);
        assert_eq!(three[3..], [Turn::Peace, Turn::Begins]);
    }

    #[test]
    fn what_lies_between_the_thresholds_neither_begins_nor_ends() {
        let config = BaselineConfig::default();
        let mut values = vec![900.0; 3];
        values.extend([170.0; 20]);
        let lasting = turns(&values, &config);
        assert_eq!(lasting.last(), Some(&Turn::Lasts));
        values.extend([100.0; 6]);
        let ended = turns(&values, &config);
        assert_eq!(ended[values.len() - 2..], [Turn::Lasts, Turn::Ends]);
    }

    #[test]
    fn a_wide_spread_and_a_floor_must_be_exceeded_too() {
        let wide = BaselineConfig {
            spreads: 30.0,
            ..BaselineConfig::default()
        };
        let floor = BaselineConfig {
            floor: Some(250.0),
            ..BaselineConfig::default()
        };
        for config in [wide, floor] {
            assert!(!turns(&[300.0; 9], &config).contains(&Turn::Begins));
            assert!(turns(&[500.0; 9], &config).contains(&Turn::Begins));
        }
    }
}
