//! Names for the ids in values, asked of the host once each.

use pipeline_plugin_api::abi::{KnobName, MetricName};
use pipeline_plugin_api::frame::Gone;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names that were asked for so far.
pub struct Names {
    host: Host,
    nodes: Vec<Arc<str>>,
    metrics: BTreeMap<MetricId, Arc<MetricName>>,
    knobs: BTreeMap<KnobId, Arc<KnobName>>,
    parts: BTreeMap<Part, Arc<str>>,
    targets: BTreeMap<TargetId, Arc<str>>,
    gone: Gone,
}

impl Names {
    /// Names as this host knows them.
    pub fn new(host: &Host) -> Self {
        Self {
            host: host.clone(),
            nodes: host.sources().into_iter().map(Arc::from).collect(),
            metrics: BTreeMap::new(),
            knobs: BTreeMap::new(),
            parts: BTreeMap::new(),
            targets: BTreeMap::new(),
            gone: Gone::default(),
        }
    }

    /// The name of the node whose values come on a port; empty for ports that are the host's own.
    pub fn node(&self, port: u32) -> Arc<str> {
        self.nodes.get(port as usize).cloned().unwrap_or_else(|| "".into())
    }

    /// Name, unit and kind of a metric.
    pub fn metric(&mut self, id: MetricId) -> Arc<MetricName> {
        let host = &self.host;
        let asked = || {
            host.metric_name(id).unwrap_or_else(|| MetricName {
                name: unknown(id.0),
                ..MetricName::default()
            })
        };
        self.metrics.entry(id).or_insert_with(|| asked().into()).clone()
    }

    /// Name and unit of a knob.
    pub fn knob(&mut self, id: KnobId) -> Arc<KnobName> {
        let host = &self.host;
        let asked = || {
            host.knob_name(id).unwrap_or_else(|| KnobName {
                name: unknown(id.0),
                ..KnobName::default()
            })
        };
        self.knobs.entry(id).or_insert_with(|| asked().into()).clone()
    }

    /// The name of a part; empty for the whole.
    pub fn part(&mut self, part: Part) -> Arc<str> {
        let host = &self.host;
        self.parts
            .entry(part)
            .or_insert_with(|| host.part_name(part).into())
            .clone()
    }

    /// The name of a target; empty for none.
    pub fn target(&mut self, id: TargetId) -> Arc<str> {
        if id == TargetId::NONE {
            return "".into();
        }
        let host = &self.host;
        let asked = || host.target(id).map_or_else(|| unknown(id.0), |target| target.name);
        // What was read of a target that went is late, and is not to be remembered for ever.
        if self.gone.has(id) {
            return asked().as_str().into();
        }
        self.targets
            .entry(id)
            .or_insert_with(|| asked().as_str().into())
            .clone()
    }

    /// Forgets the targets that went; the host still knows them.
    pub fn forget_gone(&mut self, input: &Input<'_>) {
        for change in input.changes().filter(|change| change.change == Change::GONE) {
            self.targets.remove(&change.target.id);
            self.gone.add(change.target.id);
        }
    }
}

/// What stands for the name of something that the host does not know.
fn unknown<T: From<String>>(id: u32) -> T {
    format!("unknown({id})").into()
}
