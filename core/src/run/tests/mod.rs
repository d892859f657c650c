//! Tests of the loop, with elements made in this process and virtual time where time does not matter.

mod elements;
mod stuck;
mod tape;
mod troubles;

use super::clock::{self, Clock};
use super::journal::Journal;
use super::log::{Format, Logger};
use super::plan::{Of, OnError, Overflow, Plan, PlanNode, Queue};
use super::shared::Shared;
use super::{Options, Report, run_virtual};
use crate::graph::CONTROL_LANE;
use elements::{Act, Decide, Double, Faulty, Feed, Keep, Seen, seen};
use pipeline_plugin_api::abi::{ElementRef, Fate, Level, Nanos, describe};
use pipeline_plugin_api::stage::{Actuates, Collects, Provides, Role, Schedules, Sinks, Transforms};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a run begins with, in virtual time and without a place to write to.
pub fn shared() -> Shared {
    shared_in(Path::new("/proc/nowhere"), Clock::simulated(Nanos::ZERO))
}

pub fn shared_in(folder: &Path, clock: Clock) -> Shared {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let id = format!("test-{}", RUNS.fetch_add(1, Ordering::Relaxed));
    let logger = Logger::new(Format::Text, Level::ERROR, clock.clone(), Box::new(std::io::sink()));
    Shared::new(clock, logger, Journal::new(folder, &id), id, false, folder.to_owned())
}

/// Waits for what comes soon or never; a minute is far longer than anything here takes.
pub fn until(mut so: impl FnMut() -> bool) {
    const STEP: Duration = Duration::from_millis(2);
    let mut tries = Duration::from_secs(60).as_millis() / STEP.as_millis();
    while !so() {
        assert!(tries > 0, "it did not become so");
        tries -= 1;
        clock::pause(STEP);
    }
}

/// What is logged.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Said {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn node<R: Role>(name: &str, config: &str, from: &[usize]) -> PlanNode {
    let element: ElementRef = describe::<R>();
    PlanNode {
        name: name.to_owned(),
        stage: element.stage(),
        every: element.every(),
        element,
        config: config.to_owned(),
        of: Vec::new(),
        from: from.to_vec(),
        last: Vec::new(),
        lane: CONTROL_LANE.to_owned(),
        cpu: None,
        queue: None,
        on_error: OnError::Restart,
    }
}

/// targets → collector → transform → scheduler → actuator → sink that keeps everything.
///
/// The actuator has no knob; see [`whole_in`].
pub fn whole() -> Plan {
    let collector = PlanNode {
        of: vec![Of {
            provider: 0,
            target: None,
        }],
        ..node::<Collects<Feed>>("feed", "", &[])
    };
    Plan {
        nodes: vec![
            node::<Provides<elements::Bring>>("web", "", &[]),
            collector,
            node::<Transforms<Double>>("double", "", &[1]),
            node::<Schedules<Decide>>("decide", "", &[2]),
            node::<Actuates<Act>>("act", "", &[3]),
            node::<Sinks<Keep>>("keep", "", &[1, 2, 3, 4]),
        ],
        ..Plan::default()
    }
}

/// The same with a knob that reads `0`, in that folder. `act` is more of the actuator's config.
fn whole_in(folder: &Path, act: &str) -> Plan {
    let knob = elements::knob_path(folder);
    std::fs::write(&knob, "0").unwrap();
    let mut plan = whole();
    plan.nodes[4].config = format!("(path: {knob:?}, {act})");
    plan
}

fn run_for(plan: &Plan, span: Nanos, shared: Shared) -> (Report, Seen) {
    let shared = Arc::new(shared);
    let report = run_virtual(plan, span, &shared).unwrap();
    let seen = seen(&shared.run_id);
    (report, seen)
}

#[test]
fn one_instant_carries_a_reading_through_the_whole_graph() {
    let folder = tempfile::tempdir().unwrap();
    let (_, seen) = run_for(
        &whole_in(folder.path(), ""),
        Nanos::from_millis(100),
        shared_in(folder.path(), Clock::simulated(Nanos::ZERO)),
    );
    let first: Vec<&str> = seen.instants[0].iter().map(String::as_str).collect();
    assert_eq!(
        first,
        ["appeared web", "reading 1", "reading 2", "action 2", "outcome applied"]
    );
}

