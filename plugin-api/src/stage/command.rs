//! The trait of commands, and their adapter.

use super::source::common_calls;
use super::{Element, Result, Role, Wish, called};
use crate::abi::{Batch, Called, Failure, FailureKind, Nanos, NodeAbi, PortBatch, Stage, TargetId, Tick};
use crate::command::Console;
use crate::host::Host;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
use std::marker::PhantomData;

/// A subcommand of `pipeline`. Its [`Element::NAME`] is the word that is typed, without a dot, and its
/// [`Element::SUMMARY`] the line in `pipeline --help`. It stands in no graph, has no config, and its ports are none.
pub trait Command: Element {
    /// Carries it out. `arguments` is what stands behind the name, `--help` included; gives the exit status.
    ///
    /// # Errors
    /// It could not be done: the message is shown, and the exit status is 1.
    fn run(&mut self, arguments: &[String], console: &Console) -> Result<u8>;
}

/// A [`Command`] in its stage.
pub struct Commands<E>(PhantomData<E>);

impl<E: Command> Role for Commands<E> {
    type Element = E;
    type Node = CommandNode<E>;
    const STAGE: u32 = Stage::COMMAND.0;
    fn node(element: E, host: Host) -> Self::Node {
        CommandNode { element, host }
    }
}

/// The node around a [`Command`].
pub struct CommandNode<E> {
    element: E,
    host: Host,
}

impl<E: Command> NodeAbi for CommandNode<E> {
    fn start(&mut self) -> Called {
        RResult::ROk(Nanos::ZERO)
    }
    fn tick(&mut self, _: &Tick<'_>, _: &mut Batch) -> Called {
        RResult::RErr(no_node())
    }
    fn input(&mut self, _: Nanos, _: RSlice<'_, PortBatch<'_>>, _: &mut Batch) -> Called {
        RResult::RErr(no_node())
    }
    fn descriptors(&self) -> RVec<i32> {
        RVec::new()
    }
    fn drain(&mut self, _: Nanos, _: &mut Batch) -> Called {
        RResult::ROk(Nanos::ZERO)
    }
    fn command(&mut self, arguments: RSlice<'_, RString>) -> RResult<u32, Failure> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        self.element.run(&arguments, &self.host.console()).map(u32::from).into()
    }
    fn stop(&mut self) -> Called {
        RResult::ROk(Nanos::ZERO)
    }
    common_calls!();
}

fn no_node() -> Failure {
    Failure {
        kind: FailureKind::FATAL,
        target: TargetId::NONE,
        message: RString::from("a command is no node of a graph"),
    }
}
