//! Learning what is usual of a victim while nothing disturbs it. A sample that was taken under a
//! cap, under the victim's own quota, under steal or under a neighbour's load teaches nothing; of
//! the rest the third counts in which the victim waited least for a CPU, for what is not a target of
//! the graph disturbs it too, and cannot be asked to stop.
//!
//! Learning goes on for a while after there is a baseline: the first seconds of a server are not like
//! those that follow, and noise in them would stay.

use crate::account::{Eye, Sight};
use crate::config::BaselineConfig;
use crate::typical::{Samples, Typical};
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// The fewest samples that make a baseline.
const LEAST_SAMPLES: usize = 10;
/// One in how many of the accepted samples counts: those with the least waiting.
const CALMEST: usize = 3;
/// How many times the learning span is learnt from in all.
const MOST_SPANS: u64 = 5;
/// Into how many parts of the learning span what follows the first baseline is divided: after each it is looked at anew.
const LOOKS: u64 = 4;
/// The longest that one sample counts for, where readings have no span.
const LONGEST: Nanos = Nanos::from_secs(1);
/// Waiting, in seconds a second, and a neighbour's CPU time, in CPUs, that are visibly a disturbance.
const VISIBLE_WAIT: f64 = 0.05;
const VISIBLE_RIVALS: f64 = 0.1;

/// What is usual of a victim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Of its signal.
    pub signal: Typical,
    /// Of what surrounds the signal.
    pub context: Context,
}

/// What is usual around the signal; absent where it could not be seen. Times are seconds a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// Waiting for a CPU, by run delay.
    pub delay: Option<Waiting>,
    /// Waiting for a CPU, by pressure.
    pub pressure: Option<Waiting>,
    /// Requests a second that it is asked for.
    pub load: Option<Typical>,
    /// CPU time that it uses.
    pub cpu: Option<Typical>,
    /// CPU time that its neighbours have on its CPUs.
    pub rivals: Option<Typical>,
    /// Share of its CPUs' time that the hypervisor takes.
    pub steal: Option<Typical>,
}

impl Context {
    /// What is usual of waiting as that eye sees it.
    pub fn waiting(&self, eye: Eye) -> Option<Waiting> {
        match eye {
            Eye::RunDelay => self.delay,
            Eye::Pressure => self.pressure,
        }
    }
}

/// What is usual of waiting.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Seconds a second.
    pub rate: Typical,
    /// Seconds for each second of CPU time that the victim used.
    pub for_work: Typical,
}

/// Why a sample teaches nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// A remedy is in force.
    Capped,
    /// The victim's own quota stopped it.
    Throttled,
    /// The hypervisor took its CPUs.
    Stolen,
    /// Neighbours keep it waiting.
    Disturbed,
    /// The signal itself is not quiet, against a baseline that is given or stands already.
    Unquiet,
}

impl Refusal {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Capped => "a remedy is in force",
            Self::Throttled => "its own cpu quota stops it",
            Self::Stolen => "the hypervisor takes its cpus",
            Self::Disturbed => "neighbours keep it waiting for a cpu",
            Self::Unquiet => "it is worse than its baseline",
        }
    }
}

/// Whether a victim is visibly disturbed, and by what.
pub fn disturbance(sight: &Sight, capped: bool, config: &BaselineConfig) -> Option<Refusal> {
    let waits = sight.wait.is_some_and(|(wait, _)| wait >= VISIBLE_WAIT);
    let rivals = sight.rivals_cpu() >= VISIBLE_RIVALS;
    if capped {
        Some(Refusal::Capped)
    } else if sight
        .throttled
        .is_some_and(|share| share > 0.0 && share >= config.throttled)
    {
        Some(Refusal::Throttled)
    } else if sight
        .steal
        .is_some_and(|share| share > 0.0 && share >= 2.0 * config.steal)
    {
        Some(Refusal::Stolen)
    } else {
        (waits && rivals).then_some(Refusal::Disturbed)
    }
}

/// A sample of the signal and what was seen around it.
#[derive(Copy, Clone, Debug)]
struct Shot {
    signal: f64,
    wait: Option<(f64, Eye)>,
    for_work: Option<f64>,
    load: Option<f64>,
    cpu: Option<f64>,
    rivals: f64,
    steal: Option<f64>,
}

