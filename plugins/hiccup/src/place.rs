//! Where and how the plugin's own threads run; never a thread of a workload.

use pipeline_plugin_api::prelude::*;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;
use thread_priority::{
    Error, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Why a thread cannot be where it is to be.
#[derive(Clone, Debug)]
pub struct Refused {
    /// For the readings.
    pub reason: Reason,
    /// For people.
    pub why: String,
}

/// Puts the calling thread on a CPU, ahead of all else that runs there: SCHED_FIFO at the highest priority (sched(7)),
/// so that of what the guest's scheduler decides nothing can make it late.
///
/// # Errors
/// It has no right to that policy, or may not use the CPU.
pub fn take(cpu: u32) -> std::result::Result<(), Refused> {
    go_ahead()?;
    pin(cpu)
}

/// Whether a thread of this process may go ahead of others, tried on one that does nothing else.
pub fn may_go_ahead() -> bool {
    std::thread::spawn(go_ahead).join().is_ok_and(|tried| tried.is_ok())
}

/// The CPUs that this process may use.
pub fn allowed() -> Vec<u32> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    let numbers = 0..u32::try_from(CpuSet::MAX_CPU).unwrap_or(u32::MAX);
    numbers.filter(|cpu| set.is_set(*cpu as usize)).collect()
}

fn go_ahead() -> std::result::Result<(), Refused> {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Max, policy).map_err(|error| Refused {
        reason: Reason::FORBIDDEN,
        why: format!(
            "its threads may not go ahead of others (SCHED_FIFO: {}), and so cannot tell a CPU that stopped from one \
             that is busy; run with CAP_SYS_NICE, as by `sudo pipeline run GRAPH`, and where control groups have \
             `cpu.rt_runtime_us`, in one in which it is not 0",
            said(&error)
        ),
    })
}

fn said(error: &Error) -> String {
    match error {
        Error::OS(code) => io::Error::from_raw_os_error(*code).to_string(),
        other => other.to_string(),
    }
}

fn pin(cpu: u32) -> std::result::Result<(), Refused> {
    let mut set = CpuSet::new();
    let index = usize::try_from(cpu).unwrap_or(usize::MAX);
    let placed = index < CpuSet::MAX_CPU && {
        set.set(index);
        sched_setaffinity(None, &set).is_ok()
    };
    placed.then_some(()).ok_or_else(|| Refused {
        reason: Reason::UNSUPPORTED,
        why: format!("CPU {cpu} is none that this process may use; name others in `cpus`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use thread_priority::thread_schedule_policy;

    #[test]
    fn a_thread_is_on_its_cpu_and_ahead_or_says_why_not() {
        let cpu = allowed()[0];
        let tried = std::thread::spawn(move || (take(cpu), allowed(), thread_schedule_policy().unwrap()));
        let (placed, cpus, policy) = tried.join().unwrap();
        let ahead = policy == ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        match placed {
            Ok(()) => assert!(ahead && cpus == [cpu], "{cpus:?} {policy:?}"),
            Err(refused) => {
                assert!(!ahead && refused.reason == Reason::FORBIDDEN, "{refused:?}");
                assert!(refused.why.contains("CAP_SYS_NICE"), "{refused:?}");
            }
        }
    }

    #[test]
    fn a_cpu_that_cannot_be_is_refused() {
        for cpu in [CpuSet::MAX_CPU as u32, u32::MAX] {
            let refused = std::thread::spawn(move || pin(cpu)).join().unwrap().unwrap_err();
            assert_eq!(refused.reason, Reason::UNSUPPORTED);
            assert!(refused.why.contains(&cpu.to_string()), "{refused:?}");
        }
    }
}
