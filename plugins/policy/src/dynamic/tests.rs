//! Guarantees, the pool, moves; the decisions that container-bench logged.

mod machine;
mod replay;

use super::*;
use machine::Machine;

const TWO: &str = "(sockets: [(cpus: \"0-3\", l3: 0), (cpus: \"4-7\", l3: 1)])";

#[test]
fn a_target_with_a_priority_gets_the_least_that_meets_its_guarantee_and_the_rest_share_a_pool() {
    let mut machine = Machine::new("");
    let job = machine.enter("job", Class::BATCH, 1, &[]);
    let pool = machine.enter("pool", Class::BEST_EFFORT, 0, &[]);
    machine.needs.insert(job, 3);
    machine.seconds(40);
    assert_eq!(machine.shown(job, "l3.part"), "0=0xe00");
    assert_eq!(machine.shown(pool, "l3.part"), "0=0x1ff");
    assert_eq!(machine.shown(job, "memory.bandwidth.share"), "0.10");
    assert_eq!(machine.shown(pool, "memory.bandwidth.share"), "0.90");
    assert_eq!(machine.logged("it is given 3 ways and 0.10 of the bandwidth"), 1);
}

#[test]
fn a_guarantee_that_cannot_be_met_leaves_the_target_in_the_pool_and_is_tried_again_later() {
    let mut machine = Machine::new("(cooldown: \"30s\")");
    let job = machine.enter("job", Class::BATCH, 1, &[]);
    machine.needs.insert(job, 9);
    machine.seconds(30);
    assert_eq!(machine.shown(job, "l3.part"), "");
    assert_eq!(machine.logged("nothing that was tried meets the guarantee"), 1);
    machine.needs.insert(job, 2);
    machine.seconds(60);
    assert_eq!(machine.shown(job, "l3.part"), "0=0xc00");
}

#[test]
fn guarantees_leave_the_pool_its_part_and_who_finds_no_room_waits() {
    let mut machine = Machine::new("(most_taken: 0.5, warmup: \"0s\", rest: \"0s\")");
    let jobs: Vec<TargetId> = (0..4)
        .map(|i| machine.enter(&format!("job{i}"), Class::BATCH, 1, &[]))
        .collect();
    let pool = machine.enter("pool", Class::BEST_EFFORT, 0, &[]);
    machine.needs.extend(jobs.iter().map(|job| (*job, 2)));
    machine.seconds(120);
    let held = jobs
        .iter()
        .filter(|job| !machine.shown(**job, "l3.part").is_empty())
        .count();
    assert_eq!(held, 3, "6 of 12 ways may be taken");
    assert_eq!(machine.shown(pool, "l3.part"), "0=0x3f");
    machine.leave(jobs[0]);
    machine.seconds(60);
    assert!(!machine.shown(jobs[3], "l3.part").is_empty(), "there is room now");
}

#[test]
fn no_knob_of_class_latency_is_turned_unless_it_may_be_probed_and_then_from_the_most_on() {
    for (config, turned) in [("", false), ("(probe_latency: true)", true)] {
        let mut machine = Machine::new(config);
        let web = machine.enter("web", Class::LATENCY, 5, &[]);
        machine.needs.insert(web, 3);
        machine.seconds(60);
        let ways: Vec<String> = machine.history(web, "l3.part");
        assert_eq!(!ways.is_empty(), turned, "{config}");
        if turned {
            assert_eq!(
                (ways[0].as_str(), machine.shown(web, "l3.part").as_str()),
                ("0=0xf00", "0=0xe00")
            );
            let least = ways.iter().filter(|text| text.as_str() == "0=0x800").count();
            assert_eq!(least, 0, "far too little is never tried: {ways:?}");
        }
    }
}

#[test]
fn the_youngest_move_to_the_emptier_socket_until_stalls_are_even() {
    let mut machine = Machine::new(TWO);
    let jobs: Vec<TargetId> = (0..4)
        .map(|i| machine.enter(&format!("j{i}"), Class::BATCH, 0, &[0, 1]))
        .collect();
    machine.seconds(3);
    let on: Vec<String> = jobs.iter().map(|job| machine.shown(*job, "cpu.set")).collect();
    assert_eq!(on, ["", "4-7", "", "4-7"], "each as it comes");
    machine.seconds(60);
    assert_eq!(machine.history(jobs[3], "cpu.set").len(), 1, "and then it is quiet");
}

