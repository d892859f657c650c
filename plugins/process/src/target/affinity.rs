//! Which CPUs a process may use (sched_setaffinity(2)).

use crate::fs;
use pipeline_cgroup_fs::CpuSet;
use rustix::process::Pid;
use rustix::thread::{CpuSet as Bits, sched_getaffinity, sched_setaffinity};
use std::io;

/// A mask of CPUs.
#[derive(Clone, Copy, Debug)]
pub struct Mask(Bits);

impl Mask {
    /// Every CPU there may be.
    pub fn all() -> Self {
        let mut bits = Bits::new();
        (0..Bits::MAX_CPU).for_each(|cpu| bits.set(cpu));
        Self(bits)
    }

    /// These CPUs; those past the 1024th cannot be told to the kernel in this way and are left out.
    pub fn of(cpus: &CpuSet) -> Self {
        let mut bits = Bits::new();
        let known = cpus.iter().map(|cpu| cpu as usize).filter(|cpu| *cpu < Bits::MAX_CPU);
        known.for_each(|cpu| bits.set(cpu));
        Self(bits)
    }

    /// Those of this program's first thread, which no lane's pinning has changed.
    pub fn of_this_program() -> Self {
        sched_getaffinity(Some(rustix::process::getpid())).map_or_else(|_| Self::all(), Self)
    }

    /// Lets the process use these CPUs, as far as its cpuset has them.
    ///
    /// # Errors
    /// The process is gone, or its cpuset has none of them.
    pub fn apply(&self, pid: Pid) -> io::Result<()> {
        Ok(sched_setaffinity(Some(pid), &self.0)?)
    }
}

/// The CPUs that the process may use.
///
/// # Errors
/// The process is gone.
pub fn given(pid: Pid) -> io::Result<CpuSet> {
    let bits = sched_getaffinity(Some(pid))?;
    let mut cpus = CpuSet::default();
    for cpu in (0..Bits::MAX_CPU).filter(|cpu| bits.is_set(*cpu)) {
        // No index of the mask is past the set's bound.
        cpus.insert(cpu as u32).map_err(io::Error::other)?;
    }
    Ok(cpus)
}

/// The CPUs that the process may use; none where it may use all that are online, or is gone.
pub fn restricted(pid: Pid) -> Vec<u32> {
    match (given(pid), fs::online_cpus()) {
        (Ok(given), Ok(online)) if !online.is_subset(&given) => given.iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_comes_back_from_its_mask() {
        let set: CpuSet = "0,63-65".parse().unwrap();
        let mask = Mask::of(&set);
        let found: Vec<u32> = (0..1024).filter(|cpu| mask.0.is_set(*cpu as usize)).collect();
        assert_eq!(found, [0, 63, 64, 65]);
        assert_eq!(Mask::all().0.count(), 1024);
    }

    #[test]
    fn this_process_may_use_some_cpu() {
        assert!(!given(rustix::process::getpid()).unwrap().is_empty());
    }
}
