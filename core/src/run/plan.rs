//! What is to be run, after all checks: nodes in file order with their edges as indices, and how
//! they are spread over lanes.

use crate::graph::CONTROL_LANE;
pub use crate::spec::{OnError, Overflow, Queue};
use pipeline_plugin_api::abi::{ElementRef, Nanos, Stage};
use pipeline_plugin_api::tap::RunFacts;

/// Targets that a collector reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Of {
    /// The node that provides them.
    pub provider: usize,
    /// One of them by its name; all where `None`.
    pub target: Option<String>,
}

/// One node.
#[derive(Clone)]
pub struct PlanNode {
    /// Its name in the graph.
    pub name: String,
    /// Its stage.
    pub stage: Stage,
    /// What makes it.
    pub element: ElementRef,
    /// Its config as RON.
    pub config: String,
    /// For collectors: what they read.
    pub of: Vec<Of>,
    /// The nodes whose output it takes, all above it.
    pub from: Vec<usize>,
    /// The nodes whose previous output it is given.
    pub last: Vec<usize>,
    /// How often it is called; zero for only with input.
    pub every: Nanos,
    /// The lane in which it runs.
    pub lane: String,
    /// The CPU to which it pins its lane.
    pub cpu: Option<u32>,
    /// The queue that it asks for.
    pub queue: Option<Queue>,
    /// What to do when it fails.
    pub on_error: OnError,
}

/// A graph that is ready to run.
#[derive(Clone, Default)]
pub struct Plan {
    /// The nodes, in file order.
    pub nodes: Vec<PlanNode>,
    /// The environment variables that hold their secrets; workloads do not inherit them.
    pub secrets: Vec<String>,
    /// What the check knows of the graph, for whoever records the run.
    pub facts: RunFacts,
}

/// A thread and the nodes that it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanePlan {
    /// `control`, or the name that its nodes gave it.
    pub name: String,
    /// Indices of its nodes, ascending.
    pub nodes: Vec<usize>,
    /// The CPU to which it is pinned.
    pub cpu: Option<u32>,
}

impl Plan {
    /// The nodes by lane. With `inline` all share one, as virtual time needs it.
    pub fn lanes(&self, inline: bool) -> Vec<LanePlan> {
        let mut lanes: Vec<LanePlan> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let name = if inline { CONTROL_LANE } else { &node.lane };
            let place = lanes.iter().position(|lane| lane.name == name).unwrap_or_else(|| {
                lanes.push(LanePlan {
                    name: name.to_owned(),
                    nodes: Vec::new(),
                    cpu: None,
                });
                lanes.len() - 1
            });
            lanes[place].nodes.push(index);
            lanes[place].cpu = lanes[place].cpu.or(node.cpu);
        }
        lanes
    }

    /// The targets of which a node is told: what a collector reads, what a transform is told about
    /// from above, and everything for the stages after that.
    pub fn scope(&self, index: usize) -> Vec<Of> {
        let node = &self.nodes[index];
        let mut scope = match node.stage {
            Stage::TARGETS => Vec::new(),
            Stage::COLLECTOR => node.of.clone(),
            Stage::TRANSFORM => node.from.iter().flat_map(|upstream| self.scope(*upstream)).collect(),
            _ => self.providers().map(|provider| Of { provider, target: None }).collect(),
        };
        scope.sort_by(|a, b| (a.provider, &a.target).cmp(&(b.provider, &b.target)));
        scope.dedup();
        // Who is told of all targets of a provider needs not be told of one of them again.
        let whole: Vec<usize> = scope
            .iter()
            .filter(|of| of.target.is_none())
            .map(|of| of.provider)
            .collect();
        scope.retain(|of| of.target.is_none() || !whole.contains(&of.provider));
        scope
    }

    /// Whether a transform or scheduler hears what that node says.
    pub fn decides_on(&self, index: usize) -> bool {
        let pure = |node: &&PlanNode| matches!(node.stage, Stage::TRANSFORM | Stage::SCHEDULER);
        let mut readers = self.nodes.iter().filter(pure);
        readers.any(|node| node.from.contains(&index) || node.last.contains(&index))
    }

    fn providers(&self) -> impl Iterator<Item = usize> {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| node.stage == Stage::TARGETS)
            .map(|(index, _)| index)
    }
}
