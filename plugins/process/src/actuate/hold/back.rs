//! How threads get back what they had, those included that left the target meanwhile.

use super::kernel::{given, restore};
use super::{Hold, settle};
use crate::actuate::crowd::thread;
use crate::parse::ProcStat;
use pipeline_cgroup_fs::CpuSet;
use pipeline_plugin_api::prelude::*;

impl Hold {
    /// Gives one thread back what it had; whether that had to be set.
    pub(super) fn give_back(
        &mut self,
        process: u32,
        stat: &ProcStat,
        cpuset: Option<&CpuSet>,
        system: &System,
    ) -> Result<bool> {
        let id = stat.pid;
        let Ok(now) = given(id) else { return Ok(false) };
        let Some(task) = self.tasks.get(&id).filter(|task| task.start_time == stat.start_time) else {
            let origin = self
                .origin(process, stat.parent, &now)
                .filter(|origin| origin.before != now);
            return match origin.map(|origin| origin.before.clone()) {
                Some(before) => Ok(restore(id, &before)?),
                None => Ok(false),
            };
        };
        let Some(record) = task.record else { return Ok(false) };
        if now != task.before && now != task.after && task.cpuset.as_ref() == cpuset {
            if let Some(task) = self.tasks.get_mut(&id) {
                task.record = None;
            }
            system.settle(record);
            return Ok(false);
        }
        let is_set = now != task.before && restore(id, &task.before)?;
        system.settle(record);
        self.tasks.remove(&id);
        Ok(is_set)
    }

    /// Those that left the target and still have what we left, and those that ended.
    pub(super) fn give_back_strays(&mut self, system: &System) -> Result<()> {
        let left: Vec<u32> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.record.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in left {
            let Some(task) = self.tasks.get(&id) else { continue };
            let is_same = thread(id, id).is_ok_and(|stat| stat.start_time == task.start_time);
            if is_same && given(id).is_ok_and(|now| now == task.after) {
                restore(id, &task.before)?;
            }
            settle(self.tasks.remove(&id), system);
        }
        Ok(())
    }
}
