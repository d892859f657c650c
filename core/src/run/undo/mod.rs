//! Putting something back, from the data in an undo record alone.
//!
//! Each kind looks right before it writes whether what it finds is still what we left; if not, it is someone else's
//! now and stays as it is. Nothing here knows which knob a file is: [`file`] is about any file and directory,
//! `process` about any process, `mount` about any mount. [`told`] is the one way in which all of it is told.

mod affinity;
mod file;
mod mount;
mod process;
mod stat;
mod told;

#[cfg(test)]
mod tests;

pub use stat::Stat;
pub use told::told;

use super::journal::Entry;
use pipeline_plugin_api::abi::UndoKind;
use std::io::ErrorKind;

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was found, by this.
    Restored,
    /// It was already as it was found; nothing was written.
    Back,
    /// It went away; there is nothing to put back.
    Gone,
    /// Someone else changed it; the text says what was found.
    Taken(String),
}

/// Why something could not be put back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The system refused.
    #[error("cannot {what} `{path}`: {source}; put it back by hand: `{by_hand}`")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: String,
        /// What the system says.
        source: std::io::Error,
        /// The command that does it.
        by_hand: String,
    },
    /// Processes that were killed are still there.
    #[error(
        "`{path}` still lists processes that were killed, among them {pid}; look why they do not end: `cat /proc/{pid}/stack`"
    )]
    Undead {
        /// The file that lists them.
        path: String,
        /// One of them.
        pid: u32,
    },
    /// A record of a kind that this version does not know.
    #[error("the record is of an unknown kind ({0}); a newer version of pipeline can undo it")]
    Unknown(UndoKind),
}

impl UndoError {
    /// Whether somebody still uses what was to be put back, so that it may go later.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Refused { source, .. } => {
                matches!(source.kind(), ErrorKind::ResourceBusy | ErrorKind::DirectoryNotEmpty)
            }
            Self::Undead { .. } => true,
            Self::Unknown(_) => false,
        }
    }
}

/// Whether to wait for what is busy.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Hardly: the run goes on, and the rest of it may be what keeps it busy.
    Once,
    /// Half a second for a directory, two for processes: tasks that were just killed leave a group only when they
    /// have died.
    Wait,
}

/// How something is to be put back.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct How {
    /// Whether to wait for what is busy.
    pub patience: Patience,
    /// Put back also what someone else changed since.
    pub force: bool,
}

impl How {
    /// Leaving alone what someone else changed.
    pub fn carefully(patience: Patience) -> Self {
        Self { patience, force: false }
    }
}

/// Puts one thing back.
///
/// # Errors
/// It is still ours and could not be put back.
pub fn undo(entry: &Entry, how: How) -> Result<Undone, UndoError> {
    match entry.kind() {
        UndoKind::WRITE_FILE => file::write(entry, how.force),
        // Whatever it reads by now: a workload is never left frozen.
        UndoKind::THAW => file::write(entry, true),
        UndoKind::REMOVE_DIR => file::remove_dir(entry, how.patience),
        UndoKind::MOVE_TASKS => process::move_tasks(entry),
        UndoKind::SET_AFFINITY => affinity::set(entry, how.force),
        UndoKind::KILL => process::kill(entry, how.patience),
        UndoKind::KILL_TASKS => process::kill_tasks(entry, how.patience),
        UndoKind::CONTINUE => process::go_on(entry),
        UndoKind::UNMOUNT => mount::unmount(entry, how.force, how.patience),
        kind => Err(UndoError::Unknown(kind)),
    }
}

fn refused(what: &'static str, entry: &Entry, by_hand: String) -> impl FnOnce(std::io::Error) -> UndoError {
    let path = if entry.path.is_empty() {
        format!("process {}", entry.pid)
    } else {
        entry.path.clone()
    };
    move |source| UndoError::Refused {
        what,
        path,
        source,
        by_hand,
    }
}
