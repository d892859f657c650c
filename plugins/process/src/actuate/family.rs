//! A record for each process beside those of its threads, so that threads are put back after a crash too that were made
//! after the last look: they have our CPUs from the thread that made them, and no record of their own.
//!
//! It says that whoever of the process still has our CPUs gets what the process had, and is undone after the records
//! of the threads, since it is made before them. A process of which a thread had these CPUs anyway has none: who has
//! them from whom cannot be told then.

use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The processes that are known.
#[derive(Debug, Default)]
pub struct Families {
    all: BTreeMap<u32, Family>,
}

#[derive(Debug)]
struct Family {
    start_time: u64,
    after: String,
    record: Option<UndoRecord>,
}

impl Families {
    /// Whether that process is known.
    pub fn knows(&self, process: Process) -> bool {
        let known = self.all.get(&process.pid);
        known.is_some_and(|family| family.start_time == process.start_time)
    }

    /// A process that was not known: its threads get back `before`, where that can be said, if they have `after`.
    ///
    /// # Errors
    /// It cannot be journalled; the process is not known then.
    pub fn meet(&mut self, process: Process, before: Option<String>, after: &str, system: &System) -> Result<()> {
        let Process { pid, start_time } = process;
        settle(self.all.remove(&pid), system);
        let journal = |before: String| {
            system.journal(&Undo {
                kind: UndoKind::SET_AFFINITY,
                path: format!("/proc/{pid}/task").into(),
                before: before.into(),
                after: after.into(),
                pid,
                start_time,
                ..Undo::default()
            })
        };
        let record = before.map(journal).transpose()?;
        let after = after.to_owned();
        self.all.insert(
            pid,
            Family {
                start_time,
                after,
                record,
            },
        );
        Ok(())
    }

    /// Its threads are to have these CPUs from now on; unless `is_plain`, which is asked only where these are others, one of
    /// them had them anyway.
    ///
    /// # Errors
    /// It cannot be journalled.
    pub fn want(&mut self, pid: u32, after: &str, is_plain: impl FnOnce() -> bool, system: &System) -> Result<()> {
        let Some(family) = self.all.get_mut(&pid).filter(|family| family.after != after) else {
            return Ok(());
        };
        let is_plain = is_plain();
        match family.record {
            Some(record) if is_plain => system.amend(record, after)?,
            _ => family
                .record
                .take()
                .into_iter()
                .for_each(|record| system.settle(record)),
        }
        after.clone_into(&mut family.after);
        Ok(())
    }

    /// Forgets those that are none of these.
    pub fn keep(&mut self, living: &BTreeSet<u32>, system: &System) {
        let gone: Vec<u32> = self.all.keys().copied().filter(|pid| !living.contains(pid)).collect();
        gone.into_iter().for_each(|pid| settle(self.all.remove(&pid), system));
    }

    /// Forgets all.
    pub fn settle(&mut self, system: &System) {
        let all = std::mem::take(&mut self.all);
        all.into_values().for_each(|family| settle(Some(family), system));
    }
}

fn settle(family: Option<Family>, system: &System) {
    let record = family.and_then(|family| family.record);
    record.into_iter().for_each(|record| system.settle(record));
}
