//! The traits that authors implement: [`Element`] for all, and one for each stage.
//!
//! The adapters that turn them into nodes of the boundary are in the files beside this one.

mod act;
mod command;
mod pure;
mod sink;
mod source;

pub use act::Actuates;
pub use command::{Command, Commands};
pub use pure::{Schedules, Transforms};
pub use sink::Sinks;
pub use source::{Collects, Provides};

use crate::abi::{
    Action, Batch, Called, Control, Failure, FailureKind, Finding, KnobId, LAST_PORT, Nanos, NodeAbi, OUTCOMES_PORT,
    Outcome, PortBatch, Probe, Reading, TargetChange, TargetId, Tick,
};
use crate::config::Configure;
use crate::host::{Host, System};
use crate::ports::Ports;
use abi_stable::std_types::RResult;

/// What a call gives, or why it failed.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// This call failed; the next may do better.
    pub fn retry(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::RETRY,
            target: TargetId::NONE,
            message: message.into().into(),
        }
    }

    /// The target left while it was dealt with; normal.
    pub fn gone(target: TargetId, message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::GONE,
            target,
            message: message.into().into(),
        }
    }

    /// Somebody else changed the knob; for [`Actuator`] only.
    pub fn taken(target: TargetId, message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::TAKEN,
            target,
            message: message.into().into(),
        }
    }

    /// This node cannot go on.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::FATAL,
            target: TargetId::NONE,
            message: message.into().into(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// When a node wants to be called next, beside its `every` and its input.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing but the usual.
    Nothing,
    /// At that instant at the latest.
    At(Nanos),
}

pub(crate) fn called(result: Result<Wish>) -> Called {
    match result {
        Ok(Wish::Nothing) => RResult::ROk(Nanos::ZERO),
        Ok(Wish::At(at)) => RResult::ROk(at),
        // A knob that was taken is no matter of the node as a whole.
        Err(failure) if failure.kind == FailureKind::TAKEN => RResult::RErr(Failure {
            kind: FailureKind::RETRY,
            ..failure
        }),
        Err(failure) => RResult::RErr(failure),
    }
}

/// What every element says of itself, whatever its stage.
pub trait Element: Send + Sized + 'static {
    /// Subject, dot, element: `signal.rate`; a command's has no dot.
    const NAME: &'static str;
    /// One sentence for people.
    const SUMMARY: &'static str;
    /// The version of what `save` gives; a successor loads only its own.
    const STATE_VERSION: u32 = 1;
    /// Whether calls may block, so that the node wants a thread of its own. A call may then take 30 s and otherwise 1 s;
    /// past it the node is given up with its thread, and what it changed is undone.
    const BLOCKING: bool = false;
    /// How often it is called where the graph does not say; zero for only with input.
    const EVERY: Nanos = Nanos::ZERO;
    /// Whether it works in virtual time and then touches nothing of the real machine: what `pipeline run --virtual`
    /// asks of target providers, collectors and actuators. Transforms and schedulers always do, and sinks may.
    const VIRTUAL_TIME: bool = false;
    /// The struct that its config is parsed into.
    type Config: Configure;

    /// What it takes and gives under that config.
    fn ports(config: &Self::Config) -> Ports;
    /// Makes it, without any effect on the world.
    ///
    /// # Errors
    /// It cannot be made as configured; the message says why.
    fn create(config: Self::Config, host: &Host) -> Result<Self>;
    /// What this machine offers of what it needs.
    fn probe() -> Vec<Probe> {
        Vec::new()
    }
    /// Changes a setting at run time; `value` is RON.
    ///
    /// # Errors
    /// There is no such setting, or the value does not fit.
    fn control(&mut self, name: &str, value: &str) -> Result<()> {
        let _ = value;
        Err(Failure::retry(format!(
            "`{}` has no setting `{name}` that can change while it runs",
            Self::NAME
        )))
    }
    /// One line for people about what it is doing.
    fn status(&self) -> String {
        String::new()
    }
    /// The state that a successor may load: for a change of a graph while it runs.
    ///
    /// The host of ABI 0.3 changes no running graph and calls neither this nor `load`; a node that it makes anew after a
    /// failure begins afresh. What a later run is to know goes through [`Host::store`] and [`Host::fetch`].
    ///
    /// # Errors
    /// The state cannot be told now.
    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
    /// Takes over a predecessor's state.
    ///
    /// # Errors
    /// The state does not fit; the node then begins afresh.
    fn load(&mut self, state: &[u8]) -> Result<()> {
        let _ = state;
        Ok(())
    }
}

