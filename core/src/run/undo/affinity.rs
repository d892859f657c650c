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
/// by one of these. So it is with children that were born since the record was made; where the process itself ended,
/// nobody knows any more which they are, and they keep our CPUs. It is never forced, for of one that has other CPUs it
/// is not known what it had.
fn sweep(entry: &Entry) -> Result<Undone, UndoError> {
    let (mut undone, mut failed) = (Undone::Back, None);
    for _ in 0..PASSES {
        if thread(entry).is_none() || !Path::new(&entry.path).is_dir() {
            undone = Undone::Gone;
            break;
        }
        let folders = folders(entry);
        let ids = folders.iter().flat_map(|folder| tasks(folder));
        let given;
        (given, failed) = give_all(ids, |id| give_back(id, entry));
        if given == 0 {
            break;
        }
        undone = Undone::Restored;
    }
    failed.map_or(Ok(undone), Err)
}

/// Gives each of them its CPUs. One that is refused keeps the others from nothing: gives how many had to be given theirs,
/// and the first failure.
fn give_all(
    ids: impl Iterator<Item = Pid>,
    mut give: impl FnMut(Pid) -> Result<bool, UndoError>,
) -> (usize, Option<UndoError>) {
    let (mut given, mut failed) = (0, None);
    for id in ids {
        match give(id) {
            Ok(had_ours) => given += usize::from(had_ours),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    (given, failed)
}

/// Gives a thread what the process of that record had, if it has what we gave that; whether it had.
fn give_back(id: Pid, entry: &Entry) -> Result<bool, UndoError> {
    let failed = |what: &'static str, error: rustix::io::Errno| UndoError::Refused {
        what,
        path: format!("thread {id}"),
        source: error.into(),
        by_hand: format!("taskset -pc {} {id}", entry.before),
    };
    let now = match sched_getaffinity(Some(id)) {
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        now => list(&now.map_err(|error| failed("read the affinity of", error))?),
    };
    if now == entry.before.trim() || !entry.is_ours(&now) {
        return Ok(false);
    }
    match sched_setaffinity(Some(id), &parse(&entry.before)) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(failed("set the affinity of", error)),
    }
}

/// The folders of threads of the process, of its children that were born since the record was made, and of theirs: an
/// older child has a record of its own, or the CPUs that it has are not from us. One of the record's own clock tick
/// counts as born since.
fn folders(entry: &Entry) -> Vec<String> {
    let is_newborn = |pid: &u32| Stat::of(*pid).is_some_and(|stat| entry.since > 0 && stat.start_time >= entry.since);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_refused_keeps_the_others_from_nothing_and_is_told() {
        let ids = [1, 2, 3, 4].map(|id| Pid::from_raw(id).unwrap());
        let mut asked = Vec::new();
        let give = |id: Pid| {
            asked.push(id);
            match id.as_raw_pid() {
                1 => Ok(true),
                4 => Ok(false),
                id => Err(UndoError::Unknown(pipeline_plugin_api::abi::UndoKind(id as u32))),
            }
        };
        let (given, failed) = give_all(ids.into_iter(), give);
        assert_eq!((given, &asked[..]), (1, &ids[..]));
        assert!(matches!(failed, Some(UndoError::Unknown(kind)) if kind.0 == 2));
    }

    #[test]
    fn a_thread_that_cannot_get_its_cpus_is_told_with_the_command_that_does_it() {
        let this = rustix::thread::gettid();
        let now = list(&sched_getaffinity(Some(this)).unwrap());
        let entry = Entry {
            // No machine has it, so that the kernel refuses.
            before: (CpuSet::MAX_CPU - 1).to_string(),
            after: now,
            ..Entry::default()
        };
        let error = give_back(this, &entry).unwrap_err().to_string();
        let by_hand = format!("`taskset -pc {} {this}`", entry.before);
        assert!(
            error.contains(&format!("`thread {this}`")) && error.contains(&by_hand),
            "{error}"
        );
    }
}
