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
use super::tap::{Moment, Said, Tap};
use super::undo::{Patience, told};
use super::waiting::{Arrived, Arriving, Waited};
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
/// What is under way between them arrives before, if `finish`.
pub fn drain(plan: &Plan, mut nodes: Vec<Node>, shared: &Arc<Shared>, deadline: Nanos, finish: bool) -> Vec<Node> {
    nodes.sort_by_key(|node| node.index);
    let calls = LastCalls::new(shared.clone(), Hand::new(shared.clone()), deadline);
    let mut end = End {
        plan,
        nodes,
        shared,
        calls,
    };
    if finish {
        end.finish_what_is_under_way();
    }
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
        self.tell_tap(place, &out);
        self.tell_sinks(place, out);
        self.calls.stop(&mut self.nodes[place]);
    }

    /// Batches between lanes are delivered in file order, and what they lead to with them. Actuators
    /// get nothing any more: this is no time to begin something.
    fn finish_what_is_under_way(&mut self) {
        let at = self.shared.clock.now();
        let mut passed: Vec<Vec<Arrived>> = self.nodes.iter().map(|_| Vec::new()).collect();
        for place in 0..self.nodes.len() {
            let node = &mut self.nodes[place];
            let mut left = node.leftovers();
            left.append(&mut passed[place]);
            let waited = node.waited();
            // What is no reason to call it is heard only by whoever is called all the same.
            if node.plan.stage == Stage::ACTUATOR || (waited.changes.is_none() && left.is_empty()) {
                continue;
            }
            let mut left = left.into_iter();
            self.finish(place, at, waited.with(left.next()), &mut passed);
            for arrived in left {
                self.finish(place, at, Waited::default().with(Some(arrived)), &mut passed);
            }
        }
    }

    /// What was under way arrives, at an instant of its own, and what it leads to is under way in turn.
    fn finish(&mut self, place: usize, at: Nanos, (batches, takes): Arriving, passed: &mut [Vec<Arrived>]) {
        let index = self.nodes[place].index;
        let number = self.shared.tap.get().map(Tap::next_instant).unwrap_or_default();
        let moment = Moment { number, at };
        if let Some(tap) = self.shared.tap.get().filter(|tap| tap.is_pure(index)) {
            tap.called(index, moment, false, &takes);
        }
        let out = self.calls.deliver(&mut self.nodes[place], at, batches);
        if out.is_empty() {
            return;
        }
        if let Some(tap) = self.shared.tap.get() {
            tap.said(index, moment, &out);
        }
        let said = Said {
            node: index as u32,
            instant: number,
        };
        let out = Arc::new(out);
        for (below, port) in self.downstream(place) {
            if !self.nodes[below].meter.is_tapping() {
                let batch = out.clone();
                passed[below].push(Arrived { port, said, batch });
            }
        }
    }

    /// What a node says at its end, for whoever records it.
    fn tell_tap(&self, place: usize, out: &Batch) {
        if let Some(tap) = self.shared.tap.get().filter(|_| !out.is_empty()) {
            let moment = Moment {
                number: tap.next_instant(),
                at: out.at,
            };
            tap.said(self.nodes[place].index, moment, out);
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
                if self.nodes[sink].meter.is_tapping() {
                    continue;
                }
                let told = vec![(TARGETS_PORT, out.clone())];
                self.calls.deliver(&mut self.nodes[sink], at, told);
            }
        }
        for (below, port) in self.downstream(place) {
            if self.nodes[below].plan.stage == Stage::SINK && !self.nodes[below].meter.is_tapping() {
                let told = vec![(port, out.clone())];
                self.calls.deliver(&mut self.nodes[below], at, told);
            }
        }
    }
}
