//! What a decision of `detect.triage` costs with 200 targets, of which a quarter are victims and one rival disturbs two, and
//! which all do something else now and then, all at once:
//! `cargo bench -p pipeline-plugin-detect`. Prints a line each for an instant that only takes readings in, for one that
//! judges a span, and for all of them on the mean. Nothing is asserted: figures depend on the machine.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use pipeline_detect::Triage;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::TestHost;
use std::time::Instant;

const TARGETS: u32 = 200;
const INSTANTS: u64 = 3_000;
const PERIOD: Nanos = Nanos::from_millis(100);

/// Metrics of a target, each with its value at full use of a CPU.
const METRICS: [(Metric, f64); 12] = [
    (vocabulary::CPU_TIME, 1e8),
    (vocabulary::CPU_RUN_DELAY, 1e5),
    (vocabulary::CPU_THROTTLED, 0.0),
    (vocabulary::PSI_CPU_SOME, 1e5),
    (vocabulary::PSI_IO_SOME, 1e4),
    (vocabulary::PERF_CYCLES, 2.4e8),
    (vocabulary::PERF_INSTRUCTIONS, 2e8),
    (vocabulary::PERF_LLC_LOADS, 2e6),
    (vocabulary::PERF_LLC_LOAD_MISSES, 4e5),
    (vocabulary::PERF_STALLS_L3_MISS, 2e7),
    (vocabulary::L3_OCCUPANCY, 1e6),
    (vocabulary::MEMORY_BANDWIDTH, 2e8),
];

fn readings(ids: &[MetricId], at: Nanos, step: u64) -> Batch {
    let mut batch = Batch::default();
    let disturbs = step > 300 && step / 200 % 2 == 1;
    let other_phase = (step - 1) / 500 % 2 == 1;
    for target in 1..=TARGETS {
        for (metric, (_, full)) in ids.iter().zip(METRICS) {
            let stray = 1.0 + 0.01 * (((step * 31 + u64::from(target) * 17) % 19) as f64 - 9.0) / 9.0;
            let waits = disturbs && target <= 2 && *metric == ids[1];
            let moved = other_phase && *metric == ids[7];
            let value = full * 0.3 * stray * if waits { 400.0 } else { 1.0 } * if moved { 1.5 } else { 1.0 };
            batch
                .readings
                .push(Reading::delta(at, PERIOD, TargetId(target), *metric, value));
        }
    }
    batch
}

fn main() {
    let kit = TestHost::new();
    let ids = METRICS.map(|(metric, _)| kit.metric(&metric));
    let Ok(mut node) = kit.node::<Transforms<Triage>>("") else {
        return;
    };
    for target in 1..=TARGETS {
        let class = if target % 4 == 1 { Class::LATENCY } else { Class::BATCH };
        let target = kit.target(Target {
            name: format!("t{target}").into(),
            class,
            cpus: vec![target / 3].into(),
            ..Target::default()
        });
        let _ = node.change(Nanos::ZERO, Change::APPEARED, &target);
    }
    let mut times: Vec<(bool, f64)> = Vec::new();
    let mut findings = 0;
    for step in 1..=INSTANTS {
        let at = Nanos(step * PERIOD.0);
        let batch = readings(&ids, at, step);
        let start = Instant::now();
        let said = node.feed(at, &batch);
        let micros = start.elapsed().as_secs_f64() * 1e6;
        let said = said.unwrap_or_default();
        findings += said.findings.len();
        times.push((!said.readings.is_empty(), micros));
    }
    for (name, judged) in [
        ("takes readings in", Some(false)),
        ("judges a span", Some(true)),
        ("any instant", None),
    ] {
        let chosen = times
            .iter()
            .filter(|(this, _)| judged.is_none_or(|judged| judged == *this));
        let mut micros: Vec<f64> = chosen.map(|(_, micros)| *micros).collect();
        micros.sort_by(f64::total_cmp);
        let mean = micros.iter().sum::<f64>() / micros.len().max(1) as f64;
        let at = |share: f64| {
            micros
                .get((micros.len() as f64 * share) as usize)
                .copied()
                .unwrap_or_default()
        };
        println!(
            "triage of {TARGETS} targets, {name}: mean {mean:.1} us, p50 {:.1}, p99 {:.1}",
            at(0.5),
            at(0.99)
        );
    }
    println!("{findings} findings told");
}
