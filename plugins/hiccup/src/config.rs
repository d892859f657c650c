//! What `hiccup.cpus` can be told. What it does with that is in `meter`.

use pipeline_plugin_api::prelude::*;
use rustix::thread::CpuSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `hiccup.cpus`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CpusConfig {
    /// The CPUs to measure, the same for every target: `[0, 1]`. Empty by default, which is the CPUs that each target
    /// may use. Name them where others matter too, such as the one from which a target's load comes.
    pub cpus: Vec<u32>,
    /// How often each CPU is tried. 200us to 10ms, default 1ms. A stop shorter than this is seen only if a try falls
    /// into it, and of every stop half of this is missed on average. Shorter sees more and takes more time.
    pub period: Span,
    /// A try that wakes later than this is a hiccup, and counts in full. 10us to 100ms, default 100us: to wake a CPU
    /// that slept takes some tens of microseconds by itself. Raise it where `hiccup.max` of a quiet machine is above.
    pub threshold: Span,
}

impl Default for CpusConfig {
    fn default() -> Self {
        Self {
            cpus: Vec::new(),
            period: Span::millis(1),
            threshold: micros(100),
        }
    }
}

impl Configure for CpusConfig {
    fn check(&self, faults: &mut Faults) {
        for cpu in &self.cpus {
            let there = usize::try_from(*cpu).is_ok_and(|cpu| cpu < CpuSet::MAX_CPU);
            faults.require(
                there,
                "cpus",
                format!("there is no CPU {cpu}"),
                format!("give numbers below {}", CpuSet::MAX_CPU),
            );
        }
        let period = (micros(200)..=Span::millis(10)).contains(&self.period);
        faults.require(
            period,
            "period",
            "`period` is out of range",
            "give \"200us\" to \"10ms\"",
        );
        let threshold = (micros(10)..=Span::millis(100)).contains(&self.threshold);
        faults.require(
            threshold,
            "threshold",
            "`threshold` is out of range",
            "give \"10us\" to \"100ms\"",
        );
    }
}

const fn micros(micros: u64) -> Span {
    Span(Nanos(micros * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::{parse, sample};

    #[test]
    fn the_sample_is_the_default() {
        assert_eq!(
            parse::<CpusConfig>(&sample::<CpusConfig>()).unwrap(),
            CpusConfig::default()
        );
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = parse::<CpusConfig>("(cpus: [0, 99999], period: \"1us\", threshold: \"1s\")").unwrap_err();
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "there is no CPU 99999",
                "`period` is out of range",
                "`threshold` is out of range"
            ]
        );
    }

    #[test]
    fn the_bounds_themselves_are_in() {
        for text in [
            "(period: \"200us\", threshold: \"10us\")",
            "(period: \"10ms\", threshold: \"100ms\")",
        ] {
            parse::<CpusConfig>(text).unwrap();
        }
    }
}
