//! The guardian's side: waiting for the run to be done or dead, and putting back what a dead one left.

use super::place::{self, Home};
use super::talk::{DONE, LEAVE, RECORDED, Ready};
use super::{Order, WHO};
use crate::run::clock::{Clock, pause};
use crate::run::journal::Entry;
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
    let homes = place::plan(&format!("pipeline-guardian-{}", order.run));
    let mut moves = Moves::new(homes);
    let end = run.tell(moves.planned()).wait(&mut moves);
    let is_back = end == End::Done || put_back(order, &mut moves);
    moves.leave();
    Ok(is_back)
}

/// Where it lives by now, of where it planned to.
struct Moves {
    planned: Vec<Home>,
    entered: Vec<Home>,
}

impl Moves {
    fn new(planned: Vec<Home>) -> Self {
        Self {
            planned,
            entered: Vec::new(),
        }
    }

    fn planned(&self) -> &[Home] {
        &self.planned
    }

    /// Enters each that does not refuse.
    fn enter(&mut self) {
        let planned = std::mem::take(&mut self.planned);
        self.entered
            .extend(planned.into_iter().filter(|home| home.enter().is_ok()));
    }

    /// Leaves each. The journal knows of what cannot be removed, for whoever looks at that next.
    fn leave(&mut self) {
        self.entered.retain(|home| home.leave().is_err());
    }
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
            places: homes
                .iter()
                .map(|home| home.path().to_string_lossy().into_owned())
                .collect(),
        };
        let line = ready.line();
        if let (Some(socket), Ok(line)) = (&mut self.socket, line) {
            // A run that does not hear it any more is found dead below.
            let _ = socket.write_all(line.as_bytes());
        }
        self
    }

    /// Waits for its end, moving when it says so.
    fn wait(mut self, moves: &mut Moves) -> End {
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
                Some(DONE) => return End::Done,
                Some(RECORDED) => moves.enter(),
                Some(LEAVE) => {
                    moves.leave();
                    self.answer(LEAVE);
                }
                Some(_) => {}
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

    fn answer(&mut self, byte: u8) {
        if let Some(socket) = &mut self.socket {
            // A run that does not hear it any more is found dead next.
            let _ = socket.write_all(&[byte]);
        }
    }

    /// What it says, if it says something.
    fn heard(&mut self) -> Option<u8> {
        let socket = self.socket.as_mut()?;
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if !matches!(poll(&mut [PollFd::new(&*socket, PollFlags::IN)], Some(&now)), Ok(1..)) {
            return None;
        }
        let mut byte = [0];
        match socket.read(&mut byte) {
            Ok(1) => Some(byte[0]),
            _ => {
                // It closed its end; whether it is dead is asked of the kernel alone.
                self.socket = None;
                None
            }
        }
    }
}

/// Undoes what the run left. `true` if nothing is left that is ours.
fn put_back(order: &Order, moves: &mut Moves) -> bool {
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
    let is_own = |entry: &Entry| entry.node == WHO;
    let told = dead.open().any(|entry| !is_own(entry));
    if told {
        let why = format!("the run died (process {}); what it changed is put back", dead.pid());
        logger.log(Level::WARN, "guardian", &why, &[("id", &order.run)]);
    }
    // Its own groups last: until all else is back it must not be where the run's group can be killed.
    recover::undo(&mut dead, &logger, |entry| !is_own(entry));
    moves.leave();
    recover::undo(&mut dead, &logger, is_own);
    let left = dead.finish();
    if told {
        recover::conclude(left, &logger);
    }
    left.failed == 0
}
