//! The config of `sim.node`.

use crate::fs;
use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::{Kind, Scenario, generate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where a scenario comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Source {
    /// That file, from the folder in which the run was started.
    Path(PathBuf),
    /// This one.
    Inline(Box<Scenario>),
    /// Made up for a seed.
    Generated {
        /// `quiet`, `cpu-time`, `l3`, `bandwidth`, `smt`, `io`, `hypervisor`, `own-load`, `own-quota`, `rivals`, `churn`,
        /// `mixed` or `crowd`.
        kind: String,
        /// Another seed, another scenario.
        seed: u64,
    },
}

/// Config of `sim.node`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// What happens: `Path("configs/scenarios/shared-cpu.ron")`, `Inline((…))`, or `Generated(kind: "l3", seed: 7)`.
    /// Default `Generated(kind: "cpu-time", seed: 1)`.
    pub scenario: Source,
    /// The seed of all noise, in place of the scenario's. Default the scenario's.
    pub seed: Option<u64>,
    /// What stands before the names of the workloads, as `a/`, where several nodes of one graph have workloads of the same
    /// names. Default nothing.
    pub prefix: String,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            scenario: Source::Generated {
                kind: Kind::CpuTime.name().to_owned(),
                seed: 1,
            },
            seed: None,
            prefix: String::new(),
        }
    }
}

impl Configure for NodeConfig {
    fn check(&self, faults: &mut Faults) {
        match &self.scenario {
            Source::Path(path) => {
                for message in fs::read(path).err().unwrap_or_default() {
                    faults.add("scenario", message, "");
                }
            }
            Source::Inline(scenario) => {
                let mut found = Faults::default();
                scenario.check(&mut found);
                for (field, message) in found.iter() {
                    faults.add("scenario", format!("`{field}`: {message}"), "");
                }
            }
            Source::Generated { kind, .. } => {
                let known = Kind::ALL.iter().map(|kind| kind.name());
                let message = format!("no scenarios of kind `{kind}` can be made up");
                faults.require(
                    Kind::named(kind).is_some(),
                    "scenario",
                    message,
                    nearest_help(kind, known),
                );
            }
        }
    }
}

impl NodeConfig {
    /// The scenario that is meant.
    ///
    /// # Errors
    /// The file cannot be read, or is none; all that is wrong with it.
    pub fn scenario(&self) -> Result<Scenario> {
        let mut scenario = match &self.scenario {
            Source::Path(path) => fs::read(path).map_err(|faults| Failure::fatal(faults.join("; ")))?,
            Source::Inline(scenario) => Scenario::clone(scenario),
            Source::Generated { kind, seed } => {
                let kind = Kind::named(kind).ok_or_else(|| Failure::fatal(format!("there is no kind `{kind}`")))?;
                generate(kind, *seed)
            }
        };
        if let Some(seed) = self.seed {
            scenario.seed = seed;
        }
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn a_scenario_is_a_file_inline_or_made_up() {
        assert!(parse::<NodeConfig>("").unwrap().scenario().is_ok());
        let inline = parse::<NodeConfig>("(scenario: Inline((workloads: {\"a\": ()})), seed: 9)").unwrap();
        let scenario = inline.scenario().unwrap();
        assert_eq!((scenario.workloads.len(), scenario.seed), (1, 9));
        for (wrong, said) in [
            ("(scenario: Generated(kind: \"l4\", seed: 1))", "`l4`"),
            ("(scenario: Path(\"/nowhere.ron\"))", "cannot read"),
            ("(scenario: Inline((workloads: {\"a\": (cpus: \"99\")})))", "CPU 99"),
        ] {
            let faults = parse::<NodeConfig>(wrong).unwrap_err();
            assert!(faults[0].message.contains(said), "{faults:?}");
        }
    }
}
