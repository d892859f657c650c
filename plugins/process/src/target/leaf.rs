//! A leaf group of one command: made before it starts, removed when it ended. How its steps are journalled stands in
//! `record`.

pub mod record;

use super::error::Error;
use pipeline_cgroup_fs::{ControllerSet, CpuSet, Directory, Group, Knob, KnobKind, Setting};
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use std::io;
use std::path::PathBuf;
use std::result::Result;

/// The group of one life of a command.
#[derive(Debug)]
pub struct Leaf {
    group: Group,
    records: Vec<UndoRecord>,
    system: System,
}

impl Leaf {
    /// Records how to end and remove a leaf under the run's group, and makes it.
    ///
    /// # Errors
    /// It cannot be made; [`Error::Journal`].
    pub fn make(parent: &Group, name: &str, system: &System) -> Result<Self, Error> {
        let plan = pipeline_cgroup_fs::Leaf::plan(parent, name, ControllerSet::ALL)?;
        // What is switched on above the leaf lies in the run's own group and goes with it.
        let made = record::make(plan, true, system)?;
        Ok(Self {
            group: made.group,
            records: made.records,
            system: system.clone(),
        })
    }

    /// Lets its processes use these CPUs only. `false` where it has no cpuset, so that affinity must do.
    ///
    /// # Errors
    /// The kernel refuses them.
    pub fn restrict(&self, cpus: &CpuSet) -> Result<bool, Error> {
        let knob = match Knob::open(&self.group, KnobKind::Cpus) {
            Err(pipeline_cgroup_fs::Error::NoController { .. }) => return Ok(false),
            knob => knob?,
        };
        knob.write(&Setting::Cpus(cpus.clone()))?;
        Ok(true)
    }

    /// Moves a process into it.
    ///
    /// # Errors
    /// The kernel refuses, or the process is gone.
    pub fn attach(&self, pid: u32) -> Result<(), Error> {
        Ok(self.group.attach(pid)?)
    }

    /// Its directories by controller, for the target.
    pub fn directories(&self) -> Vec<CgroupDir> {
        self.group.directories().iter().flat_map(dirs_of).collect()
    }

    /// The files that list its processes.
    pub fn lists(&self) -> Vec<PathBuf> {
        self.group
            .directories()
            .iter()
            .map(|directory| directory.path.join("cgroup.procs"))
            .collect()
    }

    /// The group itself.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Kills all its processes at once with `cgroup.kill` (cgroup-v2.rst, "Core Interface Files", Linux 5.14).
    ///
    /// # Errors
    /// There is no such file here; they must be killed one by one.
    pub fn kill(&self) -> io::Result<()> {
        let unified = self.group.unified().ok_or(io::ErrorKind::NotFound)?;
        // Written only where it exists: `write` would make it in a tree of plain files.
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(unified.path.join("cgroup.kill"));
        file.and_then(|mut file| io::Write::write_all(&mut file, b"1\n"))
    }

    /// Removes it, once it is empty.
    ///
    /// # Errors
    /// Something of it is left; its undo records then stay.
    pub fn remove(self) -> Result<(), Error> {
        self.group.remove()?;
        self.records.into_iter().for_each(|record| self.system.settle(record));
        Ok(())
    }
}

/// Lets the processes of a group run if an actuator stopped them: a frozen process answers no signal.
pub fn thaw(group: &Group) {
    let Ok(knob) = Knob::open(group, KnobKind::Freeze) else {
        return;
    };
    if !matches!(knob.read(), Ok(Setting::Frozen(false))) {
        // If it cannot be thawed, the processes do not end, and that is told.
        let _ = knob.write(&Setting::Frozen(false));
    }
}

fn dirs_of(directory: &Directory) -> Vec<CgroupDir> {
    let named = |controller: &str| CgroupDir {
        controller: controller.into(),
        path: directory.path.to_string_lossy().into_owned().into(),
        inode: directory.inode,
    };
    directory.names().into_iter().map(named).collect()
}
