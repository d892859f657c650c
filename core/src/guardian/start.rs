//! The run's side: starting the guardian, seeing that it is there, and ending it when all is back.

use super::talk::{DONE, LEAVE, LONGEST, RECORDED, Ready};
use super::{Order, WHO};
use crate::run::clock::{Clock, pause};
use crate::run::journal::Journal;
use crate::run::log::{Format, Logger};
use pipeline_plugin_api::abi::{Level, Nanos, Undo, UndoKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest that a guardian may take to be ready, and to end.
const PATIENCE: Nanos = Nanos::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// So many new guardians in so long a time, at most.
const STARTS: usize = 3;
const PERIOD: Nanos = Nanos::from_secs(60);

/// The guardian of a run, as the run holds it.
///
/// [`Guardian::tend`] is to be called about once a second while the run goes on; [`Guardian::end`] when nothing is
/// left to be put back. Dropping it ends it.
#[derive(Debug)]
pub struct Guardian {
    program: PathBuf,
    order: Order,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// When new ones were started, and whether it was told that there are to be no more.
    starts: Vec<Nanos>,
    gave_up: bool,
    /// Directories that are in the journal.
    recorded: BTreeSet<String>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    socket: UnixStream,
    /// What it said so far; a whole line when it is ready.
    said: Vec<u8>,
    is_ready: bool,
}

impl Guardian {
    /// Starts a guardian: this very program, whatever lies under its name by now.
    ///
    /// # Errors
    /// No process can be started.
    pub fn start(order: Order) -> io::Result<Self> {
        Self::start_program("/proc/self/exe".into(), order)
    }

    /// The same with a program of that path.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_program(program: PathBuf, order: Order) -> io::Result<Self> {
        let state = State {
            running: Some(Running::start(&program, &order)?),
            ..State::default()
        };
        Ok(Self {
            program,
            order,
            clock: Clock::real(),
            state: Mutex::new(state),
        })
    }

    /// Waits until it is ready, 2 s at most, records where it is going to live, and has it go there.
    ///
    /// # Errors
    /// It is not, as a sentence.
    pub fn ready(&self, journal: &Journal) -> Result<(), String> {
        let mut state = self.state();
        let until = self.clock.now() + PATIENCE;
        loop {
            let running = state.running.as_mut().ok_or("it was ended")?;
            if let Some(ready) = running.hear(PATIENCE)? {
                state.settle_in(&ready, journal);
                return Ok(());
            }
            if self.clock.now() >= until {
                return Err(format!("it is not ready after {PATIENCE}"));
            }
        }
    }

    /// Sees that it is there; if not, warns and starts another one, at most three in a minute.
    pub fn tend(&self, logger: &Logger, journal: &Journal) {
        let mut state = self.state();
        let Some(running) = state.running.as_mut() else {
            return self.start_another(&mut state, logger);
        };
        match running.child.try_wait() {
            Ok(None) if running.is_ready => {}
            Ok(None) => {
                // Otherwise it has not said so yet, or it ended, which is seen the next time.
                if let Ok(Some(ready)) = running.hear(Nanos::ZERO) {
                    state.settle_in(&ready, journal);
                    logger.log(Level::INFO, WHO, "it is there again", &[]);
                }
            }
            ended => {
                let how = ended.map_or_else(
                    |error| error.to_string(),
                    |status| status.map_or_else(String::new, |status| status.to_string()),
                );
                state.running = None;
                let why = format!("it ended ({how}); without one a crash of this run leaves the host changed");
                logger.log(Level::WARN, WHO, &why, &[]);
                self.start_another(&mut state, logger);
            }
        }
    }

    /// Its process, if there is one now.
    pub fn pid(&self) -> Option<u32> {
        self.state().running.as_ref().map(|running| running.child.id())
    }

    /// Has it leave where it lives, 2 s at most, so that this can be taken out of the journal while it still guards.
    pub fn leave(&self) {
        if let Some(running) = self.state().running.as_mut() {
            running.leave(&self.clock);
        }
    }

    /// Ends it and waits for its end, 2 s at most. To be called when nothing is left to be put back.
    pub fn end(&self) {
        if let Some(running) = self.state().running.take() {
            running.end(&self.clock);
        }
    }

    fn start_another(&self, state: &mut State, logger: &Logger) {
        let now = self.clock.now();
        state.starts.retain(|start| now.since(*start) < PERIOD);
        if state.starts.len() >= STARTS {
            if !std::mem::replace(&mut state.gave_up, true) {
                let why = format!("{STARTS} ended within {PERIOD}, so for now there is none");
                logger.log(Level::ERROR, WHO, &why, &[]);
            }
            return;
        }
        state.starts.push(now);
        state.gave_up = false;
        match Running::start(&self.program, &self.order) {
            Ok(running) => state.running = Some(running),
            Err(error) => logger.log(Level::ERROR, WHO, &format!("cannot be started again: {error}"), &[]),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        // A run that falls has put nothing back: its guardian is not told that all is done, and finds it dead.
        if !std::thread::panicking() {
            self.end();
        }
    }
}

impl State {
    /// Records where it is going to live, so that this is removed even if both are killed, and has it go there. Where
    /// the journal cannot be written it stays where it is: it guards all the same, but for whoever kills the run's group.
    fn settle_in(&mut self, ready: &Ready, journal: &Journal) {
        for place in &ready.places {
            let undo = Undo {
                kind: UndoKind::REMOVE_DIR,
                path: place.as_str().into(),
                ..Undo::default()
            };
            if !self.recorded.contains(place) {
                if journal.record_own(WHO, &undo).is_err() {
                    return;
                }
                self.recorded.insert(place.clone());
            }
        }
        if let Some(running) = &mut self.running {
            // One that is dead by now is found so when it is tended next.
            let _ = running.socket.write_all(&[RECORDED]);
        }
    }
}

impl Running {
    fn start(program: &PathBuf, order: &Order) -> io::Result<Self> {
        // Both ends close on exec; only the guardian's own standard input is kept by it.
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        let format = match order.format {
            Format::Text => "text",
            Format::Json => "json",
        };
        let child = Command::new(program)
            .arg0("pipeline")
            .args(["guard", "--run", &order.run, "--log-format", format])
            .arg("--folder")
            .arg(&order.folder)
            .arg(format!("--parent={}", std::process::id()))
            .arg(format!("--level={}", order.level.0))
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            socket,
            said: Vec::new(),
            is_ready: false,
        })
    }

    /// Listens for so long; gives where it lives once it is ready.
    fn hear(&mut self, most: Nanos) -> Result<Option<Ready>, String> {
        let patience = Timespec {
            tv_sec: (most.0 / 1_000_000_000).cast_signed(),
            tv_nsec: (most.0 % 1_000_000_000).cast_signed(),
        };
        // An interrupted wait is a short one.
        let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&patience));
        let mut bytes = [0; 4096];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return Err("it ended before it was ready".into()),
                Ok(read) => self.said.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
            if self.said.ends_with(b"\n") {
                self.is_ready = true;
                let ready = serde_json::from_slice(&self.said);
                return ready.map(Some).map_err(|error| format!("it makes no sense: {error}"));
            }
            if self.said.len() > LONGEST {
                return Err("it says too much".into());
            }
        }
    }

    fn leave(&mut self, clock: &Clock) {
        // One that is dead answers nothing; its places are in the journal.
        let _ = self.socket.write_all(&[LEAVE]);
        let until = clock.now() + PATIENCE;
        while clock.now() < until {
            let patience = Timespec {
                tv_sec: 0,
                tv_nsec: 100_000_000,
            };
            // An interrupted wait is a short one.
            let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&patience));
            match self.socket.read(&mut [0; 64]) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                _ => return,
            }
        }
    }

    fn end(mut self, clock: &Clock) {
        // One that is dead hears nothing, and is reaped below.
        let _ = self.socket.write_all(&[DONE]);
        let until = clock.now() + PATIENCE;
        while clock.now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            pause(LOOK_AGAIN);
        }
        // Both fail where it is reaped already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