#[test]
fn a_virtual_hour_has_exactly_its_ticks() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    plan.nodes.push(node::<Sinks<Keep>>("keep", "", &[1]));
    let (report, seen) = run_for(&plan, Nanos::from_secs(3600), shared());
    assert_eq!(seen.readings, 36_000);
    assert_eq!(report.nodes["feed"].missed, 0);
}

#[test]
fn a_scheduler_gets_the_outcomes_of_its_own_actions() {
    let folder = tempfile::tempdir().unwrap();
    let (_, seen) = run_for(
        &whole_in(folder.path(), ""),
        Nanos::from_millis(350),
        shared_in(folder.path(), Clock::simulated(Nanos::ZERO)),
    );
    assert_eq!(
        seen.outcomes_at_scheduler,
        [Fate::APPLIED, Fate::APPLIED, Fate::APPLIED]
    );
}

#[test]
fn last_gives_what_a_later_node_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = whole_in(folder.path(), "");
    plan.nodes[2].last = vec![4];
    let (_, seen) = run_for(
        &plan,
        Nanos::from_millis(250),
        shared_in(folder.path(), Clock::simulated(Nanos::ZERO)),
    );
    assert_eq!(seen.last_at_transform, [0, 1, 1]);
}

#[test]
fn at_the_end_every_knob_is_back_and_the_sink_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (report, seen) = run_for(
        &whole_in(folder.path(), ""),
        Nanos::from_millis(100),
        shared_in(folder.path(), Clock::simulated(Nanos::ZERO)),
    );
    assert!(report.restored);
    assert_eq!(seen.knob, ["2"], "it was turned during the run");
    assert_eq!(seen.releases, 1);
    assert!(seen.fates.contains(&Fate::UNDONE), "{:?}", seen.fates);
    assert_only_the_knob_is_left_at_zero(folder.path());
}

fn assert_only_the_knob_is_left_at_zero(folder: &Path) {
    assert_eq!(std::fs::read_to_string(elements::knob_path(folder)).unwrap(), "0");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "the journal is gone");
}

#[test]
fn the_knob_of_an_actuator_that_panicked_is_put_back_from_the_journal_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = whole_in(folder.path(), "panics_at: 3");
    plan.nodes[4].on_error = OnError::Stop;
    let (report, seen) = run_for(
        &plan,
        Nanos::from_millis(350),
        shared_in(folder.path(), Clock::simulated(Nanos::ZERO)),
    );
    assert_eq!((report.nodes["act"].restarts, report.nodes["act"].dead), (0, true));
    assert_eq!(seen.knob, ["2", "4"], "it was turned, and turned again");
    assert_eq!(seen.releases, 0, "the actuator itself put nothing back");
    assert!(report.restored);
    assert!(seen.fates.contains(&Fate::UNDONE), "{:?}", seen.fates);
    assert_only_the_knob_is_left_at_zero(folder.path());
}

#[test]
fn a_node_that_always_panics_is_restarted_three_times_and_then_stopped_while_others_run_on() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    plan.nodes
        .push(node::<Transforms<Faulty>>("faulty", "(panics: true)", &[1]));
    plan.nodes.push(node::<Sinks<Keep>>("keep", "", &[1, 2]));
    let (report, seen) = run_for(&plan, Nanos::from_secs(2), shared());
    assert_eq!(
        (report.nodes["faulty"].restarts, report.nodes["faulty"].dead),
        (3, true)
    );
    assert_eq!((report.nodes["faulty"].failures, seen.readings), (4, 20));
}

#[test]
fn a_node_that_fails_for_now_is_called_again() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    plan.nodes.push(node::<Transforms<Faulty>>("faulty", "", &[1]));
    let (report, _) = run_for(&plan, Nanos::from_secs(1), shared());
    assert_eq!(
        (report.nodes["faulty"].failures, report.nodes["faulty"].restarts),
        (10, 0)
    );
}

#[test]
fn on_error_stop_makes_no_second_try() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    let faulty = node::<Transforms<Faulty>>("faulty", "(panics: true)", &[1]);
    plan.nodes.push(PlanNode {
        on_error: OnError::Stop,
        ..faulty
    });
    let (report, _) = run_for(&plan, Nanos::from_secs(1), shared());
    assert_eq!(
        (report.nodes["faulty"].restarts, report.nodes["faulty"].dead),
        (0, true)
    );
}

