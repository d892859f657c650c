//! Where and how the threads of the load themselves run; never a thread of a workload.

use pipeline_plugin_api::prelude::*;
use rustix::thread::{CpuSet, sched_setaffinity, set_current_timer_slack};
use std::num::NonZeroU64;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Whether the load can run on that CPU, tried on a thread that does nothing else.
///
/// # Errors
/// There is no such CPU, or this process may not use it.
pub fn try_cpu(cpu: u32) -> Result<()> {
    let tried = std::thread::spawn(move || pin(cpu)).join();
    tried.unwrap_or_else(|_| {
        Err(Failure::fatal(format!(
            "it cannot be tried whether `cpu: {cpu}` can be used"
        )))
    })
}

/// Puts the calling thread on a CPU; with `realtime`, ahead of what else runs there.
pub fn take(cpu: u32, realtime: bool, host: &Host) {
    if let Err(failure) = pin(cpu) {
        host.log(Level::WARN, &failure.message, &[]);
        return;
    }
    if !realtime {
        return;
    }
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        let error = format!("{error:?}");
        host.log(
            Level::DEBUG,
            "the load shares its CPU with what else runs there",
            &[("error", &error)],
        );
    }
}

/// The kernel may end a sleep 50 µs late to save wake-ups (prctl(2), `PR_SET_TIMERSLACK`); a request
/// would be late by as much.
pub fn use_fine_timers(host: &Host) {
    if let Err(error) = set_current_timer_slack(NonZeroU64::new(1)) {
        let error = error.to_string();
        host.log(Level::DEBUG, "requests are sent up to 50us late", &[("error", &error)]);
    }
}

fn pin(cpu: u32) -> Result<()> {
    let mut set = CpuSet::new();
    let index = usize::try_from(cpu).unwrap_or(usize::MAX);
    let allowed = index < CpuSet::MAX_CPU && {
        set.set(index);
        sched_setaffinity(None, &set).is_ok()
    };
    if allowed {
        return Ok(());
    }
    Err(Failure::fatal(format!(
        "`cpu: {cpu}` is no CPU that this process may use; give another, or leave it out"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::testkit::TestHost;
    use rustix::thread::sched_getaffinity;
    use thread_priority::thread_schedule_policy;

    #[test]
    fn a_thread_of_the_load_runs_on_its_cpu_and_goes_ahead_where_it_may() {
        let kit = TestHost::new();
        let host = Host::new(kit.handle());
        let allowed = sched_getaffinity(None).unwrap();
        let cpu = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap();
        let placed = std::thread::spawn(move || {
            take(cpu as u32, true, &host);
            (sched_getaffinity(None).unwrap(), thread_schedule_policy().unwrap())
        });
        let (set, policy) = placed.join().unwrap();
        assert!(set.count() == 1 && set.is_set(cpu));
        let ahead = policy == ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        let told = kit.world().logs.iter().any(|(_, text)| text.contains("shares its CPU"));
        assert_ne!(ahead, told, "it goes ahead, or says that it does not");
    }

    #[test]
    fn a_cpu_that_cannot_be_is_refused() {
        assert!(try_cpu(u32::MAX).is_err());
        assert!(try_cpu(CpuSet::MAX_CPU as u32).is_err());
    }
}
