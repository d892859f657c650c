//! From where a thread has the CPUs that it has, and so what it is to get back: what its process had before us, what
//! somebody else gave it, or what it has by itself. Reads only.

use super::place::Place;
use super::{Hold, Origin, Task};
use crate::fs;
use pipeline_cgroup_fs::CpuSet;

impl Hold {
    /// What a thread is to get back: what it has, unless it has that from one that we set. One that may use all of its
    /// cpuset has no mask of its own that could be told: it gets every CPU, of which the kernel leaves it those of its
    /// cpuset, also if that is narrow now and wide again by then.
    pub(super) fn found(&self, place: &Place<'_>, now: &CpuSet) -> CpuSet {
        if let Some(origin) = self.origin(place.process, place.stat.parent, now) {
            return origin.before.clone();
        }
        let online = if place.is_free(now) {
            fs::online_cpus().ok()
        } else {
            None
        };
        online.unwrap_or_else(|| now.clone())
    }

    /// From where a newcomer that has `now` has that: its process, the process's parent, or, where that ended, any of
    /// the target's.
    pub(super) fn origin(&self, process: u32, parent: u32, now: &CpuSet) -> Option<&Origin> {
        let known = self.origins.get(&process).or_else(|| self.origins.get(&parent));
        let any = || self.origins.values().next().filter(|_| self.is_begun);
        known.or_else(any).filter(|origin| origin.after == *now)
    }

    /// Whether a newcomer has its CPUs from a thread that somebody else set.
    pub(super) fn is_heir_of_theirs(&self, place: &Place<'_>, now: &CpuSet) -> bool {
        let kin = [place.process, place.stat.parent];
        let theirs = |task: &Task| task.record.is_none() && kin.contains(&task.process) && task.after == *now;
        now != place.after && self.tasks.values().any(theirs)
    }
}
