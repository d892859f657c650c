//! `instant_p50` and `instant_p99`: from the start of an instant to the scheduler's decision, for a
//! lane whose three nodes the loader brought, against the same three elements called one after the
//! other by this program. Both at 1 kHz, half a period apart, so that both begin with the cold caches
//! of a thread that slept.

use crate::Benchmark;
use crate::line::{Aim, Line};
use crate::loaded::Run;
use crate::statistics::{median, quantile};
use abi_stable::std_types::RSlice;
use pipeline::run::build;
use pipeline::run::lane::Lane;
use pipeline::run::plan::{Plan, PlanNode};
use pipeline_mock_bench::statically::Chain;
use pipeline_plugin_api::abi::{Batch, Nanos, PortBatch, Tick};
use std::error::Error;
use std::time::{Duration, Instant};

/// Three nodes in one instant.
pub const INSTANT: Benchmark = Benchmark {
    lines: &["instant_p50", "instant_p99"],
    run,
};

const PERIOD: Duration = Duration::from_millis(1);
/// Instants a block: 1 in 100 of them must be several.
const BLOCK: u32 = 1000;
/// Percentiles are those of the middle block, so that a block in which the machine did something else does
/// not count. Odd, so that there is one.
const BLOCKS: usize = 9;
/// The lane's collector is due more often than it is called, so that no call comes too early for it.
const DUE: Nanos = Nanos(100_000);

fn run() -> Result<Vec<Line>, Box<dyn Error>> {
    // As a lane does, so that both wake alike; without it both wake a little late.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    let run = Run::new();
    let (mut ours, mut floor) = (Ours::new(&run)?, Floor::new(&run)?);
    // The first block warms up.
    let blocks: Vec<(Block, Block)> = (0..=BLOCKS)
        .map(|number| block(&mut ours, &mut floor, number % 2 == 0))
        .skip(1)
        .collect();
    check(&mut ours, &floor)?;
    let line = |name, share, aim| {
        let of = |block: &Block| quantile(&mut block.clone(), share);
        let value = median(blocks.iter().map(|(ours, _)| of(ours)));
        let ratio = median(blocks.iter().map(|(ours, floor)| of(ours) / of(floor)));
        Line {
            name,
            value,
            unit: "ns",
            ratio: Some(ratio),
            aim,
        }
    };
    Ok(vec![
        line("instant_p50", 0.5, Aim::Ratio(1.5)),
        line("instant_p99", 0.99, Aim::Ratio(2.0)),
    ])
}

/// What each instant took, in ns.
type Block = Vec<f64>;

fn block(ours: &mut Ours, floor: &mut Floor, ours_first: bool) -> (Block, Block) {
    let (mut of_ours, mut of_floor) = (Vec::new(), Vec::new());
    let mut next = Instant::now() + PERIOD;
    for _ in 0..BLOCK {
        if ours_first {
            of_ours.push(timed(next, || ours.instant()));
            of_floor.push(timed(next + PERIOD / 2, || floor.instant()));
        } else {
            of_floor.push(timed(next, || floor.instant()));
            of_ours.push(timed(next + PERIOD / 2, || ours.instant()));
        }
        // After a delay the rhythm begins anew: instants that follow each other closely find warm caches.
        next = (next + PERIOD).max(Instant::now() + PERIOD / 4);
    }
    (of_ours, of_floor)
}

/// Sleeps until then, and says how long the instant takes in ns.
fn timed(at: Instant, instant: impl FnOnce()) -> f64 {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
    let start = Instant::now();
    instant();
    start.elapsed().as_nanos() as f64
}

/// Both made a decision at every instant, or the figures mean nothing.
fn check(ours: &mut Ours, floor: &Floor) -> Result<(), Box<dyn Error>> {
    let expected = (BLOCKS as u64 + 1) * u64::from(BLOCK);
    let calls: Vec<u64> = ours.0.nodes_mut().map(|node| node.figures().calls).collect();
    let decided = ours.0.nodes_mut().last().map(|node| node.status()).unwrap_or_default();
    if calls != [expected; 3] || decided != format!("{expected} decisions") || floor.decisions != expected {
        let theirs = floor.decisions;
        return Err(
            format!("of {expected} instants the lane called {calls:?} and made {decided}, the floor {theirs}").into(),
        );
    }
    Ok(())
}

/// A lane.
struct Ours(Lane);

impl Ours {
    fn new(run: &Run) -> Result<Self, Box<dyn Error>> {
        let nodes = vec![
            PlanNode {
                every: DUE,
                ..run.plan("mock.feed", &[])?
            },
            run.plan("mock.scale", &[0])?,
            run.plan("mock.decide", &[1])?,
        ];
        let mut lane = build::lanes(
            &Plan {
                nodes,
                ..Plan::default()
            },
            &run.shared,
            false,
        )?
        .pop()
        .ok_or("the plan has no lane")?;
        lane.nodes_mut().try_for_each(|node| node.start())?;
        Ok(Self(lane))
    }

    fn instant(&mut self) {
        self.0.instant();
    }
}

/// Three function calls.
struct Floor {
    origin: Instant,
    chain: Chain,
    outputs: [Batch; 3],
    decisions: u64,
}

impl Floor {
    fn new(run: &Run) -> Result<Self, Box<dyn Error>> {
        let chain = Chain::new(&run.host()?).map_err(|failure| failure.to_string())?;
        Ok(Self {
            origin: Instant::now(),
            chain,
            outputs: Default::default(),
            decisions: 0,
        })
    }

    fn instant(&mut self) {
        let at = Nanos(self.origin.elapsed().as_nanos() as u64);
        let [fed, scaled, decided] = &mut self.outputs;
        let tick = Tick {
            at,
            missed: 0,
            ready: RSlice::EMPTY,
        };
        fed.clear();
        let read = self.chain.feed.read(&tick, fed);
        scaled.clear();
        let taken = self.chain.scale.take(at, &[PortBatch { port: 0, batch: fed }], scaled);
        decided.clear();
        let done = self
            .chain
            .decide
            .take(at, &[PortBatch { port: 0, batch: scaled }], decided);
        if read.is_ok() && taken.is_ok() && done.is_ok() {
            self.decisions += decided.actions.len() as u64;
        }
    }
}
