//! A score as named figures: what tables, lines and JSON are made of.

use crate::mean::{Mean, quantile};
use crate::score::Score;
use crate::share::{Interval, Share};
use serde::Serialize;

/// One figure of a score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// Its name in lines and JSON.
    pub name: &'static str,
    /// The figure; none where there was nothing to measure it by.
    pub value: Option<f64>,
    /// `1` for shares, `s`, `1/h`, `1/min`.
    pub unit: &'static str,
    /// Where it lies with 95 % confidence, where that can be said.
    pub interval: Option<Interval>,
    /// Of how many cases; none for rates.
    pub cases: Option<u64>,
    /// What it is, in a few words.
    pub meaning: &'static str,
}

/// The figures of a score, always the same in the same order. Without truth, what cannot be judged has no value.
pub fn measures(score: &Score) -> Vec<Measure> {
    let truth = score.with_truth > 0;
    let mut all = vec![
        share("recall", score.recall, "episodes that were found"),
        share("precision", score.precision, "findings that were right"),
        rate(
            "false_alarms_per_hour",
            truth.then(|| score.false_alarms()),
            score,
            3600.0,
            "1/h",
            "findings that were not right",
        ),
        share(
            "culprit",
            score.culprit,
            "found, and the right neighbour first for most of the time",
        ),
        share(
            "culprit_at_once",
            score.at_once,
            "found, and the right neighbour in the first word",
        ),
        share(
            "innocent",
            score.innocent,
            "found, no neighbour to blame, and none blamed",
        ),
        share(
            "own",
            score.own,
            "findings about a victim's own doing that say so and blame nobody",
        ),
        share(
            "resource",
            score.resource,
            "found, and the right resource for most of the time",
        ),
    ];
    all.extend(delays(score));
    all.extend([
        mean(
            "recovered",
            &score.recovery.whole,
            "of the slowdown, over whole episodes",
        ),
        mean(
            "recovered_late",
            &score.recovery.late,
            "of the slowdown, over the second half of episodes",
        ),
        mean(
            "batch_paid",
            &score.paid,
            "of the work of batch targets, beside no policy",
        ),
        rate(
            "changes_per_minute",
            Some(score.changes),
            score,
            60.0,
            "1/min",
            "knobs turned",
        ),
        rate(
            "findings_per_hour",
            Some(score.told),
            score,
            3600.0,
            "1/h",
            "findings told, right or not",
        ),
    ]);
    all
}

fn share(name: &'static str, share: Share, meaning: &'static str) -> Measure {
    Measure {
        name,
        value: share.value(),
        unit: "1",
        interval: share.wilson(),
        cases: Some(share.of),
        meaning,
    }
}

fn mean(name: &'static str, mean: &Mean, meaning: &'static str) -> Measure {
    Measure {
        name,
        value: mean.value(),
        unit: "1",
        interval: mean.interval(),
        cases: Some(mean.count()),
        meaning,
    }
}

fn delays(score: &Score) -> [Measure; 2] {
    let delay = |name, place, meaning| Measure {
        name,
        value: quantile(&score.delays, place),
        unit: "s",
        interval: None,
        cases: Some(score.delays.len() as u64),
        meaning,
    };
    [
        delay(
            "detect_seconds_p50",
            0.5,
            "from an episode's beginning to its first word, median",
        ),
        delay("detect_seconds_p90", 0.9, "the same, 90th percentile"),
    ]
}

fn rate(
    name: &'static str,
    count: Option<u64>,
    score: &Score,
    per: f64,
    unit: &'static str,
    meaning: &'static str,
) -> Measure {
    let seconds = score.span.seconds();
    Measure {
        name,
        value: count
            .filter(|_| seconds > 0.0)
            .map(|count| count as f64 / seconds * per),
        unit,
        interval: None,
        cases: count,
        meaning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::Nanos;

    fn value(score: &Score, name: &str) -> Option<f64> {
        let all = measures(score);
        all.iter().find(|measure| measure.name == name).unwrap().value
    }

    #[test]
    fn without_truth_nothing_is_right_or_wrong() {
        let score = Score {
            trials: 1,
            span: Nanos::from_secs(1800),
            told: 3,
            changes: 60,
            ..Score::default()
        };
        for name in [
            "recall",
            "precision",
            "false_alarms_per_hour",
            "culprit",
            "recovered",
            "detect_seconds_p50",
        ] {
            assert_eq!(value(&score, name), None, "{name}");
        }
        assert_eq!(value(&score, "changes_per_minute"), Some(2.0));
        assert_eq!(value(&score, "findings_per_hour"), Some(6.0));
    }

    #[test]
    fn a_quiet_hour_with_truth_has_no_false_alarm() {
        let score = Score {
            trials: 1,
            with_truth: 1,
            span: Nanos::from_secs(3600),
            ..Score::default()
        };
        assert_eq!(value(&score, "false_alarms_per_hour"), Some(0.0));
        assert_eq!(value(&score, "precision"), None, "no finding is no share");
    }

    #[test]
    fn names_are_used_once() {
        let all = measures(&Score::default());
        let names: std::collections::BTreeSet<&str> = all.iter().map(|measure| measure.name).collect();
        assert_eq!(names.len(), all.len());
    }
}
