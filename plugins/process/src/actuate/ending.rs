//! Ending a target that this run did not start: every process is asked by SIGTERM, and killed when its time is over.
//! There is no way back.

use super::crowd::Crowd;
use super::pause::{failure, open};
use super::strangers::Kin;
use super::{not_the_guardian, others, refused};
use crate::fs;
use pipeline_plugin_api::prelude::*;
use rustix::process::{Signal, pidfd_send_signal};
use std::path::Path;

/// A target that was asked to end.
#[derive(Debug)]
pub struct Ending {
    kill_at: Nanos,
}

impl Ending {
    /// Asks all its processes to end; they are killed `timeout` later.
    ///
    /// # Errors
    /// One may not be signalled, or is one that is never ended.
    pub fn begin(crowd: &mut Crowd, kin: &Kin<'_>, at: Nanos, timeout: Nanos) -> Result<Self> {
        signal(crowd, kin, Signal::TERM)?;
        // One that stands still hears nothing else. It does not matter if it cannot be told.
        signal(crowd, kin, Signal::CONT)?;
        Ok(Self { kill_at: at + timeout })
    }

    /// Kills what is left when its time is over; whether something was.
    ///
    /// # Errors
    /// One may not be signalled.
    pub fn tend(&mut self, crowd: &mut Crowd, kin: &Kin<'_>, at: Nanos) -> Result<bool> {
        match at >= self.kill_at {
            true => signal(crowd, kin, Signal::KILL).map(|sent| sent > 0),
            false => Ok(false),
        }
    }
}

/// Sends a signal to every process; gives to how many.
fn signal(crowd: &mut Crowd, kin: &Kin<'_>, signal: Signal) -> Result<usize> {
    let all = others(crowd, kin)?;
    let look = |pid: u32| fs::proc_stat(Path::new("/proc"), pid);
    // None is signalled unless all may be.
    for Process { pid, .. } in &all {
        let Ok(stat) = look(*pid) else { continue };
        if stat.is_kernel() {
            return Err(Failure::retry(format!(
                "process {pid} is the kernel's own and is not ended"
            )));
        }
        not_the_guardian(&stat)?;
    }
    let mut sent = 0;
    for Process { pid, start_time } in all {
        let Some(pidfd) = open(pid)? else { continue };
        // The id may have been used again until the descriptor was there.
        if !look(pid).is_ok_and(|stat| stat.start_time == start_time) {
            continue;
        }
        if let Some(error) = failure(pidfd_send_signal(&pidfd, signal)) {
            return Err(refused("end the process", pid, &error));
        }
        sent += 1;
    }
    Ok(sent)
}
