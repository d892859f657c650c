//! The CPUs of every thread of a target: what they had, what we left, and how to give it back. Each thread is journalled
//! before its change, newcomers too.
//!
//! A pass goes through all threads that there are. One that is made meanwhile by a thread that was not set yet is found
//! by the next pass, so passes are made until one finds nothing to do. A newcomer that was made by a thread that was set
//! has our CPUs from the start; what is given back to it is what its process had. For those that come after the last
//! pass before a crash, each process has a record of its own beside those of its threads: see `family`.

mod back;
mod kernel;
mod origin;
mod place;
mod visit;

use super::cpusets::Cpusets;
use super::crowd::{Crowd, thread, threads};
use super::family::Families;
use super::others;
use super::strangers::Kin;
use crate::fs;
use kernel::{given, list, may_be_set};
use pipeline_cgroup_fs::CpuSet;
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use place::Place;
use std::collections::{BTreeMap, BTreeSet};

/// What is held of a target.
#[derive(Debug)]
pub struct Hold {
    wanted: CpuSet,
    tasks: BTreeMap<u32, Task>,
    /// What processes had and were given, by id: what their newcomers have and get back.
    origins: BTreeMap<u32, Origin>,
    families: Families,
    /// Whether a pass was made, so that whoever comes now is a newcomer.
    is_begun: bool,
}

#[derive(Debug)]
struct Task {
    process: u32,
    start_time: u64,
    before: CpuSet,
    /// What it was to get.
    asked: CpuSet,
    /// What we left, as read back; of one that is not ours, what it had then.
    after: CpuSet,
    /// What its cpuset had then.
    cpuset: Option<CpuSet>,
    /// None where somebody else gave it other CPUs: it is left alone.
    record: Option<UndoRecord>,
}

#[derive(Clone, Debug)]
struct Origin {
    before: CpuSet,
    after: CpuSet,
}

impl Hold {
    /// Nothing yet, and those CPUs are wanted.
    pub fn new(wanted: CpuSet) -> Self {
        Self {
            wanted,
            tasks: BTreeMap::new(),
            origins: BTreeMap::new(),
            families: Families::default(),
            is_begun: false,
        }
    }

    /// Wants other CPUs from now on.
    pub fn want(&mut self, wanted: CpuSet) {
        self.wanted = wanted;
    }

    /// The CPUs that are wanted.
    pub fn wanted(&self) -> &CpuSet {
        &self.wanted
    }

    /// The CPUs that are in force for the threads that are ours, all together.
    pub fn in_force(&self) -> CpuSet {
        let ours = self.tasks.values().filter(|task| task.record.is_some());
        ours.fold(CpuSet::default(), |all, task| all.union(&task.after))
    }

    /// How many threads are known, and how many of them somebody else gave other CPUs.
    pub fn count(&self) -> (usize, usize) {
        let theirs = self.tasks.values().filter(|task| task.record.is_none()).count();
        (self.tasks.len(), theirs)
    }

    /// Goes through all threads once; gives how many had to be set.
    ///
    /// # Errors
    /// A thread cannot be set, or must not; those before it are held all the same.
    pub fn pass(&mut self, crowd: &mut Crowd, kin: &Kin<'_>, cpusets: &mut Cpusets, system: &System) -> Result<usize> {
        let mut seen = BTreeSet::new();
        let mut set = 0;
        let online = fs::online_cpus().unwrap_or_else(|_| self.wanted.clone());
        let wanted = self.wanted.intersection(&online);
        cpusets.begin();
        for process in others(crowd, kin)? {
            let pid = process.pid;
            let cpuset = cpusets.of(pid);
            let after = cpuset
                .as_ref()
                .map_or_else(|| wanted.clone(), |has| wanted.intersection(has));
            self.cover(process, &after, cpuset.as_ref(), cpusets, system)?;
            for id in threads(pid) {
                let Ok(stat) = thread(pid, id) else { continue };
                seen.insert(id);
                let place = Place {
                    process: pid,
                    stat: &stat,
                    after: &after,
                    cpuset: cpuset.as_ref(),
                    cpusets,
                };
                set += usize::from(self.visit(&place, system)?);
            }
        }
        self.forget(&seen, system);
        self.is_begun = true;
        Ok(set)
    }

    /// Gives every thread back what it had, newcomers included, until a pass finds nothing to do. Those that somebody
    /// else gave other CPUs are left alone.
    ///
    /// # Errors
    /// One cannot be given back; it is still held.
    pub fn put_back(
        &mut self,
        crowd: &mut Crowd,
        kin: &Kin<'_>,
        cpusets: &mut Cpusets,
        system: &System,
        passes: u32,
    ) -> Result<()> {
        let mut done = BTreeSet::new();
        for _ in 0..passes {
            cpusets.begin();
            let mut changed = false;
            for Process { pid, .. } in crowd.processes(kin) {
                let cpuset = cpusets.of(pid);
                for id in threads(pid) {
                    let Ok(stat) = thread(pid, id) else { continue };
                    if done.insert((id, stat.start_time)) {
                        changed |= self.give_back(pid, &stat, cpuset.as_ref(), system)?;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        self.give_back_strays(system)?;
        self.let_go(system);
        Ok(())
    }

    /// Nothing of it is ours any more.
    pub fn let_go(&mut self, system: &System) {
        self.families.settle(system);
    }

    /// Journals ahead of its threads what those of a process get back that nobody will have seen.
    fn cover(
        &mut self,
        process: Process,
        after: &CpuSet,
        cpuset: Option<&CpuSet>,
        cpusets: &Cpusets,
        system: &System,
    ) -> Result<()> {
        let Process { pid, .. } = process;
        if self.families.knows(process) {
            let mut held = self.tasks.values().filter(|task| task.process == pid);
            let is_plain = || held.all(|task| task.before != *after);
            return self.families.want(pid, &list(after), is_plain, system);
        }
        let mut before = Vec::new();
        for id in threads(pid) {
            let (Ok(stat), Ok(now)) = (thread(pid, id), given(id)) else {
                continue;
            };
            may_be_set(&stat)?;
            let place = Place {
                process: pid,
                stat: &stat,
                after,
                cpuset,
                cpusets,
            };
            let theirs = self.is_heir_of_theirs(&place, &now);
            before.push(if theirs {
                after.clone()
            } else {
                self.found(&place, &now)
            });
        }
        // Where a thread had these CPUs already, newcomers may have them from that one.
        let is_plain = !after.is_empty() && before.iter().all(|before| before != after);
        let before = before.first().filter(|_| is_plain).map(list);
        self.families.meet(process, before, &list(after), system)
    }

    /// Forgets threads that ended.
    fn forget(&mut self, seen: &BTreeSet<u32>, system: &System) {
        let ended: Vec<u32> = self.tasks.keys().copied().filter(|id| !seen.contains(id)).collect();
        for id in ended {
            let is_there = |task: &Task| thread(id, id).is_ok_and(|stat| stat.start_time == task.start_time);
            // One that left the target is still ours to put back.
            if !self.tasks.get(&id).is_some_and(is_there) {
                settle(self.tasks.remove(&id), system);
            }
        }
        let living: BTreeSet<u32> = self.tasks.values().map(|task| task.process).collect();
        self.families.keep(&living, system);
        let oldest = self.origins.keys().next().copied();
        self.origins
            .retain(|process, _| living.contains(process) || Some(*process) == oldest);
    }
}

fn settle(task: Option<Task>, system: &System) {
    let record = task.and_then(|task| task.record);
    record.into_iter().for_each(|record| system.settle(record));
}
