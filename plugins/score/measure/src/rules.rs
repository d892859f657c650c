//! What counts as an episode, and whose.

use pipeline_plugin_api::abi::{Class, Nanos};

/// The choices that a score depends on. The defaults are the definitions in the README.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The least true slowdown: 0.1 is 10 % slower than alone.
    pub least_slowdown: f64,
    /// The least length of an episode.
    pub least_length: Nanos,
    /// The longest gap between two disturbances that are one episode.
    pub bridge: Nanos,
    /// Causes that weigh at most this share less than the heaviest are as right as it is.
    pub tie: f64,
    /// Whether only targets of class `Latency` can be missed. Findings are judged whomever they name.
    pub latency_only: bool,
    /// The transforms whose findings are judged; all where empty.
    pub nodes: Vec<String>,
    /// What lies before is left out: episodes and findings that begin before it, changes, time.
    pub since: Nanos,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            least_slowdown: 0.1,
            least_length: Nanos::from_secs(3),
            bridge: Nanos::from_secs(1),
            tie: 0.05,
            latency_only: true,
            nodes: Vec::new(),
            since: Nanos::ZERO,
        }
    }
}

impl Rules {
    /// Whether episodes of a target of that class are to be found.
    pub fn wants(&self, class: Class) -> bool {
        !self.latency_only || class == Class::LATENCY
    }

    /// Whether findings of that node are judged.
    pub fn judges(&self, node: &str) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|wanted| wanted == node)
    }
}
