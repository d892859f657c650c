//! The model against what was measured: IPC of 55 programs of SPEC CPU with 1 to 11 ways of a last-level cache
//! (`PIPELINE_DATA`, `cache-ways/metrics.csv`; without it the test says so and is skipped, unless `PIPELINE_REQUIRE`
//! names `data`).
//!
//! Each program is described from its odd ways alone: its misses as points, and the two numbers of a straight line from
//! misses to cycles. The even ways are then the model's to tell.
#![expect(clippy::unwrap_used, reason = "data that is not as its README says fails the test")]

use pipeline_plugin_api::prelude::Bytes;
use pipeline_sim_model::scenario::{Machine, Nature, Work, Workload};
use pipeline_sim_model::{Curve, Dial, Nanos, Scenario, Simulation};
use std::collections::BTreeMap;
use std::io::Write;

/// Bytes of a way of the machine on which it was measured: 27.5 MiB in 11 ways.
const WAY: u64 = 2_621_440;
const GHZ: f64 = 2.4;
const MEMORY_NS: f64 = 85.0;

/// What was measured with some ways.
#[derive(Clone, Copy)]
struct Measured {
    ipc: f64,
    accesses: f64,
    misses: f64,
}

type Programs = BTreeMap<String, BTreeMap<u32, Measured>>;

fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{text}");
}

fn measured() -> Option<Programs> {
    let missing = |why: &str| {
        let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|need| need == "data"), "required, but {why}");
        say(&format!("SKIP: {why}"));
    };
    let Some(folder) = std::env::var_os("PIPELINE_DATA") else {
        missing("PIPELINE_DATA does not name the folder of measured data");
        return None;
    };
    let path = std::path::Path::new(&folder).join("cache-ways/metrics.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        missing(&format!("`{}` cannot be read", path.display()));
        return None;
    };
    let mut programs = Programs::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        let row = Measured {
            ipc: number(2),
            accesses: number(3),
            misses: number(4),
        };
        programs
            .entry(fields[0].to_owned())
            .or_default()
            .insert(number(1) as u32, row);
    }
    Some(programs)
}

/// Cycles per instruction as a straight line over misses: what they are without misses, and what one adds.
fn line(rows: &[Measured]) -> (f64, f64) {
    let count = rows.len() as f64;
    let mean = |of: fn(&Measured) -> f64| rows.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|row| row.misses), mean(|row| 1.0 / row.ipc));
    let spread: f64 = rows.iter().map(|row| (row.misses - x).powi(2)).sum();
    let common: f64 = rows.iter().map(|row| (row.misses - x) * (1.0 / row.ipc - y)).sum();
    // No miss is waited for less than not at all; the most that hides it is the most that a scenario takes.
    let least = MEMORY_NS * GHZ / 1000.0 / 1000.0;
    let slope = if spread > 1e-9 {
        (common / spread).max(least)
    } else {
        least
    };
    (y - slope * x, slope)
}

fn program(rows: &BTreeMap<u32, Measured>) -> Workload {
    let odd: Vec<(u32, Measured)> = rows
        .iter()
        .filter(|(ways, _)| *ways % 2 == 1)
        .map(|(ways, row)| (*ways, *row))
        .collect();
    let (core, slope) = line(&odd.iter().map(|(_, row)| *row).collect::<Vec<_>>());
    let most = odd
        .iter()
        .map(|(_, row)| row.accesses.max(row.misses))
        .fold(0.0, f64::max);
    let points = odd
        .iter()
        .map(|(ways, row)| (Bytes(u64::from(*ways) * WAY), row.misses));
    Workload {
        kind: Work::default(),
        cpus: Some("0".to_owned()),
        nature: Nature {
            ipc: 1.0 / core,
            accesses: most,
            misses: Curve::Points(points.collect()),
            overlap: MEMORY_NS * GHZ / (slope * 1000.0),
            writes: 0.0,
            ..Nature::default()
        },
        noise: 0.0,
        ..Workload::default()
    }
}

/// The IPC that the model has for a program with that many ways, once the cache is full.
fn modelled(workload: &Workload, ways: u32) -> f64 {
    let scenario = Scenario {
        machine: Machine {
            cores: 1,
            threads: 1,
            ghz: GHZ,
            cache: Bytes(11 * WAY),
            ways: 11,
            bandwidth: Bytes(200_000_000_000),
            memory_ns: MEMORY_NS,
            ..Machine::default()
        },
        workloads: [("program".to_owned(), workload.clone())].into(),
        ..Scenario::default()
    };
    let mut node = Simulation::new(scenario);
    let mut settings = node.settings(0).clone();
    settings.turn(Dial::Ways, f64::from(ways), "").unwrap();
    node.set(0, Dial::Ways, &settings);
    // Those that hardly miss take long to fill it.
    node.advance(Nanos::from_secs(600));
    let before = node.totals(0).clone();
    node.advance(Nanos::from_secs(601));
    let after = node.totals(0);
    (after.instructions - before.instructions) / (after.cycles - before.cycles)
}

#[test]
fn the_ipc_of_measured_programs_is_told_within_a_tenth_with_ways_that_were_not_fitted() {
    let Some(programs) = measured() else { return };
    assert_eq!(programs.len(), 55);
    let (mut worst_of_all, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
    say("program            worst  mean error of IPC over even ways");
    for (name, rows) in &programs {
        let workload = program(rows);
        let errors: Vec<f64> = rows
            .iter()
            .filter(|(ways, _)| *ways % 2 == 0)
            .map(|(ways, row)| (modelled(&workload, *ways) / row.ipc - 1.0).abs())
            .collect();
        let worst = errors.iter().copied().fold(0.0, f64::max);
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        say(&format!("{name:<16} {:>6.2} % {:>6.2} %", worst * 100.0, mean * 100.0));
        assert!(worst < 0.1, "{name}: the model's IPC is off by {:.1} %", worst * 100.0);
        worst_of_all = worst_of_all.max(worst);
        sum += errors.iter().sum::<f64>();
        count += errors.len() as f64;
    }
    let mean = sum / count;
    say(&format!(
        "all              {:>6.2} % {:>6.2} %",
        worst_of_all * 100.0,
        mean * 100.0
    ));
    assert!(mean < 0.01, "the mean error is {:.2} %", mean * 100.0);
}
