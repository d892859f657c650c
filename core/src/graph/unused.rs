//! Nodes whose work nobody reads: legal, and likely not meant.

use super::View;
use crate::spec::{Fault, Section};

/// Warns of collectors and transforms that nobody reads.
pub(super) fn check(view: &View<'_>, faults: &mut Vec<Fault>) {
    if view.nodes().any(|(_, node)| !node.linked) {
        return;
    }
    let read = |node: usize| {
        let mut links = view.nodes().flat_map(|(_, other)| other.from.iter().chain(&other.last));
        links.any(|link| link.node == node)
    };
    for (node, spec) in view.nodes() {
        if matches!(spec.section, Section::Collectors | Section::Transforms) && !read(node) {
            let fault = Fault::warning(spec.name.at.clone(), format!("nobody reads `{}`", spec.name.value));
            faults.push(fault.help("name it in the `from` of a node below, or take it out"));
        }
    }
}
