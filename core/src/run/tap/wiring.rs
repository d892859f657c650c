//! Whose words a recorder needs: of those who feed a transform or scheduler, of these themselves, and of those that it
//! reads.

use crate::run::plan::{Plan, PlanNode};
use pipeline_plugin_api::abi::Stage;

/// The nodes of a run with their edges, as far as a tap has to know them.
#[derive(Clone, Debug, Default)]
pub struct Wiring(Vec<Wire>);

#[derive(Clone, Debug)]
struct Wire {
    name: String,
    stage: Stage,
    /// `from` and `last`.
    reads: Vec<usize>,
}

impl Wiring {
    /// That of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self(plan.nodes.iter().map(Wire::of).collect())
    }

    /// The place of a node, by its name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|wire| wire.name == name)
    }

    /// The stage of the node of that name.
    pub fn stage(&self, name: &str) -> Option<Stage> {
        self.find(name).map(|place| self.0[place].stage)
    }

    /// Whether the node at each place is a transform or scheduler.
    pub fn pure(&self) -> Vec<bool> {
        self.0.iter().map(Wire::is_pure).collect()
    }

    /// Whether the words of the node at each place are wanted by that sink.
    pub fn wanted(&self, sink: &str) -> Vec<bool> {
        let wanted = |place: usize| {
            let wire = &self.0[place];
            let heard = |reader: &Wire| reader.reads.contains(&place) && (reader.is_pure() || reader.name == sink);
            wire.stage == Stage::TARGETS || wire.is_pure() || self.answers(wire) || self.0.iter().any(heard)
        };
        (0..self.0.len()).map(wanted).collect()
    }

    /// Whether it is an actuator whose outcomes go back to a scheduler.
    fn answers(&self, wire: &Wire) -> bool {
        let scheduler = |place: &usize| self.0[*place].stage == Stage::SCHEDULER;
        wire.stage == Stage::ACTUATOR && wire.reads.iter().any(scheduler)
    }
}

impl Wire {
    fn of(node: &PlanNode) -> Self {
        Self {
            name: node.name.clone(),
            stage: node.stage,
            reads: node.from.iter().chain(&node.last).copied().collect(),
        }
    }

    fn is_pure(&self) -> bool {
        matches!(self.stage, Stage::TRANSFORM | Stage::SCHEDULER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests;

    #[test]
    fn a_collector_that_only_another_sink_reads_is_not_wanted() {
        let mut plan = tests::whole();
        plan.nodes[2].from.clear();
        plan.nodes.push(PlanNode {
            name: "record".to_owned(),
            from: vec![2],
            ..plan.nodes[5].clone()
        });
        let wiring = Wiring::of(&plan);
        assert_eq!(wiring.wanted("record"), [true, false, true, true, true, false, false]);
        assert_eq!(wiring.wanted("keep"), [true, true, true, true, true, false, false]);
        assert_eq!(wiring.find("record"), Some(6));
    }
}
