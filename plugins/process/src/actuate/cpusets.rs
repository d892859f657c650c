//! Which CPUs the cpuset of a process has, so that what the kernel will make of an affinity is known before it is set
//! (cgroup-v2.rst, "Cpuset Interface Files"; cgroup-v1/cpusets.rst, 1.3). Reads only.

use pipeline_cgroup_fs::{Controller, CpuSet, Hierarchies, Version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where cpusets are, and those that were looked at in this pass.
#[derive(Debug, Default)]
pub struct Cpusets {
    tree: Option<Tree>,
    seen: BTreeMap<Vec<u8>, Option<CpuSet>>,
}

#[derive(Debug)]
struct Tree {
    point: PathBuf,
    root: PathBuf,
    file: &'static str,
}

impl Cpusets {
    /// Those of this machine; none where no tree has the controller.
    pub fn discover() -> Self {
        let trees = Hierarchies::discover("/").ok();
        let tree = trees.as_ref().and_then(|trees| trees.tree(Controller::Cpuset));
        let tree = tree.map(|tree| Tree {
            point: tree.point.clone(),
            root: tree.root.clone(),
            file: match tree.version {
                Version::V1 => "cpuset.effective_cpus",
                Version::V2 => "cpuset.cpus.effective",
            },
        });
        Self {
            tree,
            seen: BTreeMap::new(),
        }
    }

    /// Forgets what was looked at.
    pub fn begin(&mut self) {
        self.seen.clear();
    }

    /// The CPUs that the cpuset of the process has; `None` where that is not known, or the process ended.
    ///
    /// `/proc/PID/cpuset` names the group whose cpuset counts, which may be one above the process's own.
    pub fn of(&mut self, pid: u32) -> Option<CpuSet> {
        let tree = self.tree.as_ref()?;
        self.seen
            .entry(group_of(pid)?)
            .or_insert_with_key(|path| tree.read(path))
            .clone()
    }

    /// The same, looked at now.
    pub fn now(&self, pid: u32) -> Option<CpuSet> {
        self.tree.as_ref()?.read(&group_of(pid)?)
    }
}

impl Tree {
    fn read(&self, path: &[u8]) -> Option<CpuSet> {
        let path = Path::new(std::str::from_utf8(path).ok()?);
        let inside = path.strip_prefix(&self.root).ok()?;
        let bytes = std::fs::read(self.point.join(inside).join(self.file)).ok()?;
        CpuSet::try_from(bytes.as_slice()).ok().filter(|cpus| !cpus.is_empty())
    }
}

fn group_of(pid: u32) -> Option<Vec<u8>> {
    let path = std::fs::read(format!("/proc/{pid}/cpuset")).ok()?;
    Some(path.trim_ascii_end().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::affinity;

    #[test]
    fn a_process_may_use_no_cpu_that_its_cpuset_has_not() {
        let Some(cpus) = Cpusets::discover().of(std::process::id()) else {
            println!("SKIP: no cpuset can be read here");
            return;
        };
        assert!(affinity::given(rustix::process::getpid()).unwrap().is_subset(&cpus));
    }

    #[test]
    fn a_process_that_is_not_there_has_no_cpuset() {
        assert_eq!(Cpusets::discover().of(u32::MAX), None);
    }
}
