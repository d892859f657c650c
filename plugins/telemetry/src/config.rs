//! What the elements can be told. What they do with that is in `target` and `collect`.

use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::purpose::ClassConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `telemetry.self`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SelfConfig {
    /// What the run counts as among its workloads: `Latency`, `Batch` or `BestEffort`. Default `BestEffort`, so that no
    /// policy protects it from those whom it serves. Change it where it must not be late.
    pub class: ClassConfig,
    /// Among targets of a class, higher goes first. Default 0.
    pub priority: i32,
}

impl Default for SelfConfig {
    fn default() -> Self {
        Self {
            class: ClassConfig::BestEffort,
            priority: 0,
        }
    }
}

impl Configure for SelfConfig {}

/// Config of `telemetry.nodes`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NodesConfig {
    /// Names of nodes and patterns (`"kpi-*"`) whose figures are told. Default `["*"]`, all. Change it in graphs with
    /// many nodes of which few matter.
    pub nodes: Vec<String>,
}

impl Default for NodesConfig {
    fn default() -> Self {
        Self {
            nodes: vec!["*".to_owned()],
        }
    }
}

impl Configure for NodesConfig {
    fn check(&self, faults: &mut Faults) {
        let none = self.nodes.is_empty();
        faults.require(!none, "nodes", "no node would be told", "give `[\"*\"]` for all");
        for pattern in &self.nodes {
            if let Some((message, help)) = pipeline_plugin_api::pattern::fault(pattern) {
                faults.add("nodes", message, help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn the_defaults_run() {
        assert_eq!(parse::<SelfConfig>("").unwrap().class, ClassConfig::BestEffort);
        assert_eq!(parse::<NodesConfig>("").unwrap().nodes, ["*"]);
    }

    #[test]
    fn a_list_without_nodes_and_a_star_in_the_middle_are_refused() {
        for wrong in ["(nodes: [])", "(nodes: [\"a*b\"])"] {
            let faults = parse::<NodesConfig>(wrong).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
        }
    }
}
