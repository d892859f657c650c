//! What a run says of itself: how long its nodes take, what was late, missed, dropped, and what failed.
//!
//! The lanes write these numbers as they go; whoever wants them reads them here: the control socket, the
//! summary, and nodes, which ask their host for [`EXTENSION`]. How long calls take is measured only once somebody
//! asked, so that a run which nobody looks at reads no clock for it.

use super::shared::Shared;
use pipeline_plugin_api::abi::{Nanos, Stage};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The name under which a node asks its host for all of this, as JSON.
pub const EXTENSION: &str = "pipeline.telemetry";

/// An instant that begins more than this after it was due is late.
pub const LATE: Nanos = Nanos::from_millis(1);

/// A number that grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more. For numbers that only one thread writes at a time: no lock of the bus.
    pub fn bump(&self) {
        self.grow(1);
    }

    /// So many more, under the same condition.
    pub fn grow(&self, by: u64) {
        self.0.store(self.0.load(Ordering::Relaxed) + by, Ordering::Relaxed);
    }

    /// So many more, whoever else writes.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// At least that.
    pub fn at_least(&self, value: u64) {
        if value > self.get() {
            self.0.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// Exactly that.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Where it stands.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers of one node, over all its lives.
#[derive(Debug)]
pub struct Meter {
    node: String,
    element: String,
    stage: Stage,
    lane: String,
    stopped: AtomicBool,
    taps: AtomicBool,
    /// Calls with input, and ticks.
    pub calls: Count,
    /// Nanoseconds in calls, since somebody first asked.
    pub busy_ns: Count,
    /// Instants that began more than [`LATE`] after they were due.
    pub late: Count,
    /// By how much the latest of them was late, in nanoseconds.
    pub worst_late_ns: Count,
    /// Instants that were skipped.
    pub missed: Count,
    /// Values that its queues dropped, or that were lost on the way to it with a thread that was given up.
    pub dropped: Count,
    /// Calls that failed.
    pub failures: Count,
    /// Times that it was made anew.
    pub restarts: Count,
    /// Calls that did not come back.
    pub abandoned: Count,
    /// Actions that wait for it to take them.
    pub mailbox: Count,
}

impl Meter {
    /// A node's numbers, all 0.
    pub fn new(node: &str, element: &str, stage: Stage, lane: &str) -> Self {
        Self {
            node: node.to_owned(),
            element: element.to_owned(),
            stage,
            lane: lane.to_owned(),
            stopped: AtomicBool::new(false),
            taps: AtomicBool::new(false),
            calls: Count::default(),
            busy_ns: Count::default(),
            late: Count::default(),
            worst_late_ns: Count::default(),
            missed: Count::default(),
            dropped: Count::default(),
            failures: Count::default(),
            restarts: Count::default(),
            abandoned: Count::default(),
            mailbox: Count::default(),
        }
    }

    /// It runs no more.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it runs no more.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// It takes what it wants from the tap.
    pub fn tap(&self) {
        self.taps.store(true, Ordering::Relaxed);
    }

    /// Whether it takes what it wants from the tap and is given nothing.
    pub fn is_tapping(&self) -> bool {
        self.taps.load(Ordering::Relaxed)
    }

    fn figures(&self) -> NodeFigures {
        NodeFigures {
            node: self.node.clone(),
            element: self.element.clone(),
            stage: stage_name(self.stage),
            lane: self.lane.clone(),
            state: if self.is_stopped() { "stopped" } else { "runs" },
            calls: self.calls.get(),
            busy_ns: self.busy_ns.get(),
            late: self.late.get(),
            worst_late_ns: self.worst_late_ns.get(),
            missed: self.missed.get(),
            dropped: self.dropped.get(),
            failures: self.failures.get(),
            restarts: self.restarts.get(),
            abandoned: self.abandoned.get(),
            mailbox: self.mailbox.get(),
        }
    }
}

/// The stage of one node, as a word.
fn stage_name(stage: Stage) -> String {
    let name = stage.to_string();
    if stage == Stage::TARGETS {
        return name;
    }
    name.strip_suffix('s').unwrap_or(&name).to_owned()
}

/// The numbers of one node at a moment; see [`Meter`] for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeFigures {
    /// Its name in the graph.
    pub node: String,
    /// What it is made of.
    pub element: String,
    /// `targets`, `collector`, `transform`, `scheduler`, `actuator` or `sink`.
    pub stage: String,
    /// The lane in which it runs.
    pub lane: String,
    /// `runs` or `stopped`.
    pub state: &'static str,
    /// See [`Meter::calls`].
    pub calls: u64,
    /// See [`Meter::busy_ns`].
    pub busy_ns: u64,
    /// See [`Meter::late`].
    pub late: u64,
    /// See [`Meter::worst_late_ns`].
    pub worst_late_ns: u64,
    /// See [`Meter::missed`].
    pub missed: u64,
    /// See [`Meter::dropped`].
    pub dropped: u64,
    /// See [`Meter::failures`].
    pub failures: u64,
    /// See [`Meter::restarts`].
    pub restarts: u64,
    /// See [`Meter::abandoned`].
    pub abandoned: u64,
    /// See [`Meter::mailbox`].
    pub mailbox: u64,
}

/// The instants of one lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneFigures {
    /// Its name.
    pub lane: String,
    /// Instants so far.
    pub instants: u64,
}

