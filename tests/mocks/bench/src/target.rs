//! `mock.cgroups`: brings the groups that stand right under another one, once.

use crate::config::CgroupsConfig;
use pipeline_cgroup_fs::{Directory, Group, Hierarchies};
use pipeline_plugin_api::prelude::*;

/// Brings one target for each group under a parent.
pub struct Cgroups {
    node: String,
    parent: String,
    system: Option<System>,
    told: bool,
}

impl Element for Cgroups {
    const NAME: &'static str = "mock.cgroups";
    const SUMMARY: &'static str = "the groups right under another one";
    const EVERY: Nanos = Nanos::from_secs(3600);
    type Config = CgroupsConfig;

    fn ports(_: &CgroupsConfig) -> Ports {
        Ports::new()
    }

    fn create(config: CgroupsConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            node: host.name(),
            parent: config.parent,
            system: None,
            told: false,
        })
    }
}

impl TargetProvider for Cgroups {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let system = self.system.as_ref().filter(|_| !self.told);
        let Some(system) = system else { return Ok(Wish::Nothing) };
        let pattern = format!("{}/*", self.parent);
        let groups = Hierarchies::discover("/").and_then(|trees| Group::glob(&trees, &pattern));
        let groups = groups.map_err(|error| Failure::fatal(error.to_string()))?;
        out.changes.extend(groups.iter().map(|group| TargetChange {
            at: tick.at,
            change: Change::APPEARED,
            target: target(group, &self.node, system),
        }));
        self.told = true;
        Ok(Wish::Nothing)
    }
}

fn target(group: &Group, node: &str, system: &System) -> Target {
    let leaf = group.path().file_name().unwrap_or_default().to_string_lossy();
    let name = format!("{node}/{leaf}");
    let (id, generation) = system.new_target(&name);
    Target {
        id,
        generation,
        provider: node.into(),
        name: name.into(),
        cgroups: group.directories().iter().flat_map(directories).collect(),
        ..Target::default()
    }
}

fn directories(directory: &Directory) -> Vec<CgroupDir> {
    let path = directory.path.to_string_lossy();
    let named = |controller: &str| CgroupDir {
        controller: controller.into(),
        path: path.as_ref().into(),
        inode: directory.inode,
    };
    directory.names().into_iter().map(named).collect()
}
