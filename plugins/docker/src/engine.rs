//! The conversation with a Docker engine, on a thread of its own with its own runtime. Plain data goes in and out; what
//! it means for targets, and when it is tried again, is `target`'s business.

mod link;
mod seen;
mod talk;
mod trouble;

pub use link::{Link, Server};
pub use seen::{Listed, Seen};
pub use trouble::Trouble;

use pipeline_plugin_api::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver as News, Sender as Asks};
use tokio::sync::oneshot;

/// Most that is told ahead of the node; what follows waits in the engine.
pub const MOST_NEWS: usize = 256;
/// Most that is asked ahead of the thread.
const MOST_ASKS: usize = 16;
/// How long the thread may take to end.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// What the node wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Connect and follow events, from that many seconds after 1970 on.
    Connect(u64),
    /// List what runs.
    List,
    /// Look at these containers, by their ids.
    Look(Vec<String>),
}

/// What the thread tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// There is an engine, and events are followed from now on.
    Here(Server),
    /// All containers that run.
    Running(Vec<Listed>),
    /// A container as it is now; `None` if it does not run, or is not there.
    One(String, Option<Seen>),
    /// What became of a container could not be found out; it is as it was, for all that is known.
    Unclear(String, Trouble),
    /// There is no engine (any more). Nothing is told until the next [`Ask::Connect`].
    Away(Trouble),
}

/// The node's end of the conversation. Dropping it ends the thread.
#[derive(Debug)]
pub struct Engine {
    asks: Asks<Ask>,
    news: News<Told>,
    /// Dropped to have the thread end, whatever it waits for.
    alive: Option<oneshot::Sender<()>>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

impl Engine {
    /// Starts the thread. It connects when it is asked to, and calls `wake` whenever it told something.
    ///
    /// # Errors
    /// There is no room for a thread.
    pub fn start(socket: &Path, wake: impl Fn() + Send + 'static) -> Result<Self> {
        let (asks, to_do) = tokio::sync::mpsc::channel(MOST_ASKS);
        let (told, news) = tokio::sync::mpsc::channel(MOST_NEWS);
        let (alive, stop) = oneshot::channel();
        let (running, ended) = mpsc::channel();
        let socket = PathBuf::from(socket);
        let body = move || {
            talk::run(&socket, to_do, &talk::Teller { told, wake }, stop);
            drop(running);
        };
        let thread = std::thread::Builder::new().name("docker-watch".into()).spawn(body);
        thread.map_err(|error| Failure::retry(format!("no thread for the engine: {error}; raise `ulimit -u`")))?;
        Ok(Self {
            asks,
            news,
            alive: Some(alive),
            ended,
        })
    }

    /// Asks for something; `false` if so much is asked for already that this has to wait for another time.
    pub fn ask(&self, ask: Ask) -> bool {
        self.asks.try_send(ask).is_ok()
    }

    /// What was told next, if anything was.
    ///
    /// # Errors
    /// The thread ended of itself.
    pub fn next(&mut self) -> Result<Option<Told>> {
        match self.news.try_recv() {
            Ok(told) => Ok(Some(told)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => {
                Err(Failure::fatal("the thread that talks to the engine ended of itself"))
            }
        }
    }

    /// Ends the thread; `false` if it does not end in time and is left to itself.
    pub fn stop(&mut self) -> bool {
        drop(self.alive.take());
        !matches!(
            self.ended.recv_timeout(STOP_TIMEOUT),
            Err(mpsc::RecvTimeoutError::Timeout)
        )
    }
}

#[cfg(test)]
mod tests;
