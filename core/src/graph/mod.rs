//! A graph file against the elements that there are: whether every node can be made, whether what
//! one gives is what the next takes, and on which thread each runs.
//!
//! Nothing is made or started here; of a plugin only its descriptions are asked.

mod actions;
mod casting;
mod elements;
mod facts;
mod lanes;
mod places;
mod plan;
mod ports;
mod secrets;
mod truth;
mod unused;

#[cfg(test)]
pub(crate) mod tests;

pub use casting::{Casting, StandIn};
pub use elements::{Elements, Installed, suggestion};
pub use lanes::{CONTROL_LANE, Lane};
pub use secrets::{Variable, masked, variables};

use crate::plugin::Available;
use crate::spec::{Fault, GraphSpec, NodeSpec, Severity};
use elements::Found;
use pipeline_plugin_api::abi::{ElementRef, Nanos, Ports};
use pipeline_plugin_api::tap::RunFacts;

/// A graph without faults.
pub struct Checked {
    /// The nodes, in the order in which data moves.
    pub nodes: Vec<CheckedNode>,
    /// The threads; the first is the control lane, which may be empty.
    pub lanes: Vec<Lane>,
    /// What is likely not meant and can run all the same.
    pub warnings: Vec<Fault>,
    /// The environment variables that hold secrets of its nodes.
    pub secrets: Vec<String>,
    /// What is told to whoever records a run of it.
    pub facts: RunFacts,
}

/// A node whose element is there and takes its config.
pub struct CheckedNode {
    /// The node as written; its links are indices into [`Checked::nodes`].
    pub spec: NodeSpec,
    /// Its element.
    pub element: ElementRef,
    /// The plugin that has the element.
    pub plugin: Available,
    /// What it takes and gives under its config, with what its stage adds: an actuator gives
    /// outcomes, a scheduler takes them.
    pub ports: Ports,
    /// How often it is called; zero for only with input.
    pub every: Nanos,
    /// Its config as RON; empty where the file has none.
    pub config: String,
    /// Its place among [`Checked::lanes`].
    pub lane: usize,
}

impl CheckedNode {
    /// Its name.
    pub fn name(&self) -> &str {
        self.spec.name.value.as_str()
    }
}

/// Checks a graph file against the elements that there are.
///
/// # Errors
/// All that is wrong, warnings included, in the order of the file.
pub fn check(spec: &GraphSpec, elements: &dyn Elements) -> Result<Checked, Vec<Fault>> {
    check_as(spec, elements, &Casting::default())
}

/// The same of a graph that is not run as it stands.
///
/// # Errors
/// All that is wrong, warnings included, in the order of the file.
pub fn check_as(spec: &GraphSpec, elements: &dyn Elements, casting: &Casting) -> Result<Checked, Vec<Fault>> {
    let mut faults = spec.faults.clone();
    for node in &spec.nodes {
        secrets::check(spec, node, &mut faults);
    }
    let found: Vec<Found> = spec
        .nodes
        .iter()
        .map(|node| match casting.of(node) {
            Some(stand_in) => casting::found(spec, node, stand_in, elements, &mut faults),
            None => Found::of(spec, node, elements, &mut faults),
        })
        .collect();
    let view = View { spec, found: &found };
    ports::check(&view, &mut faults);
    actions::check(&view, &mut faults);
    truth::check(&view, &mut faults);
    if casting.virtual_time {
        casting::check_time(&view, &mut faults);
    }
    if !casting.without_sinks {
        unused::check(&view, &mut faults);
    }
    let (lanes, lane_of) = lanes::plan(&view, &mut faults);
    secrets::tell_once(&mut faults);
    faults.sort_by_key(|fault| (fault.at.start, fault.at.end));
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Err(faults);
    }
    let nodes = spec.nodes.iter().zip(found).zip(lane_of);
    let nodes: Vec<CheckedNode> = nodes
        .filter_map(|((node, found), lane)| checked(node, found, lane))
        .collect();
    Ok(Checked {
        facts: facts::of(spec, &nodes, &lanes),
        nodes,
        lanes,
        warnings: faults,
        secrets: variables(spec).into_iter().map(|variable| variable.name).collect(),
    })
}

/// A node without faults has an element and ports; one that has not was told.
fn checked(node: &NodeSpec, found: Found, lane: usize) -> Option<CheckedNode> {
    let element = found.element?;
    Some(CheckedNode {
        spec: node.clone(),
        element,
        plugin: found.plugin?,
        ports: found.ports?,
        every: match (&node.every, &found.stand_in) {
            // A stand-in knows itself when it has something to say.
            (Some(every), None) => every.value,
            _ => element.every(),
        },
        config: found
            .stand_in
            .or_else(|| Some(node.config.as_ref()?.value.clone()))
            .unwrap_or_default(),
        lane,
    })
}

/// The nodes with what was found of their elements.
#[derive(Copy, Clone)]
struct View<'a> {
    spec: &'a GraphSpec,
    found: &'a [Found],
}

impl<'a> View<'a> {
    fn nodes(&self) -> impl Iterator<Item = (usize, &'a NodeSpec)> + use<'a> {
        self.spec.nodes.iter().enumerate()
    }

    fn node(&self, node: usize) -> &'a NodeSpec {
        &self.spec.nodes[node]
    }

    fn name(&self, node: usize) -> &'a str {
        self.node(node).name.value.as_str()
    }

    /// What a node takes and gives; none where a fault hides it.
    fn ports(&self, node: usize) -> Option<&'a Ports> {
        self.found[node].ports.as_ref()
    }

    /// Whether a node's calls may block, as far as is known.
    fn blocks(&self, node: usize) -> bool {
        self.found[node].element.is_some_and(|element| element.blocking() != 0)
    }

    /// Where to point for something about the node's element.
    fn element_at(&self, node: usize) -> std::ops::Range<usize> {
        let spec = self.node(node);
        spec.plugin.as_ref().map_or(&spec.name.at, |plugin| &plugin.at).clone()
    }
}
