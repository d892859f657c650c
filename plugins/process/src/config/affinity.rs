//! The config of `process.affinity`.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far `process.affinity` goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AffinityConfig {
    /// Pins targets of class `Latency` too. Default false; set it where such a target is to have CPUs of its own.
    pub latency: bool,
    /// How often the threads of a target are gone through at most until none is missed. 1 to 1000, default 32. Raise
    /// it where an outcome says that threads come faster than they can be set.
    pub passes: u32,
}

impl Default for AffinityConfig {
    fn default() -> Self {
        Self {
            latency: false,
            passes: 32,
        }
    }
}

impl Configure for AffinityConfig {
    fn check(&self, faults: &mut Faults) {
        let message = format!("`passes` is {}", self.passes);
        faults.require((1..=1000).contains(&self.passes), "passes", message, "give 1 to 1000");
    }
}
