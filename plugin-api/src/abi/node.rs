//! The vtable of one node of a graph, as the host calls it.
//!
//! Plugins do not write this trait; [`super::guard::Guarded`] does, around the typed traits of
//! [`crate::stage`].

use super::integers::FailureKind;
use super::values::{Batch, Nanos, TargetId};
use abi_stable::std_types::{RBox, ROption, RResult, RSlice, RString, RVec};
use abi_stable::{StableAbi, sabi_trait};

/// Why a call failed and what that means for the node.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Failure {
    pub kind: FailureKind,
    /// The target that it was about, or [`TargetId::NONE`].
    pub target: TargetId,
    /// What, where and how to mend, in lower case.
    pub message: RString,
}

/// The instant at which a node that reads the world is called.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug)]
pub struct Tick<'a> {
    /// When it was due: the instant that its readings carry.
    pub at: Nanos,
    /// How many of its instants were skipped since the last call.
    pub missed: u64,
    /// The descriptors that were ready, of those that the node named.
    pub ready: RSlice<'a, i32>,
}

/// One upstream node's batch of this instant.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug)]
pub struct PortBatch<'a> {
    /// The place of the upstream in `from`; from [`LAST_PORT`] on, its place in `last`;
    /// [`TARGETS_PORT`] for changes of targets.
    pub port: u32,
    pub batch: &'a Batch,
}

/// The first port number of the entries of `last`.
pub const LAST_PORT: u32 = 0x1_0000;
/// The port on which outcomes of a scheduler's own actions come back.
pub const OUTCOMES_PORT: u32 = 0xffff_fffe;
/// The port on which changes of targets come, ahead of that instant's readings.
pub const TARGETS_PORT: u32 = 0xffff_ffff;

/// The answer of a call: when the node wants to be called next at the latest, 0 for no wish.
pub type Called = RResult<Nanos, Failure>;

/// One node of a graph.
///
/// Calls are synchronous and come from one thread at a time. None may panic: the guard sees to it.
#[sabi_trait]
pub trait NodeAbi: Send {
    /// The first call. What it opens, `stop` closes.
    fn start(&mut self) -> Called;
    /// Reads the world: for target providers and collectors.
    fn tick(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Called;
    /// Takes what upstream said at this instant: for all other stages, and for changes of targets.
    fn input(&mut self, at: Nanos, inputs: RSlice<'_, PortBatch<'_>>, out: &mut Batch) -> Called;
    /// Changes a setting at run time. `value` is RON.
    fn control(&mut self, name: abi_stable::std_types::RStr<'_>, value: abi_stable::std_types::RStr<'_>) -> Called;
    /// One line for people about what the node is doing.
    fn status(&self) -> RString;
    /// Descriptors for which to wait: the node is called when one is ready. Asked after each call.
    fn descriptors(&self) -> RVec<i32>;
    /// The state that a successor may load. The host of ABI 0.3 calls neither this nor `load`: a node that it makes anew
    /// begins afresh. They are for a change of a graph while it runs, and tests of elements call them.
    fn save(&mut self) -> RResult<RVec<u8>, Failure>;
    /// Takes over the state that a predecessor of that state version saved.
    fn load(&mut self, version: u32, state: RSlice<'_, u8>) -> Called;
    /// Says what is still to be said; the last call in which anything can be emitted.
    fn drain(&mut self, deadline: Nanos, out: &mut Batch) -> Called;
    /// A conversation that this version of the boundary does not know: a name, a request, an answer.
    fn extension(&mut self, name: abi_stable::std_types::RStr<'_>, request: RSlice<'_, u8>) -> ROption<RVec<u8>>;
    /// Carries a command out and gives its exit status; for commands only.
    fn command(&mut self, arguments: RSlice<'_, RString>) -> RResult<u32, Failure> {
        let _ = arguments;
        RResult::RErr(Failure {
            kind: FailureKind::FATAL,
            target: TargetId::NONE,
            message: RString::from("this element is no command"),
        })
    }
    /// The last call.
    #[sabi(last_prefix_field)]
    fn stop(&mut self) -> Called;
}

/// A node as the host holds it.
pub type NodeBox = NodeAbi_TO<'static, RBox<()>>;
