//! The closed loop: remedies that work, that do not, that have to come back.

use super::*;

const BEST: Class = Class::BEST_EFFORT;

fn toy(config: &str) -> Toy {
    let mut toy = Toy::new(config, &[("batch", BEST, &[0, 1])]);
    toy.seconds(5);
    toy.disturbed = true;
    toy
}

#[test]
fn the_cheapest_remedy_is_tried_proven_and_held_while_it_is_needed() {
    let mut toy = toy("");
    toy.seconds(30);
    assert_eq!(toy.story(), ["batch cpu.idle 1.00"]);
    assert_eq!(toy.logged("the remedy helped"), 1);
    assert!(
        toy.actions[0].why.contains("`batch` slows `web` 20.0 times"),
        "{}",
        toy.actions[0].why
    );
}

#[test]
fn every_action_has_an_id_of_its_own_and_a_reason() {
    let mut toy = toy("(ladder: [CpuSet, Quota])");
    toy.helps = vec!["cpu.quota"];
    toy.seconds(60);
    let ids: std::collections::BTreeSet<u64> = toy.actions.iter().map(|action| action.id).collect();
    assert_eq!(ids.len(), toy.actions.len());
    assert!(toy.actions.len() > 10 && toy.actions.iter().all(|action| !action.why.is_empty()));
}

#[test]
fn a_lease_is_renewed_in_time_for_as_long_as_it_is_held() {
    let mut toy = toy("(hold: \"10m\")");
    toy.seconds(120);
    let held: Vec<&Action> = toy.actions.iter().collect();
    assert!(held.len() > 50);
    for pair in held.windows(2) {
        let gap = pair[1].at.since(pair[0].at);
        assert!(gap <= Nanos::from_millis(2500), "renewed after {gap}");
        assert_eq!(pair[1].until, pair[1].at + Nanos::from_secs(5));
    }
}

#[test]
fn a_remedy_that_does_not_help_is_undone_and_the_next_one_tried() {
    let mut toy = toy("");
    toy.helps = vec!["cpu.set"];
    toy.seconds(12);
    let expected = ["batch cpu.idle 1.00", "batch cpu.idle undone", "batch cpu.set 1"];
    assert_eq!(toy.story(), expected);
    assert_eq!(toy.logged("the remedy did not help and is undone"), 1);
    assert_eq!(toy.logged("the remedy helped"), 1);
    let undone = toy.changes()[1].clone();
    assert!(undone.why.contains("did not help `web`"), "{}", undone.why);
    let tried = undone.at.since(toy.changes()[0].at);
    assert!((3.9..=4.3).contains(&tried.seconds()), "settle and proof, not {tried}");
}

#[test]
fn at_the_end_of_the_ladder_it_gives_up_for_a_while_and_says_so() {
    let mut toy = toy("(cooldown: \"30s\")");
    toy.helps = vec![];
    toy.seconds(30);
    let first = [
        "batch cpu.idle 1.00",
        "batch cpu.idle undone",
        "batch cpu.set 1",
        "batch cpu.set undone",
    ];
    assert_eq!(toy.story()[..4], first);
    assert_eq!(toy.story()[4..], ["batch cpu.quota 0.08", "batch cpu.quota undone"]);
    assert_eq!(toy.logged("no remedy is left"), 1);
    toy.seconds(15);
    assert_eq!(
        toy.story()[6],
        "batch cpu.idle 1.00",
        "after the cooldown it begins again"
    );
}

#[test]
fn freezing_is_only_done_where_it_is_asked_for() {
    let mut toy = toy("(ladder: [Idle, Freeze])");
    toy.helps = vec!["freeze"];
    toy.seconds(10);
    assert_eq!(toy.story()[2], "batch freeze 1.00");
}

#[test]
fn when_the_harm_is_over_the_remedy_is_held_and_then_taken_back() {
    let mut toy = toy("(hold: \"10s\")");
    toy.seconds(10);
    toy.disturbed = false;
    let held = toy.changes()[0].at;
    toy.seconds(20);
    assert_eq!(toy.story(), ["batch cpu.idle 1.00", "batch cpu.idle undone"]);
    let span = toy.changes()[1].at.since(held);
    assert!((10.0..=13.0).contains(&span.seconds()), "{span}");
}

