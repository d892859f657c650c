//! The CPUs that a thread may use go back to it, or to the threads and children that a process made since anybody
//! looked.

use super::{Stat, UndoError, Undone, refused};
use crate::run::journal::Entry;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::path::Path;

/// Most passes through the threads of a process, which may make others meanwhile.
const PASSES: u32 = 32;
/// About how many processes are gone through for one record at most.
const MOST_FOLDERS: usize = 65_536;

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
/// by one of these. So it is with children that were born since the record was made. It is never forced, for of one
/// that has other CPUs it is not known what it had.
fn sweep(entry: &Entry) -> Result<Undone, UndoError> {
    let mut undone = Undone::Back;
    for _ in 0..PASSES {
        if thread(entry).is_none() || !Path::new(&entry.path).is_dir() {
            return Ok(Undone::Gone);
        }
        let mut is_done = true;
        for id in folders(entry).iter().flat_map(|folder| tasks(folder)) {
            if give_back(id, entry)? {
                (is_done, undone) = (false, Undone::Restored);
            }
        }
        if is_done {
            break;
        }
    }
    Ok(undone)
}

/// Gives a thread what the process of that record had, if it has what we gave that; whether it had.
fn give_back(id: Pid, entry: &Entry) -> Result<bool, UndoError> {
    let Ok(now) = sched_getaffinity(Some(id)) else {
        return Ok(false);
    };
    let now = list(&now);
    if now == entry.before.trim() || !entry.is_ours(&now) {
        return Ok(false);
    }
    match sched_setaffinity(Some(id), &parse(&entry.before)) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => {
            let by_hand = format!("taskset -apc {} {}", entry.before, entry.pid);
            Err(refused("set the affinity of the threads in", entry, by_hand)(
                error.into(),
            ))
        }
    }
}

/// The folders of threads of the process, of its children that were born since the record was made, and of theirs: an
/// older child has a record of its own, or the CPUs that it has are not from us.
fn folders(entry: &Entry) -> Vec<String> {
    let is_newborn = |pid: &u32| Stat::of(*pid).is_some_and(|stat| entry.since > 0 && stat.start_time > entry.since);
    let mut found = vec![entry.path.clone()];
    let mut looked = 0;
    while let Some(folder) = found.get(looked).filter(|_| found.len() < MOST_FOLDERS) {
        let newborn = children(folder).into_iter().filter(is_newborn);
        let newborn: Vec<String> = newborn.map(|pid| format!("/proc/{pid}/task")).collect();
        found.extend(newborn);
        looked += 1;
    }
    found
}

/// The children that the threads in that folder made, where the kernel lists them (proc.rst, 3.7).
fn children(folder: &str) -> Vec<u32> {
    let list = |id: Pid| std::fs::read_to_string(format!("{folder}/{}/children", id.as_raw_pid()));
    let lists: Vec<String> = tasks(folder).into_iter().filter_map(|id| list(id).ok()).collect();
    let words = lists.iter().flat_map(|list| list.split_whitespace());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// The threads in that folder; none where the process ended.
fn tasks(folder: &str) -> Vec<Pid> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let ids = listed.filter_map(|task| task.file_name().to_str()?.parse().ok());
    ids.filter_map(Pid::from_raw).collect()
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
