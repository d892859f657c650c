//! Which nodes share a thread, and whether the queues between threads can ever lock up.

use super::View;
use crate::spec::{Fault, NodeSpec, Overflow, Placed, Queue, Section};

/// The lane of all nodes that neither block nor ask for another.
pub const CONTROL_LANE: &str = "control";

/// Nodes that run on one thread, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name: `control`, that of a `lane` field, or that of the one node on it.
    pub name: String,
    /// The CPU to which it is pinned.
    pub cpu: Option<u32>,
    /// Places of its nodes in the graph.
    pub nodes: Vec<usize>,
}

impl Lane {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cpu: None,
            nodes: Vec::new(),
        }
    }
}

/// The lanes, and the lane of each node.
pub(super) fn plan(view: &View<'_>, faults: &mut Vec<Fault>) -> (Vec<Lane>, Vec<usize>) {
    let mut lanes = vec![Lane::new(CONTROL_LANE)];
    let lane_of: Vec<usize> = view
        .nodes()
        .map(|(node, spec)| {
            let lane = lane_for(&mut lanes, spec, view.blocks(node));
            lanes[lane].nodes.push(node);
            lane
        })
        .collect();
    for lane in &mut lanes {
        pin(view, lane, faults);
    }
    let plan = Plan {
        view,
        lanes: &lanes,
        lane_of: &lane_of,
    };
    plan.stalls(faults);
    plan.waits(faults);
    (lanes, lane_of)
}

/// A node may name the lane of one that has its own, which is called like that node.
fn lane_for(lanes: &mut Vec<Lane>, spec: &NodeSpec, blocks: bool) -> usize {
    let name = match &spec.lane {
        Some(lane) => lane.value.as_str(),
        None if blocks || spec.queue.is_some() => spec.name.value.as_str(),
        None => CONTROL_LANE,
    };
    lanes.iter().position(|lane| lane.name == name).unwrap_or_else(|| {
        lanes.push(Lane::new(name));
        lanes.len() - 1
    })
}

/// A lane is pinned by any of its nodes; two that name different CPUs contradict each other.
fn pin(view: &View<'_>, lane: &mut Lane, faults: &mut Vec<Fault>) {
    let mut pins = lane.nodes.iter().filter_map(|node| view.node(*node).cpu.as_ref());
    let Some(first) = pins.next() else {
        return;
    };
    lane.cpu = Some(first.value);
    for other in pins.filter(|other| other.value != first.value) {
        let message = format!(
            "lane `{}` is pinned to CPU {} and to CPU {}",
            lane.name, first.value, other.value
        );
        let fault = Fault::error(other.at.clone(), message).also(first.at.clone(), "first here");
        faults.push(fault.help("give one of the nodes a `lane` of its own, or take one `cpu` out"));
    }
}

struct Plan<'a> {
    view: &'a View<'a>,
    lanes: &'a [Lane],
    lane_of: &'a [usize],
}

impl<'a> Plan<'a> {
    /// A node that blocks, put where everything else runs.
    fn stalls(&self, faults: &mut Vec<Fault>) {
        for node in self.lanes[0].nodes.iter().filter(|node| self.view.blocks(**node)) {
            if let Some(lane) = &self.view.node(*node).lane {
                let message = format!(
                    "`{}` may block, and the control lane waits for it",
                    self.view.name(*node)
                );
                let fault = Fault::warning(lane.at.clone(), message);
                faults.push(fault.help("leave `lane` out; it then has a thread of its own"));
            }
        }
    }

    /// Producers that wait for a full queue: none may hold an actuator or wait for itself.
    fn waits(&self, faults: &mut Vec<Fault>) {
        for (node, queue) in self.waiting() {
            for lane in self.producers(node) {
                if let Some(actuator) = self.actuator_in(lane) {
                    faults.push(self.held_actuator(queue, lane, actuator));
                } else if self.reaches(self.lane_of[node], lane) {
                    faults.push(self.circle(queue, lane));
                }
            }
        }
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, &'a Placed<Queue>)> {
        let queues = self
            .view
            .nodes()
            .filter_map(|(node, spec)| Some((node, spec.queue.as_ref()?)));
        queues.filter(|(_, queue)| queue.value.overflow == Overflow::Block)
    }

    /// The lanes from which a node is fed, each once.
    fn producers(&self, node: usize) -> Vec<usize> {
        let mut lanes: Vec<usize> = self
            .view
            .node(node)
            .from
            .iter()
            .map(|link| self.lane_of[link.node])
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    fn actuator_in(&self, lane: usize) -> Option<usize> {
        let mut nodes = self.lanes[lane].nodes.iter().copied();
        nodes.find(|node| self.view.node(*node).section == Section::Actuators)
    }

    /// Whether a lane that waits makes another one wait, by way of queues that block.
    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![from];
        let mut next = 0;
        while next < seen.len() {
            let lane = seen[next];
            next += 1;
            if lane == to {
                return true;
            }
            for (node, _) in self.waiting().filter(|(node, _)| self.producers(*node).contains(&lane)) {
                if !seen.contains(&self.lane_of[node]) {
                    seen.push(self.lane_of[node]);
                }
            }
        }
        false
    }

    fn held_actuator(&self, queue: &Placed<Queue>, lane: usize, actuator: usize) -> Fault {
        let message = format!(
            "a full queue here would hold up lane `{}`, and `{}` acts on it",
            self.lanes[lane].name,
            self.view.name(actuator)
        );
        Fault::error(queue.at.clone(), message)
            .also(
                self.view.node(actuator).name.at.clone(),
                "this actuator would have to wait",
            )
            .help("use `overflow: DropOldest`, or give the actuator a `lane` of its own")
    }

    fn circle(&self, queue: &Placed<Queue>, lane: usize) -> Fault {
        let message = format!(
            "a full queue here would make lane `{}` wait for itself",
            self.lanes[lane].name
        );
        Fault::error(queue.at.clone(), message).help("use `overflow: DropOldest`, or another `lane`")
    }
}
