//! What all lanes of a run share: the clock, the names, the targets, the journal, the log, and
//! whether the run is being stopped.

use super::budget::Patience;
use super::clock::Clock;
use super::desk::Desk;
use super::facts::Facts;
use super::host::Office;
use super::journal::Journal;
use super::log::Logger;
use super::tap::{Tap, Wiring};
use super::targets::Targets;
use super::telemetry::Telemetry;
use super::timetable::Fetches;
use pipeline_plugin_api::abi::{Nanos, Stage};
use pipeline_plugin_api::names::Names;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError, RwLock};

/// What all lanes of a run share.
#[derive(Debug)]
pub struct Shared {
    /// The run's clock.
    pub clock: Clock,
    /// Where log lines go.
    pub logger: Logger,
    /// How to put everything back.
    pub journal: Journal,
    /// Interned names.
    pub names: RwLock<Names>,
    /// Targets, those that went included.
    pub targets: RwLock<Targets>,
    /// Whether this run decides and writes nothing.
    pub dry_run: bool,
    /// A name for this run, fit for a directory.
    pub run_id: String,
    /// Where nodes keep small state beyond this run.
    pub state_folder: PathBuf,
    /// How long calls may take.
    pub patience: Patience,
    /// What the run says of itself.
    pub telemetry: Telemetry,
    /// Where nodes are reached by name.
    pub desk: Desk,
    /// The environment variables that hold secrets of the graph; set once, when the run begins.
    pub secrets: OnceLock<Vec<String>>,
    /// How many descriptors this process might have open before the run had more, as [`super::descriptors`] tells it.
    pub descriptors: OnceLock<String>,
    /// Where a recorder takes what went into transforms and schedulers; empty where nobody records.
    pub tap: OnceLock<Tap>,
    /// The nodes and their edges; set when lanes are made.
    pub wiring: OnceLock<Wiring>,
    /// What is told to whoever records the run.
    pub facts: OnceLock<Facts>,
    /// What nodes find of earlier runs, where the run is not a real one.
    pub fetches: OnceLock<Fetches>,
    /// Who writes and runs graphs for a command; empty for the nodes of graphs.
    pub office: OnceLock<Box<dyn Office>>,
    stopping: AtomicBool,
    aborted: AtomicBool,
    fell_short: AtomicBool,
    collectors_that_spoke: AtomicUsize,
    abandoned: AtomicUsize,
    stop_lock: Mutex<()>,
    stop_told: Condvar,
}

impl Shared {
    /// What a run begins with.
    pub fn new(
        clock: Clock,
        logger: Logger,
        journal: Journal,
        run_id: String,
        dry_run: bool,
        state_folder: PathBuf,
    ) -> Self {
        Self {
            clock,
            logger,
            journal,
            names: RwLock::default(),
            targets: RwLock::default(),
            dry_run,
            run_id,
            state_folder,
            patience: Patience::default(),
            telemetry: Telemetry::default(),
            desk: Desk::default(),
            secrets: OnceLock::new(),
            descriptors: OnceLock::new(),
            tap: OnceLock::new(),
            wiring: OnceLock::new(),
            facts: OnceLock::new(),
            fetches: OnceLock::new(),
            office: OnceLock::new(),
            stopping: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            fell_short: AtomicBool::new(false),
            collectors_that_spoke: AtomicUsize::new(0),
            abandoned: AtomicUsize::new(0),
            stop_lock: Mutex::new(()),
            stop_told: Condvar::new(),
        }
    }

    /// Whether the run is being stopped.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Has the run stopped: wakes all who wait.
    pub fn stop(&self) {
        let _guard = self.stop_lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopping.store(true, Ordering::Release);
        self.stop_told.notify_all();
    }

    /// A node whose failure ends the run failed.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
    }

    /// Whether a node's failure ended the run.
    pub fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    /// Something that was to be done was not: data lost at the end, a lane given up.
    pub fn fell_short(&self) {
        self.fell_short.store(true, Ordering::Release);
    }

    /// Whether all that was to be done was done.
    pub fn is_complete(&self) -> bool {
        !self.fell_short.load(Ordering::Acquire)
    }

    /// A node of that stage said something for the first time.
    pub fn spoke(&self, stage: Stage) {
        if stage == Stage::COLLECTOR {
            self.collectors_that_spoke.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How many collectors have said something.
    pub fn collectors_that_spoke(&self) -> usize {
        self.collectors_that_spoke.load(Ordering::Acquire)
    }

    /// A thread was lost to a call that does not come back; gives how many are.
    pub fn abandon(&self) -> usize {
        self.abandoned.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// A thread that was lost came back, and ends.
    pub fn came_back(&self) {
        let fewer = |lost: usize| Some(lost.saturating_sub(1));
        // It always takes the new value.
        let _ = self.abandoned.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
    }

    /// Sleeps until that instant of the run's clock, or until the run is stopped; `false` for the latter.
    pub fn wait_until(&self, at: Nanos) -> bool {
        if self.clock.is_virtual() {
            self.clock.advance_to(at);
            return !self.is_stopping();
        }
        let remaining = at - self.clock.now();
        // A condition variable wakes some 50 µs late: good enough for long waits, too late for a pacer's.
        if remaining.0 < 1_000_000 {
            self.clock.sleep_until(at);
            return !self.is_stopping();
        }
        let mut guard = self.stop_lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = at - self.clock.now();
            if left == Nanos::ZERO || self.is_stopping() {
                return !self.is_stopping();
            }
            let waited = self.stop_told.wait_timeout(guard, left.into());
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The machine was suspended: those who wait look at the clock again, since that is not what they are waited by.
    pub fn woken(&self) {
        let _guard = self.stop_lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop_told.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_woken_before_the_time_waits_on_and_who_is_stopped_does_not() {
        let shared = crate::run::tests::shared_in(std::path::Path::new("/proc/nowhere"), Clock::real());
        let at = shared.clock.now() + Nanos::from_millis(60);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while shared.clock.now() < at {
                    shared.woken();
                    crate::run::clock::pause(std::time::Duration::from_millis(2));
                }
            });
            assert!(shared.wait_until(at) && shared.clock.now() >= at);
        });
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| shared.wait_until(Nanos::FOREVER));
            shared.stop();
            assert!(!waits.join().unwrap());
        });
    }
}
