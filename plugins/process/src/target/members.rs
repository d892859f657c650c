//! The processes of a command: those in its group, or those that descend from it. And signals to exactly them.

use crate::{fs, parse};
use pipeline_plugin_api::abi::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal, test_kill_process_group};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Most processes told of one target; those of a group can be read there.
const MOST: usize = 256;
const PROC: &str = "/proc";

/// Which processes are a command's.
#[derive(Debug)]
pub enum Members {
    /// Those that these files list: one for each directory of its group.
    Group(Vec<PathBuf>),
    /// Those in its process group, their descendants, and those that were either before.
    Family(Family),
}

/// Processes without a group. A grandchild that left the process group and lost its parent before it was first seen is
/// not found.
#[derive(Debug)]
pub struct Family {
    /// The command's own process, whose id is that of the process group.
    pub leader: u32,
    /// Those seen before, by id, with their start times.
    pub seen: BTreeMap<u32, u64>,
}

impl Members {
    /// The ids of those that live, the zombies among them left out, sorted.
    pub fn ids(&mut self) -> Vec<u32> {
        match self {
            Self::Group(lists) => in_any(lists),
            Self::Family(family) => family.ids(),
        }
    }

    /// Those that live, with their start times, as many as a target tells.
    pub fn processes(&mut self) -> Vec<Process> {
        let ids = self.ids();
        let known = ids.into_iter().take(MOST);
        known.filter_map(|pid| process(pid).ok()).collect()
    }

    /// Sends a signal to all, and gives their pidfds to wait for.
    ///
    /// They are asked for again once their pidfds are open, so that an id that was used again meanwhile is not hit.
    pub fn signal(&mut self, signal: Signal) -> Vec<OwnedFd> {
        let open = |pid: u32| Some((pid, pidfd_open(pid_of(pid)?, PidfdFlags::empty()).ok()?));
        let opened: Vec<(u32, OwnedFd)> = self.ids().into_iter().filter_map(open).collect();
        let still = self.ids();
        let ours = opened.into_iter().filter(|(pid, _)| still.binary_search(pid).is_ok());
        let descriptors: Vec<OwnedFd> = ours.map(|(_, descriptor)| descriptor).collect();
        for descriptor in &descriptors {
            // One that ended meanwhile needs no signal.
            let _ = pidfd_send_signal(descriptor, signal);
        }
        descriptors
    }
}

impl Family {
    fn ids(&mut self) -> Vec<u32> {
        let all = fs::processes(Path::new(PROC));
        let alive = all.iter().filter(|stat| stat.state != b'Z' && stat.state != b'X');
        let mut found: BTreeMap<u32, u64> = BTreeMap::new();
        // Parents do not always have lower ids than their children, so this repeats until nothing is added.
        loop {
            let before = found.len();
            for stat in alive.clone() {
                let known = self.seen.get(&stat.pid) == Some(&stat.start_time);
                if known || stat.group == self.leader || found.contains_key(&stat.parent) {
                    found.insert(stat.pid, stat.start_time);
                }
            }
            if found.len() == before {
                break;
            }
        }
        self.seen = found;
        self.seen.keys().copied().collect()
    }
}

/// A process with its start time.
///
/// # Errors
/// It is not there.
pub fn process(pid: u32) -> std::io::Result<Process> {
    let stat = fs::task_stat(Path::new(PROC), pid)?;
    Ok(Process {
        pid,
        start_time: stat.start_time,
    })
}

/// Whether any process is in that process group, one that ended and was not asked after included (kill(2), signal 0,
/// which is sent to nobody).
pub fn is_group(id: u32) -> bool {
    pid_of(id).is_some_and(|group| test_kill_process_group(group) != Err(Errno::SRCH))
}

/// Waits until one of the descriptors is ready, or that many milliseconds; `true` if one is.
pub fn await_ready<'a>(descriptors: impl Iterator<Item = &'a OwnedFd>, millis: u32) -> bool {
    let mut polled: Vec<PollFd<'_>> = descriptors
        .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
        .collect();
    let timeout = Timespec {
        tv_sec: i64::from(millis / 1000),
        tv_nsec: i64::from(millis % 1000) * 1_000_000,
    };
    // An interrupted wait is a short one, and callers count waits.
    poll(&mut polled, Some(&timeout)).is_ok_and(|ready| ready > 0)
}

fn in_any(lists: &[PathBuf]) -> Vec<u32> {
    let (mut all, mut some) = (Vec::new(), Vec::new());
    for list in lists {
        parse::ids(&std::fs::read(list).unwrap_or_default(), &mut some);
        all.extend_from_slice(&some);
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn pid_of(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}
