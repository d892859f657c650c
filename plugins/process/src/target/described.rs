//! What a config says of a target, before there is a process.

use crate::config::{GoalConfig, RunConfig};
use pipeline_plugin_api::prelude::*;

/// The target without an id, processes and groups.
///
/// # Errors
/// A goal's metric is not in the vocabulary, or another node means something else by its name.
pub fn target(config: &RunConfig, host: &Host) -> Result<Target> {
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
    let label = |(name, value): (&String, &String)| Label {
        name: name.as_str().into(),
        value: value.as_str().into(),
    };
    Ok(Target {
        provider: host.name().into(),
        name: host.name().into(),
        class: config.class.map_or(Class::UNSET, Into::into),
        priority: config.priority,
        goals: config.goals.iter().map(goal).collect::<Result<Vec<_>>>()?.into(),
        labels: config.labels.iter().map(label).collect::<Vec<_>>().into(),
        ..Target::default()
    })
}