/// All that a run says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunFigures {
    /// How long it has been running, in nanoseconds.
    pub uptime_ns: u64,
    /// Its process.
    pub pid: u32,
    /// The process that puts everything back if this one dies.
    pub guardian_pid: Option<u32>,
    /// In file order.
    pub nodes: Vec<NodeFigures>,
    /// In the order in which the file first names them.
    pub lanes: Vec<LaneFigures>,
}

/// Where the numbers of a run are found.
#[derive(Debug, Default)]
pub struct Telemetry {
    nodes: RwLock<Vec<Arc<Meter>>>,
    lanes: RwLock<Vec<(String, Arc<Count>)>>,
    times: AtomicBool,
    guardian: AtomicU32,
}

impl Telemetry {
    /// Takes a node's numbers in.
    pub fn enroll(&self, meter: Arc<Meter>) {
        self.nodes.write().unwrap_or_else(PoisonError::into_inner).push(meter);
    }

    /// Takes a lane in; gives the count of its instants.
    pub fn enroll_lane(&self, name: &str) -> Arc<Count> {
        let instants = Arc::new(Count::default());
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        lanes.push((name.to_owned(), instants.clone()));
        instants
    }

    /// Whether calls are to be timed.
    pub fn is_timing(&self) -> bool {
        self.times.load(Ordering::Relaxed)
    }

    /// Has calls timed from now on.
    pub fn time(&self) {
        self.times.store(true, Ordering::Relaxed);
    }

    /// Which process guards the run; 0 for none.
    pub fn set_guardian(&self, pid: u32) {
        self.guardian.store(pid, Ordering::Relaxed);
    }

    fn guardian(&self) -> Option<u32> {
        Some(self.guardian.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }
}

/// The numbers of all nodes now, in file order. Calls are timed from the first time that this is asked.
pub fn figures(shared: &Shared) -> Vec<NodeFigures> {
    shared.telemetry.time();
    let nodes = shared.telemetry.nodes.read().unwrap_or_else(PoisonError::into_inner);
    nodes.iter().map(|meter| meter.figures()).collect()
}

/// All that the run says of itself now.
pub fn run_figures(shared: &Shared) -> RunFigures {
    let lanes = shared.telemetry.lanes.read().unwrap_or_else(PoisonError::into_inner);
    RunFigures {
        uptime_ns: shared.clock.now().0,
        pid: std::process::id(),
        guardian_pid: shared.telemetry.guardian(),
        nodes: figures(shared),
        lanes: lanes
            .iter()
            .map(|(lane, instants)| LaneFigures {
                lane: lane.clone(),
                instants: instants.get(),
            })
            .collect(),
    }
}

/// The same as JSON, as [`EXTENSION`] gives it.
pub fn answer(shared: &Shared) -> Vec<u8> {
    serde_json::to_vec(&run_figures(shared)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_question_has_calls_timed() {
        let shared = crate::run::tests::shared();
        assert!(!shared.telemetry.is_timing());
        figures(&shared);
        assert!(shared.telemetry.is_timing());
    }

    #[test]
    fn the_answer_names_every_node_with_its_figures() {
        let shared = crate::run::tests::shared();
        let meter = Arc::new(Meter::new("slow", "detect.baseline", Stage::TRANSFORM, "control"));
        shared.telemetry.enroll(meter.clone());
        meter.calls.bump();
        meter.worst_late_ns.at_least(7);
        meter.worst_late_ns.at_least(5);
        let said: serde_json::Value = serde_json::from_slice(&answer(&shared)).unwrap();
        let node = &said["nodes"][0];
        assert_eq!(
            (
                &node["node"],
                &node["element"],
                &node["stage"],
                &node["lane"],
                &node["state"]
            ),
            (
                &"slow".into(),
                &"detect.baseline".into(),
                &"transform".into(),
                &"control".into(),
                &"runs".into()
            )
        );
        assert_eq!((&node["calls"], &node["worst_late_ns"]), (&1.into(), &7.into()));
        assert_eq!(said["guardian_pid"], serde_json::Value::Null);
        meter.stop();
        assert_eq!(figures(&shared)[0].state, "stopped");
    }
}
