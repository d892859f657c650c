//! The CPUs of one thread as the kernel has them: read, set and given back (sched_setaffinity(2)). Which threads, and
//! which CPUs, is not decided here.

use crate::actuate::{not_the_guardian, refused};
use crate::fs;
use crate::parse::ProcStat;
use crate::target::affinity::{self, Mask};
use pipeline_cgroup_fs::CpuSet;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;
use rustix::process::Pid;
use std::io;

/// Threads of the kernel run where it wants them, those that it lets be set included: a target may hold them, but it is
/// not its workload that they do.
pub(super) fn may_be_set(stat: &ProcStat) -> Result<()> {
    if stat.has_fixed_cpus() || stat.is_kernel() {
        let id = stat.pid;
        return Err(Failure::retry(format!(
            "task {id} is the kernel's own and stays where it is"
        )));
    }
    not_the_guardian(stat)
}

/// Sets the CPUs of a thread; gives what the kernel made of it, or none where the thread ended.
pub(super) fn set(id: u32, cpus: &CpuSet) -> Result<Option<CpuSet>> {
    let done = pid_of(id).map_or(Ok(()), |pid| Mask::of(cpus).apply(pid));
    match done.and_then(|()| given(id)) {
        Ok(now) => Ok(Some(now)),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
        Err(error) => Err(refused("set the CPUs of thread", id, &error)),
    }
}

/// Gives a thread back what it had. One that could use every CPU gets every bit, so that CPUs that come later are its
/// too. Where its cpuset has none of them any more it gets what the cpuset has.
pub(super) fn restore(id: u32, before: &CpuSet) -> Result<bool> {
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

pub(super) fn given(id: u32) -> io::Result<CpuSet> {
    affinity::given(pid_of(id).ok_or(io::ErrorKind::NotFound)?)
}

/// CPUs as records hold them: `0,2,3`.
pub(super) fn list(cpus: &CpuSet) -> String {
    cpus.iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")
}

fn pid_of(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_hold_every_cpu_by_itself() {
        assert_eq!(list(&"0-2,5".parse().unwrap()), "0,1,2,5");
        assert_eq!(list(&CpuSet::default()), "");
    }
}
