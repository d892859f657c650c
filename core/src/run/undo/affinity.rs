//! The CPUs that a thread may use go back to it, or to the threads that a process made since anybody looked.

use super::{Stat, UndoError, Undone, refused};
use crate::run::journal::Entry;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Most passes through the threads of a process, which may make others meanwhile.
const PASSES: u32 = 32;

/// Gives the thread the CPUs that it had, if it has those that we gave it.
pub(super) fn set(entry: &Entry, force: bool) -> Result<Undone, UndoError> {
    if !entry.path.is_empty() {
        return sweep(entry);
    }
    let Some(thread) = thread(entry) else {
        return Ok(Undone::Gone);
    };
    let by_hand = format!("taskset -pc {} {}", entry.before, entry.pid);
    let now = match sched_getaffinity(Some(thread)) {
        Err(rustix::io::Errno::SRCH) => return Ok(Undone::Gone),
        now => now.map_err(|error| refused("read the affinity of", entry, by_hand.clone())(error.into()))?,
    };
    let now = list(&now);
    if now == entry.before.trim() {
        return Ok(Undone::Back);
    }
    if !force && !entry.is_ours(&now) {
        let (pid, after) = (entry.pid, &entry.after);
        return Ok(Undone::Taken(format!("thread {pid} may use `{now}` and not `{after}`")));
    }
    match sched_setaffinity(Some(thread), &parse(&entry.before)) {
        Ok(()) => Ok(Undone::Restored),
        Err(rustix::io::Errno::SRCH) => Ok(Undone::Gone),
        Err(error) => Err(refused("set the affinity of", entry, by_hand)(error.into())),
    }
}

/// Gives every thread that `path` lists what its process had, where it has what we gave that. Such a record is made
/// ahead of those of the threads that were there, and so undone after them: who still has our CPUs then was made since
/// by one of these. It is never forced, for of one that has other CPUs it is not known what it had.
fn sweep(entry: &Entry) -> Result<Undone, UndoError> {
    let mut undone = Undone::Back;
    for _ in 0..PASSES {
        if thread(entry).is_none() {
            return Ok(Undone::Gone);
        }
        let Ok(tasks) = std::fs::read_dir(&entry.path) else {
            return Ok(Undone::Gone);
        };
        let ids = tasks
            .flatten()
            .filter_map(|task| task.file_name().to_str()?.parse().ok());
        let mut is_done = true;
        for id in ids.filter_map(Pid::from_raw) {
            let Ok(now) = sched_getaffinity(Some(id)) else { continue };
            let now = list(&now);
            if now == entry.before.trim() || !entry.is_ours(&now) {
                continue;
            }
            match sched_setaffinity(Some(id), &parse(&entry.before)) {
                Ok(()) => (is_done, undone) = (false, Undone::Restored),
                Err(rustix::io::Errno::SRCH) => {}
                Err(error) => {
                    let by_hand = format!("taskset -apc {} {}", entry.before, entry.pid);
                    return Err(refused("set the affinity of the threads in", entry, by_hand)(
                        error.into(),
                    ));
                }
            }
        }
        if is_done {
            break;
        }
    }
    Ok(undone)
}

/// The thread, if it is still the one that was recorded.
fn thread(entry: &Entry) -> Option<Pid> {
    let same = Stat::of(entry.pid)?.start_time == entry.start_time;
    same.then(|| Pid::from_raw(i32::try_from(entry.pid).ok()?))?
}

/// CPUs as `0,2,3`: the form in which affinity records hold them.
fn list(set: &CpuSet) -> String {
    let cpus = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu));
    cpus.map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")
}

fn parse(list: &str) -> CpuSet {
    let mut set = CpuSet::new();
    let cpus = list.split(',').filter_map(|cpu| cpu.trim().parse().ok());
    cpus.filter(|cpu| *cpu < CpuSet::MAX_CPU).for_each(|cpu| set.set(cpu));
    set
}
