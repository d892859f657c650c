//! A checked graph as the plan that is run: the same nodes without the places of the file.

use super::{Checked, CheckedNode};
use crate::run::plan::{Of, Plan, PlanNode};
use crate::spec::Link;

impl Checked {
    /// What is to be run.
    pub fn plan(&self) -> Plan {
        Plan {
            nodes: self.nodes.iter().map(|node| self.node(node)).collect(),
            secrets: self.secrets.clone(),
            facts: self.facts.clone(),
        }
    }

    fn node(&self, node: &CheckedNode) -> PlanNode {
        let spec = &node.spec;
        let places = |links: &[Link]| links.iter().map(|link| link.node).collect();
        PlanNode {
            name: node.name().to_owned(),
            stage: spec.section.stage(),
            element: node.element,
            config: node.config.clone(),
            of: spec.of.iter().map(|link| self.of(link)).collect(),
            from: places(&spec.from),
            last: places(&spec.last),
            every: node.every,
            lane: self.lanes[node.lane].name.clone(),
            cpu: self.lanes[node.lane].cpu,
            queue: spec.queue.as_ref().map(|queue| queue.value),
            on_error: spec.on_error,
        }
    }

    /// A target of a provider is called by the provider's name and its own.
    fn of(&self, link: &Link) -> Of {
        let provider = self.nodes[link.node].name();
        Of {
            provider: link.node,
            target: link.part.as_ref().map(|part| format!("{provider}/{part}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, good};
    use super::*;
    use crate::spec::{OnError, Overflow};
    use pipeline_plugin_api::abi::Nanos;

    #[test]
    fn the_plan_has_what_the_file_says() {
        let checked = good(GOOD);
        let plan = checked.plan();
        let find = |name: &str| plan.nodes.iter().find(|node| node.name == name).unwrap();
        let (cpu, out) = (find("cpu"), find("out"));
        assert_eq!(cpu.every, Nanos::from_millis(20));
        assert_eq!(
            cpu.of[0],
            Of {
                provider: 0,
                target: None
            }
        );
        assert_eq!(
            cpu.of[1],
            Of {
                provider: 1,
                target: Some("pods/x".to_owned())
            }
        );
        assert_eq!(find("slow").last, [7]);
        assert_eq!((out.lane.as_str(), out.cpu, out.from.len()), ("disk", Some(1), 6));
        assert_eq!(out.queue.unwrap().overflow, Overflow::DropNewest);
        assert_eq!(find("pods").on_error, OnError::Abort);
    }

    #[test]
    fn the_lanes_that_were_checked_are_those_that_run() {
        let checked = good(GOOD);
        let run: Vec<_> = checked
            .plan()
            .lanes(false)
            .into_iter()
            .map(|lane| (lane.name, lane.nodes, lane.cpu))
            .collect();
        let planned: Vec<_> = checked
            .lanes
            .iter()
            .map(|lane| (lane.name.clone(), lane.nodes.clone(), lane.cpu))
            .collect();
        assert_eq!(run, planned);
    }
}