impl Shot {
    fn of(signal: f64, sight: &Sight) -> Self {
        Self {
            signal,
            wait: sight.wait,
            for_work: sight.wait_for_work(),
            load: sight.load,
            cpu: sight.cpu,
            rivals: sight.rivals_cpu(),
            steal: sight.steal,
        }
    }

    fn waiting(&self, eye: Eye) -> Option<f64> {
        self.wait.filter(|(_, by)| *by == eye).map(|(wait, _)| wait)
    }
}

/// A baseline in the making.
#[derive(Clone, Debug, Default)]
pub struct Learner {
    shots: Samples<Shot>,
    began: Option<Nanos>,
    last: Nanos,
    accepted: Nanos,
    /// How much must be accepted for the next baseline, once there was one.
    next: Option<Nanos>,
    refusal: Option<Refusal>,
}

impl Learner {
    /// Takes in a sample of the signal and what was seen around it, unless there is a refusal.
    pub fn offer(&mut self, sample: &Reading, value: f64, sight: &Sight, refusal: Option<Refusal>) {
        let covered = self.covered(sample);
        self.began.get_or_insert(sample.at);
        self.last = sample.at;
        self.refusal = refusal;
        if refusal.is_some() {
            return;
        }
        self.accepted = self.accepted + covered;
        self.shots.push(Shot::of(value, sight));
    }

    /// What was learnt, once samples of that span were accepted, and again each time that there are some more.
    pub fn learned(&mut self, learn: Nanos) -> Option<Learned> {
        let due = self.accepted >= self.next.unwrap_or(learn);
        (due && self.shots.kept().len() >= LEAST_SAMPLES).then_some(())?;
        let calm = self.calmest();
        let learned = Learned {
            signal: typical(&calm, |shot| Some(shot.signal))?,
            context: context(&calm),
        };
        self.next = Some(self.accepted + Nanos(learn.0 / LOOKS));
        Some(learned)
    }

    /// Whether there was a baseline already, and what follows only betters it.
    pub fn stands(&self) -> bool {
        self.next.is_some()
    }

    /// Whether enough was learnt.
    pub fn is_done(&self, learn: Nanos) -> bool {
        self.stands() && self.accepted.0 >= learn.0.saturating_mul(MOST_SPANS)
    }

    /// How much was accepted.
    pub fn accepted(&self) -> Nanos {
        self.accepted
    }

    /// Why the last sample was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Since when samples come.
    pub fn began(&self) -> Option<Nanos> {
        self.began
    }

    fn covered(&self, sample: &Reading) -> Nanos {
        let gap = if self.began.is_some() {
            sample.at.since(self.last)
        } else {
            Nanos::ZERO
        };
        if sample.span > Nanos::ZERO {
            sample.span.min(LONGEST)
        } else {
            gap.min(LONGEST)
        }
    }

    /// Where waiting was not seen, all samples are alike.
    fn calmest(&self) -> Vec<Shot> {
        let mut shots = self.shots.kept().to_vec();
        let wait = |shot: &Shot| shot.wait.map_or(0.0, |(wait, _)| wait);
        shots.sort_by(|a, b| wait(a).total_cmp(&wait(b)));
        if shots.iter().any(|shot| shot.wait.is_some()) {
            shots.truncate((shots.len() / CALMEST).max(LEAST_SAMPLES));
        }
        shots
    }
}

fn context(shots: &[Shot]) -> Context {
    Context {
        delay: waiting(shots, Eye::RunDelay),
        pressure: waiting(shots, Eye::Pressure),
        load: typical(shots, |shot| shot.load),
        cpu: typical(shots, |shot| shot.cpu),
        rivals: typical(shots, |shot| Some(shot.rivals)),
        steal: typical(shots, |shot| shot.steal),
    }
}

fn waiting(shots: &[Shot], eye: Eye) -> Option<Waiting> {
    Some(Waiting {
        rate: typical(shots, |shot| shot.waiting(eye))?,
        for_work: typical(shots, |shot| shot.waiting(eye).and(shot.for_work))?,
    })
}

