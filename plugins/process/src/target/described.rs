//! What a config says of a target, before there is a process.

use crate::config::RunConfig;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::purpose::{goals, labels};

/// The target without an id, processes and groups.
///
/// # Errors
/// A goal's metric is not in the vocabulary, or another node means something else by its name.
pub fn target(config: &RunConfig, host: &Host) -> Result<Target> {
    Ok(Target {
        provider: host.name().into(),
        name: host.name().into(),
        class: config.class.map_or(Class::UNSET, Into::into),
        priority: config.priority,
        goals: goals(&config.goals, host)?.into(),
        labels: labels(&config.labels).into(),
        ..Target::default()
    })
}
