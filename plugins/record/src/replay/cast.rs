//! Who stands in for whom: each target provider, collector and actuator of the graph is played by a recorded node.

use crate::graph::NodeText;
use pipeline_record_store::Run;
use std::path::Path;

/// A part in the replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The node of the graph.
    pub node: String,
    /// The element that stands in for its own.
    pub element: &'static str,
    /// The recorded node; empty for one that nobody recorded.
    pub plays: String,
}

/// All parts, and what is to be told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cast {
    /// In the order of the graph.
    pub roles: Vec<Role>,
    /// Sentences.
    pub warnings: Vec<String>,
}

impl Role {
    /// The stand-in's config.
    pub fn config(&self, run: &Path) -> String {
        if self.plays.is_empty() {
            return "()".to_owned();
        }
        let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let exact = if self.element == "record.targets" {
            ", exact: true"
        } else {
            ""
        };
        format!(
            "(run: {}, node: {}{exact})",
            text(&run.to_string_lossy()),
            text(&self.plays)
        )
    }
}

impl Cast {
    /// A recorded node plays the one of its own name and element, or else one of its element that no other plays.
    pub fn new(run: &Run, nodes: &[NodeText]) -> Self {
        let facts = &run.page().facts.nodes;
        let recorded: Vec<(&str, &str)> = facts
            .iter()
            .map(|node| (node.name.as_str(), node.element.as_str()))
            .collect();
        Self::of(&recorded, nodes)
    }

    fn of(recorded: &[(&str, &str)], nodes: &[NodeText]) -> Self {
        let mut cast = Self::default();
        let by_name = |node: &NodeText| recorded.contains(&(node.name.as_str(), node.element.as_str()));
        let mut taken: Vec<String> = nodes
            .iter()
            .filter(|node| by_name(node))
            .map(|node| node.name.clone())
            .collect();
        for node in nodes {
            let element = match node.stage.as_str() {
                "targets" => "record.targets",
                "collectors" => "record.source",
                "actuators" => "record.note",
                _ => continue,
            };
            let free = || {
                let mut same = recorded.iter().filter(|(_, element)| *element == node.element);
                same.find(|(name, _)| !taken.iter().any(|taken| taken == name))
                    .map(|(name, _)| (*name).to_owned())
            };
            let plays = if by_name(node) { Some(node.name.clone()) } else { free() };
            match &plays {
                Some(name) if *name != node.name => {
                    cast.warnings
                        .push(format!("`{}` is played by the recorded `{name}`", node.name));
                    taken.push(name.clone());
                }
                Some(_) => {}
                None => cast.warnings.push(lacking(node)),
            }
            cast.roles.push(Role {
                node: node.name.clone(),
                element,
                plays: plays.unwrap_or_default(),
            });
        }
        cast
    }
}

fn lacking(node: &NodeText) -> String {
    let NodeText { name, element, .. } = node;
    match node.stage.as_str() {
        "actuators" => format!(
            "`{name}` ({element}) was not recorded: its knobs are not known, and what it is asked for is assumed"
        ),
        _ => format!("`{name}` ({element}) was not recorded and says nothing; record a run that has it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(stage: &str, name: &str, element: &str) -> NodeText {
        NodeText {
            name: name.to_owned(),
            stage: stage.to_owned(),
            element: element.to_owned(),
            ..NodeText::default()
        }
    }

    #[test]
    fn a_node_is_played_by_its_namesake_or_by_one_of_its_element() {
        let recorded = [
            ("web", "process.run"),
            ("batch", "process.run"),
            ("limit", "cgroup.limit"),
        ];
        let nodes = [
            node("targets", "other", "process.run"),
            node("targets", "web", "process.run"),
            node("collectors", "cpi", "perf.counters"),
            node("transforms", "slow", "detect.baseline"),
            node("actuators", "l", "cgroup.limit"),
        ];
        let cast = Cast::of(&recorded, &nodes);
        let plays: Vec<(&str, &str, &str)> = cast
            .roles
            .iter()
            .map(|role| (role.node.as_str(), role.element, role.plays.as_str()))
            .collect();
        assert_eq!(
            plays,
            [
                ("other", "record.targets", "batch"),
                ("web", "record.targets", "web"),
                ("cpi", "record.source", ""),
                ("l", "record.note", "limit"),
            ]
        );
        assert_eq!(cast.warnings.len(), 3, "{:?}", cast.warnings);
    }
}
