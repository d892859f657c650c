//! Goals, labels and users in configs: what is wrong with them, and what they become. No processes.

use crate::config::GoalConfig;
use nix::unistd::User;
use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// What is wrong with a goal. Metrics of the vocabulary only: of others the unit is not known here.
pub fn check_goal(field: &'static str, goal: &GoalConfig, faults: &mut Faults) {
    if vocabulary::metric(&goal.metric).is_none() {
        let known = vocabulary::METRICS.iter().map(|metric| metric.name);
        let message = format!("there is no metric `{}`", goal.metric);
        faults.add(field, message, nearest_help(&goal.metric, known));
    }
    let bound = goal.at_most.or(goal.at_least);
    if goal.at_most.is_some() == goal.at_least.is_some() {
        let message = format!("the goal for `{}` needs one bound", goal.metric);
        faults.add(field, message, "give `at_most` or `at_least`, in the metric's unit");
    } else if bound.is_some_and(|bound| !bound.is_finite()) {
        let message = format!("the goal for `{}` is no number", goal.metric);
        faults.add(field, message, "give a finite number");
    }
}

/// The goals of a target.
///
/// # Errors
/// A goal's metric is not in the vocabulary, or another node means something else by its name.
pub fn goals(configs: &[GoalConfig], host: &Host) -> Result<Vec<Goal>> {
    let goal = |goal: &GoalConfig| {
        let metric = vocabulary::metric(&goal.metric)
            .ok_or_else(|| Failure::fatal(format!("there is no metric `{}`", goal.metric)))?;
        let (comparison, value) = match (goal.at_most, goal.at_least) {
            (Some(most), _) => (Comparison::AT_MOST, most),
            (None, least) => (Comparison::AT_LEAST, least.unwrap_or_default()),
        };
        Ok(Goal {
            metric: host.metric(&metric)?,
            comparison,
            value,
        })
    };
    configs.iter().map(goal).collect()
}

/// The labels of a target.
pub fn labels(labels: &BTreeMap<String, String>) -> Vec<Label> {
    labels.iter().map(|(name, value)| label(name, value)).collect()
}

/// One label.
pub fn label(name: &str, value: &str) -> Label {
    Label {
        name: name.into(),
        value: value.into(),
    }
}

/// The number of a user that is given by name or by number.
pub fn user(name: &str) -> Option<u32> {
    match User::from_name(name).ok()? {
        Some(user) => Some(user.uid.as_raw()),
        None => name.parse().ok(),
    }
}
