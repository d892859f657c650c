//! Stopping every process of a target by SIGSTOP, and letting them go on (signal(7)). Each is journalled before it is
//! stopped, so that none stays stopped whatever becomes of this program.
//!
//! One that stood still already is not ours and stays so. A process that is made meanwhile is found by the next pass.

use super::crowd::Crowd;
use super::strangers::Kin;
use super::{not_the_guardian, others, refused};
use crate::fs;
use crate::parse::ProcStat;
use crate::target::members::await_ready;
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Most passes until all stand still, each with a wait of a millisecond for those that were told to.
const PASSES: u32 = 200;

/// The processes that we stopped.
#[derive(Debug, Default)]
pub struct Pause {
    stopped: BTreeMap<u32, Stopped>,
}

#[derive(Debug)]
struct Stopped {
    start_time: u64,
    /// Whether it was seen standing still, so that it runs again only if somebody else lets it.
    stands: bool,
    /// None where somebody else let it go on: it is left alone.
    record: Option<UndoRecord>,
    pidfd: OwnedFd,
}

impl Pause {
    /// Stops all that run, until none does; `false` where some still ran after all passes.
    ///
    /// # Errors
    /// One cannot or must not be stopped; those before it stand still all the same.
    pub fn stop_all(&mut self, crowd: &mut Crowd, kin: &Kin<'_>, system: &System) -> Result<bool> {
        for _ in 0..PASSES {
            if self.pass(crowd, kin, system)? == 0 {
                return Ok(true);
            }
            let waits = |stopped: &&Stopped| !stopped.stands && stopped.record.is_some();
            await_ready(self.stopped.values().filter(waits).map(|stopped| &stopped.pidfd), 1);
        }
        Ok(false)
    }

    /// Goes through all processes once; gives how many do not stand still yet.
    ///
    /// # Errors
    /// As of [`Pause::stop_all`].
    pub fn pass(&mut self, crowd: &mut Crowd, kin: &Kin<'_>, system: &System) -> Result<usize> {
        let mut running = 0;
        let mut seen = Vec::new();
        for Process { pid, start_time } in others(crowd, kin)? {
            let Ok(stat) = look(pid) else { continue };
            if stat.start_time != start_time {
                continue;
            }
            seen.push(pid);
            running += usize::from(self.visit(&stat, system)?);
        }
        let ended: Vec<u32> = self
            .stopped
            .keys()
            .copied()
            .filter(|pid| seen.binary_search(pid).is_err())
            .collect();
        for pid in ended {
            // One that left the target is still ours to let go.
            let is_there = |stopped: &Stopped| look(pid).is_ok_and(|stat| stat.start_time == stopped.start_time);
            if !self.stopped.get(&pid).is_some_and(is_there) {
                settle(self.stopped.remove(&pid), system);
            }
        }
        Ok(running)
    }

    /// Lets all go on that we stopped and that still stand; settles them.
    ///
    /// # Errors
    /// One cannot be let go; it is still held, and all others go on.
    pub fn go_on(&mut self, system: &System) -> Result<()> {
        let ours: Vec<u32> = self
            .stopped
            .iter()
            .filter(|(_, one)| one.record.is_some())
            .map(|(pid, _)| *pid)
            .collect();
        let mut failed = None;
        for pid in ours {
            let Some(one) = self.stopped.get_mut(&pid) else {
                continue;
            };
            let stat = look(pid).ok().filter(|stat| stat.start_time == one.start_time);
            let is_theirs = one.stands && stat.is_some_and(|stat| !stands(&stat));
            if !is_theirs && let Some(error) = failure(pidfd_send_signal(&one.pidfd, Signal::CONT)) {
                failed.get_or_insert_with(|| refused("let go on the process", pid, &error));
                continue;
            }
            match is_theirs {
                true => one.record.take().into_iter().for_each(|record| system.settle(record)),
                false => settle(self.stopped.remove(&pid), system),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// How many processes are known, and how many of them somebody else let go on.
    pub fn count(&self) -> (usize, usize) {
        let theirs = self.stopped.values().filter(|one| one.record.is_none()).count();
        (self.stopped.len(), theirs)
    }

    /// Looks at one process and stops it if need be; whether it does not stand still yet.
    fn visit(&mut self, stat: &ProcStat, system: &System) -> Result<bool> {
        let known = self
            .stopped
            .get_mut(&stat.pid)
            .filter(|one| one.start_time == stat.start_time);
        let Some(one) = known else {
            return match stands(stat) {
                true => Ok(false),
                false => self.stop(stat, system).map(|()| true),
            };
        };
        match (one.record, one.stands, stands(stat)) {
            (None, ..) => Ok(false),
            (Some(_), _, true) => {
                one.stands = true;
                Ok(false)
            }
            (Some(record), true, false) => {
                one.record = None;
                system.settle(record);
                Ok(false)
            }
            (Some(_), false, false) => Ok(true),
        }
    }

    fn stop(&mut self, stat: &ProcStat, system: &System) -> Result<()> {
        let pid = stat.pid;
        if stat.is_kernel() {
            return Err(Failure::retry(format!(
                "process {pid} is the kernel's own and is not stopped"
            )));
        }
        not_the_guardian(stat)?;
        settle(self.stopped.remove(&pid), system);
        let Some(pidfd) = open(pid)? else { return Ok(()) };
        // The id may have been used again until the descriptor was there.
        if !look(pid).is_ok_and(|now| now.start_time == stat.start_time) {
            return Ok(());
        }
        let record = system.journal(&Undo {
            kind: UndoKind::CONTINUE,
            pid,
            start_time: stat.start_time,
            ..Undo::default()
        })?;
        if let Some(error) = failure(pidfd_send_signal(&pidfd, Signal::STOP)) {
            system.settle(record);
            return Err(refused("stop the process", pid, &error));
        }
        let stopped = Stopped {
            start_time: stat.start_time,
            stands: false,
            record: Some(record),
            pidfd,
        };
        self.stopped.insert(pid, stopped);
        Ok(())
    }
}

/// A descriptor for a process; none if it ended.
///
/// # Errors
/// There is no room for one, or the kernel has none (before Linux 5.3).
pub fn open(pid: u32) -> Result<Option<OwnedFd>> {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match pidfd_open(id, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(pidfd)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(refused("open a descriptor of process", pid, &error.into())),
    }
}

/// What went wrong with a signal; one that ended needs none.
pub fn failure(sent: rustix::io::Result<()>) -> Option<std::io::Error> {
    sent.err().filter(|error| *error != Errno::SRCH).map(Into::into)
}

fn settle(stopped: Option<Stopped>, system: &System) {
    let record = stopped.and_then(|stopped| stopped.record);
    record.into_iter().for_each(|record| system.settle(record));
}

/// Whether it stands still, by a signal or under a debugger (proc.rst, table 1-4).
fn stands(stat: &ProcStat) -> bool {
    matches!(stat.state, b'T' | b't')
}

fn look(pid: u32) -> std::io::Result<ProcStat> {
    fs::proc_stat(Path::new("/proc"), pid)
}
