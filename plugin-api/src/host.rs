//! The host as elements use it: [`Host`] for every stage, [`System`] only for those that touch the world.

use crate::abi::{
    Failure, Field, HostRef, KnobId, KnobName, Level, MetricId, MetricName, Nanos, Part, Target, TargetId, Undo,
};
use crate::command::Console;
use crate::stage::Result;
use crate::vocabulary::{Knob, Metric};
use abi_stable::std_types::{ROption, RSlice, RStr};

/// Names, logs, counters and small state: what every element may use. It holds no clock, so that
/// what a transform or a scheduler decides depends on its input alone.
#[derive(Clone)]
pub struct Host(HostRef);

impl Host {
    /// Wraps the handle that came over the boundary.
    pub fn new(handle: HostRef) -> Self {
        Self(handle)
    }

    /// The id of a metric.
    ///
    /// # Errors
    /// Another node means something else by that name.
    pub fn metric(&self, metric: &Metric) -> Result<MetricId> {
        self.metric_named(metric.name, metric.unit, metric.kind)
    }

    /// The id of a metric that is not in the vocabulary.
    ///
    /// # Errors
    /// Another node means something else by that name.
    pub fn metric_named(&self, name: &str, unit: &str, kind: crate::abi::Kind) -> Result<MetricId> {
        self.0
            .metric(RStr::from_str(name), RStr::from_str(unit), kind)
            .into_result()
            .map_err(Failure::fatal)
    }

    /// The name, unit and kind of a metric.
    pub fn metric_name(&self, id: MetricId) -> Option<MetricName> {
        self.0.metric_name(id).into_option()
    }

    /// The id of a knob.
    ///
    /// # Errors
    /// Another node means something else by that name.
    pub fn knob(&self, knob: &Knob) -> Result<KnobId> {
        self.0
            .knob(RStr::from_str(knob.name), RStr::from_str(knob.unit))
            .into_result()
            .map_err(Failure::fatal)
    }

    /// The id of a knob that is not in the vocabulary.
    ///
    /// # Errors
    /// Another node means something else by that name.
    pub fn knob_named(&self, name: &str, unit: &str) -> Result<KnobId> {
        self.0
            .knob(RStr::from_str(name), RStr::from_str(unit))
            .into_result()
            .map_err(Failure::fatal)
    }

    /// The name and unit of a knob.
    pub fn knob_name(&self, id: KnobId) -> Option<KnobName> {
        self.0.knob_name(id).into_option()
    }

    /// The part of that name, such as `dev/8:0`.
    pub fn part(&self, name: &str) -> Part {
        self.0.part(RStr::from_str(name))
    }

    /// The name of a part.
    pub fn part_name(&self, part: Part) -> String {
        self.0.part_name(part).into()
    }

    /// What was last told of a target; known even after it went.
    pub fn target(&self, id: TargetId) -> Option<Target> {
        self.0.target(id).into_option()
    }

    /// The node's own name in the graph.
    pub fn name(&self) -> String {
        self.0.names().first().map(ToString::to_string).unwrap_or_default()
    }

    /// The names of the nodes in `from`, in the order of ports.
    pub fn sources(&self) -> Vec<String> {
        self.0.names().iter().skip(1).map(ToString::to_string).collect()
    }

    /// A name for this run, fit for a directory.
    pub fn run_id(&self) -> String {
        self.0.run_id().into()
    }

