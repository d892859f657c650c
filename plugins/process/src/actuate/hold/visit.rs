//! What becomes of one thread in a pass: it is met, kept, or left to whoever gave it other CPUs. It is journalled before
//! it is set.

use super::kernel::{given, list, may_be_set, set};
use super::place::{Place, possible};
use super::{Hold, Origin, Task, settle};
use pipeline_cgroup_fs::CpuSet;
use pipeline_plugin_api::prelude::*;

impl Hold {
    /// Looks at one thread and sets it if need be.
    pub(super) fn visit(&mut self, place: &Place<'_>, system: &System) -> Result<bool> {
        let Ok(now) = given(place.id()) else { return Ok(false) };
        match self.tasks.get(&place.id()) {
            Some(task) if task.start_time == place.stat.start_time => self.keep(place, now, system),
            Some(_) => {
                // Its id is another's now.
                let ended = self.tasks.remove(&place.id());
                settle(ended, system);
                self.meet(place, now, system)
            }
            None => self.meet(place, now, system),
        }
    }

    /// A thread that is known: it has what we left, or the kernel took that when its cpuset changed, or it is theirs.
    fn keep(&mut self, place: &Place<'_>, now: CpuSet, system: &System) -> Result<bool> {
        let Some(task) = self.tasks.get_mut(&place.id()) else {
            return Ok(false);
        };
        let Some(record) = task.record else { return Ok(false) };
        let is_moved = task.cpuset.as_ref() != place.cpuset;
        if now == task.after && task.asked == *place.after {
            task.cpuset = place.cpuset.cloned();
            return Ok(false);
        }
        if now != task.after && !is_moved {
            system.settle(record);
            task.record = None;
            task.after = now;
            return Ok(false);
        }
        possible(place, &self.wanted)?;
        system.amend(record, &list(place.after))?;
        let after = match set(place.id(), place.after)? {
            Some(after) => after,
            None => return Ok(false),
        };
        if after != *place.after {
            system.amend(record, &list(&after))?;
        }
        task.cpuset = place.cpuset.cloned();
        task.asked = place.after.clone();
        task.after = after.clone();
        if let Some(origin) = self.origins.get_mut(&place.process) {
            origin.after = after;
        }
        Ok(true)
    }

    /// A thread that was not known.
    fn meet(&mut self, place: &Place<'_>, now: CpuSet, system: &System) -> Result<bool> {
        may_be_set(place.stat)?;
        possible(place, &self.wanted)?;
        let task = Task {
            process: place.process,
            start_time: place.stat.start_time,
            before: self.found(place, &now),
            asked: place.after.clone(),
            after: now.clone(),
            cpuset: place.cpuset.cloned(),
            record: None,
        };
        if self.is_heir_of_theirs(place, &now) {
            self.tasks.insert(place.id(), task);
            return Ok(false);
        }
        let record = system.journal(&Undo {
            kind: UndoKind::SET_AFFINITY,
            pid: place.id(),
            start_time: place.stat.start_time,
            before: list(&task.before).into(),
            after: list(place.after).into(),
            ..Undo::default()
        })?;
        let is_set = now != *place.after;
        let after = match if is_set {
            set(place.id(), place.after)
        } else {
            Ok(Some(now))
        } {
            Ok(Some(after)) => after,
            other => {
                system.settle(record);
                return other.map(|_| false);
            }
        };
        if after != *place.after {
            system.amend(record, &list(&after))?;
        }
        let origin = Origin {
            before: task.before.clone(),
            after: after.clone(),
        };
        self.origins.entry(place.process).or_insert(origin);
        let record = Some(record);
        self.tasks.insert(place.id(), Task { after, record, ..task });
        Ok(is_set)
    }
}
