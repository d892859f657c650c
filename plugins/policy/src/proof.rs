//! Proof that a remedy helps: after it has settled, did the victim recover in the time it was given?

use pipeline_plugin_api::prelude::*;

/// Samples from which a recovery counts before the time is over: fewer may be luck.
const EARLY: usize = 5;
/// The most samples that are kept; later ones are not needed.
const MOST: usize = 1024;

/// What counts as proof.
#[derive(Copy, Clone, Debug)]
pub struct Terms {
    /// How long a remedy takes to show.
    pub settle: Nanos,
    /// How long the victim then has to recover.
    pub proof: Nanos,
    /// The part of the harm, of what the victim is worse than its baseline, that must be gone by then, 0..=1.
    pub improvement: f64,
    /// Below how many times its baseline the victim has recovered.
    pub release: f64,
}

/// A remedy on trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// When it was asked for.
    pub since: Nanos,
    /// How many times worse than its baseline the victim was.
    pub before: f64,
    heard: Vec<f64>,
}

/// How a trial stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Too early to tell.
    Pending,
    /// The victim recovered; how.
    Proven(String),
    /// It did not; how it is.
    Failed(String),
}

impl Trial {
    /// Begins now, with the victim that much worse than its baseline.
    pub fn new(since: Nanos, before: f64) -> Self {
        Self {
            since,
            before,
            heard: Vec::new(),
        }
    }

    /// The victim is that many times worse than its baseline now.
    pub fn hear(&mut self, at: Nanos, ratio: f64, terms: &Terms) {
        if at >= self.settled(terms) && self.heard.len() < MOST && ratio.is_finite() {
            self.heard.push(ratio);
        }
    }

    /// How it stands; `ended` if the victim's findings are over.
    pub fn verdict(&self, at: Nanos, ended: bool, terms: &Terms) -> Verdict {
        let now = median(&self.heard);
        let over = at >= self.deadline(terms);
        let better = now.is_some_and(|now| now - 1.0 <= (self.before - 1.0) * (1.0 - terms.improvement));
        // Who was never beyond it has not recovered by staying there.
        let recovered = now.is_some_and(|now| now < terms.release) && (better || self.before >= terms.release);
        match now {
            _ if ended => Verdict::Proven(format!("it was {:.1} times worse and is well again", self.before)),
            Some(now) if recovered && (over || self.heard.len() >= EARLY) || better && over => {
                Verdict::Proven(format!("it was {:.1} times worse and is {now:.1}", self.before))
            }
            Some(now) if over => {
                Verdict::Failed(format!("it was {:.1} times worse and still is {now:.1}", self.before))
            }
            None if over => Verdict::Failed("nothing was heard of it".to_owned()),
            _ => Verdict::Pending,
        }
    }

    /// How many times worse than its baseline the victim is, by what was heard.
    pub fn now(&self) -> Option<f64> {
        median(&self.heard)
    }

    /// Whether the victim is as well as it is to be, and not only better than before.
    pub fn is_well(&self, terms: &Terms) -> bool {
        median(&self.heard).is_some_and(|now| now < terms.release)
    }

    /// When it is over.
    pub fn deadline(&self, terms: &Terms) -> Nanos {
        self.settled(terms) + terms.proof
    }

    fn settled(&self, terms: &Terms) -> Nanos {
        self.since + terms.settle
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(before: f64, ratios: &[(u64, f64)], at: u64, ended: bool) -> Verdict {
        let terms = Terms {
            settle: Nanos::from_secs(1),
            proof: Nanos::from_secs(3),
            improvement: 0.3,
            release: 1.5,
        };
        let mut trial = Trial::new(Nanos::ZERO, before);
        for (at, ratio) in ratios {
            trial.hear(Nanos::from_millis(*at), *ratio, &terms);
        }
        trial.verdict(Nanos::from_millis(at), ended, &terms)
    }

    fn every_200ms(ratio: f64, until: u64) -> Vec<(u64, f64)> {
        (1..=until / 200).map(|i| (i * 200, ratio)).collect()
    }

    #[test]
    fn recovery_is_the_end_of_the_finding_or_a_ratio_below_release_or_much_less_harm() {
        let cases = [
            (every_200ms(20.0, 800), 800, true, "proven"),
            (every_200ms(1.2, 1400), 1400, false, "pending"),
            (every_200ms(1.2, 1800), 1800, false, "proven"),
            (every_200ms(10.0, 3800), 3800, false, "pending"),
            (every_200ms(10.0, 4000), 4000, false, "proven"),
            (every_200ms(15.0, 4000), 4000, false, "failed"),
            (every_200ms(1.0, 800), 4000, false, "failed"),
            (vec![], 3999, false, "pending"),
            (vec![], 4000, false, "failed"),
        ];
        for (ratios, at, ended, expected) in cases {
            let verdict = verdict(20.0, &ratios, at, ended);
            assert_eq!(word(&verdict), expected, "{verdict:?} at {at}");
        }
    }

    #[test]
    fn a_harm_below_release_is_not_over_because_it_is_small() {
        // 0.4 above the baseline, of which 0.28 may be left.
        for (ratio, expected) in [(1.4, "failed"), (1.3, "failed"), (1.27, "proven"), (1.0, "proven")] {
            let verdict = verdict(1.4, &every_200ms(ratio, 4000), 4000, false);
            assert_eq!(word(&verdict), expected, "{verdict:?} at {ratio}");
        }
    }

    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Pending => "pending",
            Verdict::Proven(_) => "proven",
            Verdict::Failed(_) => "failed",
        }
    }
}
