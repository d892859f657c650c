//! What a command asks of the host: a graph to be run for it, under another clock and with other elements in places.
//!
//! How it is asked comfortably stands in [`crate::command`]; here is only what crosses.

use super::host::{KnobName, MetricName};
use super::integers::{ClockKind, Level};
use super::values::{Nanos, Spare};
use abi_stable::StableAbi;
use abi_stable::std_types::{RString, RVec};

/// A graph that the host is to run.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct GraphRequest {
    /// The file's name, for messages.
    pub file: RString,
    /// The text of the graph.
    pub text: RString,
    pub clock: ClockKind,
    /// Nanoseconds since 1970 at the run's 0.
    pub wall: Nanos,
    /// How long, on the run's clock. With a timetable 0 stands for its last step.
    pub span: Nanos,
    /// The instants, for [`ClockKind::TIMETABLE`].
    pub timetable: Timetable,
    /// Elements that take the place of others. The nodes keep their names, and their ports are checked as those of the
    /// element that the graph names.
    pub stand_ins: RVec<StandIn>,
    /// Fields of configs that are to have other values than the text says.
    pub settings: RVec<ConfigSetting>,
    /// Names that are to have the ids of their places: metrics and knobs from 1, parts from 0.
    pub metrics: RVec<MetricName>,
    pub knobs: RVec<KnobName>,
    pub parts: RVec<RString>,
    /// 1 to keep the graph's own sinks; otherwise they are left out.
    pub keep_sinks: u32,
    /// Sinks that are added; each reads every node of the graph.
    pub sinks: RVec<AddedSink>,
    /// The quietest level of log lines that is shown; 0 for warnings.
    pub level: Level,
    pub spare: RVec<Spare>,
}

/// An element in the place of a node's own.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct StandIn {
    /// The node, as the graph names it.
    pub node: RString,
    /// An element of the same stage.
    pub element: RString,
    /// Its config as RON.
    pub config: RString,
}

/// One field of a node's config.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct ConfigSetting {
    pub node: RString,
    /// The field; fields of fields with dots between.
    pub field: RString,
    /// As RON.
    pub value: RString,
}

/// A sink that the graph's text does not have.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct AddedSink {
    /// A name that no node of the graph has; where one has it, `_` is added.
    pub name: RString,
    pub element: RString,
    /// Its config as RON.
    pub config: RString,
}

/// Exact instants, and what is particular about each. [`crate::tap::Schedule`] makes one from what a tap gave.
///
/// Nodes are numbered by their place in `nodes`, instants by their place in `steps`.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Timetable {
    /// Names of nodes. Those that the graph does not have are left out.
    pub nodes: RVec<RString>,
    /// Those which are called where a step says so, whatever they wish; transforms and schedulers there alone, others with
    /// input too. Nodes that are not strict are called with input, and by their `every` and their wishes at the first step
    /// at or after it.
    pub strict: RVec<u32>,
    pub steps: RVec<Step>,
    /// Who is called, a part for each step.
    pub turns: RVec<Turn>,
    /// What is not heard at the instant at which it is said.
    pub late: RVec<Late>,
    /// What is set while the graph runs.
    pub settings: RVec<TimedSetting>,
    /// Nodes that are made anew at a step for what does not happen by itself again, as a call that hung.
    pub restarts: RVec<TimedRestart>,
    /// What nodes find that ask for state of earlier runs; the first of a node and key for its first question.
    pub fetched: RVec<Fetched>,
    pub spare: RVec<Spare>,
}

/// One instant: the nodes are walked once, in file order. Several may have the same time.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct Step {
    pub at: Nanos,
    /// Where its part of `turns` begins.
    pub first: u32,
    /// How many nodes are called for sure.
    pub count: u32,
}

/// A node that is called at a step.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct Turn {
    pub node: u32,
    /// 1 if it is called without input too; 0 if it is called with the input that it has.
    pub due: u32,
}

/// What one node says at one step reaches another at a later one, or never.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct Late {
    pub from: u32,
    pub to: u32,
    /// The port of `to`, see [`super::PortBatch`].
    pub port: u32,
    /// The step at which it is said.
    pub said: u32,
    /// The step at which it is heard; [`Late::NEVER`] where a queue dropped it.
    pub heard: u32,
}

impl Late {
    /// It is not heard at all.
    pub const NEVER: u32 = u32::MAX;
}

/// A setting that changes at a step, before anything else there.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct TimedSetting {
    pub step: u32,
    pub node: u32,
    pub name: RString,
    /// As RON.
    pub value: RString,
}

/// A node is made anew at a step.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct TimedRestart {
    pub step: u32,
    pub node: u32,
    pub why: RString,
}

/// What a node found under a key.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Fetched {
    pub node: u32,
    pub key: RString,
    /// 1 if there was something.
    pub found: u32,
    pub bytes: RVec<u8>,
}

/// How a graph ended that was run for a command.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct GraphEnd {
    /// The run's id; empty where it did not begin.
    pub run_id: RString,
    /// As `pipeline run` would exit: 0 it ended well, 1 it failed or lost something, 78 the graph has faults.
    pub exit: u32,
    /// Faults and warnings of the graph, as `pipeline check` shows them; empty where there are none.
    pub faults: RString,
    /// Why it did not begin or failed; empty where it did not.
    pub why: RString,
    /// A [`crate::tap::RunSummary`] as JSON; empty where it did not begin.
    pub summary: RString,
}
