//! What the threads of the load share. Locks are held briefly, never across a call to
//! the kernel; none is taken while another is held, but that of the fill, which comes first.

use crate::answers::Unanswered;
use crate::commands::key_name;
use crate::config::LoadConfig;
use crate::connection::Stream;
use crate::error::ConnectionError;
use crate::keyspace;
use crate::protocol::Protocol;
use crate::server::Server;
use crate::tally::Tally;
use pipeline_plugin_api::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The load's state.
pub struct Shared<P: Protocol> {
    /// As configured.
    pub config: LoadConfig<P>,
    /// Where the server is, with the password.
    pub server: Server,
    /// The run's clock.
    pub system: System,
    /// The run's log.
    pub host: Host,
    /// The connections.
    pub lines: Vec<Line>,
    /// Requests that were taken on and neither answered nor forgotten.
    pub outstanding: AtomicUsize,
    /// From when on requests are counted.
    pub counted_from: Nanos,
    /// Whether the keys were written since the server was last away.
    pub filled: Mutex<bool>,
    /// Whether keys were ever written that are to be removed.
    pub wrote: AtomicBool,
    tally: Mutex<Tally>,
    stopping: AtomicBool,
    trouble: Mutex<Option<String>>,
}

/// One connection as the sender and its receiver see it.
#[derive(Debug, Default)]
pub struct Line(Mutex<LineState>);

/// What is true of a connection now.
#[derive(Debug, Default)]
pub struct LineState {
    /// The socket, from when it is connected on.
    pub stream: Option<Arc<Stream>>,
    /// Whether requests may be sent.
    pub up: bool,
    /// Counts how often it came up, so that the sender sees that a socket is another one.
    pub life: u64,
    /// What was sent and not answered.
    pub unanswered: Unanswered,
}

impl Line {
    /// Its state, for a few instructions.
    pub fn lock(&self) -> MutexGuard<'_, LineState> {
        locked(&self.0)
    }
}

/// A thread that panicked leaves counts that are right up to there.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P: Protocol> Shared<P> {
    /// The state of a load that begins now.
    ///
    /// # Errors
    /// No histogram can be made for the timeout.
    pub fn new(config: LoadConfig<P>, server: Server, host: Host, system: System) -> Result<Self> {
        let counted_from = system.now() + config.warm_up.nanos();
        Ok(Self {
            lines: (0..config.connections).map(|_| Line::default()).collect(),
            tally: Mutex::new(Tally::new(counted_from, config.timeout.nanos())?),
            config,
            server,
            system,
            host,
            outstanding: AtomicUsize::new(0),
            counted_from,
            filled: Mutex::new(false),
            wrote: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            trouble: Mutex::new(None),
        })
    }

    /// The counts of the span that is not over.
    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        locked(&self.tally)
    }

    /// Whether the load is to end.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Has the load end: no thread sends or waits for an answer any longer.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for line in &self.lines {
            let stream = line.lock().stream.clone();
            if let Some(stream) = stream {
                stream.shutdown();
            }
        }
    }

    /// Sleeps, but wakes up when the load ends; `false` then.
    pub fn wait_until(&self, at: Nanos) -> bool {
        const GLANCE: Nanos = Nanos::from_millis(20);
        loop {
            let now = self.system.now();
            if self.stopping() {
                return false;
            }
            if now >= at {
                return true;
            }
            if !self.system.wait_until(at.min(now + GLANCE)) {
                return false;
            }
        }
    }

    /// Requests were answered or forgotten.
    pub fn settled(&self, count: usize) {
        self.outstanding.fetch_sub(count, Ordering::AcqRel);
    }

    /// Removes the keys that were written, if the server is still there.
    ///
    /// # Errors
    /// Some are left.
    pub fn clear_keys(&self, longest: Nanos) -> Result<()> {
        if !self.wrote.load(Ordering::Acquire) {
            return Ok(());
        }
        let deadline = self.system.now() + longest;
        let cleared = keyspace::clear::<P>(&self.server, self.config.keys, || self.system.now() < deadline);
        match cleared {
            // The server went, and its keys with it.
            Ok(()) | Err(ConnectionError::Connect { .. } | ConnectionError::Resolve { .. }) => Ok(()),
            Err(error) => Err(Failure::retry(format!(
                "keys `{}` and on are left at `{}`: {error}; {}",
                key_name(0),
                self.server.place,
                P::BY_HAND
            ))),
        }
    }

    /// How many connections are up.
    pub fn up(&self) -> usize {
        self.lines.iter().filter(|line| line.lock().up).count()
    }

    /// Why the server cannot be reached, if it cannot.
    pub fn trouble(&self) -> Option<String> {
        locked(&self.trouble).clone()
    }

    /// A connection could not be made or ended. Warns once, and not of a server that is still starting.
    pub fn troubled(&self, why: &str) {
        if self.stopping() || self.system.now() < self.counted_from {
            return;
        }
        let first = locked(&self.trouble).replace(why.to_owned()).is_none();
        if first {
            let address = self.server.place.to_string();
            self.host.log(Level::WARN, why, &[("server", &address)]);
        }
    }

    /// A connection came up.
    pub fn untroubled(&self) {
        let before = locked(&self.trouble).take();
        if before.is_some() {
            let address = self.server.place.to_string();
            self.host
                .log(Level::INFO, "the server answers again", &[("server", &address)]);
        }
    }
}
