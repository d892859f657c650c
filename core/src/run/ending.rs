//! The last calls of nodes, each in a thread that can be given up: one node that hangs costs itself only, and the
//! others still end in order.

use super::callable::Callable;
use super::declared::Sifted;
use super::hand::Hand;
use super::node::Node;
use super::shared::Shared;
use abi_stable::std_types::RSlice;
use pipeline_plugin_api::abi::{Batch, Called, Failure, FailureKind, Level, Nanos, PortBatch, Stage};
use std::sync::Arc;

/// What a node always has for one of its last calls, however late it is.
const LEAST: Nanos = Nanos::from_millis(100);
/// How long a node that was told a deadline may take beyond it.
const SLACK: Nanos = Nanos::from_millis(200);

/// Last calls of nodes, until a deadline for all of them.
pub struct LastCalls {
    shared: Arc<Shared>,
    hand: Hand,
    deadline: Nanos,
}

impl LastCalls {
    /// Until that deadline.
    pub fn new(shared: Arc<Shared>, hand: Hand, deadline: Nanos) -> Self {
        Self { shared, hand, deadline }
    }

    /// Half of what is left of the time: whoever takes all of it leaves as much for those after it.
    fn share(&self) -> Nanos {
        let left = self.deadline - self.shared.clock.now();
        Nanos(left.0 / 2).max(LEAST)
    }

    /// What is still under way to a node, in one call, and what it answers.
    pub fn deliver(&mut self, node: &mut Node, at: Nanos, batches: Vec<(u32, Arc<Batch>)>) -> Batch {
        if batches.is_empty() {
            return Batch::default();
        }
        self.call(node, at, "input", move |callable, out| {
            let ports: Vec<PortBatch<'_>> = batches
                .iter()
                .map(|(port, batch)| PortBatch { port: *port, batch })
                .collect();
            vec![callable.node.input(at, RSlice::from_slice(&ports), out)]
        })
    }

    /// What it still has to say. Gives its output even where it fails.
    pub fn drain(&mut self, node: &mut Node) -> Batch {
        let deadline = self.shared.clock.now() + self.share();
        let out = self.call(node, self.shared.clock.now(), "drain", move |callable, out| {
            vec![callable.node.drain(deadline, out)]
        });
        if node.last_call_failed() {
            self.shared.fell_short();
        }
        out
    }

    /// The last call. What the node left undone is undone from the journal when all nodes have stopped.
    pub fn stop(&mut self, node: &mut Node) {
        self.call(node, self.shared.clock.now(), "stop", |callable, _| {
            vec![callable.node.stop()]
        });
        let Some(callable) = node.callable.take() else { return };
        let host = callable.host.clone();
        if self
            .hand
            .within(self.share().into(), &host, move || drop(callable))
            .is_none()
        {
            self.lost(node, "drop", self.share());
        }
    }

    fn call(
        &mut self,
        node: &mut Node,
        at: Nanos,
        name: &str,
        call: impl FnOnce(&mut Callable, &mut Batch) -> Vec<Called> + Send + 'static,
    ) -> Batch {
        let mut out = Batch { at, ..Batch::default() };
        let Some(mut callable) = node.callable.take() else {
            return out;
        };
        let host = callable.host.clone();
        let names = self.shared.clone();
        let patience = self.share() + SLACK;
        let done = self.hand.within(patience.into(), &host, move || {
            let mut said = Batch { at, ..Batch::default() };
            let results = call(&mut callable, &mut said);
            let sifted = callable.gives.sift(&mut said, &names.names);
            (callable, said, results, sifted)
        });
        match done {
            Some((callable, said, results, sifted)) => {
                node.callable = Some(callable);
                note(node, at, name, results, sifted);
                out = said;
            }
            None => self.lost(node, name, patience),
        }
        out
    }

    fn lost(&self, node: &mut Node, name: &str, patience: Nanos) {
        node.meter.abandoned.bump();
        node.meter.failures.bump();
        node.fall(true);
        node.give_up(&format!(
            "a call (`{name}`) has not come back for {patience}; the node is given up and its changes are undone"
        ));
        self.shared.fell_short();
    }
}

fn note(node: &mut Node, at: Nanos, name: &str, results: Vec<Called>, sifted: Option<Sifted>) {
    if let Some(sifted) = sifted {
        node.tell_sifted(&sifted);
    }
    for result in results {
        if name == "input" {
            node.meter.calls.bump();
        }
        if let Err(failure) = result.into_result() {
            tell(node, at, name, &failure);
        }
    }
}

fn tell(node: &mut Node, at: Nanos, name: &str, failure: &Failure) {
    if failure.kind == FailureKind::GONE {
        return node.log(Level::DEBUG, &failure.message);
    }
    node.meter.failures.bump();
    // What a sink could not take away now it may in its last word, which is what tells of a loss.
    if node.plan.stage == Stage::SINK && name == "input" && may_do_better(failure.kind) {
        return node.warn(at, &failure.message);
    }
    node.note_last_failure();
    node.log(Level::ERROR, &failure.message);
}

fn may_do_better(kind: FailureKind) -> bool {
    !matches!(kind, FailureKind::FATAL | FailureKind::PANIC)
}