/// Brings targets: what is watched.
pub trait TargetProvider: Element {
    /// Called once before the first tick.
    ///
    /// # Errors
    /// It cannot begin.
    fn start(&mut self, system: &System) -> Result<()>;
    /// Tells in `out.changes` what appeared, changed or went.
    ///
    /// # Errors
    /// See [`FailureKind`].
    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish>;
    /// Descriptors that make the node be called when they are ready to be read.
    fn descriptors(&self) -> Vec<i32> {
        Vec::new()
    }
    /// Ends what it began, telling the last changes.
    ///
    /// # Errors
    /// Something of it is left.
    fn stop(&mut self, out: &mut Batch) -> Result<()> {
        let _ = out;
        Ok(())
    }
}

/// Reads numbers of targets.
pub trait Collector: Element {
    /// Called once before the first tick.
    ///
    /// # Errors
    /// It cannot begin.
    fn start(&mut self, system: &System) -> Result<()> {
        let _ = system;
        Ok(())
    }
    /// A target of its `of` appeared, changed or went.
    ///
    /// # Errors
    /// See [`FailureKind`]; the target is then not read.
    fn target(&mut self, change: &TargetChange) -> Result<()>;
    /// Puts readings into `out.readings`.
    ///
    /// # Errors
    /// See [`FailureKind`]. What is already in `out` is kept.
    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish>;
    /// Descriptors that make the node be called when they are ready to be read.
    fn descriptors(&self) -> Vec<i32> {
        Vec::new()
    }
    /// Ends what it began.
    ///
    /// # Errors
    /// Something of it is left.
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Turns readings into readings or findings. Pure: what it says depends on what it was given.
pub trait Transform: Element {
    /// Takes what came at one instant.
    ///
    /// # Errors
    /// See [`FailureKind`].
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish>;
}

/// Decides on actions. Pure: what it decides depends on what it was given. The controls that its
/// actuators publish and the outcomes of its own actions come with the input.
pub trait Scheduler: Element {
    /// Takes what came at one instant and puts actions into `out.actions`.
    ///
    /// # Errors
    /// See [`FailureKind`].
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish>;
}

/// What is in force after an actuator did its work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    /// In the knob's unit.
    pub value: f64,
    /// For knobs that are not numbers.
    pub text: String,
    /// Why it is not quite what was asked for; empty where it is.
    pub clamped: String,
}

/// How a lease ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Release {
    /// The knob is as it was found.
    Restored(Effect),
    /// Someone else changed it meanwhile; it was left alone. The text says what was found.
    Taken(String),
}

/// Carries actions out: the only stage that may change how a workload runs. Leases, sets and dry
/// runs are dealt with around it; it turns one knob at a time.
pub trait Actuator: Element {
    /// Called once before the first action.
    ///
    /// # Errors
    /// It cannot begin.
    fn start(&mut self, system: &System) -> Result<()>;
    /// A target appeared, changed or went; gives the knobs that it has now.
    ///
    /// # Errors
    /// See [`FailureKind`].
    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>>;
    /// Whether it will put back all that it holds of that target when it is told this change, as where the target's
    /// groups are others now. Asked ahead of [`Actuator::target`]; the leases then end here, and each is told.
    fn lets_go(&self, change: &TargetChange) -> bool {
        let _ = change;
        false
    }
    /// Whether it has that knob at all.
    fn takes(&self, knob: KnobId) -> bool;
    /// Brings a knob to the action's end state; journals before the first write; writes idempotently.
    ///
    /// # Errors
    /// The action is refused; the message is the outcome's reason. [`FailureKind::TAKEN`] where somebody else changed
    /// a knob that it held: it then holds it no more, and is not asked to release it.
    fn apply(&mut self, action: &Action) -> Result<Effect>;
    /// Puts a knob back as it was found.
    ///
    /// # Errors
    /// It could not be put back: the loudest thing that there is to say. It still holds the knob then, and is asked
    /// again; except with [`FailureKind::GONE`], as there is nothing left to put back.
    fn release(&mut self, target: TargetId, knob: KnobId) -> Result<Release>;
    /// Looks after a knob that it holds, as where a target gets new threads. Asked for each lease at every instant at
    /// which the node is called; an actuator that needs it has an [`Element::EVERY`].
    ///
    /// # Errors
    /// [`FailureKind::TAKEN`] where somebody else changed the knob: it then holds it no more, and is not asked to
    /// release it. Anything else is a warning, and the lease goes on.
    fn tend(&mut self, at: Nanos, target: TargetId, knob: KnobId) -> Result<()> {
        let _ = (at, target, knob);
        Ok(())
    }
    /// For what stands in for another actuator: takes the call as a whole, so that leases, sets and outcomes are its own
    /// business. `None`, as by default, leaves them to the host's side.
    fn instead(&mut self, input: &Input<'_>, out: &mut Batch) -> Option<Result<Wish>> {
        let _ = (input, out);
        None
    }
    /// Ends what it began. All leases were released before.
    ///
    /// # Errors
    /// Something of it is left.
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Takes data away: to files, databases, people.
pub trait Sink: Element {
    /// Called once before the first write.
    ///
    /// # Errors
    /// It cannot begin.
    fn start(&mut self, system: &System) -> Result<()>;
    /// Takes what came at one instant.
    ///
    /// # Errors
    /// See [`FailureKind`].
    fn write(&mut self, input: &Input<'_>) -> Result<Wish>;
    /// Everything given so far is to be where it belongs; the last call but `stop`.
    ///
    /// # Errors
    /// Data was lost; the message says how much.
    fn flush(&mut self, deadline: Nanos) -> Result<()> {
        let _ = deadline;
        Ok(())
    }
}

/// What came at one instant, from every upstream that spoke.
#[derive(Copy, Clone, Debug)]
pub struct Input<'a> {
    /// The instant.
    pub at: Nanos,
    batches: &'a [PortBatch<'a>],
}

