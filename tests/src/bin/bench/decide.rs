//! `decision_200_NAME_p50` and `_p99`: what an instant costs a detector or a policy with 200 targets, from the readings that
//! come to what it says, in the plugin that the loader brought.
//!
//! An instant is half a second in the life of the targets, so that every decision lies within the 99th percentile: a span that
//! closes, a class that is told, a look at who is to blame. The floor adds the same readings up, in turns with it: nobody
//! decides anything on readings that he did not look at.

mod detectors;
mod policies;

use crate::Benchmark;
use crate::line::{Aim, Line};
use crate::loaded::Run;
use crate::statistics::{median, quantile};
use abi_stable::std_types::RSlice;
use detectors::Watched;
use pipeline_plugin_api::abi::{
    Batch, Change, Nanos, NodeBox, OUTCOMES_PORT, PortBatch, Reading, TARGETS_PORT, Target, TargetChange, TargetId,
};
use pipeline_plugin_api::host::Host;
use policies::Plagued;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

macro_rules! decisions {
    ($($const:ident = $element:literal as $name:literal of $story:ty, $config:literal;)+) => {
        $(
            /// A decision of that element.
            pub const $const: Benchmark = Benchmark {
                lines: &[concat!("decision_200_", $name, "_p50"), concat!("decision_200_", $name, "_p99")],
                run: || measured::<$story>(
                    $element,
                    $config,
                    [concat!("decision_200_", $name, "_p50"), concat!("decision_200_", $name, "_p99")],
                ),
            };
        )+
    };
}

// `outlier` would decide once a minute, too seldom to be seen in a percentile.
decisions! {
    BASELINE = "detect.baseline" as "baseline" of Watched, "";
    TRIAGE = "detect.triage" as "triage" of Watched, "";
    CULPRIT = "detect.culprit" as "culprit" of Watched, "";
    OUTLIER = "detect.outlier" as "outlier" of Watched, "(every: \"10s\")";
    CLASS = "detect.class" as "class" of Watched, "";
    PATTERN = "detect.pattern" as "pattern" of Watched, "";
    FIXED = "policy.fixed" as "fixed" of Plagued, "(actions: [(target: \"t*\", knob: \"cpu.weight\", value: 10.0)])";
    THROTTLE = "policy.throttle" as "throttle" of Plagued,
        "(ladder: [Idle, Weight, CpuSet, Quota, Ways, Bandwidth], most_taken: 0.6)";
    PRIORITY = "policy.priority" as "priority" of Plagued, "";
    ADAPTIVE = "policy.adaptive" as "adaptive" of Plagued, "";
    DYNAMIC = "policy.dynamic" as "dynamic" of Plagued, "(sockets: [(cpus: \"0-31\"), (cpus: \"32-63\", l3: 1)])";
    BUDGET = "policy.budget" as "budget" of Plagued, "";
}

/// How many there are.
const TARGETS: u32 = 200;
/// From one instant to the next.
const PERIOD: Nanos = Nanos::from_millis(500);
/// Until all that is learnt is learnt, and the windows are full: ten minutes and some.
const WARM: u64 = 1400;
/// Instants a block: 1 in 100 of them must be several.
const BLOCK: u64 = 1000;
/// Percentiles are those of the middle block, so that one in which the machine did something else does not count. Odd, so that
/// there is one.
const BLOCKS: usize = 5;
/// What a decision may cost, in microseconds.
const MOST: f64 = 200.0;

/// What happens to 200 targets.
trait Story: Sized {
    /// The names that it uses are known to the host.
    ///
    /// # Errors
    /// Another node means something else by one of them.
    fn new(host: &Host) -> Result<Self, Box<dyn Error>>;

    /// A target.
    fn target(&self, id: TargetId) -> Target;

    /// What actuators say of a target as it appears.
    fn offered(&self, id: TargetId) -> Batch;

    /// What comes at an instant, with its number.
    fn comes(&mut self, at: Nanos, number: u64) -> Batch;

    /// What actuators answer.
    fn answered(&self, said: &Batch) -> Batch;
}

