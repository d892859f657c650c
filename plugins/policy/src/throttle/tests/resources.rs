//! Remedies for what is not CPU time, and those that stop a culprit.

use super::*;
use crate::testing::plant::Plant;

const BEST: Class = Class::BEST_EFFORT;

fn toy(config: &str, resource: Resource, helps: &'static str) -> Toy {
    let mut toy = Toy::new(config, &[("batch", BEST, &[0, 1, 2])]);
    toy.resource = resource;
    toy.helps = vec![helps];
    toy.disturbed = true;
    toy
}

#[test]
fn a_finding_about_a_resource_gets_the_remedies_for_it_in_the_order_of_the_ladder() {
    let ladder = "(ladder: [Idle, Weight, CpuSet, Quota, Ways, Bandwidth], siblings: [\"0,1\"])";
    let cases: [(Resource, &str, &[&str]); 4] = [
        (Resource::L3, "l3.ways", &["batch l3.ways 3.00"]),
        (
            Resource::L3,
            "memory.bandwidth.share",
            &[
                "batch l3.ways 3.00",
                "batch l3.ways undone",
                "batch memory.bandwidth.share 0.20",
            ],
        ),
        (
            Resource::MEMORY_BANDWIDTH,
            "memory.bandwidth.share",
            &["batch memory.bandwidth.share 0.20"],
        ),
        (Resource::SMT, "cpu.set", &["batch cpu.set 2"]),
    ];
    for (resource, helps, expected) in cases {
        let mut toy = toy(ladder, resource, helps);
        toy.seconds(12);
        assert_eq!(toy.story(), expected, "{resource} {helps}");
        let last = &toy.changes()[expected.len() - 1];
        assert!(last.why.contains(&format!("times through {resource};")), "{}", last.why);
        assert_eq!(toy.logged("the remedy helped"), 1, "{resource} {helps}");
    }
}

#[test]
fn ways_are_given_back_one_by_one() {
    let mut toy = toy("(ladder: [Ways], hold: \"2s\")", Resource::L3, "l3.ways");
    toy.seconds(5);
    toy.disturbed = false;
    toy.seconds(30);
    let steps: Vec<String> = toy.story();
    assert_eq!(
        steps[..3],
        ["batch l3.ways 3.00", "batch l3.ways 4.00", "batch l3.ways 5.00"]
    );
    assert_eq!(steps[16..], ["batch l3.ways 19.00", "batch l3.ways undone"]);
}

#[test]
fn under_a_duty_cycle_the_culprit_runs_for_its_part_of_each_period_as_one_change() {
    let mut toy = toy(
        "(ladder: [Duty], most_changes: 5, duty: 0.3, duty_period: \"200ms\", hold: \"8s\", lease: \"1s\")",
        Resource::L3,
        "freeze",
    );
    toy.seconds(6);
    let turns: Vec<(f64, f64)> = toy
        .actions
        .iter()
        .map(|action| (action.at.seconds(), action.value))
        .collect();
    assert!(turns.len() > 40, "{}", turns.len());
    for (at, value) in &turns {
        let phase = (at * 1000.0).round() as u64 % 200;
        assert_eq!(*value == 1.0, phase >= 60, "at {at}");
    }
    assert_eq!(toy.logged("changes a minute are used up"), 0);
    toy.disturbed = false;
    toy.seconds(15);
    let last = toy.actions.last().unwrap();
    assert!(last.is_release(), "it runs freely in the end: {last:?}");
}

#[test]
fn a_pause_stops_the_culprit_until_the_harm_is_over() {
    let mut toy = toy("(ladder: [Pause], hold: \"10s\")", Resource::CPU_TIME, "process.paused");
    toy.seconds(5);
    assert!(toy.holds(BATCH, "process.paused"));
    toy.disturbed = false;
    toy.seconds(20);
    assert_eq!(
        toy.story(),
        ["batch process.paused 1.00", "batch process.paused undone"]
    );
}

