//! The config of `sim.truth`.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `sim.truth`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TruthConfig {
    /// Causes that add less than this to the slowdown are not told. 0 to 1, default 0.01.
    pub least: f64,
}

impl Default for TruthConfig {
    fn default() -> Self {
        Self { least: 0.01 }
    }
}

impl Configure for TruthConfig {
    fn check(&self, faults: &mut Faults) {
        let good = (0.0..=1.0).contains(&self.least);
        faults.require(good, "least", format!("`least` is {}", self.least), "give 0 to 1");
    }
}
