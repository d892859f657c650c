//! Findings by hand: how long they last and what they say meanwhile.

use super::*;
use crate::testing::{quiet, second, stretch};

const CPU: Resource = Resource::CPU_TIME;

fn heard(trial: &Trial) -> Vec<(Stretch, usize)> {
    let all = alarms(trial, &Rules::default());
    all.into_iter().map(|alarm| (alarm.span, alarm.views.len())).collect()
}

#[test]
fn a_finding_lasts_from_its_first_word_to_its_end() {
    let trial = quiet()
        .said(5, 1, Phase::BEGINS, "web", CPU, &[])
        .said(6, 1, Phase::LASTS, "web", CPU, &[])
        .said(8, 1, Phase::LASTS, "web", CPU, &["batch"])
        .said(9, 1, Phase::ENDS, "web", CPU, &["batch"]);
    let alarm = &alarms(&trial, &Rules::default())[0];
    let views: Vec<(Stretch, usize)> = alarm
        .views
        .iter()
        .map(|view| (view.span, view.culprits.len()))
        .collect();
    assert_eq!(views, [(stretch(5, 8), 0), (stretch(8, 9), 1)]);
    assert_eq!(alarm.span, stretch(5, 9));
}

#[test]
fn odd_ends_are_taken_for_what_they_are() {
    let cases = [
        (
            quiet().said(5, 1, Phase::BEGINS, "web", CPU, &[]),
            vec![(stretch(5, 100), 1)],
            "never ended",
        ),
        (
            quiet().said(5, 1, Phase::LASTS, "web", CPU, &[]),
            vec![(stretch(5, 100), 1)],
            "its first word was lost",
        ),
        (
            quiet().said(5, 1, Phase::ENDS, "web", CPU, &[]),
            vec![],
            "all but its end was lost",
        ),
        (
            quiet().told(5..7, 1, CPU, &[]).told(9..11, 1, CPU, &[]),
            vec![(stretch(5, 7), 1), (stretch(9, 11), 1)],
            "a number used again",
        ),
        (
            quiet()
                .said(5, 1, Phase::BEGINS, "web", CPU, &[])
                .told(9..11, 1, CPU, &[]),
            vec![(stretch(5, 9), 1), (stretch(9, 11), 1)],
            "it began twice",
        ),
    ];
    for (trial, expected, why) in cases {
        assert_eq!(heard(&trial), expected, "{why}");
    }
}

#[test]
fn a_finding_that_ends_at_once_has_a_place_in_time() {
    let trial = quiet().told(5..5, 1, CPU, &[]);
    assert!(alarms(&trial, &Rules::default())[0].span.overlaps(stretch(4, 6)));
}

#[test]
fn other_nodes_and_what_is_too_early_are_left_out() {
    let trial = quiet().told(5..7, 1, CPU, &[]).told(20..22, 2, CPU, &[]);
    let rules = |nodes: &[&str], since| Rules {
        nodes: nodes.iter().map(|name| (*name).to_owned()).collect(),
        since: second(since),
        ..Rules::default()
    };
    assert_eq!(alarms(&trial, &rules(&["other"], 0)).len(), 0);
    assert_eq!(alarms(&trial, &rules(&["other", "judge"], 0)).len(), 2);
    assert_eq!(alarms(&trial, &rules(&[], 6)).len(), 1);
}
