//! What `detect.pattern` can be told.

use crate::watch::{check_list, check_range, check_span, check_votes};
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule of thumb from one look at a target's counters.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PatternRule {
    /// RDT4NN's: a score of misses and bandwidth falls below `score`.
    Score,
    /// container-bench's: the miss rate exceeds `miss_rate`.
    MissRate,
}

/// Config of `detect.pattern`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatternConfig {
    /// Which rule: `Score` (default) or `MissRate`.
    pub rule: PatternRule,
    /// Below which score there is interference. 0 to 1; default 0.7, as RDT4NN has it.
    pub score: f64,
    /// The miss rate that lowers the score, or that is interference. 0 to 1; default 0.1, as both have it.
    pub miss_rate: f64,
    /// The memory bandwidth of the machine, a second. None by default: bandwidth then lowers no score.
    pub bandwidth: Option<Bytes>,
    /// The share of that bandwidth from which a target's own traffic lowers its score. 0 to 1; default 0.8.
    pub busy: f64,
    /// The span over which counters are added up. 10 ms to 1 min; default 2 s, RDT4NN's interval.
    pub window: Span,
    /// How many spans of `of_last` must say so. Default 1, as published.
    pub votes: u32,
    /// Among how many of the last spans they are counted, to begin and to end. 1 to 64; default 1.
    pub of_last: u32,
    /// The names of targets, or of the nodes that bring them, with `*` at the end for any rest. All by default.
    pub victims: Vec<String>,
}

impl Default for PatternConfig {
    fn default() -> Self {
        Self {
            rule: PatternRule::Score,
            score: 0.7,
            miss_rate: 0.1,
            bandwidth: None,
            busy: 0.8,
            window: Span::secs(2),
            votes: 1,
            of_last: 1,
            victims: Vec::new(),
        }
    }
}

impl Configure for PatternConfig {
    fn check(&self, faults: &mut Faults) {
        check_range(self.score, 0.0..=1.0, "score", faults);
        check_range(self.miss_rate, 0.0..=1.0, "miss_rate", faults);
        check_range(self.busy, 0.0..=1.0, "busy", faults);
        let some = self.bandwidth.is_none_or(|bytes| bytes.0 > 0);
        faults.require(
            some,
            "bandwidth",
            "`bandwidth` is 0",
            "give bytes a second such as `20GB`",
        );
        check_span(self.window, 10, 60_000, "window", faults);
        check_votes(self.votes, self.of_last, ["votes", "of_last"], faults);
        check_list(&self.victims, "victims", faults);
    }
}
