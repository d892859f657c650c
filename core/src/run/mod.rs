//! Running a graph: instants, lanes, queues, failures, and the end of it all.
//!
//! [`plan`] says what is to run, [`build`] makes lanes of it, [`execution`] runs them, [`lane`] is the loop, [`drain`]
//! the end. [`watchdog`] sees to it that a call which does not come back costs one node only, [`calls`] that one which
//! ends the process does not pass for a good end. [`clock`] is the only room that asks the system for the time.
//! [`begin`] is what happens before plugins are loaded, [`journal`], [`undo`] and [`recover`] how the host is put back.

pub mod acting;
pub mod begin;
pub mod budget;
pub mod build;
pub mod callable;
pub mod calls;
pub mod clock;
pub mod crew;
pub mod declared;
pub mod descriptors;
pub mod desk;
pub mod drain;
pub mod ending;
pub mod execution;
pub mod facts;
pub mod hand;
pub mod host;
pub mod journal;
pub mod lane;
pub mod leases;
pub mod link;
pub mod log;
pub mod mailbox;
pub mod node;
pub mod plan;
pub mod progress;
pub mod recover;
pub mod seat;
pub mod shared;
pub mod signals;
pub mod simulated;
pub mod socket;
pub mod starting;
pub mod tap;
pub mod targets;
pub mod telemetry;
pub mod timetable;
pub mod undo;
pub mod waiting;
pub mod wake;
pub mod watchdog;

#[cfg(test)]
pub(crate) mod tests;

pub use execution::run_virtual;

use crate::guardian::Guardian;
use begin::Begun;
use clock::Clock;
use facts::Facts;
use journal::Journal;
use log::Logger;
use node::Figures;
use pipeline_plugin_api::abi::{Level, Nanos};
use plan::Plan;
use progress::Progress;
use shared::Shared;
use signals::Stops;
use socket::Socket;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// How a graph is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long; until it is interrupted where `None`.
    pub duration: Option<Nanos>,
    /// Stop when every collector has said something.
    pub once: bool,
    /// Decide, and write nothing.
    pub dry_run: bool,
    /// How long the end may take.
    pub drain: Nanos,
    /// How log lines look.
    pub format: log::Format,
    /// The quietest level that is shown.
    pub level: Level,
    /// Show what is going on where a terminal is there.
    pub progress: bool,
    /// The graph's file, for whoever asks what is running.
    pub graph: String,
    /// Who puts the host back if this process dies; [`run`] sets it. To be tended about once a second.
    pub guardian: Option<Arc<Guardian>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            duration: None,
            once: false,
            dry_run: false,
            drain: Nanos::from_secs(10),
            format: log::Format::Text,
            level: Level::INFO,
            progress: false,
            graph: String::new(),
            guardian: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Figures by node.
    pub nodes: BTreeMap<String, Figures>,
    /// A node with `on_error: Abort` failed.
    pub aborted: bool,
    /// Everything is as it was found.
    pub restored: bool,
    /// Nothing was given up or cut short, and nothing was waited for in vain.
    pub complete: bool,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A node could not start.
    #[error("`{node}` cannot start: {why}")]
    Start {
        /// The node.
        node: String,
        /// What it says.
        why: String,
    },
    /// A signal came while nodes were starting, and one of them did not come back.
    #[error("`{node}` was still starting when the run was stopped; what had begun was undone")]
    Interrupted {
        /// The node.
        node: String,
    },
    /// Names that were given contradict each other.
    #[error("the names that it is to begin with contradict each other: {0}")]
    Names(String),
    /// It acts, and another run does.
    #[error(transparent)]
    Locked(#[from] acting::Refused),
    /// It acts, and nobody would put the host back if it died.
    #[error("there is no guardian ({why}), and a run that acts does not begin without one; `--dry-run` does")]
    Unguarded {
        /// Why not.
        why: String,
    },
    /// The process has no descriptors, threads or signals to offer.
    #[error("cannot set up the run; are there descriptors and threads left (`ulimit -n`, `pids.max`)?")]
    System(#[from] std::io::Error),
}

/// Runs a plan until its time is over, it is interrupted, or it aborts; then puts everything back.
///
/// # Errors
/// The run could not begin; what had begun was put back.
pub fn run(plan: &Plan, options: &Options, begun: Begun) -> Result<Report, RunError> {
    let clock = Clock::real();
    let progress = Progress::new(options.progress);
    let logger = Logger::new(options.format, options.level, clock.clone(), progress.writer());
    let stops = Stops::listen()?;
    let run_id = begun.run_id.clone();
    // Held to the end: until everything is back nobody else may act.
    let _acting = begun.lock(plan, options)?;
    let folder = begun.folder.clone();
    let journal = Journal::new(&folder, &run_id);
    let guardian = begun.guardian(plan, options, &journal, &logger)?;
    let options = Options {
        guardian,
        ..options.clone()
    };
    let shared = Shared::new(clock, logger, journal, run_id, options.dry_run, state_folder());
    shared
        .facts
        .get_or_init(|| Facts::new(plan.facts.clone(), &shared, "real"));
    let shared = Arc::new(shared);
    shared.secrets.get_or_init(|| plan.secrets.clone());
    if let Some(before) = descriptors::raise() {
        shared.descriptors.get_or_init(|| before);
    }
    // Until the last node has ended, so that somebody can see for what the end waits.
    let socket = Socket::open(&folder, &shared, &options.graph);
    if let Err(why) = &socket {
        let why = format!("{why}; `pipeline status` and `pipeline control` cannot reach this run");
        shared.logger.log(Level::WARN, "run", &why, &[]);
    }
    let ended = execution::execute(plan, &options, &shared, &stops, &progress);
    drop(socket);
    // The guardian guards until the journal is gone.
    if let Some(guardian) = &options.guardian {
        guardian.leave();
    }
    for report in shared.journal.close() {
        undo::told(&report, &shared.logger, undo::Patience::Wait);
    }
    if let Some(guardian) = &options.guardian {
        guardian.end();
    }
    // Lines that still wait would be lost with the process, where a thread that was given up holds the log open.
    shared.logger.flush();
    ended
}

/// The folder for what nodes keep beyond a run: `/var/lib/pipeline` for root, else the user's.
pub(crate) fn state_folder() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return "/var/lib/pipeline".into();
    }
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    let folder = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    folder.unwrap_or_else(std::env::temp_dir).join("pipeline")
}