#[test]
fn a_relapse_gets_what_helped_at_once_and_is_held_twice_as_long() {
    let mut toy = toy("(hold: \"4s\", hold_most: \"12s\")");
    toy.helps = vec!["cpu.set"];
    toy.seconds(100);
    let changes: Vec<Action> = toy.changes().into_iter().skip(2).collect();
    assert!(
        changes.iter().all(|action| toy.describe(action).contains("cpu.set")),
        "idle is not tried again"
    );
    let on: Vec<f64> = changes
        .chunks_exact(2)
        .map(|pair| pair[1].at.since(pair[0].at).seconds())
        .collect();
    let expected = [5.2, 9.2, 13.2, 13.2];
    for (span, hold) in on.iter().zip(expected) {
        assert!((span - hold).abs() < 1.0, "{on:?}");
    }
    for pair in changes[1..].chunks_exact(2) {
        let back = pair[1].at.since(pair[0].at).seconds();
        assert!(back <= 1.0, "the remedy is back {back} s after it went");
    }
}

#[test]
fn a_quota_is_loosened_step_by_step() {
    let mut toy = toy("(ladder: [Quota], hold: \"2s\")");
    toy.helps = vec!["cpu.quota"];
    toy.seconds(4);
    toy.disturbed = false;
    toy.seconds(20);
    let expected = [
        "batch cpu.quota 0.08",
        "batch cpu.quota 0.18",
        "batch cpu.quota 0.28",
        "batch cpu.quota 0.38",
        "batch cpu.quota 0.48",
        "batch cpu.quota 0.58",
        "batch cpu.quota 0.68",
        "batch cpu.quota 0.78",
        "batch cpu.quota undone",
    ];
    assert_eq!(toy.story(), expected);
}

#[test]
fn harm_while_a_quota_is_loosened_cuts_it_again() {
    let mut toy = toy("(ladder: [Quota], hold: \"2s\")");
    toy.helps = vec!["cpu.quota"];
    toy.seconds(4);
    toy.disturbed = false;
    toy.seconds(5);
    let cut = toy.story().len();
    assert!((2..8).contains(&cut), "{cut}");
    toy.helps = vec![];
    toy.disturbed = true;
    toy.seconds(1);
    assert_eq!(toy.story()[cut], "batch cpu.quota 0.08");
}

#[test]
fn all_rivals_are_restrained_and_one_who_joins_as_well() {
    let mut toy = Toy::new("", &[("a", BEST, &[0]), ("b", BEST, &[0]), ("c", BEST, &[0])]);
    toy.blamed = vec![(BATCH, 0.5), (BATCH + 1, 0.5)];
    toy.disturbed = true;
    toy.seconds(10);
    assert_eq!(toy.story(), ["a cpu.idle 1.00", "b cpu.idle 1.00"]);
    toy.blamed.push((BATCH + 2, 0.3));
    toy.seconds(10);
    assert_eq!(toy.story()[2..], ["c cpu.idle 1.00"]);
}

#[test]
fn harm_for_another_reason_puts_the_proof_off_but_not_for_ever() {
    let mut toy = toy("");
    toy.helps = vec![];
    toy.seconds(1);
    toy.resource = Resource::HYPERVISOR;
    toy.seconds(9);
    assert_eq!(toy.story(), ["batch cpu.idle 1.00"]);
    toy.seconds(6);
    assert_eq!(
        toy.story()[1..],
        ["batch cpu.idle undone"],
        "and nothing is tried, for nobody is blamed"
    );
}

#[test]
fn a_dry_run_decides_and_keeps_what_it_planned() {
    let mut toy = toy("");
    toy.helps = vec![];
    toy.plans = true;
    toy.seconds(30);
    assert_eq!(toy.story(), ["batch cpu.idle 1.00"]);
    assert_eq!(toy.logged("a dry run cannot prove"), 1);
}

#[test]
fn a_successor_goes_on_where_its_predecessor_stopped() {
    let mut toy = toy("");
    toy.helps = vec!["cpu.set"];
    toy.seconds(20);
    let (said, last) = (toy.changes().len(), toy.actions.last().unwrap().id);
    toy.succeed("(hold: \"20s\")");
    toy.seconds(5);
    assert_eq!(toy.changes().len(), said, "nothing changes: {:?}", toy.story());
    assert!(
        toy.actions.last().unwrap().id > last,
        "the lease is renewed under ids of its own"
    );
    toy.succeed("(ladder: [Idle])");
    toy.seconds(1);
    assert_eq!(
        toy.story()[said],
        "batch cpu.set undone",
        "what the new ladder does not have is put back"
    );
}

#[test]
fn a_successor_of_a_policy_that_gave_up_waits_as_well() {
    let mut toy = toy("");
    toy.helps = vec![];
    toy.seconds(20);
    let said = toy.changes().len();
    toy.succeed("");
    toy.seconds(20);
    assert_eq!(toy.changes().len(), said);
}
