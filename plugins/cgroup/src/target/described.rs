//! What a target is called and what is known of it, from its path and the config. No I/O.

use super::chosen::Chosen;
use super::places::Inodes;
use crate::config::{NameFrom, RuleConfig, WatchConfig};
use pipeline_cgroup_fs::{Error, GroupPattern, Hierarchies};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::purpose::{goals, labels};
use std::collections::BTreeSet;

/// Describes groups as targets.
#[derive(Debug)]
pub struct Described {
    node: String,
    name: NameFrom,
    rules: Vec<Rule>,
    /// The names of targets that live.
    taken: BTreeSet<String>,
}

#[derive(Debug)]
struct Rule {
    groups: GroupPattern,
    known: Target,
}

impl Described {
    /// Reads the rules.
    ///
    /// # Errors
    /// A pattern is none, a metric is not in the vocabulary, or another node means something else by its name.
    pub fn of(config: &WatchConfig, host: &Host) -> Result<Self> {
        let rules = config
            .rules
            .iter()
            .map(|rule| Rule::of(rule, host))
            .collect::<Result<_>>()?;
        Ok(Self {
            node: host.name(),
            name: config.name,
            rules,
            taken: BTreeSet::new(),
        })
    }

    /// The target of a group, without an id. Its name is taken until it is [`Described::free`].
    pub fn target(&mut self, path: &str, chosen: &Chosen) -> Target {
        let known = self.rules.iter().find(|rule| rule.groups.fits(path));
        let mut target = known.map(|rule| rule.known.clone()).unwrap_or_default();
        target.provider = self.node.as_str().into();
        target.labels.push(Label::new("cgroup", &format!("/{path}")));
        let mut name = format!("{}/{}", self.node, self.name_of(path, chosen));
        if self.taken.contains(&name) {
            name = format!("{}/{path}", self.node);
        }
        target.name = name.as_str().into();
        self.taken.insert(name);
        target
    }

    /// Another target may have that name.
    pub fn free(&mut self, name: &str) {
        self.taken.remove(name);
    }

    fn name_of(&self, path: &str, chosen: &Chosen) -> String {
        let named = match self.name {
            NameFrom::Path => None,
            NameFrom::Last => path.rsplit('/').next().map(str::to_owned),
            NameFrom::Captured => chosen.captured(path),
        };
        named.filter(|name| !name.is_empty()).unwrap_or_else(|| path.to_owned())
    }
}

/// The directories of a group for its target, of the trees that have one.
pub fn directories(trees: &Hierarchies, path: &str, inodes: &Inodes) -> Vec<CgroupDir> {
    let there = trees.trees().iter().zip(inodes).filter(|(_, inode)| **inode != 0);
    there
        .flat_map(|(tree, inode)| {
            let directory = tree.directory(path).to_string_lossy().into_owned();
            tree.names().into_iter().map(move |name| CgroupDir {
                controller: name.into(),
                path: directory.as_str().into(),
                inode: *inode,
            })
        })
        .collect()
}

impl Rule {
    fn of(config: &RuleConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            groups: GroupPattern::parse(&config.groups).map_err(|error| wrong(&error))?,
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

/// A pattern that is none ends the node.
pub fn wrong(error: &Error) -> Failure {
    Failure::fatal(error.to_string())
}
