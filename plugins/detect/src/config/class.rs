//! What `detect.class` can be told.

use crate::watch::{check_list, check_span, check_votes};
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a target's class is told from its counters. Both are Micro-Container's (`docs/` of that project).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClassRule {
    /// From the arithmetic intensity and the saturation that IPC and miss rate suggest.
    Intensity,
    /// Memory below an IPC of 0.5, computing below a miss rate of 0.001.
    Ipc,
}

/// Config of `detect.class`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KindConfig {
    /// How the class is told: `Intensity` (default) or `Ipc`.
    pub rule: ClassRule,
    /// The span over which counters are added up. 10 ms to 1 min; default 1 s. Longer where phases are to be averaged.
    pub window: Span,
    /// How many spans of `of_last` must say another class before it is told. Default 3.
    pub votes: u32,
    /// Among how many of the last spans they are counted. 1 to 64; default 5.
    pub of_last: u32,
    /// The names of targets, or of the nodes that bring them, with `*` at the end for any rest. All by default.
    pub of: Vec<String>,
}

impl Default for KindConfig {
    fn default() -> Self {
        Self {
            rule: ClassRule::Intensity,
            window: Span::secs(1),
            votes: 3,
            of_last: 5,
            of: Vec::new(),
        }
    }
}

impl Configure for KindConfig {
    fn check(&self, faults: &mut Faults) {
        check_span(self.window, 10, 60_000, "window", faults);
        check_votes(self.votes, self.of_last, ["votes", "of_last"], faults);
        check_list(&self.of, "of", faults);
    }
}
