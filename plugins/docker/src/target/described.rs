//! What a target is called and what is known of it, from what the engine says and the config. No I/O.

use crate::chosen::{Chosen, Known};
use crate::config::{RuleConfig, WatchConfig};
use crate::engine::Seen;
use pipeline_cgroup_fs::{CpuSet, Error};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::purpose::{goals, labels};

/// What Compose calls a container's project and service, and what they are called here.
const COMPOSE: [(&str, &str); 2] = [
    ("com.docker.compose.project", "compose_project"),
    ("com.docker.compose.service", "compose_service"),
];

/// Describes containers as targets.
#[derive(Debug)]
pub struct Described {
    node: String,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    means: Chosen,
    known: Target,
}

impl Described {
    /// Reads the rules.
    ///
    /// # Errors
    /// A pattern is none, a metric is not in the vocabulary, or another node means something else by its name.
    pub fn of(config: &WatchConfig, host: &Host) -> Result<Self> {
        let rules = config.rules.iter().map(|rule| Rule::of(rule, host));
        Ok(Self {
            node: host.name(),
            rules: rules.collect::<Result<_>>()?,
        })
    }

    /// The target's name for a container's.
    pub fn name(&self, container: &str) -> String {
        format!("{}/{container}", self.node)
    }

    /// The target of a container, without an id, processes and groups.
    pub fn target(&self, seen: &Seen) -> Target {
        let known = known(seen);
        let rule = self.rules.iter().find(|rule| rule.means.means(&known));
        let mut target = rule.map(|rule| rule.known.clone()).unwrap_or_default();
        target.provider = self.node.as_str().into();
        target.name = self.name(&seen.name).into();
        target.labels.push(Label::new("image", &seen.image));
        target.labels.push(Label::new("id", &seen.id));
        target
            .labels
            .push(Label::new("state", if seen.paused { "paused" } else { "running" }));
        for (key, name) in COMPOSE {
            target
                .labels
                .extend(seen.labels.get(key).map(|value| Label::new(name, value)));
        }
        let cpus: Option<CpuSet> = seen.cpus.parse().ok();
        target.cpus = cpus.iter().flat_map(CpuSet::iter).collect::<Vec<u32>>().into();
        target
    }
}

impl Rule {
    fn of(config: &RuleConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            means: Chosen::by(config).map_err(|error| wrong(&error))?,
            known: Target {
                class: config.class.map_or(Class::UNSET, Into::into),
                priority: config.priority,
                goals: goals(&config.goals, host)?.into(),
                labels: labels(&config.labels).into(),
                ..Target::default()
            },
        })
    }
}

/// What a container is chosen by.
pub fn known(seen: &Seen) -> Known<'_> {
    Known {
        name: &seen.name,
        image: &seen.image,
        labels: &seen.labels,
    }
}

/// A pattern that is none ends the node.
pub fn wrong(error: &Error) -> Failure {
    Failure::fatal(error.to_string())
}
