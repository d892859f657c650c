//! Truth by hand: which stretches of it are episodes, and whose doing.

use super::*;
use crate::testing::{quiet, stretch};
use pipeline_plugin_api::abi::Nanos;

const L3: Resource = Resource::L3;
const CPU: Resource = Resource::CPU_TIME;

fn found(trial: &Trial) -> Vec<Stretch> {
    episodes(trial, &Rules::default())
        .into_iter()
        .map(|episode| episode.span)
        .collect()
}

#[test]
fn an_episode_is_long_and_slow_enough() {
    for (seconds, times, expected) in [
        (10..13, 1.1, vec![stretch(10, 13)]),
        (10..12, 3.0, vec![]),
        (10..40, 1.09, vec![]),
        (0..100, 2.0, vec![stretch(0, 100)]),
        (97..100, 2.0, vec![stretch(97, 100)]),
    ] {
        let trial = quiet().slow("web", seconds.clone(), times, &[("batch", L3, times)]);
        assert_eq!(found(&trial), expected, "{seconds:?} at {times}");
    }
    assert_eq!(found(&quiet()), []);
}

#[test]
fn a_gap_of_a_second_is_bridged_and_one_of_two_is_not() {
    let trial = quiet()
        .slow("web", 10..12, 2.0, &[("batch", L3, 2.0)])
        .slow("web", 13..15, 2.0, &[("batch", L3, 2.0)])
        .slow("web", 30..32, 2.0, &[("batch", L3, 2.0)])
        .slow("web", 34..37, 2.0, &[("batch", L3, 2.0)]);
    assert_eq!(found(&trial), [stretch(10, 15), stretch(34, 37)]);
}

#[test]
fn only_targets_that_answer_somebody_have_episodes_unless_all_are_wanted() {
    let trial = quiet().slow("other", 10..20, 2.0, &[("batch", L3, 2.0)]);
    assert_eq!(found(&trial), []);
    let all = Rules {
        latency_only: false,
        ..Rules::default()
    };
    assert_eq!(episodes(&trial, &all).len(), 1);
}

#[test]
fn a_remedy_keeps_its_episode_going() {
    let slow = |seconds| quiet().slow("web", seconds, 2.0, &[("batch", L3, 2.0)]);
    for (trial, expected, why) in [
        (slow(10..12).remedy(11..40), vec![stretch(10, 40)], "taken meanwhile"),
        (
            slow(10..12).remedy(12..40),
            vec![stretch(10, 40)],
            "taken right behind it",
        ),
        (slow(10..12).remedy(14..40), vec![], "taken too late to have ended it"),
        (
            slow(10..12).remedy(5..40),
            vec![],
            "taken before, so that it ended nothing",
        ),
        (quiet().remedy(5..40), vec![], "nothing was slow"),
    ] {
        assert_eq!(found(&trial), expected, "{why}");
    }
}

#[test]
fn the_culprit_is_who_adds_most_over_the_whole_episode() {
    let trial =
        quiet()
            .slow("web", 10..14, 3.0, &[("batch", L3, 3.0)])
            .slow("web", 14..30, 2.0, &[("other", CPU, 2.0)]);
    let episode = &episodes(&trial, &Rules::default())[0];
    assert_eq!(episode.span, stretch(10, 30));
    assert_eq!(episode.blame.culprit(), Some("other"));
    assert_eq!(episode.blame.resource(), Some(CPU));
    assert!((episode.blame.of_culprit("batch") - 0.4).abs() < 1e-9);
    assert!((episode.slowdown - 2.2).abs() < 1e-9);
}

#[test]
fn causes_that_weigh_nearly_the_same_are_as_right() {
    let causes = [("batch", L3, 2.00), ("other", L3, 1.96), ("third", L3, 1.90)];
    let episode = &episodes(&quiet().slow("web", 10..20, 2.8, &causes), &Rules::default())[0];
    let right = |name: &str| episode.blame.is_culprit(name, 0.05);
    assert!(right("batch") && right("other") && !right("third") && !right("nobody"));
}

#[test]
fn what_is_the_victims_own_or_the_hypervisors_is_no_neighbours() {
    for (own, neighbours) in [(Resource::SELF, 1.3), (Resource::HYPERVISOR, 1.1)] {
        let causes = [("", own, 2.0), ("batch", CPU, neighbours)];
        let episode = &episodes(
            &quiet().slow("web", 10..20, 2.0 * neighbours, &causes),
            &Rules::default(),
        )[0];
        assert_eq!(episode.blame.culprit(), None);
        assert_eq!(episode.blame.resource(), Some(own));
    }
}

#[test]
fn without_resources_the_causes_say_which() {
    let mut trial = quiet().slow(
        "web",
        10..20,
        2.0,
        &[("batch", L3, 1.3), ("other", L3, 1.2), ("batch", CPU, 1.4)],
    );
    for moment in trial.truth.get_mut("web").unwrap() {
        moment.resources.clear();
    }
    let blame = &episodes(&trial, &Rules::default())[0].blame;
    assert_eq!((blame.resource(), blame.culprit()), (Some(L3), Some("batch")));
}

#[test]
fn nothing_known_is_no_harm() {
    assert_eq!(average(&[], stretch(1, 5), |_| 7.0).to_bits(), 0.0_f64.to_bits());
    assert_eq!(Blame::of(&[], Stretch::new(Nanos(1), Nanos(1))), Blame::default());
}
