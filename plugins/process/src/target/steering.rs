//! What somebody wants of a command of this run, whatever its schedule says: an operator through `control`, or an
//! actuator for the length of a lease.
//!
//! One table for the process, since the nodes of a run know nothing of each other. Commands are started and ended by
//! their own node only; this tells it so.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By the run's name and the node's.
static COMMANDS: Mutex<BTreeMap<(String, String), Command>> = Mutex::new(BTreeMap::new());

/// An end state and until when it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whether it is to run.
    pub runs: bool,
    /// From then on its schedule counts again.
    pub until: Nanos,
}

struct Command {
    order: Option<Order>,
    waker: Waker,
}

/// Has the command of that node steered from now on.
pub fn enter(run: &str, node: &str, waker: Waker) {
    commands().insert((run.to_owned(), node.to_owned()), Command { order: None, waker });
}

/// Ends that.
pub fn leave(run: &str, node: &str) {
    commands().remove(&(run.to_owned(), node.to_owned()));
}

/// Whether that node of the run has a command.
pub fn knows(run: &str, node: &str) -> bool {
    commands().contains_key(&(run.to_owned(), node.to_owned()))
}

/// What is wanted of the command at that instant.
pub fn order(run: &str, node: &str, at: Nanos) -> Option<Order> {
    let commands = commands();
    let command = commands.get(&(run.to_owned(), node.to_owned()))?;
    command.order.filter(|order| at < order.until)
}

/// Wants something of the command, or nothing any more; `false` if there is none. Its node is called soon.
pub fn give(run: &str, node: &str, order: Option<Order>) -> bool {
    let waker = match commands().get_mut(&(run.to_owned(), node.to_owned())) {
        Some(command) => {
            command.order = order;
            command.waker.clone()
        }
        None => return false,
    };
    waker.wake();
    true
}

/// The name under which the commands of a run are known. Tests run side by side in one process, and each is a run of
/// its own.
pub fn run_of(host: &Host) -> String {
    let run = host.run_id();
    #[cfg(test)]
    let run = format!("{run} {:?}", std::thread::current().id());
    run
}

fn commands() -> MutexGuard<'static, BTreeMap<(String, String), Command>> {
    COMMANDS.lock().unwrap_or_else(PoisonError::into_inner)
}