    /// Writes a log line: the fields, then the sentence.
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, &dyn std::fmt::Display)]) {
        let fields: Vec<Field<'_>> = fields
            .iter()
            .map(|(name, value)| Field {
                name: RStr::from_str(name),
                value: value.to_string().into(),
            })
            .collect();
        self.0.log(level, RStr::from_str(message), RSlice::from_slice(&fields));
    }

    /// Adds to a counter that the run's summary shows.
    pub fn count(&self, name: &str, delta: u64) {
        self.0.count(RStr::from_str(name), delta);
    }

    /// Keeps a few bytes under a name beyond this run.
    ///
    /// # Errors
    /// The state folder cannot be written; the message says why.
    pub fn store(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.0
            .store(RStr::from_str(key), RSlice::from_slice(bytes))
            .into_result()
            .map_err(Failure::retry)
    }

    /// What an earlier run kept under that name.
    pub fn fetch(&self, key: &str) -> Option<Vec<u8>> {
        match self.0.fetch(RStr::from_str(key)) {
            ROption::RSome(bytes) => Some(bytes.into()),
            ROption::RNone => None,
        }
    }

    /// The clock, the journal and the waker, for a stage that touches the world.
    pub(crate) fn system(&self) -> System {
        System(self.0.clone())
    }

    /// Where a command writes and asks for graphs to be run.
    pub(crate) fn console(&self) -> Console {
        Console::new(self.0.clone())
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Host").field(&self.name()).finish()
    }
}

/// The world's side of the host: clock, journal, targets, waker. Given to target providers,
/// collectors, actuators and sinks when they start.
#[derive(Clone)]
pub struct System(HostRef);

impl System {
    /// Now, on the run's clock.
    pub fn now(&self) -> Nanos {
        self.0.now()
    }

    /// Nanoseconds since 1970, now.
    pub fn wall(&self) -> Nanos {
        self.0.wall()
    }

    /// Sleeps until then; `false` at once when the run is being stopped.
    pub fn wait_until(&self, at: Nanos) -> bool {
        self.0.wait_until(at)
    }

    /// A new target id, and how often that name has lived, from 1.
    pub fn new_target(&self, name: &str) -> (TargetId, u32) {
        self.0.new_target(RStr::from_str(name)).into_tuple()
    }

    /// Records how to put something back, before the first write to it.
    ///
    /// # Errors
    /// The journal cannot be written; then nothing may be changed.
    pub fn journal(&self, undo: &Undo) -> Result<UndoRecord> {
        self.0
            .journal(undo)
            .into_result()
            .map(UndoRecord)
            .map_err(Failure::fatal)
    }

    /// The change of that record leaves `after` now. To be called before the write; what was found stays recorded, so
    /// that a knob which is turned often is recorded once.
    ///
    /// # Errors
    /// The journal cannot be written; then nothing may be changed.
    pub fn amend(&self, record: UndoRecord, after: &str) -> Result<()> {
        self.0
            .amend(record.0, RStr::from_str(after))
            .into_result()
            .map_err(Failure::fatal)
    }

    /// What was recorded is as it was found again.
    pub fn settle(&self, record: UndoRecord) {
        self.0.settle(record.0);
    }

    /// Whether this run decides but writes nothing.
    pub fn dry_run(&self) -> bool {
        self.0.dry_run()
    }

    /// Whether the run's time is computed and not lived: nothing real may then be read or changed.
    pub fn is_virtual(&self) -> bool {
        self.0.is_virtual()
    }

    /// The handle, for what a sink takes from the tap.
    pub(crate) fn handle(&self) -> &HostRef {
        &self.0
    }

    /// Asks the host for something beyond this boundary, such as `pipeline.telemetry`; `None` where it does not know
    /// that name.
    pub fn extension(&self, name: &str, request: &[u8]) -> Option<Vec<u8>> {
        let answer = self.0.extension(RStr::from_str(name), RSlice::from_slice(request));
        answer.into_option().map(Vec::from)
    }

    /// Something that a thread of the plugin may hold to have its node called.
    pub fn waker(&self) -> Waker {
        Waker(self.0.clone())
    }
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("System")
    }
}

/// A place in the journal.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct UndoRecord(u64);

/// Has a node called soon; for the plugin's own threads.
#[derive(Clone)]
pub struct Waker(HostRef);

impl Waker {
    /// Asks for the node to be called.
    pub fn wake(&self) {
        self.0.wake();
    }
}

impl std::fmt::Debug for Waker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waker")
    }
}