impl<'a> Input<'a> {
    /// Input made of those batches.
    pub fn new(at: Nanos, batches: &'a [PortBatch<'a>]) -> Self {
        Self { at, batches }
    }

    /// The batches with their ports, in the order of `from`.
    pub fn batches(&self) -> impl Iterator<Item = (u32, &'a Batch)> + use<'a> {
        self.batches.iter().map(|port| (port.port, port.batch))
    }

    /// What the upstream at that place of `from` said.
    pub fn from(&self, port: u32) -> Option<&'a Batch> {
        self.batches().find(|(this, _)| *this == port).map(|(_, batch)| batch)
    }

    /// Changes of targets, told before the readings.
    pub fn changes(&self) -> impl Iterator<Item = &'a TargetChange> + use<'a> {
        self.batches.iter().flat_map(|port| port.batch.changes.iter())
    }

    /// Readings of this instant.
    pub fn readings(&self) -> impl Iterator<Item = &'a Reading> + use<'a> {
        self.fresh().flat_map(|batch| batch.readings.iter())
    }

    /// Findings of this instant.
    pub fn findings(&self) -> impl Iterator<Item = &'a Finding> + use<'a> {
        self.fresh().flat_map(|batch| batch.findings.iter())
    }

    /// Actions of this instant.
    pub fn actions(&self) -> impl Iterator<Item = &'a Action> + use<'a> {
        self.fresh().flat_map(|batch| batch.actions.iter())
    }

    /// Outcomes, of this instant and those that came back.
    pub fn outcomes(&self) -> impl Iterator<Item = &'a Outcome> + use<'a> {
        self.batches.iter().flat_map(|port| port.batch.outcomes.iter())
    }

    /// Controls that actuators publish.
    pub fn controls(&self) -> impl Iterator<Item = &'a Control> + use<'a> {
        self.batches.iter().flat_map(|port| port.batch.controls.iter())
    }

    /// What the nodes in `last` said at the previous instant, by their place there.
    pub fn last(&self) -> impl Iterator<Item = (u32, &'a Batch)> + use<'a> {
        self.batches()
            .filter(|(port, _)| (LAST_PORT..OUTCOMES_PORT).contains(port))
            .map(|(p, b)| (p - LAST_PORT, b))
    }

    fn fresh(&self) -> impl Iterator<Item = &'a Batch> + use<'a> {
        self.batches()
            .filter(|(port, _)| *port < LAST_PORT)
            .map(|(_, batch)| batch)
    }
}

/// An element in its stage: what `export_plugin!` describes. Implemented by the adapters here only.
pub trait Role: 'static {
    /// The element.
    type Element: Element;
    /// The node made of it.
    type Node: NodeAbi + 'static;
    /// A [`crate::abi::Stage`].
    const STAGE: u32;
    /// Makes the node.
    fn node(element: Self::Element, host: Host) -> Self::Node;
}
