//! Trials by hand, counted and added up.

use super::*;
use crate::testing::{quiet, second};

const L3: Resource = Resource::L3;

/// Two episodes, one found; three findings, one right and one about what is too brief.
fn mixed() -> Trial {
    quiet()
        .slow("web", 10..30, 2.0, &[("batch", L3, 2.0)])
        .slow("web", 40..42, 2.0, &[("batch", L3, 2.0)])
        .slow("web", 50..60, 2.0, &[("", Resource::HYPERVISOR, 2.0)])
        .told(12..20, 1, L3, &["batch"])
        .told(41..42, 2, L3, &["batch"])
        .told(80..85, 3, L3, &["batch"])
        .remedy(90..95)
}

#[test]
fn a_trial_is_counted_by_hand() {
    let score = Score::of(&mixed(), None, &Rules::default());
    assert_eq!(score.recall, Share { hits: 1, of: 2 });
    assert_eq!(score.recall_by[&L3], Share { hits: 1, of: 1 });
    assert_eq!(score.recall_by[&Resource::HYPERVISOR], Share { hits: 0, of: 1 });
    assert_eq!(score.precision, Share { hits: 1, of: 3 });
    assert_eq!((score.false_alarms(), score.brief, score.told), (2, 1, 3));
    assert_eq!(score.culprit, Share { hits: 1, of: 1 });
    assert_eq!(score.innocent, Share { hits: 0, of: 0 });
    assert_eq!(score.delays, [2.0]);
    assert_eq!((score.changes, score.span), (2, second(100)));
}

#[test]
fn two_trials_are_the_sum_of_both() {
    let rules = Rules::default();
    let one = Score::of(&mixed(), None, &rules);
    let mut both = Score::default();
    both.add(&one);
    both.add(&Score::of(
        &quiet().worked("cpu.time", "batch", 9.0),
        Some(&quiet().worked("cpu.time", "batch", 10.0)),
        &rules,
    ));
    assert_eq!((both.trials, both.with_truth, both.span), (2, 2, second(200)));
    assert_eq!(both.precision, one.precision);
    assert!((both.paid.value().unwrap() - 0.1).abs() < 1e-9);
}

#[test]
fn without_truth_findings_are_counted_and_not_judged() {
    let mut trial = mixed();
    trial.truth.clear();
    let score = Score::of(&trial, None, &Rules::default());
    assert_eq!((score.with_truth, score.told, score.changes), (0, 3, 2));
    assert_eq!((score.precision, score.recall), (Share::default(), Share::default()));
}