#[test]
fn no_more_of_the_batch_work_is_taken_than_stated() {
    for (most, count) in [(0.2, 0), (0.26, 1), (0.6, 2)] {
        let mut toy = Toy::new(
            &format!("(ladder: [Idle], most_taken: {most:.2})"),
            &[("a", BEST, &[0]), ("b", BEST, &[0])],
        );
        toy.blamed = vec![(BATCH, 0.5), (BATCH + 1, 0.5)];
        toy.disturbed = true;
        toy.seconds(3);
        assert_eq!(toy.story().len(), count, "at most {most}: {:?}", toy.story());
    }
}

#[test]
fn whoever_is_named_is_restrained_whatever_it_is_about_where_any_harm_will_do() {
    for resource in [Resource::UNKNOWN, Resource::L3, Resource::MEMORY, Resource::CPU_TIME] {
        let mut toy = toy("(ladder: [Quota], against: Any)", resource, "cpu.quota");
        toy.seconds(10);
        assert_eq!(toy.story(), ["batch cpu.quota 0.08"], "{resource}");
        assert_eq!(toy.logged("the remedy helped"), 1, "{resource}");
        let why = toy.actions[0].why.to_string();
        assert!(why.contains(&format!("times through {resource};")), "{why}");
    }
    let mut toy = toy("(ladder: [Quota], against: Any)", Resource::UNKNOWN, "cpu.quota");
    toy.blamed.clear();
    toy.guilty = Some(vec![BATCH]);
    toy.seconds(10);
    assert_eq!(toy.actions, [], "nobody is named");
}

#[test]
fn where_everybody_answers_all_are_restrained_who_may_be_and_whoever_comes_meanwhile() {
    let config = "(ladder: [Freeze], against: Any, whom: Everybody, spare: [\"kept\"], least_score: 1.0, hold: \"4s\")";
    let mut toy = Toy::new(
        config,
        &[
            ("a", Class::BATCH, &[1]),
            ("api", Class::LATENCY, &[2]),
            ("kept", BEST, &[3]),
            ("b", BEST, &[0]),
        ],
    );
    toy.resource = Resource::UNKNOWN;
    toy.blamed.clear();
    toy.guilty = Some(vec![BATCH + 3]);
    toy.helps = vec!["freeze"];
    toy.disturbed = true;
    toy.seconds(1);
    assert_eq!(toy.story(), ["a freeze 1.00", "b freeze 1.00"]);
    toy.enter("c", BEST, &[0]);
    toy.seconds(1);
    assert_eq!(toy.story()[2..], ["c freeze 1.00"]);
    toy.disturbed = false;
    toy.seconds(10);
    assert_eq!(toy.held(), 0, "{:?}", toy.story());
}

#[test]
fn a_culprit_leaves_the_cpus_that_it_was_given_only_where_it_may() {
    for (may, expected) in [(false, &[][..]), (true, &["batch cpu.set 2"])] {
        let config = format!("(ladder: [CpuSet], may_move: {may})");
        let mut toy = Toy::new(&config, &[("batch", BEST, &[0]), ("other", BEST, &[2])]);
        toy.helps = vec!["cpu.set"];
        toy.disturbed = true;
        toy.seconds(5);
        assert_eq!(toy.story(), expected, "may_move: {may}");
    }
}

#[test]
fn the_time_that_a_victim_loses_proves_as_well_as_its_ratio_does() {
    let told = [false, true].map(|tells_loss| {
        let config = "(ladder: [Ways, Bandwidth])";
        let mut plant = Plant::new::<Throttle>(config, &[(Resource::MEMORY_BANDWIDTH, 3.0)]);
        plant.tells_loss = tells_loss;
        plant.blames = Some((Resource::L3, vec![BATCH]));
        plant.seconds(15);
        plant.story()
    });
    let expected = [
        "batch0 l3.ways 3.00",
        "batch0 l3.ways undone",
        "batch0 memory.bandwidth.share 0.20",
    ];
    assert_eq!(told, [expected; 2]);
}
