//! Truth and findings by hand, and what each is worth.

use super::*;
use crate::testing::{quiet, second};
use pipeline_plugin_api::abi::Phase;

const L3: Resource = Resource::L3;
const CPU: Resource = Resource::CPU_TIME;
const SELF: Resource = Resource::SELF;

/// `web` is slowed from 10 s to 30 s by `batch` through the cache.
fn slowed() -> Trial {
    quiet().slow("web", 10..30, 2.0, &[("batch", L3, 2.0)])
}

fn verdict(trial: &Trial) -> Verdict {
    judge(trial, None, &Rules::default())
}

/// The only episode's: delay in seconds, culprit, resource.
fn only(trial: &Trial) -> (Option<u64>, Option<bool>, Option<bool>) {
    let verdict = verdict(trial);
    assert_eq!(verdict.episodes.len(), 1);
    let judged = &verdict.episodes[0];
    let delay = judged.delay.map(|delay| delay.0 / 1_000_000_000);
    (delay, judged.culprit, judged.resource)
}

fn found(trial: &Trial) -> Vec<Found> {
    verdict(trial).alarms.into_iter().map(|(_, found)| found).collect()
}

#[test]
fn quiet_and_silent_is_nothing() {
    assert_eq!(
        verdict(&quiet()),
        Verdict {
            episodes: vec![],
            alarms: vec![]
        }
    );
}

#[test]
fn a_finding_counts_if_it_overlaps_its_victims_episode() {
    for (trial, expected, why) in [
        (
            slowed().told(12..28, 1, L3, &["batch"]),
            (Some(2), Some(true), Some(true)),
            "inside",
        ),
        (
            slowed().told(5..15, 1, L3, &["batch"]),
            (Some(0), Some(true), Some(true)),
            "begun before",
        ),
        (
            slowed().told(29..80, 1, L3, &["batch"]),
            (Some(19), Some(true), Some(true)),
            "it outlasts",
        ),
        (
            slowed().told(12..28, 1, CPU, &["other"]),
            (Some(2), Some(false), Some(false)),
            "all wrong",
        ),
        (
            slowed().told(12..28, 1, L3, &[]),
            (Some(2), Some(false), Some(true)),
            "nobody named",
        ),
        (
            slowed().told(12..28, 1, L3, &["other", "batch"]),
            (Some(2), Some(false), Some(true)),
            "named second",
        ),
        (slowed().told(30..40, 1, L3, &["batch"]), (None, None, None), "too late"),
        (slowed(), (None, None, None), "silent"),
    ] {
        assert_eq!(only(&trial), expected, "{why}");
    }
}

#[test]
fn findings_are_right_brief_or_false() {
    let brief = || quiet().slow("web", 10..12, 2.0, &[("batch", L3, 2.0)]);
    for (trial, expected, why) in [
        (slowed().told(12..28, 1, L3, &[]), vec![Found::Right], "of the episode"),
        (
            slowed().told(30..40, 1, L3, &[]),
            vec![Found::False],
            "behind the episode",
        ),
        (
            slowed().told(2..10, 1, L3, &[]),
            vec![Found::False],
            "before the episode",
        ),
        (brief().told(11..20, 1, L3, &[]), vec![Found::Brief], "of a shorter one"),
        (quiet().told(12..28, 1, L3, &[]), vec![Found::False], "of nothing"),
        (
            slowed()
                .told(11..12, 1, L3, &[])
                .told(20..21, 2, L3, &[])
                .told(50..51, 3, L3, &[]),
            vec![Found::Right, Found::Right, Found::False],
            "each by itself",
        ),
    ] {
        assert_eq!(found(&trial), expected, "{why}");
    }
}

#[test]
fn a_finding_about_somebody_else_is_false_and_finds_nothing() {
    let trial =
        slowed()
            .said(12, 1, Phase::BEGINS, "batch", L3, &["web"])
            .said(20, 1, Phase::ENDS, "batch", L3, &["web"]);
    assert_eq!(only(&trial), (None, None, None));
    assert_eq!(found(&trial), [Found::False]);
}

#[test]
fn a_finding_about_batch_work_that_suffers_is_right() {
    let trial =
        quiet()
            .slow("other", 10..30, 2.0, &[("batch", L3, 2.0)])
            .said(12, 1, Phase::BEGINS, "other", L3, &["batch"]);
    assert_eq!(found(&trial), [Found::Right]);
    assert_eq!(verdict(&trial).episodes, [], "and yet it would not have been missed");
}

#[test]
fn what_was_said_longest_counts_and_the_first_word_apart() {
    let trial = slowed()
        .said(12, 1, Phase::BEGINS, "web", CPU, &["other"])
        .said(14, 1, Phase::LASTS, "web", L3, &["batch"])
        .said(60, 1, Phase::ENDS, "web", L3, &["batch"]);
    let judged = &verdict(&trial).episodes[0];
    assert_eq!(
        (judged.culprit, judged.at_once, judged.resource),
        (Some(true), Some(false), Some(true))
    );
    // What is said after the episode is not counted.
    let trial = slowed()
        .said(12, 1, Phase::BEGINS, "web", CPU, &["other"])
        .said(28, 1, Phase::LASTS, "web", L3, &["batch"])
        .said(60, 1, Phase::ENDS, "web", L3, &["batch"]);
    let judged = &verdict(&trial).episodes[0];
    assert_eq!(
        (judged.culprit, judged.at_once, judged.resource),
        (Some(false), Some(false), Some(false))
    );
}