fn typical(shots: &[Shot], number: impl Fn(&Shot) -> Option<f64>) -> Option<Typical> {
    let numbers: Vec<f64> = shots.iter().filter_map(number).collect();
    Typical::of(&numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Nanos = Nanos::from_millis(200);

    fn feed(learner: &mut Learner, count: u64, refusal: Option<Refusal>) {
        for i in 1..=count {
            let at = Nanos(learner.last.0 + STEP.0);
            let sample = Reading::delta(at, STEP, TargetId(1), MetricId(1), 0.0);
            learner.offer(&sample, 100.0 + (i % 3) as f64, &Sight::default(), refusal);
        }
    }

    #[test]
    fn only_accepted_samples_count_as_learning_time() {
        let mut learner = Learner::default();
        feed(&mut learner, 40, Some(Refusal::Capped));
        assert_eq!(
            (learner.accepted(), learner.refusal()),
            (Nanos::ZERO, Some(Refusal::Capped))
        );
        feed(&mut learner, 14, None);
        assert_eq!(learner.learned(Nanos::from_secs(3)), None);
        feed(&mut learner, 1, None);
        assert_eq!(learner.learned(Nanos::from_secs(3)).unwrap().signal.middle, 101.0);
    }

    #[test]
    fn noise_in_the_first_seconds_does_not_stay() {
        let mut learner = Learner::default();
        let learn = Nanos::from_secs(3);
        let mut baselines = Vec::new();
        for i in 1..=75_u64 {
            let sample = Reading::delta(Nanos(i * STEP.0), STEP, TargetId(1), MetricId(1), 0.0);
            let signal = if i <= 15 { 1200.0 } else { 250.0 };
            learner.offer(&sample, signal, &Sight::default(), None);
            baselines.extend(learner.learned(learn).map(|learned| learned.signal.middle));
            assert_eq!(learner.is_done(learn), i == 75, "{i}");
        }
        assert_eq!((baselines.first(), baselines.last()), (Some(&1200.0), Some(&250.0)));
        assert!(baselines.len() > 10, "{baselines:?}");
    }

    #[test]
    fn the_calmest_third_counts() {
        let mut learner = Learner::default();
        for i in 0..60_u64 {
            let sample = Reading::delta(Nanos(i * STEP.0), STEP, TargetId(1), MetricId(1), 0.0);
            let noisy = i % 2 == 0;
            let sight = Sight {
                wait: Some((if noisy { 0.2 } else { 0.01 }, Eye::RunDelay)),
                cpu: Some(0.25),
                ..Sight::default()
            };
            learner.offer(&sample, if noisy { 3000.0 } else { 100.0 }, &sight, None);
        }
        let learned = learner.learned(Nanos::from_secs(10)).unwrap();
        assert_eq!(learned.signal.middle, 100.0);
        assert_eq!(learned.context.delay.unwrap().rate.middle, 0.01);
    }

    #[test]
    fn what_disturbs_is_told() {
        let config = BaselineConfig::default();
        let rival = crate::account::Rival {
            target: TargetId(2),
            cpu: 0.7,
            certain: true,
        };
        let sight = |wait, throttled, steal, rivals: usize| Sight {
            wait: Some((wait, Eye::RunDelay)),
            throttled: Some(throttled),
            steal: Some(steal),
            rivals: vec![rival; rivals],
            ..Sight::default()
        };
        let cases = [
            (sight(0.0, 0.0, 0.0, 0), true, Some(Refusal::Capped)),
            (sight(0.0, 0.02, 0.0, 0), false, Some(Refusal::Throttled)),
            (sight(0.0, 0.0, 0.08, 0), false, Some(Refusal::Stolen)),
            (sight(0.3, 0.0, 0.0, 1), false, Some(Refusal::Disturbed)),
            (sight(0.3, 0.0, 0.0, 0), false, None),
            (sight(0.001, 0.0, 0.02, 1), false, None),
        ];
        for (sight, capped, refusal) in cases {
            assert_eq!(disturbance(&sight, capped, &config), refusal, "{sight:?}");
        }
    }
}
