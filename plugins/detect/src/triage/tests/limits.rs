//! What cannot be told apart by one signal alone: tails that stray, pressure that is always full, misses of which nobody says
//! what they cost.

use super::scene::{Moment, RIVAL, Rival, Scene};
use super::{found, quiet};
use pipeline_plugin_api::prelude::*;

fn beside(cpu: f64, core_cost: f64, tail: f64) -> Moment {
    let calm = quiet();
    Moment {
        core_cost,
        tail,
        rival: Rival {
            cpu,
            on: 4,
            ..calm.rival
        },
        ..calm
    }
}

#[test]
fn a_tail_that_strays_further_than_a_queue_can_make_it_is_not_told() {
    // A quarter of a CPU is used: 6 % dearer work makes answers 8 % longer at most, and 8 % makes them 11 %.
    for (core_cost, is_told) in [(0.86, false), (0.88, true)] {
        let mut scene = Scene::new("");
        scene.run(20, &quiet());
        let findings = scene.run(40, &beside(1.0, core_cost, 1.2));
        assert_eq!(!findings.is_empty(), is_told, "{core_cost}: {findings:?}");
    }
}

#[test]
fn how_much_slower_it_must_be_is_for_the_config_to_say() {
    let mut scene = Scene::new("(slower: 0.0)");
    scene.run(20, &quiet());
    let findings = scene.run(40, &beside(1.0, 0.86, 1.2));
    assert_eq!(findings.first().map(|finding| finding.resource), Some(Resource::SMT));
}

#[test]
fn waiting_is_not_bounded_by_what_work_costs() {
    let smothered = Moment {
        wait: 0.01,
        rival: Rival {
            cpu: 0.7,
            on: 0,
            ..quiet().rival
        },
        tail: 1.5,
        ..quiet()
    };
    assert_eq!(
        found(&smothered).resource,
        Resource::CPU_TIME,
        "4 % of the work is lost, in slices of milliseconds"
    );
}

#[test]
fn pressure_that_is_always_full_hides_no_neighbour_at_the_device() {
    let full = Moment {
        io_some: 0.95,
        ..quiet()
    };
    let crowded = |tail, io| Moment {
        io_some: 0.99,
        tail,
        rival: Rival { io, ..quiet().rival },
        ..quiet()
    };
    for (tail, io, expected) in [
        (5.0, 5e8, Some((Resource::IO, RIVAL))),
        (1.0, 5e8, None),
        (5.0, 1e6, None),
    ] {
        let mut scene = Scene::new("");
        assert_eq!(scene.run(20, &full), []);
        let findings = scene.run(6, &crowded(tail, io));
        let named = findings.first().map(|f| (f.resource, f.culprits[0].target.0));
        assert_eq!(named, expected, "tail {tail}, {io} bytes a second");
    }
}

/// What is found where nobody counts stalls.
fn found_without_stalls(moment: &Moment) -> Option<Resource> {
    let mut scene = Scene::new("");
    scene.has_stalls = false;
    scene.run(20, &quiet());
    let findings = scene.run(6, moment);
    findings.first().map(|finding| finding.resource)
}

#[test]
fn without_stalls_more_misses_are_the_caches_even_beside_a_busy_sibling() {
    let thief = Moment {
        misses: 0.02,
        miss_cycles: 200.0,
        occupancy: 4e6,
        rival: Rival {
            cpu: 1.0,
            on: 4,
            occupancy: 8e6,
            ..quiet().rival
        },
        ..quiet()
    };
    assert_eq!(found_without_stalls(&thief), Some(Resource::L3));
}

#[test]
fn without_stalls_dearer_misses_are_the_memorys_where_neighbours_move_more() {
    let stream = |traffic| Moment {
        miss_cycles: 120.0,
        rival: Rival {
            cpu: 1.0,
            traffic,
            ..quiet().rival
        },
        ..quiet()
    };
    assert_eq!(found_without_stalls(&stream(2e10)), Some(Resource::MEMORY_BANDWIDTH));
    assert_eq!(found_without_stalls(&stream(1e8)), None, "its own phase");
}

#[test]
fn without_stalls_what_a_sibling_costs_is_the_siblings() {
    assert_eq!(found_without_stalls(&beside(1.0, 1.4, 1.4)), Some(Resource::SMT));
}
