//! The truth about a simulated node is for scoring: who decides may not see it.

use super::View;
use crate::spec::{Fault, Section};
use pipeline_plugin_api::abi::PortKind;
use pipeline_plugin_api::vocabulary::TRUTH;

/// Refuses every edge from a node that tells the truth to a transform or a scheduler.
pub(super) fn check(view: &View<'_>, faults: &mut Vec<Fault>) {
    for (_, node) in view.nodes() {
        if !matches!(node.section, Section::Transforms | Section::Schedulers) {
            continue;
        }
        for link in node.from.iter().chain(&node.last) {
            let gives = view.ports(link.node).into_iter().flat_map(|ports| ports.gives.iter());
            let mut gives = gives.filter(|port| port.kind == PortKind::READINGS);
            if let Some(truth) = gives.find(|port| port.name.starts_with(TRUTH)) {
                let message = format!(
                    "`{}` gives `{}`, the truth by which detectors and policies are scored; `{}` must not see it",
                    view.name(link.node),
                    truth.name,
                    node.name.value
                );
                let help = "read it in sinks only; what can be measured on a real machine is given by other elements";
                faults.push(Fault::error(link.at.clone(), message).help(help));
            }
        }
    }
}
