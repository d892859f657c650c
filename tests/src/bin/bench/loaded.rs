//! The mock plugin as the real loader brings it, and a run for its nodes to live in.

use pipeline::graph::CONTROL_LANE;
use pipeline::plugin::{Catalog, search_path};
use pipeline::run::clock::Clock;
use pipeline::run::host::NodeHost;
use pipeline::run::journal::Journal;
use pipeline::run::log::{Format, Logger};
use pipeline::run::plan::{OnError, PlanNode};
use pipeline::run::shared::Shared;
use pipeline::run::wake::{Bell, Wake};
use pipeline_plugin_api::abi::{Level, NodeBox};
use pipeline_plugin_api::host::Host;
use std::error::Error;
use std::sync::Arc;

/// A run that journals nothing and keeps nothing.
pub struct Run {
    /// What its lanes share.
    pub shared: Arc<Shared>,
    catalog: Catalog,
}

impl Run {
    /// A run with the plugins on the search path.
    pub fn new() -> Self {
        let clock = Clock::real();
        // What an element warns of is not measured: hours pass in seconds here.
        let logger = Logger::new(Format::Text, Level::ERROR, clock.clone(), Box::new(std::io::stderr()));
        let nowhere = std::path::Path::new("/proc/nowhere");
        let journal = Journal::new(nowhere, "bench");
        let shared = Shared::new(clock, logger, journal, "bench".to_owned(), true, nowhere.to_owned());
        Self {
            shared: Arc::new(shared),
            catalog: Catalog::scan(&search_path(&[])),
        }
    }

    /// A node of a graph whose element comes from a loaded plugin.
    pub fn plan(&self, element: &str, from: &[usize]) -> Result<PlanNode, Box<dyn Error>> {
        let name = element.to_owned();
        let element = self.catalog.open(element)?;
        Ok(PlanNode {
            name,
            stage: element.stage(),
            every: element.every(),
            element,
            config: String::new(),
            of: Vec::new(),
            from: from.to_vec(),
            last: Vec::new(),
            lane: CONTROL_LANE.to_owned(),
            cpu: None,
            queue: None,
            on_error: OnError::Abort,
        })
    }

    /// A node of a loaded plugin, by itself.
    pub fn node(&self, element: &str) -> Result<NodeBox, Box<dyn Error>> {
        self.node_of(element, "")
    }

    /// The same with a config.
    pub fn node_of(&self, element: &str, config: &str) -> Result<NodeBox, Box<dyn Error>> {
        let plan = self.plan(element, &[])?;
        let made = plan.element.create()(config.into(), self.side(element)?.handle()).into_result();
        let mut node = made.map_err(|faults| format!("`{element}` cannot be made: {faults:?}"))?;
        node.start().into_result().map_err(|failure| failure.to_string())?;
        Ok(node)
    }

    /// The host as elements use it, for those that are made without a boundary.
    pub fn host(&self) -> Result<Host, Box<dyn Error>> {
        Ok(Host::new(self.side("bench")?.handle()))
    }

    fn side(&self, name: &str) -> Result<NodeHost, Box<dyn Error>> {
        Ok(NodeHost::new(
            self.shared.clone(),
            name,
            Vec::new(),
            Wake::new(Bell::new()?),
        ))
    }
}
