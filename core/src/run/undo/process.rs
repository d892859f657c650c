//! Processes: what we started is killed, what we moved goes back.
//!
//! Never this process, never the first one, and nobody whose id was given to another process meanwhile.

use super::file::{found, is_absence};
use super::{Patience, Stat, UndoError, Undone, refused};
use crate::run::clock::pause;
use crate::run::journal::Entry;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Between two looks at a list of processes that were killed.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Looks at such a list: 2 s in all where there is patience.
const LOOKS: u32 = 400;
const FEW_LOOKS: u32 = 20;
/// Most descriptors of processes that are held at once.
const AT_ONCE: usize = 64;
/// How long a killed process is waited for where there is patience.
const DEATH: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 500_000_000,
};

/// An id that may be killed: not everybody's (0), not the first process's, not our own.
fn may_be_killed(pid: u32) -> Option<Pid> {
    let others = pid > 1 && pid != std::process::id();
    others.then(|| Pid::from_raw(i32::try_from(pid).ok()?))?
}

/// Kills a process, and with it its process group where it leads one: what it started is in it.
pub(super) fn kill(entry: &Entry, patience: Patience) -> Result<Undone, UndoError> {
    let Some(pid) = may_be_killed(entry.pid) else {
        return Ok(Undone::Gone);
    };
    // The descriptor first: from here on the id is looked at while the process is held, and signalled by it.
    let held = pidfd_open(pid, PidfdFlags::empty());
    let Some(stat) = Stat::of(entry.pid).filter(|stat| stat.start_time == entry.start_time) else {
        return Ok(Undone::Gone);
    };
    let failed = |error: Errno| refused("kill", entry, format!("kill -9 {}", entry.pid))(error.into());
    if stat.group == entry.pid {
        ended(kill_process_group(pid, Signal::KILL)).map_err(failed)?;
    }
    let Ok(held) = held else {
        // Linux before 5.3 has no descriptors of processes.
        return ended(kill_process(pid, Signal::KILL)).map_err(failed);
    };
    let undone = ended(pidfd_send_signal(&held, Signal::KILL)).map_err(failed)?;
    if patience == Patience::Wait {
        // Whether it has died by then is seen by what comes next: the removal of its group.
        let _ = poll(&mut [PollFd::new(&held, PollFlags::IN)], Some(&DEATH));
    }
    Ok(undone)
}

/// Lets a process go on that was stopped. One that runs by now hears nothing of it.
pub(super) fn go_on(entry: &Entry) -> Result<Undone, UndoError> {
    let pid = i32::try_from(entry.pid).ok().and_then(Pid::from_raw);
    // As for a kill: what is looked at is what is signalled.
    let held = pid.map(|pid| (pid, pidfd_open(pid, PidfdFlags::empty())));
    let is_same = || Stat::of(entry.pid).is_some_and(|stat| stat.start_time == entry.start_time);
    let Some((pid, held)) = held.filter(|_| is_same()) else {
        return Ok(Undone::Gone);
    };
    let failed = |error: Errno| refused("continue", entry, format!("kill -CONT {}", entry.pid))(error.into());
    ended(signal(pid, held, Signal::CONT)).map_err(failed)
}

/// By the descriptor; by the id where there is none, as before Linux 5.3 or where this process has too many.
fn signal(pid: Pid, held: rustix::io::Result<OwnedFd>, signal: Signal) -> rustix::io::Result<()> {
    match held {
        Ok(held) => pidfd_send_signal(&held, signal),
        Err(Errno::SRCH) => Err(Errno::SRCH),
        Err(_) => kill_process(pid, signal),
    }
}

/// One that is not there any more needs no signal.
fn ended(signalled: rustix::io::Result<()>) -> rustix::io::Result<Undone> {
    match signalled {
        Ok(()) => Ok(Undone::Restored),
        Err(Errno::SRCH) => Ok(Undone::Gone),
        Err(error) => Err(error),
    }
}

/// Kills every process that the file lists, until it lists none: those that are listed may start others meanwhile.
pub(super) fn kill_tasks(entry: &Entry, patience: Patience) -> Result<Undone, UndoError> {
    let by_hand = format!("kill -9 $(cat {})", entry.path);
    let looks = if patience == Patience::Wait { LOOKS } else { FEW_LOOKS };
    let mut last = None;
    for look in 0..looks {
        // The inode is looked at each time: a group of the same name may be another's by now.
        let listed = found(entry).map_err(refused("read", entry, by_hand.clone()))?;
        let Some(listed) = listed else { return Ok(Undone::Gone) };
        let pids: Vec<u32> = pids(&listed).collect();
        match pids.first() {
            None if look == 0 => return Ok(Undone::Back),
            None => return Ok(Undone::Restored),
            first => last = first.copied(),
        }
        kill_listed(entry, &pids).map_err(refused("kill the processes of", entry, by_hand.clone()))?;
        pause(LOOK_AGAIN);
    }
    Err(UndoError::Undead {
        path: entry.path.clone(),
        pid: last.unwrap_or_default(),
    })
}

/// Kills those that are still listed once there is a descriptor for each, so that none is hit that was given the id of
/// one that ended meanwhile.
fn kill_listed(entry: &Entry, listed: &[u32]) -> std::io::Result<()> {
    for some in listed.chunks(AT_ONCE) {
        let open = |pid: Pid| (pid, pidfd_open(pid, PidfdFlags::empty()));
        let held: Vec<_> = some.iter().copied().filter_map(may_be_killed).map(open).collect();
        let Some(still) = found(entry)? else { return Ok(()) };
        let still: BTreeSet<i32> = pids(&still).filter_map(|pid| i32::try_from(pid).ok()).collect();
        let still = held.into_iter().filter(|(pid, _)| still.contains(&pid.as_raw_pid()));
        for (pid, held) in still {
            ended(signal(pid, held, Signal::KILL))?;
        }
    }
    Ok(())
}

/// The processes of a list but for this one. One of another namespace is listed as 0 (pid_namespaces(7)).
fn pids(list: &str) -> impl Iterator<Item = u32> {
    let own = std::process::id();
    let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter(move |pid| *pid != own)
}

/// `path` lists the tasks, `before` is the file into which each is written.
pub(super) fn move_tasks(entry: &Entry) -> Result<Undone, UndoError> {
    let by_hand = format!("for t in $(cat {}); do echo $t > {}; done", entry.path, entry.before);
    let listed = found(entry).map_err(refused("read", entry, by_hand.clone()))?;
    let Some(listed) = listed else { return Ok(Undone::Gone) };
    let mut undone = Undone::Back;
    for task in listed.split_whitespace() {
        match std::fs::OpenOptions::new()
            .write(true)
            .open(&entry.before)
            .and_then(|mut file| std::io::Write::write_all(&mut file, task.as_bytes()))
        {
            Ok(()) => undone = Undone::Restored,
            // The task ended meanwhile.
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {}
            // Where they came from is gone; they stay where they are.
            Err(error) if is_absence(&error) => return Ok(Undone::Gone),
            Err(error) => return Err(refused("move tasks of", entry, by_hand)(error)),
        }
    }
    Ok(undone)
}
