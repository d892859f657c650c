//! A run whose time is computed: nothing real is read or changed, so there is no guardian, no lock, no socket and no
//! watchdog, and all nodes share one lane. Virtual time goes from one instant to the next; a timetable says which there are.

use super::clock::Clock;
use super::execution::{self, Inline};
use super::facts::{self, Facts};
use super::journal::Journal;
use super::log::{self, Logger};
use super::plan::Plan;
use super::progress::Progress;
use super::shared::Shared;
use super::signals::Stops;
use super::timetable::Fetches;
use super::{Report, RunError, undo};
use pipeline_plugin_api::abi::{KnobName, Level, MetricName, Nanos, Timetable};
use pipeline_plugin_api::tap::{NameTable, RunSummary};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

/// How a graph is run in computed time.
#[derive(Clone, Debug)]
pub struct Simulation<'a> {
    /// How long; with a timetable 0 is up to its last step.
    pub span: Nanos,
    /// Nanoseconds since 1970 at its 0.
    pub wall: Nanos,
    /// The instants, where they are given.
    pub timetable: Option<&'a Timetable>,
    /// Names that have the ids of their places.
    pub names: NameTable,
    /// Whether signals end it in order; otherwise they end the process.
    pub listens: bool,
    /// Decide, and write nothing.
    pub dry_run: bool,
    /// How log lines look.
    pub format: log::Format,
    /// The quietest level that is shown.
    pub level: Level,
}

/// How a run in computed time ended.
#[derive(Debug)]
pub struct Simulated {
    /// As of any run.
    pub report: Report,
    /// As its recorder would have it.
    pub summary: RunSummary,
}

/// A folder that cannot be: who changes something real finds no journal for it.
const NO_FOLDER: &str = "/dev/null/virtual";

/// Runs a plan in computed time.
///
/// # Errors
/// A node could not start, names contradict each other, or signals cannot be heard.
pub fn simulate(plan: &Plan, simulation: &Simulation<'_>) -> Result<Simulated, RunError> {
    let clock = Clock::simulated(simulation.wall);
    let writer = Progress::new(false).writer();
    let logger = Logger::new(simulation.format, simulation.level, clock.clone(), writer);
    let id = run_id();
    let journal = Journal::new(Path::new(NO_FOLDER), &id);
    let shared = Shared::new(clock, logger, journal, id, simulation.dry_run, NO_FOLDER.into());
    preset(&shared, &simulation.names)?;
    let nothing = Timetable::default();
    let table = simulation.timetable.unwrap_or(&nothing);
    shared.fetches.get_or_init(|| Fetches::of(table));
    shared.secrets.get_or_init(|| plan.secrets.clone());
    let kind = if simulation.timetable.is_some() {
        "timetable"
    } else {
        "virtual"
    };
    shared
        .facts
        .get_or_init(|| Facts::new(plan.facts.clone(), &shared, kind));
    let shared = Arc::new(shared);
    let inline = Inline {
        span: span(simulation),
        table: simulation.timetable,
    };
    let ended = listening(&shared, simulation.listens, || {
        execution::run_inline(plan, &inline, &shared)
    });
    for report in shared.journal.close() {
        undo::told(&report, &shared.logger, undo::Patience::Wait);
    }
    let summary = facts::summary(&shared);
    shared.logger.flush();
    Ok(Simulated {
        report: ended?,
        summary,
    })
}

fn span(simulation: &Simulation<'_>) -> Nanos {
    let last = simulation
        .timetable
        .and_then(|table| table.steps.iter().map(|step| step.at).max());
    match last {
        Some(last) if simulation.span == Nanos::ZERO => last,
        _ => simulation.span,
    }
}

/// Gives names the ids of their places.
pub(super) fn preset(shared: &Shared, table: &NameTable) -> Result<(), RunError> {
    let mut names = shared.names.write().unwrap_or_else(PoisonError::into_inner);
    let metric = |MetricName { name, unit, kind }: &MetricName| {
        let interned = names.metric(name, unit, *kind);
        interned.map(drop).map_err(|error| RunError::Names(error.to_string()))
    };
    table.metrics.iter().try_for_each(metric)?;
    for KnobName { name, unit } in &table.knobs {
        names
            .knob(name, unit)
            .map_err(|error| RunError::Names(error.to_string()))?;
    }
    for part in &table.parts {
        names.part(part);
    }
    Ok(())
}

/// Runs something that a signal ends in order, if it listens. A second one ends the process, since nothing real is left.
fn listening<T>(
    shared: &Arc<Shared>,
    listens: bool,
    body: impl FnOnce() -> Result<T, RunError>,
) -> Result<T, RunError> {
    if !listens {
        return body();
    }
    let stops = Stops::listen()?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                if let Some(signal) = stops.within(Nanos::from_millis(50)) {
                    if shared.is_stopping() {
                        std::process::exit(1);
                    }
                    if let Some(facts) = shared.facts.get() {
                        facts.end(signal);
                    }
                    shared
                        .logger
                        .log(Level::INFO, "run", &format!("stopping on {signal}"), &[]);
                    shared.stop();
                }
            }
        });
        let ended = body();
        done.store(true, Ordering::Release);
        ended
    })
}

/// When it began on the wall, which process it is, and which of its runs.
fn run_id() -> String {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    let id = super::begin::run_id_now();
    if number == 1 { id } else { format!("{id}-{number}") }
}
