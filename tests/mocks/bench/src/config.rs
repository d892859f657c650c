//! What the mock elements can be told.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `mock.feed`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeedConfig {
    /// How many readings it gives a tick, 1 to 10000, 128 by default: what a few dozen targets give.
    /// Change it to measure other sizes.
    pub readings: u32,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { readings: 128 }
    }
}

impl Configure for FeedConfig {
    fn check(&self, faults: &mut Faults) {
        let good = (1..=10_000).contains(&self.readings);
        faults.require(good, "readings", "must be 1 to 10000", "take the default, 128");
    }
}

/// Config of `mock.scale`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleConfig {
    /// The factor, 2 by default. It costs the same whatever it is.
    pub gain: f64,
}

impl Default for ScaleConfig {
    fn default() -> Self {
        Self { gain: 2.0 }
    }
}

impl Configure for ScaleConfig {}

/// Config of `mock.cgroups`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CgroupsConfig {
    /// The group whose children are the targets, as a path from the topmost group in sight; that
    /// group itself by default.
    pub parent: String,
}

impl Configure for CgroupsConfig {}
