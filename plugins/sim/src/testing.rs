//! A simulated node with its elements in a test's host.

use crate::target::Node;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::{Provides, Role};
use pipeline_plugin_api::testkit::{TestHost, TestNode};

/// A host with a `sim.node`.
pub struct Bed {
    /// The host.
    pub host: TestHost,
    name: String,
    node: TestNode,
    /// Changes that were told so far.
    pub changes: Vec<TargetChange>,
    told: usize,
}

impl Bed {
    /// A node of that name, which no other test of this process may use, and its first targets.
    pub fn new(name: &str, config: &str) -> Self {
        let host = TestHost::new();
        host.world().node_names = vec![name.to_owned()];
        let mut node = host.node::<Provides<Node>>(config).unwrap();
        node.start().unwrap();
        let mut bed = Self {
            host,
            name: name.to_owned(),
            node,
            changes: Vec::new(),
            told: 0,
        };
        bed.advance(Nanos::ZERO);
        bed
    }

    /// Another node of the graph, started.
    pub fn node<R: Role>(&mut self, name: &str, config: &str) -> TestNode {
        self.host.world().node_names = vec![name.to_owned()];
        let mut node = self.host.node::<R>(config).unwrap();
        node.start().unwrap();
        self.host.world().node_names = vec![self.name.clone()];
        node
    }

    /// The node goes on to that instant.
    pub fn advance(&mut self, at: Nanos) {
        self.host.world().node_names = vec![self.name.clone()];
        let out = self.node.tick(at).unwrap();
        for change in out.changes.iter() {
            self.host
                .world()
                .targets
                .insert(change.target.id, change.target.clone());
            self.changes.push(change.clone());
        }
    }

    /// Tells another node what was not told yet; one such node only.
    pub fn tell_targets(&mut self, node: &mut TestNode, at: Nanos) -> Batch {
        let mut out = Batch::default();
        for change in &self.changes[self.told..] {
            out.append(&node.change(at, change.change, &change.target).unwrap());
        }
        self.told = self.changes.len();
        out
    }

    /// The latest target of that name.
    pub fn target_named(&self, name: &str) -> TargetId {
        let known = self.changes.iter().rev().find(|change| change.target.name == name);
        known.unwrap_or_else(|| panic!("no target `{name}`")).target.id
    }
}

/// The readings of one metric of a target, with the names of their parts.
pub fn named(host: &TestHost, batch: &Batch, target: TargetId, metric: &str) -> Vec<(String, Reading)> {
    let world = host.world();
    let is_it = |reading: &&Reading| {
        let name = world.names.metric_name(reading.metric);
        reading.target == target && name.is_some_and(|name| name.name == metric)
    };
    let part = |reading: &Reading| (world.names.part_name(reading.part), *reading);
    batch.readings.iter().filter(is_it).map(part).collect()
}
