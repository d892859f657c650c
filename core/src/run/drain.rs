//! The end of a run: what is under way arrives, knobs go back, workloads end, sinks flush.
//!
//! The order is by what each stage needs of the others: collectors, transforms and schedulers first,
//! then actuators while their targets still live, then the targets, and sinks last, so that they get
//! every outcome.

use super::ending::LastCalls;
use super::hand::Hand;
use super::node::Node;
use super::plan::Plan;
use super::shared::Shared;
use super::undo::{Patience, told};
use pipeline_plugin_api::abi::{Batch, Nanos, Stage, TARGETS_PORT};
use std::sync::Arc;

/// The stages in the order in which they end.
const ORDER: [Stage; 6] = [
    Stage::COLLECTOR,
    Stage::TRANSFORM,
    Stage::SCHEDULER,
    Stage::ACTUATOR,
    Stage::TARGETS,
    Stage::SINK,
];

/// Drains and stops the nodes that came back from their lanes, in order.
pub fn drain(plan: &Plan, mut nodes: Vec<Node>, shared: &Arc<Shared>, deadline: Nanos) -> Vec<Node> {
    nodes.sort_by_key(|node| node.index);
    let calls = LastCalls::new(shared.clone(), Hand::new(shared.clone()), deadline);
    let mut end = End {
        plan,
        nodes,
        shared,
        calls,
    };
    end.finish_what_is_under_way();
    for stage in ORDER {
        for place in end.places(stage) {
            end.node(place);
        }
    }
    end.nodes
}

/// Undoes what is left in the journal. `true` if the host is as it was found.
pub fn restore(shared: &Shared) -> bool {
    let mut restored = true;
    for report in shared.journal.undo_all() {
        restored &= told(&report, &shared.logger, Patience::Wait);
    }
    restored
}

struct End<'a> {
    plan: &'a Plan,
    nodes: Vec<Node>,
    shared: &'a Shared,
    calls: LastCalls,
}

impl End<'_> {
    fn places(&self, stage: Stage) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|place| self.nodes[*place].plan.stage == stage)
            .collect()
    }

    /// One node's last word, and its end.
    fn node(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let mut out = self.calls.drain(node);
        node.conclude(out.at, &mut out);
        self.tell_sinks(place, out);
        self.calls.stop(&mut self.nodes[place]);
    }

    /// Batches between lanes are delivered in file order, and what they lead to with them. Actuators
    /// get nothing any more: this is no time to begin something.
    fn finish_what_is_under_way(&mut self) {
        let at = self.shared.clock.now();
        let mut passed: Vec<Vec<(u32, Arc<Batch>)>> = self.nodes.iter().map(|_| Vec::new()).collect();
        for place in 0..self.nodes.len() {
            let node = &mut self.nodes[place];
            let mut left = node.leftovers();
            left.append(&mut passed[place]);
            let untold = node.untold();
            if node.plan.stage == Stage::ACTUATOR {
                continue;
            }
            if !untold.is_empty() {
                let untold = Batch {
                    at,
                    changes: untold.into(),
                    ..Batch::default()
                };
                left.insert(0, (TARGETS_PORT, Arc::new(untold)));
            }
            let out = self.calls.deliver(node, at, left);
            if !out.is_empty() {
                let out = Arc::new(out);
                for (below, port) in self.downstream(place) {
                    passed[below].push((port, out.clone()));
                }
            }
        }
    }

    /// The nodes that have this one in `from`, with the port.
    fn downstream(&self, place: usize) -> Vec<(usize, u32)> {
        let index = self.nodes[place].index;
        let port = |node: &Node| self.plan.nodes[node.index].from.iter().position(|up| *up == index);
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter_map(|(below, node)| Some((below, port(node)? as u32)))
            .collect()
    }

    fn tell_sinks(&mut self, place: usize, out: Batch) {
        if out.is_empty() {
            return;
        }
        {
            let mut targets = self
                .shared
                .targets
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            out.changes.iter().for_each(|change| targets.tell(change));
        }
        let at = self.shared.clock.now();
        let out = Arc::new(out);
        if !out.changes.is_empty() {
            for sink in self.places(Stage::SINK) {
                let told = vec![(TARGETS_PORT, out.clone())];
                self.calls.deliver(&mut self.nodes[sink], at, told);
            }
        }
        for (below, port) in self.downstream(place) {
            if self.nodes[below].plan.stage == Stage::SINK {
                let told = vec![(port, out.clone())];
                self.calls.deliver(&mut self.nodes[below], at, told);
            }
        }
    }
}
