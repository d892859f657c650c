//! The guardian's side: waiting for the run to be done or dead, and putting back what a dead one left.

use super::Order;
use super::place::{self, Home};
use super::talk::{DONE, Ready};
use crate::run::clock::{Clock, pause};
use crate::run::journal::dead::Found;
use crate::run::log::Logger;
use crate::run::progress::Progress;
use crate::run::recover;
use pipeline_plugin_api::abi::Level;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open, setsid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at a run that cannot be waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How a run ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum End {
    Done,
    Dead,
}

/// Guards the run whose process is `parent`, until its end. `true` if nothing of it is left.
///
/// # Errors
/// There is no run to talk to.
pub fn guard(order: &Order, parent: u32) -> io::Result<bool> {
    outlive()?;
    let run = Run::of(parent, io::stdin().as_fd().try_clone_to_owned()?);
    let homes = place::enter(&format!("pipeline-guardian-{}", order.run));
    let end = run.tell(&homes).wait();
    let is_back = end == End::Done || put_back(order, &homes);
    for home in &homes {
        // The journal knows of it, for whoever looks at that next.
        let _ = home.leave();
    }
    Ok(is_back)
}

/// What ends the run is not to end its guardian: another session, and signals that do nothing.
fn outlive() -> io::Result<()> {
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    // One that leads a session already has what it wants.
    let _ = setsid();
    // The folder where the run began may be unmounted.
    let _ = std::env::set_current_dir("/");
    // What `ps` and `top` show; the name of /proc/self/exe would be `exe`.
    let _ = rustix::thread::set_name(c"pipeline-guard");
    Ok(())
}

/// The run as its guardian sees it.
struct Run {
    pid: Option<Pid>,
    /// Readable when it is dead; none before Linux 5.3.
    death: Option<OwnedFd>,
    socket: Option<UnixStream>,
}

impl Run {
    fn of(pid: u32, socket: OwnedFd) -> Self {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        Self {
            death: pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
            pid,
            socket: Some(socket.into()),
        }
    }

    /// Says that the guardian is ready.
    fn tell(mut self, homes: &[Home]) -> Self {
        let ready = Ready {
            places: homes.iter().map(Home::place).collect(),
        };
        let line = ready.line();
        if let (Some(socket), Ok(line)) = (&mut self.socket, line) {
            // A run that does not hear it any more is found dead below.
            let _ = socket.write_all(line.as_bytes());
        }
        self
    }

    /// Waits for its end.
    fn wait(mut self) -> End {
        loop {
            // Asked after its descriptor was opened: so that descriptor is the parent's, or the parent is dead.
            if getppid() != self.pid {
                return End::Dead;
            }
            let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(2);
            polled.extend(self.socket.as_ref().map(|socket| PollFd::new(socket, PollFlags::IN)));
            polled.extend(self.death.as_ref().map(|death| PollFd::new(death, PollFlags::IN)));
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            // An interrupted wait is a short one.
            let _ = poll(&mut polled, Some(&second));
            if self.is_dead() {
                return End::Dead;
            }
            match self.heard() {
                Some(end) => return end,
                None if self.socket.is_none() && self.death.is_none() => pause(LOOK_AGAIN),
                None => {}
            }
        }
    }

    fn is_dead(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let dead = |death: &OwnedFd| matches!(poll(&mut [PollFd::new(death, PollFlags::IN)], Some(&now)), Ok(1..));
        self.death.as_ref().is_some_and(dead)
    }

    /// What it says, if it says something.
    fn heard(&mut self) -> Option<End> {
        let socket = self.socket.as_mut()?;
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if !matches!(poll(&mut [PollFd::new(&*socket, PollFlags::IN)], Some(&now)), Ok(1..)) {
            return None;
        }
        let mut byte = [0];
        match socket.read(&mut byte) {
            Ok(1) if byte[0] == DONE => Some(End::Done),
            Ok(1) => None,
            _ => {
                // It closed its end; whether it is dead is asked of the kernel alone.
                self.socket = None;
                None
            }
        }
    }
}

/// Undoes what the run left. `true` if nothing is left that is ours.
fn put_back(order: &Order, homes: &[Home]) -> bool {
    let writer = Progress::new(false).writer();
    let logger = Logger::new(order.format, order.level, Clock::real(), writer);
    let mut dead = match recover::patiently(&order.journal()) {
        Found::Nothing => return true,
        Found::Held(_) => {
            let why = "somebody else is at work on the journal; what they leave is undone by `pipeline restore`";
            logger.log(Level::WARN, "guardian", why, &[]);
            return false;
        }
        Found::Strange(why) => {
            logger.log(Level::ERROR, "guardian", &why, &[]);
            return false;
        }
        Found::Dead(dead) => dead,
    };
    let is_home = |path: &str| homes.iter().any(|home| home.is_at(path));
    let told = dead.open().any(|entry| !is_home(&entry.path));
    if told {
        let why = format!("the run died (process {}); what it changed is put back", dead.pid());
        logger.log(Level::WARN, "guardian", &why, &[("id", &order.run)]);
    }
    // Its own groups last: until all else is back it must not be where the run's group can be killed.
    recover::undo(&mut dead, &logger, |entry| !is_home(&entry.path));
    for home in homes {
        if let Err(error) = home.leave() {
            let why = format!("cannot leave `{}`: {error}", home.place().path);
            logger.log(Level::WARN, "guardian", &why, &[]);
        }
    }
    recover::undo(&mut dead, &logger, |entry| is_home(&entry.path));
    let left = dead.finish();
    if told {
        recover::conclude(left, &logger);
    }
    left.failed == 0
}
