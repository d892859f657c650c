//! Faults that an element finds in its config, told where they stand in the graph file.

use crate::spec::{Fault, GraphSpec, NodeSpec, token};
use pipeline_plugin_api::abi;
use pipeline_plugin_api::fields::byte_at;
use std::ops::Range;

/// The same fault, placed in the file.
pub(super) fn config_fault(spec: &GraphSpec, node: &NodeSpec, fault: &abi::Fault) -> Fault {
    Fault::error(place(spec, node, fault), fault.message.as_str()).help(fault.help.as_str())
}

/// Without a place of its own it is the whole config's; without a config it is the element's.
fn place(spec: &GraphSpec, node: &NodeSpec, fault: &abi::Fault) -> Range<usize> {
    let Some(config) = &node.config else {
        return node.plugin.as_ref().map_or(&node.name.at, |plugin| &plugin.at).clone();
    };
    if fault.line == 0 {
        return first_line(&config.value, &config.at);
    }
    let inside = byte_at(&config.value, fault.line as usize, fault.column as usize);
    let found = token(&spec.text, config.at.start + inside.min(config.value.len()));
    found.start..found.end.min(config.at.end).max(found.start)
}

fn first_line(text: &str, at: &Range<usize>) -> Range<usize> {
    at.start..at.start + text.find('\n').unwrap_or(text.len())
}
