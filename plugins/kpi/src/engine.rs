//! The load: one thread that sends on schedule, and one for each connection that reads.
//!
//! What is read from the counts is not here: see `readings.rs`.

mod outbox;
pub mod place;
mod receiver;
mod sender;
mod shared;

use crate::config::LoadConfig;
use crate::protocol::Protocol;
use crate::server::Server;
use crate::tally::Tally;
use pipeline_plugin_api::prelude::*;
use sender::Sender;
use shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};

/// How long the threads may take to end, and then the server to remove the keys.
const STOP_TIMEOUT: Nanos = Nanos::from_millis(300);

/// A running load.
pub struct Engine<P: Protocol> {
    shared: Arc<Shared<P>>,
    threads: Vec<JoinHandle<()>>,
    /// Disconnected when the last thread has ended.
    ended: Receiver<Never>,
}

/// Nothing is ever sent where only the end matters.
enum Never {}

impl<P: Protocol> Engine<P> {
    /// Begins to send to a server.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(config: LoadConfig<P>, server: Server, host: Host, system: System) -> Result<Self> {
        let shared = Arc::new(Shared::new(config, server, host, system)?);
        let (alive, ended) = mpsc::channel();
        let mut engine = Self {
            shared,
            threads: Vec::new(),
            ended,
        };
        engine.spawn("kpi-send".to_owned(), &alive, |shared| {
            place::use_fine_timers(&shared.host);
            Sender::new(shared).run();
        })?;
        for index in 0..engine.shared.lines.len() {
            engine.spawn(format!("kpi-read-{index}"), &alive, move |shared| {
                receiver::run(shared, &shared.lines[index]);
            })?;
        }
        Ok(engine)
    }

    fn spawn(
        &mut self,
        name: String,
        alive: &mpsc::Sender<Never>,
        body: impl FnOnce(&Shared<P>) + Send + 'static,
    ) -> Result<()> {
        let alive = alive.clone();
        let shared = Arc::clone(&self.shared);
        let cpu = shared.config.cpu;
        let pinned = move || {
            if let Some(cpu) = cpu {
                place::take(cpu, shared.config.realtime, &shared.host);
            }
            body(&shared);
            drop(alive);
        };
        let thread = Builder::new().name(name).spawn(pinned);
        let thread = thread.map_err(|error| Failure::retry(format!("no thread for the load: {error}")))?;
        self.threads.push(thread);
        Ok(())
    }

    /// From when on requests are counted.
    pub fn counted_from(&self) -> Nanos {
        self.shared.counted_from
    }

    /// Whether it was told to end, or ends because the run does.
    pub fn is_ending(&self) -> bool {
        self.shared.stopping()
    }

    /// Gives the counts since the last call, and takes a cleared tally for those to come.
    ///
    /// # Errors
    /// A thread of the load ended of itself.
    pub fn exchange(&self, tally: &mut Tally) -> Result<()> {
        let ended = self.threads.iter().find(|thread| thread.is_finished());
        if let Some(thread) = ended.filter(|_| !self.shared.stopping()) {
            let name = thread.thread().name().unwrap_or_default();
            return Err(Failure::fatal(format!("the load's thread `{name}` ended of itself")));
        }
        std::mem::swap(&mut *self.shared.tally(), tally);
        Ok(())
    }

    /// A tally to exchange.
    ///
    /// # Errors
    /// No histogram can be made for the timeout.
    pub fn tally(&self) -> Result<Tally> {
        Tally::new(self.shared.counted_from, self.shared.config.timeout.nanos())
    }

    /// One line for people.
    pub fn status(&self) -> String {
        let shared = &self.shared;
        let (up, all) = (shared.up(), shared.lines.len());
        let outstanding = shared.outstanding.load(Ordering::Acquire);
        let line = format!(
            "{}: {up} of {all} connections up, {outstanding} requests outstanding",
            shared.server.place
        );
        match shared.trouble() {
            Some(why) if up == 0 => format!("{line}; {why}"),
            _ => line,
        }
    }

    /// Has the load end, without waiting for it.
    pub fn signal(&self) {
        self.shared.stop();
    }

    /// Ends the load, and removes its keys if the server is still there.
    ///
    /// # Errors
    /// Keys are left on the server.
    pub fn stop(self) -> Result<()> {
        self.signal();
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(STOP_TIMEOUT.into()) {
            self.shared.host.log(
                Level::WARN,
                "threads of the load do not end; they are left to themselves",
                &[],
            );
        }
        self.shared.clear_keys(STOP_TIMEOUT)
    }
}

impl<P: Protocol> Drop for Engine<P> {
    fn drop(&mut self) {
        self.signal();
    }
}
