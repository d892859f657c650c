//! The config of `perf.sample`.

use crate::event::{self, Event};
use crate::group::MOST;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `perf.sample` waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampleConfig {
    /// The event whose period is waited for. Default `"cycles"`.
    pub event: String,
    /// After how many events of a target on one CPU the node is called, 1000 to 10^12, default 1000000: about 0.3 ms of
    /// cycles. Shorter is noticed earlier and costs an interrupt and a call each time.
    pub period: u64,
    /// Events that are counted with it and read each time. Default `["instructions"]`.
    pub with: Vec<String>,
    /// The period of CPU time that is waited for where the event is not there, 50us to 10s, default 1ms. It is the
    /// kernel's `cpu-clock`, which needs no counters.
    pub fallback: Span,
    /// Whether only user mode is counted. Default false.
    pub user_only: bool,
    /// The most descriptors that this node opens, 1 to 100000, default 2000: targets × CPUs × events. Targets beyond it
    /// are unavailable.
    pub descriptors: u32,
}

impl Default for SampleConfig {
    fn default() -> Self {
        Self {
            event: "cycles".into(),
            period: 1_000_000,
            with: vec!["instructions".into()],
            fallback: Span::millis(1),
            user_only: false,
            descriptors: 2000,
        }
    }
}

impl Configure for SampleConfig {
    fn check(&self, faults: &mut Faults) {
        if let Err(unknown) = event::of(&self.event) {
            faults.add("event", unknown.message, unknown.help);
        }
        for unknown in event::of_list(&self.with).err().into_iter().flatten() {
            faults.add("with", unknown.message, unknown.help);
        }
        let few = self.list().len() <= MOST;
        faults.require(few, "with", "too many events for one group", "name 31 at most");
        let period = (1000..=1_000_000_000_000).contains(&self.period);
        faults.require(
            period,
            "period",
            "`period` is out of range",
            "give 1000 to 1000000000000",
        );
        let fallback = (Span(Nanos(50_000))..=Span::secs(10)).contains(&self.fallback);
        faults.require(
            fallback,
            "fallback",
            "`fallback` is out of range",
            "give \"50us\" to \"10s\"",
        );
        let descriptors = (1..=100_000).contains(&self.descriptors);
        faults.require(
            descriptors,
            "descriptors",
            "`descriptors` is out of range",
            "give 1 to 100000",
        );
    }
}

impl SampleConfig {
    /// The event that is waited for, then those counted with it; empty where a name is unknown, which the check has
    /// told.
    pub fn list(&self) -> Vec<Event> {
        let texts: Vec<String> = std::iter::once(&self.event).chain(&self.with).cloned().collect();
        event::of_list(&texts).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::{parse, sample};

    #[test]
    fn the_sample_is_the_default() {
        let read = parse::<SampleConfig>(&sample::<SampleConfig>()).unwrap();
        assert_eq!(read, SampleConfig::default());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "(event: \"cycels\", with: [\"instr\"], period: 1, fallback: \"1us\", descriptors: 0)";
        assert_eq!(parse::<SampleConfig>(text).unwrap_err().len(), 5);
    }
}