#[test]
fn the_earliest_of_several_findings_is_the_first_word() {
    let trial = slowed().told(20..28, 7, L3, &["batch"]).told(13..15, 3, L3, &["batch"]);
    assert_eq!(only(&trial), (Some(3), Some(true), Some(true)));
}

#[test]
fn harm_of_ones_own_is_nobody_elses_fault() {
    let own = || quiet().slow("web", 10..30, 1.94, &[("", SELF, 1.9), ("batch", CPU, 1.02)]);
    assert_eq!(
        verdict(&own()),
        Verdict {
            episodes: vec![],
            alarms: vec![]
        },
        "it need not be told"
    );
    for (trial, expected, why) in [
        (own().told(12..28, 1, SELF, &[]), Found::Own, "it is as it says"),
        (
            own().told(12..28, 1, SELF, &["batch"]),
            Found::Misplaced,
            "somebody is blamed",
        ),
        (own().told(12..28, 1, CPU, &[]), Found::Misplaced, "it does not say so"),
        (own().told(40..50, 1, SELF, &[]), Found::False, "it is over"),
        (quiet().told(12..28, 1, SELF, &[]), Found::False, "there is nothing"),
    ] {
        assert_eq!(found(&trial), [expected], "{why}");
    }
}

#[test]
fn in_episodes_that_no_neighbour_caused_none_is_to_be_blamed() {
    let causes = [
        ("", Resource::HYPERVISOR, 1.9),
        ("batch", CPU, 1.05),
        ("other", L3, 1.2),
    ];
    let taken = || quiet().slow("web", 10..30, 2.0, &causes);
    for (culprits, innocent) in [(&[][..], true), (&["batch"][..], false), (&["other"][..], true)] {
        let judged = &verdict(&taken().told(12..28, 1, Resource::HYPERVISOR, culprits)).episodes[0];
        assert_eq!(judged.innocent, Some(innocent), "{culprits:?}");
        assert_eq!(
            (judged.culprit, judged.at_once, judged.resource),
            (None, None, Some(true))
        );
    }
    assert_eq!(verdict(&taken()).episodes[0].innocent, None, "nothing was said");
}

#[test]
fn what_a_knob_does_that_was_turned_on_purpose_is_no_episode() {
    let trial = quiet()
        .slow("web", 10..30, 3.0, &[("", Resource::UNKNOWN, 3.0)])
        .told(12..20, 1, CPU, &["batch"]);
    assert_eq!(verdict(&trial).episodes, []);
    assert_eq!(found(&trial), [Found::False]);
}

#[test]
fn what_a_remedy_prevents_is_to_be_found_all_the_same() {
    let told = quiet()
        .slow("web", 10..12, 2.0, &[("batch", L3, 2.0)])
        .told(11..14, 1, L3, &["batch"]);
    let verdict = judge(&told, Some(&slowed()), &Rules::default());
    assert_eq!(verdict.episodes[0].delay, Some(second(1)));
    assert_eq!(verdict.alarms[0].1, Found::Right);
    // Without the other run it is a disturbance that was too short.
    assert_eq!(found(&told), [Found::Brief]);
}

#[test]
fn a_finding_may_fit_what_only_the_acting_run_suffers() {
    let made_worse = quiet()
        .slow("web", 60..80, 2.0, &[("other", CPU, 2.0)])
        .told(62..70, 1, CPU, &["other"]);
    let verdict = judge(&made_worse, Some(&quiet()), &Rules::default());
    assert_eq!(verdict.episodes, []);
    assert_eq!(verdict.alarms[0].1, Found::Right);
}

#[test]
fn what_begins_before_the_judging_does_is_left_out() {
    let rules = Rules {
        since: second(12),
        ..Rules::default()
    };
    let verdict = judge(
        &slowed().told(11..20, 1, L3, &[]).told(15..20, 2, L3, &[]),
        None,
        &rules,
    );
    assert_eq!(verdict.episodes, []);
    assert_eq!(verdict.alarms.len(), 1);
    assert_eq!(
        verdict.alarms[0].1,
        Found::Right,
        "an episode that began before is true all the same"
    );
}

#[test]
fn who_is_left_after_a_remedy_may_be_named_too() {
    // Without a policy `batch` is the worst; with one it is held back, and `other` is what is left.
    let beside = quiet().slow("web", 10..30, 3.0, &[("batch", L3, 2.5), ("other", CPU, 1.3)]);
    let left = || quiet().slow("web", 12..30, 1.3, &[("other", CPU, 1.3)]);
    let right = |trial: &Trial| {
        let judged = &judge(trial, Some(&beside), &Rules::default()).episodes[0];
        (judged.culprit, judged.resource)
    };
    assert_eq!(
        right(&left().told(11..30, 1, CPU, &["other"])),
        (Some(true), Some(true))
    );
    assert_eq!(right(&left().told(11..30, 1, L3, &["batch"])), (Some(true), Some(true)));
    assert_eq!(
        right(&left().told(11..30, 1, SELF, &["third"])),
        (Some(false), Some(false))
    );
}
