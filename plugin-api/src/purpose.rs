//! What a target is for, as the config of a target provider says it: its class, its goals, its labels. What policies
//! make of them is theirs.

use crate::abi::{Class, Comparison, Failure, Goal, Label};
use crate::config::{Faults, nearest_help};
use crate::host::Host;
use crate::stage::Result;
use crate::vocabulary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a target is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Class")]
pub enum ClassConfig {
    /// Answers somebody who waits; protected, never throttled.
    Latency,
    /// Works towards a deadline.
    Batch,
    /// Takes what is left over.
    BestEffort,
}

impl From<ClassConfig> for Class {
    fn from(class: ClassConfig) -> Self {
        match class {
            ClassConfig::Latency => Self::LATENCY,
            ClassConfig::Batch => Self::BATCH,
            ClassConfig::BestEffort => Self::BEST_EFFORT,
        }
    }
}

/// What is wanted of a metric: exactly one of the two bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoalConfig {
    /// The metric's name.
    pub metric: String,
    /// It is to stay at or below this, in the metric's unit.
    pub at_most: Option<f64>,
    /// It is to stay at or above this, in the metric's unit.
    pub at_least: Option<f64>,
}

impl GoalConfig {
    /// Adds what is wrong with it to the faults of `field`. Metrics of the vocabulary only: of others the unit is not
    /// known here.
    pub fn check(&self, field: &'static str, faults: &mut Faults) {
        if vocabulary::metric(&self.metric).is_none() {
            let known = vocabulary::METRICS.iter().map(|metric| metric.name);
            let message = format!("there is no metric `{}`", self.metric);
            faults.add(field, message, nearest_help(&self.metric, known));
        }
        let bounds = [self.at_most, self.at_least];
        let one = bounds.iter().flatten().count() == 1 && bounds.iter().flatten().all(|bound| bound.is_finite());
        let message = format!("a goal for `{}` has one bound", self.metric);
        faults.require(one, field, message, "give either `at_most` or `at_least`, a number");
    }

    /// The goal.
    ///
    /// # Errors
    /// Its metric is not in the vocabulary, or another node means something else by that name.
    pub fn goal(&self, host: &Host) -> Result<Goal> {
        let metric = vocabulary::metric(&self.metric)
            .ok_or_else(|| Failure::fatal(format!("there is no metric `{}`", self.metric)))?;
        let (comparison, value) = match (self.at_most, self.at_least) {
            (Some(most), _) => (Comparison::AT_MOST, most),
            (None, least) => (Comparison::AT_LEAST, least.unwrap_or_default()),
        };
        Ok(Goal {
            metric: host.metric(&metric)?,
            comparison,
            value,
        })
    }
}

/// The goals of a target.
///
/// # Errors
/// See [`GoalConfig::goal`].
pub fn goals(configs: &[GoalConfig], host: &Host) -> Result<Vec<Goal>> {
    configs.iter().map(|config| config.goal(host)).collect()
}

/// The labels of a target.
pub fn labels(texts: &BTreeMap<String, String>) -> Vec<Label> {
    texts.iter().map(|(name, value)| Label::new(name, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::TestHost;

    fn faults(goal: GoalConfig) -> Vec<String> {
        let mut faults = Faults::default();
        goal.check("goals", &mut faults);
        faults.iter().map(|(_, message)| message.to_owned()).collect()
    }

    #[test]
    fn a_goal_has_a_known_metric_and_one_finite_bound() {
        let goal = |metric: &str, at_most, at_least| GoalConfig {
            metric: metric.to_owned(),
            at_most,
            at_least,
        };
        assert_eq!(faults(goal("cpu.time", Some(1.0), None)), [""; 0]);
        for (wrong, said) in [
            (goal("cpu.tim", Some(1.0), None), "there is no metric `cpu.tim`"),
            (goal("cpu.time", None, None), "a goal for `cpu.time` has one bound"),
            (
                goal("cpu.time", Some(1.0), Some(0.0)),
                "a goal for `cpu.time` has one bound",
            ),
            (
                goal("cpu.time", Some(f64::NAN), None),
                "a goal for `cpu.time` has one bound",
            ),
        ] {
            assert_eq!(faults(wrong), [said]);
        }
    }

    #[test]
    fn a_bound_becomes_its_comparison() {
        let host = Host::new(TestHost::new().handle());
        let least = GoalConfig {
            metric: "cpu.time".to_owned(),
            at_least: Some(2.0),
            ..GoalConfig::default()
        };
        let goal = least.goal(&host).unwrap();
        assert_eq!((goal.comparison, goal.value), (Comparison::AT_LEAST, 2.0));
    }
}
