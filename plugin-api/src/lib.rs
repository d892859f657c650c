//! What `pipeline` and its plugins share: the words ([`abi`], [`vocabulary`]), the traits of the
//! stages ([`stage`]), and what every author would otherwise write again ([`frame`], [`config`],
//! [`units`], [`testkit`]).
//!
//! A plugin is a `cdylib` crate that depends on this crate alone:
//!
//! ```
//! use pipeline_plugin_api::prelude::*;
//!
//! /// Doubles every reading of one metric.
//! pub struct Double { metric: MetricId }
//!
//! impl Element for Double {
//!     const NAME: &'static str = "mine.double";
//!     const SUMMARY: &'static str = "doubles CPU time";
//!     type Config = NoConfig;
//!     fn ports(_: &NoConfig) -> Ports {
//!         Ports::new().needs(&vocabulary::CPU_TIME).gives(&vocabulary::CPU_TIME)
//!     }
//!     fn create(_: NoConfig, host: &Host) -> Result<Self> {
//!         Ok(Self { metric: host.metric(&vocabulary::CPU_TIME)? })
//!     }
//! }
//!
//! impl Transform for Double {
//!     fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
//!         for reading in input.readings().filter(|reading| reading.metric == self.metric) {
//!             out.readings.push(Reading { value: reading.value * 2.0, ..*reading });
//!         }
//!         Ok(Wish::Nothing)
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! and `export_plugin! { transforms: [Double] }` at the end. What is not here: anything that reads
//! or writes files, and anything that knows a workload.

pub mod abi;
pub mod command;
pub mod config;
pub mod fields;
pub mod frame;
pub mod histogram;
pub mod host;
pub mod names;
pub mod pattern;
pub mod ports;
pub mod purpose;
pub mod secret;
pub mod stage;
pub mod tap;
pub mod testkit;
pub mod units;
pub mod vocabulary;
pub mod window;

pub use stage::Element;

/// All that most elements use.
pub mod prelude {
    pub use crate::abi::{
        Action, Batch, CgroupDir, Change, Class, Comparison, Control, Culprit, Failure, FailureKind, Fate, Finding,
        Goal, Kind, KnobId, Label, Level, MetricId, Nanos, Outcome, Part, Phase, Probe, Process, Quality, Reading,
        Reason, Resource, Target, TargetChange, TargetId, Tick, Undo, UndoKind,
    };
    pub use crate::command::Console;
    pub use crate::config::{Configure, Faults, NoConfig};
    pub use crate::frame::Frame;
    pub use crate::host::{Host, System, Waker};
    pub use crate::ports::Ports;
    pub use crate::secret::Secret;
    pub use crate::stage::{
        Actuator, Collector, Command, Effect, Element, Input, Release, Result, Scheduler, Sink, TargetProvider,
        Transform, Wish,
    };
    pub use crate::units::{Bytes, Span};
    pub use crate::vocabulary::{self, Knob, Metric};
    pub use crate::window::Window;
}
