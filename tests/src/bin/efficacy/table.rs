//! What suites print: one table with a row for each measure and a column for each policy, and lines for scripts.

use crate::arm::Arm;
use pipeline_score_measure::{Measure, Score, measures};
use std::fmt::Write;

/// What a policy came to.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub policy: &'static str,
    /// Its score.
    pub score: Score,
    /// Whether it has detectors: where it has none, nothing is said about them.
    pub detects: bool,
}

impl Column {
    /// That of a policy of which nothing was scored yet.
    pub fn empty(arm: &Arm) -> Self {
        Self {
            policy: arm.name,
            score: Score::default(),
            detects: arm.detects,
        }
    }
}

/// Measures that tell of detectors, which one without any does not have.
const OF_DETECTORS: [&str; 10] = [
    "recall",
    "precision",
    "false_alarms_per_hour",
    "culprit",
    "culprit_at_once",
    "innocent",
    "own",
    "resource",
    "detect_seconds_p50",
    "detect_seconds_p90",
];

/// The table and the lines of a suite.
pub fn text(suite: &str, columns: &[Column]) -> String {
    let mut text = format!("{suite:<22}");
    for column in columns {
        let _ = write!(text, " {:>24}", column.policy);
    }
    text.push('\n');
    let all: Vec<Vec<Measure>> = columns.iter().map(known).collect();
    let rows = all.first().map_or(0, Vec::len);
    for row in 0..rows {
        let _ = write!(text, "{:<22}", all[0][row].name);
        for measures in &all {
            let _ = write!(text, " {:>24}", cell(&measures[row]));
        }
        text.push('\n');
    }
    text.push('\n');
    for (column, measures) in columns.iter().zip(&all) {
        measures
            .iter()
            .for_each(|measure| text.push_str(&line(suite, column.policy, measure)));
    }
    text
}

/// The measures of a policy, those without a value that its kind does not have.
fn known(column: &Column) -> Vec<Measure> {
    let mut all = measures(&column.score);
    for measure in all
        .iter_mut()
        .filter(|measure| !column.detects && OF_DETECTORS.contains(&measure.name))
    {
        (measure.value, measure.interval) = (None, None);
    }
    all
}

fn cell(measure: &Measure) -> String {
    match (measure.value, measure.interval) {
        (Some(value), Some(interval)) => format!("{value:.3} [{:.3}, {:.3}]", interval.low, interval.high),
        (Some(value), None) => format!("{value:.3}"),
        (None, _) => "-".to_owned(),
    }
}

fn line(suite: &str, policy: &str, measure: &Measure) -> String {
    let Some(value) = measure.value else {
        return String::new();
    };
    let interval = measure.interval.map_or_else(String::new, |interval| {
        format!(" {:.4} {:.4}", interval.low, interval.high)
    });
    format!("{suite} {policy} {} {value:.4}{interval}\n", measure.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_score_measure::Share;

    #[test]
    fn a_policy_without_detectors_has_no_recall() {
        let score = Score {
            trials: 1,
            with_truth: 1,
            recall: Share { hits: 9, of: 10 },
            ..Score::default()
        };
        let column = |policy, detects| Column {
            policy,
            score: score.clone(),
            detects,
        };
        let text = text("sim", &[column("ours", true), column("static", false)]);
        assert!(text.contains("\nsim ours recall 0.9000 0.5958 0.9821\n"), "{text}");
        assert!(!text.contains("sim static recall"), "{text}");
        assert!(
            text.contains("\nrecall                     0.900 [0.596, 0.982]                        -\n"),
            "{text}"
        );
    }
}
