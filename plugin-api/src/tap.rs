//! The tap: how a recorder gets everything that went into the transforms and schedulers of a run, so that it can be
//! replayed bit for bit. What is kept of it, and where, is the recorder's business.
//!
//! # What comes out
//!
//! A sink that opens a [`Tap`] in its `start` is given no batches by the graph; it takes a
//! [`TapBatch`] when it is called instead: by its `every`, its wishes, and when half of the buffer waits.
//! Sinks start before all other nodes, so nothing is missed. The events are
//!
//! - `SAID`: everything that a node said at one instant, once, whoever hears it. Of target providers, transforms,
//!   schedulers, of the nodes that one of these reads (`from`, `last`, outcomes), and of those in the recorder's own `from`.
//! - `CALLED`: a transform or scheduler is about to be called. It names who said what is in each of its ports, by
//!   (node, instant), in the order in which the node gets it. A port into which several wait (changes of targets,
//!   outcomes, `last`) has several, and holds one behind the other.
//! - `DROPPED`, `SET`, `BEGAN`, `ENDED`, `FETCHED`: what else an output depends on. `LOADED` would be, where a host hands a
//!   node's state to its successor; that of ABI 0.3 does not, and never says it.
//!
//! # What guarantees replay
//!
//! 1. A transform and a scheduler see nothing but what `CALLED` names, what they fetch, and what is set. They have no
//!    clock, and the host has none for them.
//! 2. *Order.* Events stand in an order that agrees with cause: `SAID` stands before every `CALLED` that takes it, in
//!    whichever lane. Within a lane it is the order of calls, which is that of the file.
//! 3. *Same instant.* What two nodes of one lane do in one walk has the same instant number and the same time. A node
//!    speaks at most once in an instant and is called with input at most once; so (node, instant) names one batch. In
//!    one lane what is said above is heard below in the same instant. Between lanes it is heard at a later one of the
//!    reader's own, whose number is another even where the time is equal.
//! 4. *Names.* Ids of metrics, knobs and parts are numbered in the order in which they were first named; a replay that is
//!    given [`Tap::names`] numbers them alike, so that elements which sort by id sort alike.
//! 5. *Room.* The buffer is bounded. What does not fit is lost whole, counted in
//!    [`TapBatch::lost_events`](crate::abi::TapBatch::lost_events), and the run is not replayable from then on.
//!
//! A [`Schedule`] makes a [`Timetable`](crate::abi::Timetable) of these events. The host then walks its steps in one lane:
//! due is who was due, and what crossed between lanes is held back until the step at which it was heard. What is not in the
//! table, as what a changed transform says at another instant, is heard at once.
//!
//! What stands in for a target provider or a collector is ticked once for each `SAID`, and says the next. What stands in for
//! an actuator is called with input whenever there is some, and without any once for each `SAID`, to say the next.
//!
//! Not covered: what [`Host::target`](crate::host::Host::target) tells may, between lanes, be newer than what a node was told.
//! A transform that decides by the changes that it is given has no such doubt.

mod facts;
mod schedule;

pub use facts::{MachineFacts, NodeFacts, NodeSummary, PluginFacts, RunFacts, RunSummary};
pub use schedule::Schedule;

use crate::abi::{Failure, HostRef, KnobId, KnobName, MetricId, MetricName, Part, TapBatch, TapRequest};
use crate::host::System;
use crate::stage::Result;
use abi_stable::std_types::{RSlice, RStr, RString, RVec};

/// The conversation that gives the [`RunFacts`] as JSON.
pub const FACTS: &str = "pipeline.facts";
/// The conversation that gives the [`RunSummary`] so far as JSON.
pub const SUMMARY: &str = "pipeline.summary";
/// How many values may wait in a tap where the recorder has no wish: 10 MB of readings.
pub const CAPACITY: u32 = 262_144;

/// A recorder's side of the tap.
#[derive(Clone)]
pub struct Tap(HostRef);

/// Names by their ids: metrics and knobs from 1, parts from 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NameTable {
    /// Metrics, the first with id 1.
    pub metrics: RVec<MetricName>,
    /// Knobs, the first with id 1.
    pub knobs: RVec<KnobName>,
    /// Parts that have a name of their own, the first with index 0.
    pub parts: RVec<RString>,
}

impl Tap {
    /// Opens the tap, with room for that many values. For a sink, in its `start`; once in a run.
    ///
    /// # Errors
    /// The host has no tap, or another node has opened it.
    pub fn open(system: &System, capacity: u32) -> Result<Self> {
        let request = TapRequest {
            capacity,
            ..TapRequest::default()
        };
        let host = system.handle();
        host.tap_open(&request).into_result().map_err(Failure::fatal)?;
        Ok(Self(host.clone()))
    }

    /// Takes what happened since the last time; what was in `out` is forgotten.
    pub fn take(&self, out: &mut TapBatch) {
        self.0.tap_take(out);
    }

    /// What the run is: its graph, nodes, plugins and machine. The same at any time.
    ///
    /// # Errors
    /// The host does not tell it.
    pub fn facts(&self) -> Result<RunFacts> {
        ask(&self.0, FACTS)
    }

    /// How the run fares. Asked in `flush` it is how it fared: all nodes but the sinks have ended then.
    ///
    /// # Errors
    /// The host does not tell it.
    pub fn summary(&self) -> Result<RunSummary> {
        ask(&self.0, SUMMARY)
    }

    /// All names so far.
    pub fn names(&self) -> NameTable {
        let metrics = (1..).map_while(|id| self.0.metric_name(MetricId(id)).into_option());
        let knobs = (1..).map_while(|id| self.0.knob_name(KnobId(id)).into_option());
        let parts = (0..)
            .map(|index| self.0.part_name(Part::named(index)))
            .take_while(|name| !name.starts_with("unknown("));
        NameTable {
            metrics: metrics.collect(),
            knobs: knobs.collect(),
            parts: parts.collect(),
        }
    }
}

fn ask<T: serde::de::DeserializeOwned>(host: &HostRef, name: &str) -> Result<T> {
    let answer = host
        .extension(RStr::from_str(name), RSlice::from_slice(&[]))
        .into_option();
    let answer = answer.ok_or_else(|| Failure::fatal(format!("this host does not answer `{name}`")))?;
    serde_json::from_slice(&answer)
        .map_err(|error| Failure::fatal(format!("the host's answer to `{name}` is not understood: {error}")))
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tap")
    }
}