fn measured<S: Story>(element: &str, config: &str, names: [&'static str; 2]) -> Result<Vec<Line>, Box<dyn Error>> {
    let run = Run::new();
    let mut node = run.node_of(element, config)?;
    let mut story = S::new(&run.host()?)?;
    appear(&mut node, &story)?;
    let (mut sums, mut answers, mut said) = (Sums::default(), Batch::default(), 0);
    let mut took = Vec::with_capacity(BLOCKS * BLOCK as usize);
    for number in 1..=WARM + BLOCKS as u64 * BLOCK {
        let at = Nanos(number * PERIOD.0);
        let batch = story.comes(at, number);
        let ports = [(0, &batch), (OUTCOMES_PORT, &answers)].map(|(port, batch)| PortBatch { port, batch });
        let mut out = Batch::default();
        let mut decide = || node.input(at, RSlice::from_slice(&ports), &mut out).into_result();
        // Whoever comes second finds the readings in the cache.
        let (ours, floor) = if number.is_multiple_of(2) {
            let ours = timed(&mut decide);
            (ours, timed(|| sums.add(&batch.readings)))
        } else {
            let floor = timed(|| sums.add(&batch.readings));
            (timed(&mut decide), floor)
        };
        ours.0.map_err(|failure| failure.to_string())?;
        said += out.findings.len() + out.actions.len() + out.readings.len();
        answers = story.answered(&out);
        if number > WARM {
            took.push(Took {
                ours: ours.1,
                floor: floor.1,
            });
        }
    }
    if said == 0 || black_box(sums.of(TargetId(1))) == 0.0 {
        return Err(format!("`{element}` said nothing, or nothing was added up").into());
    }
    Ok(vec![
        line(names[0], &took, 0.5, Aim::None),
        line(names[1], &took, 0.99, Aim::Value(MOST)),
    ])
}

fn appear<S: Story>(node: &mut NodeBox, story: &S) -> Result<(), Box<dyn Error>> {
    for id in (1..=TARGETS).map(TargetId) {
        let appeared = TargetChange {
            at: Nanos::ZERO,
            change: Change::APPEARED,
            target: Target { id, ..story.target(id) },
        };
        let changes = Batch {
            changes: vec![appeared].into(),
            ..Batch::default()
        };
        let offered = story.offered(id);
        let ports = [(TARGETS_PORT, &changes), (OUTCOMES_PORT, &offered)];
        let ports = ports.map(|(port, batch)| PortBatch { port, batch });
        let mut out = Batch::default();
        let told = node.input(Nanos::ZERO, RSlice::from_slice(&ports), &mut out);
        told.into_result().map_err(|failure| failure.to_string())?;
    }
    Ok(())
}

/// Microseconds of an instant.
struct Took {
    ours: f64,
    floor: f64,
}

/// What a call gives, and the microseconds that it took.
fn timed<T>(call: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let given = call();
    (given, start.elapsed().as_nanos() as f64 / 1e3)
}

fn line(name: &'static str, took: &[Took], share: f64, aim: Aim) -> Line {
    let blocks = took.chunks(BLOCK as usize).map(|block| {
        let mut ours: Vec<f64> = block.iter().map(|took| took.ours).collect();
        let mut floor: Vec<f64> = block.iter().map(|took| took.floor).collect();
        (quantile(&mut ours, share), quantile(&mut floor, share))
    });
    let blocks: Vec<(f64, f64)> = blocks.collect();
    Line {
        name,
        value: median(blocks.iter().map(|(ours, _)| *ours)),
        unit: "us",
        ratio: Some(median(blocks.iter().map(|(ours, floor)| ours / floor))),
        aim,
    }
}

/// The floor: every reading added to what its target has of its metric.
#[derive(Default)]
struct Sums(Vec<[f64; METRICS]>);

/// More metrics than any element or story makes known to the host.
const METRICS: usize = 64;

impl Sums {
    fn add(&mut self, readings: &[Reading]) {
        self.0.resize(TARGETS as usize + 1, [0.0; METRICS]);
        for reading in readings {
            let sums = self.0.get_mut(reading.target.0 as usize);
            if let Some(sum) = sums.and_then(|sums| sums.get_mut(reading.metric.0 as usize)) {
                *sum += reading.value;
            }
        }
    }

    fn of(&self, target: TargetId) -> f64 {
        let sums = self.0.get(target.0 as usize);
        sums.map_or(0.0, |sums| sums.iter().sum())
    }
}