#[test]
fn a_move_that_does_not_help_is_undone() {
    let mut machine = Machine::new(&TWO.replacen('(', "(during: (from: \"2s\"), ", 1));
    let jobs: Vec<TargetId> = (0..2)
        .map(|i| machine.enter(&format!("j{i}"), Class::BATCH, 0, &[0, 1]))
        .collect();
    machine.stalls.insert(jobs[0], 0.3);
    // It stalls much more where it is moved to.
    machine.stalls.insert(jobs[1], 0.3);
    machine.stalls_away.insert(jobs[1], 1.0);
    machine.seconds(8);
    assert_eq!(machine.shown(jobs[1], "cpu.set"), "4-7");
    machine.seconds(10);
    assert_eq!(
        (
            machine.shown(jobs[1], "cpu.set").as_str(),
            machine.logged("did not help and is undone")
        ),
        ("", 1)
    );
}

#[test]
fn a_guarantee_is_admitted_where_most_is_free() {
    let mut machine = Machine::new(TWO);
    let first = machine.enter("first", Class::BATCH, 1, &[0]);
    machine.needs.insert(first, 2);
    machine.seconds(20);
    let second = machine.enter("second", Class::BATCH, 1, &[0]);
    machine.needs.insert(second, 2);
    machine.seconds(40);
    assert_eq!(
        (machine.shown(first, "l3.part"), machine.shown(second, "l3.part")),
        ("0=0xc00".into(), "1=0xc00".into())
    );
    assert_eq!(
        (machine.shown(first, "cpu.set"), machine.shown(second, "cpu.set")),
        ("".into(), "4-7".into())
    );
}

#[test]
fn a_knob_that_was_refused_is_left_alone_for_a_while() {
    let mut machine = Machine::new("");
    machine.refused = vec!["l3.part", "l3.ways"];
    let job = machine.enter("job", Class::BATCH, 1, &[]);
    machine.needs.insert(job, 2);
    machine.seconds(50);
    assert_eq!(machine.history(job, "l3.part").len(), 1);
    assert_eq!(machine.logged("it gets no guarantee: refused"), 1);
}

#[test]
fn outside_its_window_it_holds_nothing_and_what_went_is_forgotten() {
    let mut machine = Machine::new("(during: (to: \"30s\"))");
    let job = machine.enter("job", Class::BATCH, 1, &[]);
    let pool = machine.enter("pool", Class::BEST_EFFORT, 0, &[]);
    machine.needs.insert(job, 1);
    machine.seconds(20);
    assert_eq!(
        (machine.shown(job, "l3.part"), machine.shown(pool, "l3.part")),
        ("0=0x800".into(), "0=0x7ff".into())
    );
    machine.leave(job);
    machine.seconds(1);
    assert_eq!(
        machine.shown(pool, "l3.part"),
        "",
        "there is nothing that it is to leave"
    );
    let late = machine.enter("late", Class::BATCH, 1, &[]);
    machine.needs.insert(late, 1);
    machine.seconds(40);
    assert_eq!((machine.shown(late, "l3.part").as_str(), machine.held()), ("", 0));
}

#[test]
fn a_dry_run_says_that_it_cannot_find_what_is_needed() {
    let mut machine = Machine::new("");
    machine.plans = true;
    let job = machine.enter("job", Class::BATCH, 1, &[]);
    machine.seconds(60);
    assert_eq!(machine.logged("a dry run cannot find what it needs"), 1);
    assert_eq!(machine.history(job, "l3.part").len(), 1);
}

#[test]
fn a_successor_keeps_what_was_found_and_the_same_input_gives_the_same_bytes() {
    let run = |succeeds: bool| {
        let mut machine = Machine::new(TWO);
        let jobs: Vec<TargetId> = (0..6)
            .map(|i| machine.enter(&format!("j{i}"), Class::BATCH, i % 2, &[0, 1]))
            .collect();
        machine.needs.extend(jobs.iter().map(|job| (*job, 2)));
        machine.seconds(90);
        let before = machine.actions.len();
        if succeeds {
            machine.succeed(TWO);
        }
        machine.seconds(20);
        let changed = machine.changed(before);
        (format!("{:?}", machine.actions), changed)
    };
    assert_eq!(run(false), run(false));
    assert_eq!(run(true).1, 0, "nothing is turned anew");
}

#[test]
fn no_more_than_so_many_changes_a_minute() {
    let mut machine = Machine::new("(most_changes: 5, warmup: \"0s\")");
    for i in 0..6 {
        let job = machine.enter(&format!("j{i}"), Class::BATCH, i % 2, &[]);
        machine.needs.insert(job, 4);
    }
    machine.seconds(180);
    let told = machine.turned();
    assert!(told.len() > 8, "{}", told.len());
    for (i, at) in told.iter().enumerate() {
        let within = told[..=i]
            .iter()
            .filter(|earlier| earlier.0 + 60_000_000_000 > at.0)
            .count();
        assert!(within <= 5, "{within} changes in the minute before {at}");
    }
}
