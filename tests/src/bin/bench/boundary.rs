//! `boundary_input_1` and `boundary_input_64`: a guarded `input` of a node that the loader brought,
//! against the same function behind a plain trait object of this program.
//!
//! Both are given the same batch and an output that is emptied before each call, as a lane does.

use crate::Benchmark;
use crate::line::{Aim, Line};
use crate::loaded::Run;
use crate::statistics::median;
use abi_stable::std_types::RSlice;
use pipeline_mock_bench::config::ScaleConfig;
use pipeline_mock_bench::statically;
use pipeline_plugin_api::abi::{Batch, MetricId, Nanos, Part, PortBatch, Reading, TargetId};
use pipeline_plugin_api::vocabulary::CPU_RUN_DELAY;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

/// One reading.
pub const ONE: Benchmark = Benchmark {
    lines: &["boundary_input_1", "boundary_input_1_extra"],
    run: one,
};
/// As many as a batch of a few targets holds.
pub const MANY: Benchmark = Benchmark {
    lines: &["boundary_input_64"],
    run: many,
};

/// Odd, so that there is a middle one.
const ROUNDS: usize = 4001;
/// Calls a round and reading: rounds are short, so that drift hits both sides alike.
const READINGS_A_ROUND: usize = 8192;
const AT: Nanos = Nanos(1_000_000);

fn one() -> Result<Vec<Line>, Box<dyn Error>> {
    let Sides { loaded, extra, ratio } = compare(1)?;
    Ok(vec![
        Line {
            name: "boundary_input_1",
            value: loaded,
            unit: "ns",
            ratio: Some(ratio),
            aim: Aim::None,
        },
        Line {
            name: "boundary_input_1_extra",
            value: extra,
            unit: "ns",
            ratio: None,
            aim: Aim::Value(10.0),
        },
    ])
}

fn many() -> Result<Vec<Line>, Box<dyn Error>> {
    let Sides { loaded, ratio, .. } = compare(64)?;
    Ok(vec![Line {
        name: "boundary_input_64",
        value: loaded,
        unit: "ns",
        ratio: Some(ratio),
        aim: Aim::Ratio(1.1),
    }])
}

/// Medians over all rounds; the last two of what each round says for itself.
struct Sides {
    loaded: f64,
    extra: f64,
    ratio: f64,
}

fn compare(readings: usize) -> Result<Sides, Box<dyn Error>> {
    let run = Run::new();
    let mut node = run.node("mock.scale")?;
    let mut plain = statically::scale(ScaleConfig::default(), &run.host()?).map_err(|failure| failure.to_string())?;
    let batch = batch(
        readings,
        run.host()?
            .metric(&CPU_RUN_DELAY)
            .map_err(|failure| failure.to_string())?,
    );
    let ports = [PortBatch { port: 0, batch: &batch }];
    let (mut ours, mut floor) = (Batch::default(), Batch::default());
    let mut loaded = || {
        ours.clear();
        black_box(node.input(AT, black_box(RSlice::from_slice(&ports)), &mut ours)).is_ok()
    };
    let mut statically = || {
        floor.clear();
        black_box(plain.take(AT, black_box(&ports), &mut floor)).is_ok()
    };
    let calls = READINGS_A_ROUND.div_ceil(readings + 3);
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        rounds.push(if round % 2 == 0 {
            let first = nanos_a_call(calls, &mut loaded)?;
            (first, nanos_a_call(calls, &mut statically)?)
        } else {
            let first = nanos_a_call(calls, &mut statically)?;
            (nanos_a_call(calls, &mut loaded)?, first)
        });
    }
    if ours != floor || ours.readings.len() != readings {
        return Err("the two sides do not say the same".into());
    }
    Ok(Sides {
        loaded: median(rounds.iter().map(|(loaded, _)| *loaded)),
        extra: median(rounds.iter().map(|(loaded, plain)| loaded - plain)),
        ratio: median(rounds.iter().map(|(loaded, plain)| loaded / plain)),
    })
}

fn nanos_a_call(calls: usize, call: &mut impl FnMut() -> bool) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let good = (0..calls).fold(true, |good, _| call() & good);
    let took = start.elapsed().as_nanos() as f64 / calls as f64;
    if good { Ok(took) } else { Err("a call failed".into()) }
}

fn batch(readings: usize, metric: MetricId) -> Batch {
    let reading =
        |index: usize| Reading::delta(AT, AT, TargetId(1), metric, index as f64).of_part(Part::bucket(index as u32));
    Batch {
        at: AT,
        readings: (0..readings).map(reading).collect(),
        ..Batch::default()
    }
}
