//! The config of `process.control`.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `process.control` may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ControlConfig {
    /// Pauses targets of class `Latency` too. Default false. Such a target is never ended.
    pub latency: bool,
    /// Ends targets that this run did not start. That cannot be undone. Default false; targets of `process.run` are
    /// ended without it, since they are started again.
    pub allow_stop: bool,
    /// How long a target that this run did not start may take to end before it is killed. 0s to 10m, default `"5s"`.
    pub stop_timeout: Span,
}

impl Default for ControlConfig {
    fn default() -> Self {
        Self {
            latency: false,
            allow_stop: false,
            stop_timeout: Span::secs(5),
        }
    }
}

impl Configure for ControlConfig {
    fn check(&self, faults: &mut Faults) {
        let message = format!("`stop_timeout` is {}", self.stop_timeout);
        let good = self.stop_timeout <= Span::secs(600);
        faults.require(good, "stop_timeout", message, "give 0s to 10m");
    }
}
