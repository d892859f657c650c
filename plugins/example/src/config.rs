//! What `example.rate` can be told. What it does with that is in `transform`.

use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `example.rate`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// The metric whose rate is wanted: one of the vocabulary that counts something, such as
    /// `cpu.time` (the default) or `io.read`. Change it to watch another resource.
    pub metric: String,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            metric: vocabulary::CPU_TIME.name.to_owned(),
        }
    }
}

impl Configure for RateConfig {
    fn check(&self, faults: &mut Faults) {
        if let Err(failure) = self.counted() {
            faults.add("metric", failure.message, nearest_help(&self.metric, countable()));
        }
    }
}

impl RateConfig {
    /// The metric that is meant.
    ///
    /// # Errors
    /// The vocabulary has no metric of that name that counts something.
    pub fn counted(&self) -> Result<Metric> {
        vocabulary::metric(&self.metric)
            .filter(counts)
            .ok_or_else(|| Failure::fatal(format!("`{}` is no metric that counts something", self.metric)))
    }
}

fn countable() -> impl Iterator<Item = &'static str> {
    vocabulary::METRICS
        .iter()
        .filter(|metric| counts(metric))
        .map(|metric| metric.name)
}

fn counts(metric: &Metric) -> bool {
    metric.kind == Kind::DELTA
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn the_default_runs() {
        assert_eq!(
            parse::<RateConfig>("").unwrap().counted().unwrap(),
            vocabulary::CPU_TIME
        );
    }

    #[test]
    fn a_metric_that_counts_nothing_is_refused_with_the_nearest_that_does() {
        for (wrong, help) in [("cpu.tme", "`cpu.time`"), ("cpu.threads", "`cpu.throttled`")] {
            let faults = parse::<RateConfig>(&format!("(metric: \"{wrong}\")")).unwrap_err();
            assert_eq!((faults[0].line, faults[0].column), (1, 10));
            assert!(
                faults[0].message.contains(wrong) && faults[0].help.contains(help),
                "{faults:?}"
            );
        }
    }
}
