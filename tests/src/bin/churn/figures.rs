//! What was seen in every round, and whether it is flat: the last quarter of the rounds against the second.
//!
//! The commands of the graph come and go at moments of their own, so that of open files and threads the least of a
//! quarter counts, when none of them was there: what leaks stays open. Of memory it is the mean.

use crate::process::Sample;
use std::error::Error;

/// How many open files and threads more are no leak.
const MORE: f64 = 2.0;
/// How much more memory is none.
const MORE_BYTES: f64 = 1024.0 * 1024.0;
/// The same in a run too short for that: the name plates of the last 4,096 targets that went are kept, and until so
/// many went their number grows.
const MORE_BYTES_SHORT: f64 = 8.0 * MORE_BYTES;
/// From how many groups on the name plates are nearly all there in the second quarter.
const LONG: usize = 8192;

/// What was seen in every round.
#[derive(Debug)]
pub struct Figures {
    /// How many groups go in a round.
    groups: usize,
    /// With a batch alive.
    peaks: Vec<Sample>,
    /// With none.
    rests: Vec<Sample>,
}

impl Figures {
    /// Nothing seen yet; that many groups go in every round.
    pub fn new(groups: usize) -> Self {
        Self {
            groups,
            peaks: Vec::new(),
            rests: Vec::new(),
        }
    }

    /// Takes in a round.
    pub fn take(&mut self, peak: Sample, rest: Sample) {
        self.peaks.push(peak);
        self.rests.push(rest);
    }

    /// Prints all figures; whether all that may not grow did not.
    ///
    /// # Errors
    /// They cannot be printed.
    pub fn tell(
        &self,
        seconds: f64,
        said: &str,
        print: impl Fn(&str) -> Result<(), Box<dyn Error>>,
    ) -> Result<bool, Box<dyn Error>> {
        let rounds = self.rests.len();
        print(&format!("churn_rounds {rounds} 1"))?;
        print(&format!("churn_seconds {seconds:.1} s"))?;
        let peak = most(&self.peaks, |sample| sample.descriptors);
        print(&format!("churn_descriptors_most {peak} 1"))?;
        let warnings = said
            .lines()
            .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
            .count();
        print(&format!("churn_warnings {warnings} 1"))?;
        let mut flat = true;
        let is_long = rounds * self.groups >= LONG;
        let more_bytes = if is_long { MORE_BYTES } else { MORE_BYTES_SHORT };
        let figures: [Figure; 4] = [
            ("descriptors", "1", least, |sample| sample.descriptors, MORE),
            ("threads", "1", least, |sample| sample.threads, MORE),
            ("pss", "bytes", mean, |sample| sample.pss_bytes, more_bytes),
            ("rss", "bytes", mean, |sample| sample.rss_bytes, f64::INFINITY),
        ];
        for (name, unit, sum, of, more) in figures {
            let (early, late) = (sum(quarter(&self.rests, 1), of), sum(quarter(&self.rests, 3), of));
            print(&format!("churn_{name}_second_quarter {early:.1} {unit}"))?;
            print(&format!("churn_{name}_last_quarter {late:.1} {unit}"))?;
            if late - early > more {
                flat = false;
                print(&format!("churn_{name}_grew {:.1} {unit}", late - early))?;
            }
        }
        // A batch that was never read shows nothing.
        let read = peak - mean(&self.rests, |sample| sample.descriptors) > 100.0;
        print(&format!("churn_batches_were_read {} 1", u8::from(read)))?;
        Ok(flat && read)
    }
}

/// Name, unit, what is taken of a quarter, of which number, and how much more is no leak.
type Figure = (
    &'static str,
    &'static str,
    fn(&[Sample], fn(&Sample) -> f64) -> f64,
    fn(&Sample) -> f64,
    f64,
);

fn quarter(samples: &[Sample], number: usize) -> &[Sample] {
    let length = samples.len() / 4;
    &samples[number * length..(number + 1) * length]
}

fn mean(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    samples.iter().map(of).sum::<f64>() / samples.len() as f64
}

fn least(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    samples.iter().map(of).fold(f64::INFINITY, f64::min)
}

fn most(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    samples.iter().map(of).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(descriptors: impl Fn(usize) -> f64) -> Figures {
        let mut figures = Figures::new(1000);
        for round in 0..40 {
            let rest = Sample {
                descriptors: descriptors(round),
                ..Sample::default()
            };
            figures.take(
                Sample {
                    descriptors: 1000.0,
                    ..rest
                },
                rest,
            );
        }
        figures
    }

    #[test]
    fn what_grows_is_not_flat_and_what_swings_is() {
        let flat = |figures: Figures| figures.tell(1.0, "", |_| Ok(())).unwrap();
        assert!(flat(figures(|round| 20.0 + (round % 2) as f64)));
        assert!(!flat(figures(|round| 20.0 + round as f64 / 2.0)));
        assert!(!flat(figures(|_| 950.0)), "nothing was read of any batch");
    }
}
