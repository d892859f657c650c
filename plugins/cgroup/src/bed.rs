//! What the tests run on: folders of plain files that look like control groups, and real groups of this machine.
//!
//! A real group and what was started in it are gone when the test ends, failed or not. Without root a test on them
//! prints `SKIP: why`, and fails under `PIPELINE_REQUIRE=cgroup`.

use pipeline_cgroup_fs::{Group, testing};
use pipeline_plugin_api::prelude::*;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use testing::{SPIN, soon};

/// Folders of plain files.
pub struct Tree(testing::Tree);

impl Tree {
    /// No file but `cgroup.procs` in the folder, which makes it the topmost group.
    pub fn new() -> Self {
        Self(testing::Tree::empty()).with("cgroup.procs", "")
    }

    /// A version 2 group `g` with the CPU and cpuset controllers at their defaults.
    pub fn v2() -> Self {
        Self::new()
            .with("cpuset.cpus.effective", "0-3\n")
            .with("g/cgroup.procs", "")
            .with("g/cgroup.controllers", "cpuset cpu io memory pids\n")
            .with("g/cgroup.events", "populated 1\nfrozen 0\n")
            .with("g/cpu.idle", "0\n")
            .with("g/cpu.weight", "100\n")
            .with("g/cpu.max", "max 100000\n")
            .with("g/cpuset.cpus", "\n")
            .with("g/cpuset.cpus.effective", "0-3\n")
    }

    pub fn with(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub fn write(&self, path: &str, text: &str) {
        self.0.write(path, text);
    }

    pub fn read(&self, path: &str) -> String {
        self.0.read(path).trim().to_owned()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.0.at(path)
    }

    /// A target whose directories are those, by controller.
    pub fn target(&self, dirs: &[(&str, &str)]) -> Target {
        target(
            dirs.iter()
                .map(|(controller, path)| dir(controller, &self.at(path)))
                .collect(),
        )
    }
}

fn dir(controller: &str, path: &Path) -> CgroupDir {
    let inode = fs::metadata(path).unwrap().ino();
    CgroupDir {
        controller: controller.into(),
        path: path.to_str().unwrap().into(),
        inode,
    }
}

fn target(cgroups: Vec<CgroupDir>) -> Target {
    Target {
        name: "batch".into(),
        class: Class::BEST_EFFORT,
        cgroups: cgroups.into(),
        ..Target::default()
    }
}

/// Real groups under one leaf of the topmost group, and the targets that they are.
pub struct Bed(testing::Bed);

impl Bed {
    /// A leaf with all controllers that this machine gives.
    pub fn new() -> Option<Self> {
        testing::Bed::new().map(Self)
    }

    /// The target that a provider would tell of a group: a version 2 directory once, others by controller.
    pub fn target(&self, group: &Group) -> Target {
        let dirs = group.directories().iter().flat_map(|directory| {
            let names = directory.names().into_iter();
            names.map(|name| dir(name, &directory.path))
        });
        target(dirs.collect())
    }
}

impl Deref for Bed {
    type Target = testing::Bed;

    fn deref(&self) -> &testing::Bed {
        &self.0
    }
}

impl DerefMut for Bed {
    fn deref_mut(&mut self) -> &mut testing::Bed {
        &mut self.0
    }
}
