//! What detectors see of 200 targets: fifty services and those beside them, of whom one now and then keeps two services from
//! their CPU and another takes two the cache; and what another detector says of these four.

use super::{PERIOD, Story, TARGETS};
use pipeline_plugin_api::abi::{Batch, Class, Finding, MetricId, Nanos, Phase, Reading, Target, TargetId};
use pipeline_plugin_api::host::Host;
use pipeline_plugin_api::vocabulary::{self, Metric};
use std::error::Error;

/// Metrics of every target: what half a second adds to each at a third of a CPU.
const USED: [(Metric, f64); 11] = [
    (vocabulary::CPU_TIME, 1.5e8),
    (vocabulary::CPU_RUN_DELAY, 1.5e5),
    (vocabulary::CPU_THROTTLED, 0.0),
    (vocabulary::PSI_CPU_SOME, 1.5e5),
    (vocabulary::PSI_IO_SOME, 1.5e4),
    (vocabulary::PERF_CYCLES, 3.6e8),
    (vocabulary::PERF_INSTRUCTIONS, 3e8),
    (vocabulary::PERF_LLC_LOADS, 3e6),
    (vocabulary::PERF_LLC_LOAD_MISSES, 6e5),
    (vocabulary::PERF_STALLS_L3_MISS, 3e7),
    (vocabulary::MEMORY_BANDWIDTH, 1e8),
];
/// What is told of every target as it is.
const HELD: [(Metric, f64); 1] = [(vocabulary::L3_OCCUPANCY, 1e6)];
/// What is told of services.
const FELT: [(Metric, f64); 4] = [
    (vocabulary::KPI_RATE, 2000.0),
    (vocabulary::KPI_OFFERED, 2000.0),
    (vocabulary::KPI_LATENCY_P99, 4e5),
    (vocabulary::DETECT_RATIO, 1.0),
];
/// Until when all is well, in instants, and for how long it then is, and is not, by turns.
const CALM: u64 = 600;
const TURN: u64 = 60;
/// How much each number strays.
const STRAY: f64 = 0.01;

/// See the file.
pub struct Watched {
    used: [MetricId; USED.len()],
    held: [MetricId; HELD.len()],
    felt: [MetricId; FELT.len()],
}

impl Story for Watched {
    fn new(host: &Host) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            used: ids(host, &USED)?,
            held: ids(host, &HELD)?,
            felt: ids(host, &FELT)?,
        })
    }

    fn target(&self, id: TargetId) -> Target {
        Target {
            name: format!("t{}", id.0).into(),
            class: if is_service(id) { Class::LATENCY } else { Class::BATCH },
            cpus: vec![id.0 / 3].into(),
            ..Target::default()
        }
    }

    fn offered(&self, _: TargetId) -> Batch {
        Batch::default()
    }

    fn comes(&mut self, at: Nanos, number: u64) -> Batch {
        let mut batch = Batch { at, ..Batch::default() };
        let suffers = number > CALM && number / TURN % 2 == 1;
        for id in (1..=TARGETS).map(TargetId) {
            let mut nth = 0;
            let mut about = |value: f64| {
                nth += 1;
                value * (1.0 + STRAY * stray(number, id.0, nth))
            };
            let harm = if suffers { Harm::of(id) } else { Harm::default() };
            for ((metric, value), id_of) in USED.iter().zip(self.used) {
                let value = about(*value) * harm.times(metric);
                batch.readings.push(Reading::delta(at, PERIOD, id, id_of, value));
            }
            for ((metric, value), id_of) in HELD.iter().zip(self.held) {
                batch
                    .readings
                    .push(Reading::gauge(at, id, id_of, about(*value) * harm.times(metric)));
            }
            for ((metric, value), id_of) in FELT.iter().zip(self.felt).filter(|_| is_service(id)) {
                batch
                    .readings
                    .push(Reading::gauge(at, id, id_of, about(*value) * harm.times(metric)));
            }
            if harm.is_felt && number.is_multiple_of(2) {
                batch.findings.push(found(at, id));
            }
        }
        batch
    }

    fn answered(&self, _: &Batch) -> Batch {
        Batch::default()
    }
}

fn ids<const COUNT: usize>(host: &Host, metrics: &[(Metric, f64); COUNT]) -> Result<[MetricId; COUNT], Box<dyn Error>> {
    let mut ids = [MetricId::default(); COUNT];
    for (id, (metric, _)) in ids.iter_mut().zip(metrics) {
        *id = host.metric(metric).map_err(|failure| failure.to_string())?;
    }
    Ok(ids)
}

fn is_service(id: TargetId) -> bool {
    id.0 % 4 == 1
}

/// From -1 to 1, the same for the same three.
fn stray(number: u64, target: u32, nth: u64) -> f64 {
    let mixed = (number * 31 + u64::from(target) * 17 + nth * 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// What happens to one while there is trouble: 1 and 5 wait for the CPU of 2 and 4; 9 and 13 lose the cache to 10.
#[derive(Default)]
struct Harm {
    waits: bool,
    misses: bool,
    is_felt: bool,
    takes_cpu: bool,
    takes_cache: bool,
}

impl Harm {
    fn of(id: TargetId) -> Self {
        Self {
            waits: [1, 5].contains(&id.0),
            misses: [9, 13].contains(&id.0),
            is_felt: [1, 5, 9, 13].contains(&id.0),
            takes_cpu: [2, 4].contains(&id.0),
            takes_cache: id.0 == 10,
        }
    }

    /// How many times the usual a metric is.
    fn times(&self, metric: &Metric) -> f64 {
        let is = |these: &[Metric]| these.iter().any(|this| this.name == metric.name);
        let rises = [
            (
                self.waits,
                is(&[vocabulary::CPU_RUN_DELAY, vocabulary::PSI_CPU_SOME]),
                400.0,
            ),
            (self.takes_cpu, is(&[vocabulary::CPU_TIME]), 2.0),
            (
                self.misses,
                is(&[vocabulary::PERF_LLC_LOAD_MISSES, vocabulary::PERF_STALLS_L3_MISS]),
                3.0,
            ),
            (self.misses, is(&[vocabulary::PERF_CYCLES]), 1.2),
            (self.misses, is(&[vocabulary::L3_OCCUPANCY]), 0.5),
            (self.takes_cache, is(&[vocabulary::L3_OCCUPANCY]), 30.0),
            (
                self.is_felt,
                is(&[vocabulary::KPI_LATENCY_P99, vocabulary::DETECT_RATIO]),
                3.0,
            ),
        ];
        let times = rises.iter().filter(|(happens, is_it, _)| *happens && *is_it);
        times.map(|(.., times)| times).product()
    }
}

fn found(at: Nanos, victim: TargetId) -> Finding {
    Finding {
        at,
        id: u64::from(victim.0),
        phase: Phase::LASTS,
        victim,
        severity: 3.0,
        ..Finding::default()
    }
}
