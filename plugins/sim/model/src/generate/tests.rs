//! That what is generated goes wrong as its kind says.

use super::*;
use crate::{Harm, Simulation};

/// The worst harm of a workload between two seconds: slowdown or own trouble, and through what.
fn worst(simulation: &mut Simulation, name: &str, seconds: std::ops::Range<u64>) -> (f64, Option<Harm>) {
    let place = simulation.place(name).unwrap();
    let mut worst = (1.0, None);
    for second in seconds {
        simulation.advance(Nanos::from_secs(second));
        for truth in simulation.truth().into_iter().filter(|truth| truth.workload == place) {
            let through = truth.through.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((harm, times)) = through.filter(|(_, times)| *times > worst.0) {
                worst = (*times, Some(*harm));
            }
        }
    }
    worst
}

#[test]
fn what_is_generated_is_a_scenario_and_the_same_for_the_same_seed() {
    for kind in Kind::ALL {
        for seed in [0, 1, 77] {
            let scenario = generate(kind, seed);
            let text = crate::print(&scenario);
            assert_eq!(
                crate::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}")),
                scenario
            );
            assert_eq!(generate(kind, seed), scenario);
        }
        assert_ne!(generate(kind, 1), generate(kind, 2));
        assert_eq!(Kind::named(kind.name()), Some(kind));
    }
}

#[test]
fn the_trouble_is_the_one_that_the_kind_says() {
    let kinds = [
        (Kind::CpuTime, Harm::Cpu),
        (Kind::Cache, Harm::Cache),
        (Kind::Bandwidth, Harm::Bandwidth),
        (Kind::Smt, Harm::Smt),
        (Kind::Io, Harm::Io),
        (Kind::Hypervisor, Harm::Hypervisor),
        (Kind::OwnLoad, Harm::Own),
        (Kind::OwnQuota, Harm::Own),
    ];
    for (kind, harm) in kinds {
        for seed in 0..12 {
            let mut simulation = Simulation::new(generate(kind, seed));
            let (before, _) = worst(&mut simulation, "web", 5..48);
            let (during, through) = worst(&mut simulation, "web", 49..150);
            assert!(before < 1.15, "{kind:?} {seed}: {before} before anything is wrong");
            assert!(during > 1.25, "{kind:?} {seed}: {during}");
            assert_eq!(through, Some(harm), "{kind:?} {seed}: {during}");
        }
    }
}

#[test]
fn nothing_is_wrong_where_it_is_quiet() {
    for seed in 0..12 {
        let mut simulation = Simulation::new(generate(Kind::Quiet, seed));
        let (worst, through) = worst(&mut simulation, "web", 5..175);
        assert!(worst < 1.2, "{seed}: {worst} through {through:?}");
    }
}
