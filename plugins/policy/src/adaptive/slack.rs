//! How much room a victim has before it is worse than it may be: its slack, as Heracles (ISCA'15) and PARTIES (ASPLOS'19)
//! count it, from what detectors tell (its ratio to its baseline, the time that it loses to others) and from its own goals.

use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// Samples of which the median counts.
const SAMPLES: usize = 5;
/// How old a sample may be.
const AGE: Nanos = Nanos::from_secs(5);

/// The latest samples of a number.
#[derive(Clone, Debug, Default)]
struct Series(VecDeque<(Nanos, f64)>);

impl Series {
    fn hear(&mut self, at: Nanos, value: f64) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back((at, value));
    }

    fn median(&self, at: Nanos) -> Option<f64> {
        let fresh = self.0.iter().filter(|(when, _)| *when + AGE >= at);
        let mut values: Vec<f64> = fresh.map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }
}

/// What was heard lately of a victim.
#[derive(Clone, Debug, Default)]
pub struct Slack {
    /// What detectors tell, by the port that it comes from: what it may be at most, and what it was.
    told: BTreeMap<u32, (f64, Series)>,
    goals: BTreeMap<MetricId, (Goal, Series)>,
}

impl Slack {
    /// A detector tells a number that is to be at most the limit.
    pub fn told(&mut self, port: u32, at: Nanos, number: f64, limit: f64) {
        let (most, series) = self.told.entry(port).or_default();
        *most = limit;
        series.hear(at, number);
    }

    /// What is wanted of the victim now.
    pub fn want(&mut self, goals: &[Goal]) {
        self.goals
            .retain(|metric, _| goals.iter().any(|goal| goal.metric == *metric));
        for goal in goals {
            let known = self
                .goals
                .entry(goal.metric)
                .or_insert_with(|| (*goal, Series::default()));
            known.0 = *goal;
        }
    }

    /// A reading of the victim, which may be of a metric that it has a goal for.
    pub fn hear(&mut self, reading: &Reading) {
        if let (Some((_, series)), Some(value)) = (self.goals.get_mut(&reading.metric), reading.number()) {
            series.hear(reading.at, value);
        }
    }

    /// What happened before a knob was turned says nothing of now.
    pub fn forget(&mut self) {
        self.told.values_mut().for_each(|(_, series)| series.0.clear());
        self.goals.values_mut().for_each(|(_, series)| series.0.clear());
    }

    /// What the detector at that port tells, in the middle.
    pub fn shown(&self, port: u32, at: Nanos) -> Option<f64> {
        let (_, series) = self.told.get(&port)?;
        series.median(at)
    }

    /// The least slack of all that is known: 1 is all, 0 none, below 0 too late.
    pub fn now(&self, at: Nanos) -> Option<f64> {
        let told = self.told.values();
        let told = told.filter_map(|(limit, series)| Some((limit - series.median(at)?) / limit));
        let goals = self
            .goals
            .values()
            .filter_map(|(goal, series)| of(goal, series.median(at)?));
        goals
            .chain(told)
            .filter(|slack| slack.is_finite())
            .min_by(f64::total_cmp)
    }
}

/// The slack of a goal.
fn of(goal: &Goal, value: f64) -> Option<f64> {
    let slack = match goal.comparison {
        Comparison::AT_MOST => (goal.value - value) / goal.value,
        Comparison::AT_LEAST => (value - goal.value) / goal.value,
        _ => return None,
    };
    slack.is_finite().then_some(slack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_is_the_least_of_the_ratio_and_the_goals() {
        let (p99, rate) = (MetricId(1), MetricId(2));
        let goal = |metric, comparison, value| Goal {
            metric,
            comparison,
            value,
        };
        let mut slack = Slack::default();
        assert_eq!(slack.now(Nanos(0)), None);
        slack.told(0, Nanos(0), 1.2, 1.5);
        assert!((slack.now(Nanos(0)).unwrap() - 0.2).abs() < 1e-9);
        slack.want(&[
            goal(p99, Comparison::AT_MOST, 10.0),
            goal(rate, Comparison::AT_LEAST, 100.0),
        ]);
        slack.hear(&Reading::gauge(Nanos(0), TargetId(1), p99, 9.0));
        assert!((slack.now(Nanos(0)).unwrap() - 0.1).abs() < 1e-9);
        slack.hear(&Reading::gauge(Nanos(0), TargetId(1), rate, 90.0));
        assert!((slack.now(Nanos(0)).unwrap() + 0.1).abs() < 1e-9);
        slack.want(&[]);
        assert!((slack.now(Nanos(0)).unwrap() - 0.2).abs() < 1e-9);
        slack.told(1, Nanos(0), 0.09, 0.1);
        let least = slack.now(Nanos(0)).unwrap();
        assert!(
            (least - 0.1).abs() < 1e-9,
            "of two detectors the one that says less: {least}"
        );
        assert_eq!(slack.now(Nanos::from_secs(60)), None, "old samples say nothing");
    }

    #[test]
    fn one_sample_that_sticks_out_does_not_count() {
        let mut slack = Slack::default();
        for ratio in [1.0, 9.0, 1.0, 1.1, 1.0] {
            slack.told(0, Nanos(0), ratio, 2.0);
        }
        assert!((slack.now(Nanos(0)).unwrap() - 0.5).abs() < 1e-9);
    }
}
