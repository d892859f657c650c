//! The CPUs of every thread of a target: what they had, what we left, and how to give it back. Each thread is journalled
//! before its change, newcomers too.
//!
//! A pass goes through all threads that there are. One that is made meanwhile by a thread that was not set yet is found
//! by the next pass, so passes are made until one finds nothing to do. A newcomer that was made by a thread that was set
//! has our CPUs from the start; what is given back to it is what its process had. For those that come after the last
//! pass before a crash, each process has a record of its own beside those of its threads: see `family`.

use super::cpusets::Cpusets;
use super::crowd::{Crowd, thread, threads};
use super::family::Families;
use super::strangers::Kin;
use super::{not_the_guardian, others, refused};
use crate::fs;
use crate::parse::ProcStat;
use crate::target::affinity::{self, Mask};
use pipeline_cgroup_fs::CpuSet;
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;
use rustix::process::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

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

/// One thread of a process, and what its process is to get.
struct Place<'a> {
    process: u32,
    stat: &'a ProcStat,
    after: &'a CpuSet,
    cpuset: Option<&'a CpuSet>,
    cpusets: &'a Cpusets,
}

impl Place<'_> {
    fn id(&self) -> u32 {
        self.stat.pid
    }

    /// Whether the thread, which may use `now`, has no mask of its own. Somebody may turn the cpuset between the look at
    /// it and the look at the thread, so whoever seems to have less is looked at once more, between two looks at the cpuset.
    fn is_free(&self, now: &CpuSet) -> bool {
        let looks_again = || {
            let earlier = self.cpusets.now(self.process);
            let again = given(self.id()).ok();
            let later = self.cpusets.now(self.process);
            again.is_some_and(|again| has_all(&again, [earlier.as_ref(), later.as_ref()]))
        };
        has_all(now, [self.cpuset, None]) || looks_again()
    }
}

/// Whether CPUs are all of the cpuset, as it was before or after they were read. More than it has are those of a moment
/// ago: the kernel writes the cpuset first and then goes through its tasks.
fn has_all(cpus: &CpuSet, cpuset: [Option<&CpuSet>; 2]) -> bool {
    cpuset.into_iter().flatten().any(|has| has.is_subset(cpus))
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
            let is_plain = held.all(|task| task.before != *after);
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

    /// Looks at one thread and sets it if need be.
    fn visit(&mut self, place: &Place<'_>, system: &System) -> Result<bool> {
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

    /// What a thread is to get back: what it has, unless it has that from one that we set. One that may use all of its
    /// cpuset has no mask of its own that could be told: it gets every CPU, of which the kernel leaves it those of its
    /// cpuset, also if that is narrow now and wide again by then.
    fn found(&self, place: &Place<'_>, now: &CpuSet) -> CpuSet {
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
    fn origin(&self, process: u32, parent: u32, now: &CpuSet) -> Option<&Origin> {
        let known = self.origins.get(&process).or_else(|| self.origins.get(&parent));
        let any = || self.origins.values().next().filter(|_| self.is_begun);
        known.or_else(any).filter(|origin| origin.after == *now)
    }

    /// Whether a newcomer has its CPUs from a thread that somebody else set.
    fn is_heir_of_theirs(&self, place: &Place<'_>, now: &CpuSet) -> bool {
        let kin = [place.process, place.stat.parent];
        let theirs = |task: &Task| task.record.is_none() && kin.contains(&task.process) && task.after == *now;
        now != place.after && self.tasks.values().any(theirs)
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

    /// Gives one thread back what it had; whether that had to be set.
    fn give_back(&mut self, process: u32, stat: &ProcStat, cpuset: Option<&CpuSet>, system: &System) -> Result<bool> {
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
    fn give_back_strays(&mut self, system: &System) -> Result<()> {
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

fn settle(task: Option<Task>, system: &System) {
    let record = task.and_then(|task| task.record);
    record.into_iter().for_each(|record| system.settle(record));
}

/// Threads of the kernel run where it wants them, those that it lets be set included: a target may hold them, but it is
/// not its workload that they do.
fn may_be_set(stat: &ProcStat) -> Result<()> {
    if stat.has_fixed_cpus() || stat.is_kernel() {
        let id = stat.pid;
        return Err(Failure::retry(format!(
            "task {id} is the kernel's own and stays where it is"
        )));
    }
    not_the_guardian(stat)
}

/// Whether the cpuset has any of the CPUs that are wanted.
fn possible(place: &Place<'_>, wanted: &CpuSet) -> Result<()> {
    if !place.after.is_empty() {
        return Ok(());
    }
    let has = place.cpuset.map(ToString::to_string).unwrap_or_default();
    let process = place.process;
    Err(Failure::retry(format!(
        "the cpuset of process {process} has the CPUs `{has}` and none of `{wanted}`; ask for some of these, or widen it"
    )))
}

/// Sets the CPUs of a thread; gives what the kernel made of it, or none where the thread ended.
fn set(id: u32, cpus: &CpuSet) -> Result<Option<CpuSet>> {
    let done = pid_of(id).map_or(Ok(()), |pid| Mask::of(cpus).apply(pid));
    match done.and_then(|()| given(id)) {
        Ok(now) => Ok(Some(now)),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
        Err(error) => Err(refused("set the CPUs of thread", id, &error)),
    }
}

/// Gives a thread back what it had. One that could use every CPU gets every bit, so that CPUs that come later are its
/// too. Where its cpuset has none of them any more it gets what the cpuset has.
fn restore(id: u32, before: &CpuSet) -> Result<bool> {
    let Some(pid) = pid_of(id) else { return Ok(false) };
    let is_whole = fs::online_cpus().is_ok_and(|online| online.is_subset(before));
    let mask = if is_whole { Mask::all() } else { Mask::of(before) };
    match mask.apply(pid) {
        Ok(()) => Ok(true),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::SRCH) => Ok(false),
            Some(Errno::INVAL) => Ok(Mask::all().apply(pid).is_ok()),
            _ => {
                let failure = refused("give back the CPUs of thread", id, &error);
                let why = failure.message;
                Err(Failure::retry(format!(
                    "{why}; put them back by hand: `taskset -pc {before} {id}`"
                )))
            }
        },
    }
}

fn given(id: u32) -> io::Result<CpuSet> {
    affinity::given(pid_of(id).ok_or(io::ErrorKind::NotFound)?)
}

/// CPUs as records hold them: `0,2,3`.
fn list(cpus: &CpuSet) -> String {
    cpus.iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")
}

fn pid_of(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_free_of_a_mask_if_it_has_all_that_its_cpuset_had_before_or_after() {
        let cpus = |text: &str| text.parse::<CpuSet>().unwrap();
        let (one, two, three) = (cpus("0"), cpus("0-1"), cpus("0-2"));
        assert!(has_all(&two, [Some(&two), Some(&two)]));
        assert!(has_all(&one, [Some(&two), Some(&one)]), "it was narrowed meanwhile");
        assert!(
            has_all(&two, [Some(&one), Some(&one)]),
            "its tasks are not gone through yet"
        );
        assert!(!has_all(&two, [Some(&three), Some(&three)]));
        assert!(
            !has_all(&one, [None, None]),
            "where nothing is known, it is what it has"
        );
    }

    #[test]
    fn records_hold_every_cpu_by_itself() {
        assert_eq!(list(&"0-2,5".parse().unwrap()), "0,1,2,5");
        assert_eq!(list(&CpuSet::default()), "");
    }
}
