//! What the mock elements can be told.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `mimic.feed`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeedConfig {
    /// How many readings it gives a tick, 3 by default; change it to see more.
    pub readings: u32,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { readings: 3 }
    }
}

impl Configure for FeedConfig {}
