//! The end of a run: what is under way arrives, knobs go back, workloads end, sinks flush.
//!
//! The order is by what each stage needs of the others: collectors, transforms and schedulers first,
//! then actuators while their targets still live, then the targets, and sinks last, so that they get
//! every outcome.

use super::node::Node;
use super::plan::Plan;
use super::shared::Shared;
use super::undo::Undone;
use pipeline_plugin_api::abi::{Batch, Level, Nanos, Stage, TARGETS_PORT};
use std::sync::Arc;

/// Drains and stops the nodes that came back from their lanes, in order.
pub fn drain(plan: &Plan, mut nodes: Vec<Node>, shared: &Shared, deadline: Nanos) -> Vec<Node> {
    nodes.sort_by_key(|node| node.index);
    finish_what_is_under_way(plan, &mut nodes, shared);
    for stage in [
        Stage::COLLECTOR,
        Stage::TRANSFORM,
        Stage::SCHEDULER,
        Stage::ACTUATOR,
        Stage::TARGETS,
        Stage::SINK,
    ] {
        for place in places(&nodes, stage) {
            let mut out = Batch {
                at: shared.clock.now(),
                ..Batch::default()
            };
            nodes[place].drain(deadline, &mut out);
            tell_sinks(plan, &mut nodes, place, &out, shared);
            nodes[place].stop();
        }
    }
    nodes
}

/// Undoes what is left in the journal. `true` if the host is as it was found.
pub fn restore(shared: &Shared) -> bool {
    let mut restored = true;
    for report in shared.journal.undo_all() {
        let (node, subject) = (&report.entry.node, report.entry.subject());
        match report.result {
            Ok(Undone::Restored) => shared.logger.log(Level::INFO, node, &format!("undone: {subject}"), &[]),
            Ok(Undone::Gone) => {}
            Ok(Undone::Taken(found)) => {
                shared.logger.log(
                    Level::WARN,
                    node,
                    &format!("left alone, someone else changed it: {found}"),
                    &[],
                );
            }
            Err(error) => {
                restored = false;
                shared.logger.log(Level::ERROR, node, &error.to_string(), &[]);
            }
        }
    }
    restored
}

fn places(nodes: &[Node], stage: Stage) -> Vec<usize> {
    (0..nodes.len())
        .filter(|place| nodes[*place].plan.stage == stage)
        .collect()
}

/// Batches between lanes are delivered in file order, and what they lead to with them. Actuators
/// get nothing any more: this is no time to begin something.
fn finish_what_is_under_way(plan: &Plan, nodes: &mut [Node], shared: &Shared) {
    let at = shared.clock.now();
    let mut passed: Vec<Vec<(u32, Arc<Batch>)>> = nodes.iter().map(|_| Vec::new()).collect();
    for place in 0..nodes.len() {
        let mut left = nodes[place].leftovers();
        left.append(&mut passed[place]);
        let untold = nodes[place].untold();
        if nodes[place].plan.stage == Stage::ACTUATOR {
            continue;
        }
        let mut out = Batch { at, ..Batch::default() };
        if !untold.is_empty() {
            nodes[place].deliver(at, TARGETS_PORT, &untold, &mut out);
        }
        for (port, batch) in left {
            nodes[place].deliver(at, port, &batch, &mut out);
        }
        if !out.is_empty() {
            let out = Arc::new(out);
            for (below, port) in downstream(plan, nodes, place) {
                passed[below].push((port, out.clone()));
            }
        }
    }
}

/// The nodes that have this one in `from`, with the port.
fn downstream<'a>(plan: &'a Plan, nodes: &'a [Node], place: usize) -> impl Iterator<Item = (usize, u32)> + 'a {
    let index = nodes[place].index;
    nodes.iter().enumerate().filter_map(move |(below, node)| {
        let port = plan.nodes[node.index]
            .from
            .iter()
            .position(|upstream| *upstream == index)?;
        Some((below, port as u32))
    })
}

fn tell_sinks(plan: &Plan, nodes: &mut [Node], place: usize, out: &Batch, shared: &Shared) {
    if out.is_empty() {
        return;
    }
    {
        let mut targets = shared
            .targets
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        out.changes.iter().for_each(|change| targets.tell(change));
    }
    let at = shared.clock.now();
    let mut ignored = Batch::default();
    if !out.changes.is_empty() {
        for sink in places(nodes, Stage::SINK) {
            nodes[sink].deliver(at, TARGETS_PORT, out, &mut ignored);
        }
    }
    for (below, port) in downstream(plan, nodes, place).collect::<Vec<_>>() {
        if nodes[below].plan.stage == Stage::SINK {
            nodes[below].deliver(at, port, out, &mut ignored);
        }
    }
}
