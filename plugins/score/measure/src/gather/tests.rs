//! Values by hand: how long a moment of truth lasts, and what parts say.

use super::*;

fn second(number: u64) -> Nanos {
    Nanos::from_secs(number)
}

#[test]
fn a_moment_lasts_until_the_next_and_not_past_a_hole() {
    let mut gatherer = Gatherer::new();
    for at in [0, 1, 2, 9, 10] {
        gatherer.reading(second(at), "web", "truth.slowdown", "", 1.0);
        gatherer.instant(second(at));
    }
    let trial = gatherer.finish().unwrap();
    let spans: Vec<(u64, u64)> = trial.truth["web"]
        .iter()
        .map(|moment| (moment.span.from.0 / 1_000_000_000, moment.span.to.0 / 1_000_000_000))
        .collect();
    assert_eq!(spans, [(0, 1), (1, 2), (2, 4), (9, 10), (10, 10)]);
}

#[test]
fn a_moment_ends_with_its_target() {
    let mut gatherer = Gatherer::new();
    for at in [0, 2, 4] {
        gatherer.reading(second(at), "web", "truth.slowdown", "", 2.0);
    }
    gatherer.instant(second(9));
    gatherer.gone(second(5), "web");
    let trial = gatherer.finish().unwrap();
    assert_eq!(trial.truth["web"][2].span, Stretch::new(second(4), second(5)));
}

#[test]
fn parts_say_who_and_through_what() {
    let mut gatherer = Gatherer::new();
    gatherer.instant(second(1));
    gatherer.reading(second(1), "web", "truth.cause", "pods/batch/memory bandwidth", 1.5);
    gatherer.reading(second(1), "web", "truth.resource", "self", 1.2);
    gatherer.reading(second(1), "web", "truth.slowdown", "", 1.8);
    let trial = gatherer.finish().unwrap();
    let moment = &trial.truth["web"][0];
    assert_eq!((&*moment.causes[0].culprit, moment.causes[0].part), ("pods/batch", 1.5));
    assert_eq!(moment.causes[0].resource, Resource::MEMORY_BANDWIDTH);
    assert_eq!(moment.resources, [(Resource::SELF, 1.2)]);
    assert!((moment.slowdown - 1.8).abs() < 1e-12);
}

#[test]
fn work_adds_up_and_parts_are_not_added_to_it() {
    let mut gatherer = Gatherer::new();
    gatherer.instant(second(1));
    gatherer.reading(second(1), "batch", "cpu.time", "", 2.0);
    gatherer.reading(second(2), "batch", "cpu.time", "", 3.0);
    gatherer.reading(second(2), "batch", "cpu.time", "cpu/0", 3.0);
    let trial = gatherer.finish().unwrap();
    assert!((trial.work["cpu.time"]["batch"] - 5.0).abs() < 1e-12);
    assert!(!trial.has_truth());
}

#[test]
fn nothing_is_no_trial() {
    assert_eq!(Gatherer::new().finish(), None);
}
