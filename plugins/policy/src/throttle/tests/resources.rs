//! Remedies for what is not CPU time, and those that stop a culprit.

use super::*;

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
        assert_eq!(story(&toy), expected, "{resource} {helps}");
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
    let steps: Vec<String> = story(&toy);
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
        story(&toy),
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
        assert_eq!(story(&toy).len(), count, "at most {most}: {:?}", story(&toy));
    }
}
