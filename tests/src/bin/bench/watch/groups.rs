//! Control groups with a sleeping process in each; both are gone when this is dropped.

use pipeline_cgroup_fs::{Controller, ControllerSet, Group, Hierarchies, Leaf, Version};
use std::error::Error;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Groups under one of their own.
pub struct Groups {
    parent: Group,
    groups: Vec<Group>,
    sleepers: Vec<Child>,
}

impl Groups {
    /// Makes `pipeline-bench-PID` and so many populated groups in it. On version 2 no controller is
    /// switched on for it: CPU time is counted without one.
    ///
    /// # Errors
    /// The groups may not be made here. What was made before is removed.
    pub fn make(count: usize) -> Result<Self, Box<dyn Error>> {
        let trees = Hierarchies::discover("/")?;
        let wanted: ControllerSet = trees
            .trees()
            .iter()
            .filter(|tree| tree.version == Version::V1)
            .flat_map(|tree| tree.controllers.iter())
            .filter(|controller| matches!(controller, Controller::Cpu | Controller::Cpuacct))
            .collect();
        let name = format!("pipeline-bench-{}", std::process::id());
        let parent = Leaf::plan(&Group::at(&trees, "")?, &name, wanted)?.make()?.group;
        let mut all = Self {
            parent,
            groups: Vec::new(),
            sleepers: Vec::new(),
        };
        for number in 0..count {
            let group = Leaf::plan(&all.parent, &format!("group-{number:03}"), wanted)?
                .make()?
                .group;
            all.groups.push(group.clone());
            let sleeper = Command::new("sleep").arg("3600").stdin(Stdio::null()).spawn()?;
            let pid = sleeper.id();
            all.sleepers.push(sleeper);
            group.attach(pid)?;
        }
        Ok(all)
    }

    /// The path of the group that holds them, from the topmost one.
    pub fn parent(&self) -> PathBuf {
        self.parent.path().to_owned()
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for sleeper in &mut self.sleepers {
            // Both fail only where it ended by itself.
            let _ = sleeper.kill();
            let _ = sleeper.wait();
        }
        for group in self.groups.iter().chain([&self.parent]) {
            if let Err(error) = group.remove() {
                crate::complain(&error.to_string());
            }
        }
    }
}
