//! Who gets which part, and when it is given back.

use super::*;
use crate::testing::plant::{BATCH, Plant, WEB};
use pipeline_plugin_api::abi::OUTCOMES_PORT;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::TestHost;

const PAIR: [(Resource, f64); 2] = [(Resource::L3, 3.0), (Resource::MEMORY_BANDWIDTH, 1.0)];

fn plant(config: &str) -> Plant {
    let mut plant = Plant::new::<Priority>(config, &PAIR);
    plant.seconds(2);
    plant
}

#[test]
fn each_class_gets_its_shares_of_what_the_knobs_offer() {
    // The world's neighbours are of class BestEffort; knobs offer 1 to 20 ways and 0.1 to 1 of the bandwidth.
    type Row<'a> = (&'a str, &'a [&'a str]);
    let cases: [Row<'_>; 5] = [
        (
            "",
            &[
                "batch0 l3.ways 6.00",
                "batch0 memory.bandwidth.share 0.30",
                "batch1 l3.ways 6.00",
                "batch1 memory.bandwidth.share 0.30",
            ],
        ),
        (
            "(best_effort: (ways: 0.25))",
            &["batch0 l3.ways 5.00", "batch1 l3.ways 5.00"],
        ),
        (
            "(best_effort: (ways: 0.5), together: true)",
            // Alone it has all of it, and half once another comes.
            &["batch0 l3.ways 10.00", "batch0 l3.ways 5.00", "batch1 l3.ways 5.00"],
        ),
        (
            "(best_effort: (ways: 0.001), spare: [\"batch1\"])",
            &["batch0 l3.ways 1.00"],
        ),
        (
            "(best_effort: (bandwidth: 0.5), latency: (ways: 0.6))",
            &[
                "web l3.ways 12.00",
                "batch0 memory.bandwidth.share 0.50",
                "batch1 memory.bandwidth.share 0.50",
            ],
        ),
    ];
    for (config, expected) in cases {
        let plant = plant(config);
        assert_eq!(plant.story(), expected, "{config}");
        assert!(
            plant
                .actions
                .iter()
                .all(|action| action.why.contains("the part of class"))
        );
    }
}

#[test]
fn nobody_of_class_latency_is_touched_unless_the_config_gives_it_a_part() {
    let plant = plant("(batch: (ways: 0.1), best_effort: (ways: 0.1))");
    assert!(!plant.holds(WEB, "l3.ways") && plant.holds(BATCH, "l3.ways"));
}

#[test]
fn no_more_of_the_work_is_taken_than_stated() {
    for most in [0.0, 0.1, 0.3] {
        let config = format!("(most_taken: {most:.1}, best_effort: (ways: 0.05, bandwidth: 0.1))");
        let plant = plant(&config);
        let worst = plant.kept.iter().copied().fold(1.0, f64::min);
        assert!(worst >= 1.0 - most - 1e-6, "{worst} kept, {:?}", plant.story());
        assert_eq!(plant.story().is_empty(), most == 0.0);
    }
}

#[test]
fn leases_are_renewed_and_a_refused_knob_is_left_alone() {
    let mut plant = Plant::new::<Priority>("", &PAIR);
    plant.refused = vec!["l3.ways"];
    plant.seconds(60);
    plant.refused.clear();
    plant.seconds(60);
    let ways = plant
        .actions
        .iter()
        .filter(|action| action.knob == plant.knob("l3.ways"))
        .count();
    // Asked for once, renewed once, refused then, and not asked for again within the cooldown.
    assert!(ways <= 4, "{ways}");
    let held: Vec<&Action> = plant
        .actions
        .iter()
        .filter(|action| action.target == TargetId(BATCH))
        .collect();
    for pair in held.windows(2) {
        assert!(pair[1].at.since(pair[0].at) <= Nanos::from_millis(2500));
    }
}

#[test]
fn a_knob_that_somebody_took_is_theirs() {
    let mut plant = plant("");
    plant.seize(BATCH, "l3.ways");
    plant.seconds(120);
    assert!(!plant.holds(BATCH, "l3.ways") && plant.holds(BATCH + 1, "l3.ways"));
}

#[test]
fn a_lease_that_ran_out_is_asked_for_again_at_once() {
    for fate in [Fate::LAPSED, Fate::UNDONE] {
        let mut plant = plant("");
        plant.end(BATCH, "l3.ways", fate);
        plant.seconds(1);
        assert!(plant.holds(BATCH, "l3.ways"), "{fate}: {:?}", plant.story());
    }
}

#[test]
fn outside_its_window_it_holds_nothing_and_what_went_is_forgotten() {
    let mut plant = plant("(during: (from: \"1s\", to: \"10s\"))");
    assert_eq!(plant.held(), 4);
    plant.gone(BATCH);
    plant.seconds(1);
    assert_eq!(plant.held(), 2);
    plant.seconds(20);
    assert_eq!(plant.held(), 0, "{:?}", plant.story());
}

#[test]
fn a_partition_that_made_it_worse_for_the_protected_is_undone() {
    for (after, undone) in [(1.1, false), (2.0, true)] {
        let host = TestHost::new();
        let mut node = host
            .node::<Schedules<Priority>>("(during: (from: \"5s\"), cooldown: \"1m\")")
            .unwrap();
        let mut held = 0;
        let (ratio, ways) = (host.metric(&vocabulary::DETECT_RATIO), host.knob(&vocabulary::L3_WAYS));
        for (name, class) in [("web", Class::LATENCY), ("batch", Class::BEST_EFFORT)] {
            let target = host.target(Target {
                name: name.into(),
                class,
                ..Target::default()
            });
            node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
            let mut batch = Batch::default();
            batch.controls.push(Control {
                target: target.id,
                knob: ways,
                least: 1.0,
                most: 12.0,
                step: 1.0,
                value: 12.0,
                stricter: -1,
                cost: 0.5,
                ..Control::default()
            });
            node.feed_ports(Nanos::ZERO, &[(OUTCOMES_PORT, &batch)]).unwrap();
        }
        for second in 1..30_u64 {
            let at = Nanos::from_secs(second);
            let value = if second <= 5 { 1.0 } else { after };
            let mut batch = Batch::default();
            batch.readings.push(Reading::gauge(at, TargetId(WEB), ratio, value));
            for action in &node.feed(at, &batch).unwrap().actions {
                held = usize::from(!action.is_release());
            }
        }
        assert_eq!(held, usize::from(!undone), "{after}");
    }
}

#[test]
fn a_successor_renews_what_was_held_and_the_same_input_gives_the_same_bytes() {
    let run = || {
        let mut plant = plant("");
        plant.seconds(20);
        let changes = plant.changes().len();
        plant.succeed("");
        plant.seconds(20);
        assert_eq!(plant.changes().len(), changes);
        format!("{:?}", plant.actions)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_dry_run_plans_the_same() {
    let mut plant = Plant::new::<Priority>("", &PAIR);
    plant.plans = true;
    plant.seconds(30);
    assert_eq!(plant.story().len(), 4);
}
