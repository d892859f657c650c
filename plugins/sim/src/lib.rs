//! The `sim` plugin: a node that is computed, in place of hardware. This file registers its elements.
//!
//! `target` brings what runs there, `collect` reads it with the metrics of the real plugins, `actuate` turns its knobs,
//! `truth` tells who really slows whom. They are elements over one node, which `registry` keeps. What the node does is the
//! library crate beside this one.
#![forbid(unsafe_code)]

mod actuate;
mod collect;
mod config;
mod fs;
mod registry;
mod target;
#[cfg(test)]
mod testing;
mod truth;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::Node],
    collectors: [collect::Metrics, truth::TruthTeller],
    actuators: [actuate::Knobs],
}
