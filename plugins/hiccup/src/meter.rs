//! The thread of one CPU: sleeps to its deadlines and notes how late it woke.

use crate::pace::Pace;
use crate::place::{self, Refused};
use crate::tally::{Before, Tally};
use pipeline_plugin_api::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::thread::Builder;

/// How a CPU is tried.
#[derive(Copy, Clone, Debug)]
pub struct Trial {
    /// How often.
    pub period: Nanos,
    /// Beyond which lateness is a hiccup.
    pub threshold: Nanos,
}

/// What a CPU's hiccups were in a span.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Hiccups {
    /// Those that ended in the span, each in full.
    pub time: Nanos,
    /// The longest lateness, hiccup or not.
    pub longest: Nanos,
    /// How long this was measured.
    pub span: Nanos,
}

/// What is known of a span, or why nothing is.
pub type Told = std::result::Result<Hiccups, Reason>;

/// Nothing is ever sent where only the end matters.
pub enum Never {}

/// A CPU that is measured. The thread ends when this is dropped.
pub struct Meter {
    shared: Arc<Shared>,
    before: Before,
    /// Up to when it was told.
    since: Option<Nanos>,
    told: Told,
}

#[derive(Debug, Default)]
struct Shared {
    tally: Tally,
    /// When the thread was in its place, or why it cannot be.
    placed: OnceLock<std::result::Result<Nanos, Refused>>,
    stopping: AtomicBool,
}

impl Meter {
    /// Begins to measure a CPU. The thread holds `alive` until it ends.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(cpu: u32, trial: Trial, system: &System, alive: Sender<Never>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, system) = (Arc::clone(&shared), system.clone());
        let body = move || {
            theirs.run(cpu, trial, &system);
            drop(alive);
        };
        let thread = Builder::new().name(format!("hiccup-{cpu}")).spawn(body);
        thread.map_err(|error| Failure::retry(format!("no thread for CPU {cpu}: {error}")))?;
        Ok(Self {
            shared,
            before: Before::default(),
            since: None,
            told: Err(Reason::WARMING_UP),
        })
    }

    /// Takes what the thread counted up to now. A span in which it never woke is told with the next.
    pub fn take(&mut self, now: Nanos) {
        let began = match self.shared.placed.get() {
            None => return,
            Some(Err(refused)) => {
                self.told = Err(refused.reason);
                return;
            }
            Some(Ok(began)) => *began,
        };
        let since = self.since.unwrap_or(began);
        self.told = match self.shared.tally.take(&mut self.before) {
            None => Err(Reason::EMPTY),
            Some(added) => {
                self.since = Some(now);
                Ok(Hiccups {
                    time: added.time,
                    longest: added.longest,
                    span: now - since,
                })
            }
        };
    }

    /// What was last taken.
    pub fn told(&self) -> Told {
        self.told
    }

    /// Why the thread cannot measure, if it cannot.
    pub fn refused(&self) -> Option<&Refused> {
        self.shared.placed.get().and_then(|placed| placed.as_ref().err())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
    }
}

impl Shared {
    fn run(&self, cpu: u32, trial: Trial, system: &System) {
        let placed = place::take(cpu).map(|()| system.now());
        if let Ok(began) = self.placed.get_or_init(|| placed) {
            let mut pace = Pace::new(*began, trial.period);
            while !self.stopping.load(Ordering::Acquire) && system.wait_until(pace.due()) {
                let late = pace.woke(system.now());
                self.tally.woke(late, trial.threshold);
            }
        }
    }
}