#[test]
fn on_error_abort_ends_the_run() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    let faulty = node::<Transforms<Faulty>>("faulty", "(panics: true)", &[1]);
    plan.nodes.push(PlanNode {
        on_error: OnError::Abort,
        ..faulty
    });
    let (report, _) = run_for(&plan, Nanos::from_secs(1), shared());
    assert_eq!(report.nodes["feed"].calls, 2, "one change of targets and one tick");
}

#[test]
fn a_restarted_node_is_told_of_the_targets_again() {
    let mut plan = whole();
    plan.nodes.truncate(1);
    let once = node::<Collects<elements::FailsOnce>>("once", "", &[]);
    plan.nodes.push(PlanNode {
        of: vec![Of {
            provider: 0,
            target: None,
        }],
        ..once
    });
    plan.nodes.push(node::<Sinks<Keep>>("keep", "", &[1]));
    let (report, seen) = run_for(&plan, Nanos::from_secs(1), shared());
    assert_eq!(report.nodes["once"].restarts, 1);
    assert!(seen.readings > 5, "it reads its target after the restart: {seen:?}");
}

/// Of a collector at 1 kHz, in real time, and a sink of that config in a lane of its own behind that queue: how both
/// fared in so many milliseconds, and what the sink was given.
fn behind(queue: Queue, config: &str, millis: u64) -> (Report, Seen) {
    let mut plan = whole();
    plan.nodes.truncate(2);
    plan.nodes[1].every = Nanos::from_millis(1);
    plan.nodes.push(PlanNode {
        queue: Some(queue),
        lane: "keep".to_owned(),
        ..node::<Sinks<Keep>>("keep", config, &[1])
    });
    let shared = Arc::new(shared_in(Path::new("/proc/nowhere"), Clock::real()));
    let options = Options {
        duration: Some(Nanos::from_millis(millis)),
        ..Options::default()
    };
    let stops = super::Stops::listen().unwrap();
    let report = super::execution::execute(&plan, &options, &shared, &stops, &super::Progress::new(false)).unwrap();
    (report, seen(&shared.run_id))
}

#[test]
fn lanes_pass_every_batch_in_order() {
    let queue = Queue {
        capacity: 4,
        overflow: Overflow::Block,
    };
    let (report, seen) = behind(queue, "", 200);
    assert_eq!(report.nodes["keep"].dropped, 0);
    assert!(seen.readings > 4, "more than its queue holds: {}", seen.readings);
    assert_eq!(seen.values, (1..=seen.readings).map(|n| n as f64).collect::<Vec<_>>());
}

#[test]
fn a_slow_sink_behind_drop_oldest_loses_and_counts_exactly_the_rest() {
    let queue = Queue {
        capacity: 2,
        overflow: Overflow::DropOldest,
    };
    let (report, seen) = behind(queue, "(pause: \"20ms\")", 300);
    let given = report.nodes["feed"].calls - 1;
    assert!(report.nodes["keep"].dropped > 0);
    assert_eq!(seen.readings + report.nodes["keep"].dropped, given);
}

#[test]
fn a_node_that_cannot_start_keeps_the_run_from_beginning() {
    let mut plan = whole();
    plan.nodes.push(node::<Sinks<elements::NoStart>>("bad", "", &[1]));
    let shared = Arc::new(shared());
    let error = run_virtual(&plan, Nanos::from_secs(1), &shared).unwrap_err();
    assert_eq!(error.to_string(), "`bad` cannot start: there is no disk");
}

#[test]
fn ticks_within_a_millisecond_share_an_instant_and_missed_ones_are_skipped() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    plan.nodes[1].every = Nanos::from_millis(10);
    let shared = Arc::new(shared());
    let mut lanes = super::build::lanes(&plan, &shared, true).unwrap();
    super::starting::start(&mut lanes, &plan, &shared, None, Nanos::FOREVER).unwrap();
    lanes[0].instant();
    shared.clock.advance_to(Nanos::from_millis(35));
    lanes[0].instant();
    shared.clock.advance_to(Nanos::from_millis(40));
    lanes[0].instant();
    let figures = lanes[0].nodes_mut().nth(1).unwrap().figures();
    assert_eq!(
        (figures.calls, figures.missed),
        (4, 2),
        "targets, then ticks at 0, 35 (20 and 30 skipped) and 40"
    );
}
