//! Whose a process is where several targets could claim it: what one target's processes started, or a group that lies
//! within its own, may be a target of its own, and one that answers somebody who waits.

use pipeline_plugin_api::abi::{Process, Target};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What all targets were told with.
#[derive(Debug, Default)]
pub struct Strangers {
    targets: BTreeMap<TargetId, Told>,
    processes: BTreeMap<(u32, u64), Vec<TargetId>>,
    groups: BTreeMap<PathBuf, Vec<TargetId>>,
}

#[derive(Debug)]
struct Told {
    is_latency: bool,
    processes: Vec<(u32, u64)>,
    groups: Vec<PathBuf>,
}

/// The same as one target sees it.
#[derive(Clone, Copy, Debug)]
pub struct Kin<'a> {
    strangers: &'a Strangers,
    target: TargetId,
    spares_latency: bool,
}

impl Strangers {
    /// Takes over what a target says now.
    pub fn update(&mut self, target: &Target) {
        self.forget(target.id);
        let process = |process: &Process| (process.pid, process.start_time);
        let told = Told {
            is_latency: target.class == Class::LATENCY,
            processes: target.processes.iter().map(process).collect(),
            groups: target
                .cgroups
                .iter()
                .map(|dir| PathBuf::from(dir.path.as_str()))
                .collect(),
        };
        for process in &told.processes {
            self.processes.entry(*process).or_default().push(target.id);
        }
        for group in &told.groups {
            self.groups.entry(group.clone()).or_default().push(target.id);
        }
        self.targets.insert(target.id, told);
    }

    /// A target went.
    pub fn forget(&mut self, target: TargetId) {
        let Some(told) = self.targets.remove(&target) else {
            return;
        };
        for process in told.processes {
            drop_from(&mut self.processes, &process, target);
        }
        for group in told.groups {
            drop_from(&mut self.groups, &group, target);
        }
    }

    /// As a target sees it; those of class `Latency` keep what is theirs where it spares them.
    pub fn seen_by(&self, target: TargetId, spares_latency: bool) -> Kin<'_> {
        Kin {
            strangers: self,
            target,
            spares_latency,
        }
    }
}

impl Kin<'_> {
    /// Whether a child of the target's processes is another's: one that is known by its processes alone tells it, and
    /// this one does not. That a group lists it says nothing, since whoever is in it may be another's as well.
    pub fn is_another_s(&self, process: Process) -> bool {
        let tell = self.strangers.processes.get(&(process.pid, process.start_time));
        let is_by_processes = |id: &TargetId| {
            let told = self.strangers.targets.get(id);
            told.is_some_and(|told| told.groups.is_empty())
        };
        let is_theirs = |tell: &Vec<TargetId>| !tell.contains(&self.target) && tell.iter().any(is_by_processes);
        tell.is_some_and(is_theirs) || self.is_spared(process)
    }

    /// Whether a process is told by another target that is spared.
    pub fn is_spared(&self, process: Process) -> bool {
        let tell = self.strangers.processes.get(&(process.pid, process.start_time));
        tell.is_some_and(|tell| self.spares_any(tell))
    }

    /// Whether a group is that of another target that is spared.
    pub fn is_spared_group(&self, group: &Path) -> bool {
        self.strangers
            .groups
            .get(group)
            .is_some_and(|tell| self.spares_any(tell))
    }

    fn spares_any(&self, tell: &[TargetId]) -> bool {
        let is_latency = |id: &TargetId| self.strangers.targets.get(id).is_some_and(|told| told.is_latency);
        let mut others = tell.iter().filter(|id| **id != self.target);
        self.spares_latency && others.any(is_latency)
    }
}

fn drop_from<K: Ord>(all: &mut BTreeMap<K, Vec<TargetId>>, key: &K, target: TargetId) {
    if let Some(tell) = all.get_mut(key) {
        tell.retain(|id| *id != target);
        if tell.is_empty() {
            all.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: u32, class: Class, pids: &[u32], group: &str) -> Target {
        let process = |pid: &u32| Process {
            pid: *pid,
            start_time: 5,
        };
        let group = (!group.is_empty()).then(|| CgroupDir {
            path: group.into(),
            ..CgroupDir::default()
        });
        Target {
            id: TargetId(id),
            class,
            processes: pids.iter().map(process).collect(),
            cgroups: group.into_iter().collect(),
            ..Target::default()
        }
    }

    #[test]
    fn what_another_target_tells_is_that_one_s_and_what_waits_is_spared_always() {
        let mut all = Strangers::default();
        all.update(&target(1, Class::BATCH, &[10, 11, 12], "/a"));
        all.update(&target(2, Class::BATCH, &[12, 13], ""));
        all.update(&target(4, Class::BATCH, &[15], "/a/b"));
        all.update(&target(3, Class::LATENCY, &[11, 14], "/a/c"));
        let theirs = |all: &Strangers, spares: bool| -> Vec<u32> {
            let kin = all.seen_by(TargetId(1), spares);
            let is_another_s = |pid: &u32| {
                kin.is_another_s(Process {
                    pid: *pid,
                    start_time: 5,
                })
            };
            (9..16).filter(is_another_s).collect()
        };
        assert_eq!((theirs(&all, true), theirs(&all, false)), (vec![11, 13, 14], vec![13]));
        let kin = all.seen_by(TargetId(1), true);
        assert!(kin.is_spared_group(Path::new("/a/c")) && !kin.is_spared_group(Path::new("/a/b")));
        assert!(
            !kin.is_another_s(Process { pid: 14, start_time: 6 }),
            "another life of that id"
        );
        assert!(!all.seen_by(TargetId(3), true).is_spared_group(Path::new("/a/c")));
        all.update(&target(3, Class::BATCH, &[14], "/a/c"));
        all.forget(TargetId(2));
        assert_eq!(theirs(&all, true), [0; 0]);
        all.forget(TargetId(1));
        all.forget(TargetId(3));
        all.forget(TargetId(4));
        assert!(all.processes.is_empty() && all.groups.is_empty() && all.targets.is_empty());
    }
}
