//! The host's names as the store asks for them, both ways.

use pipeline_plugin_api::abi::{KnobName, MetricName};
use pipeline_plugin_api::prelude::*;
use pipeline_record_store::{Lookup, Names};

/// Names of the host.
pub struct HostNames<'a>(pub &'a Host);

impl Lookup for HostNames<'_> {
    fn metric(&self, id: MetricId) -> Option<MetricName> {
        self.0.metric_name(id)
    }
    fn knob(&self, id: KnobId) -> Option<KnobName> {
        self.0.knob_name(id)
    }
    fn part(&self, part: Part) -> Option<String> {
        // The host tells a part that it does not know by its number.
        Some(self.0.part_name(part)).filter(|name| !name.starts_with("unknown("))
    }
    fn target(&self, id: TargetId) -> Option<String> {
        self.0.target(id).map(|target| target.name.to_string())
    }
}

impl Names for HostNames<'_> {
    fn metric(&mut self, name: &str, unit: &str, kind: Kind) -> MetricId {
        match self.0.metric_named(name, unit, kind) {
            Ok(id) => id,
            Err(failure) => {
                self.0.log(Level::WARN, &failure.message, &[("metric", &name)]);
                MetricId::default()
            }
        }
    }
    fn knob(&mut self, name: &str, unit: &str) -> KnobId {
        match self.0.knob_named(name, unit) {
            Ok(id) => id,
            Err(failure) => {
                self.0.log(Level::WARN, &failure.message, &[("knob", &name)]);
                KnobId::default()
            }
        }
    }
    fn part(&mut self, name: &str) -> Part {
        self.0.part(name)
    }
}
