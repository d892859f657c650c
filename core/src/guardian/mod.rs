//! The guardian: a second process of our own binary that puts everything back when the run dies.
//!
//! A run starts it before it loads any plugin (`start`). It lives in a session and in control groups of its own
//! (`place`), so that whatever ends the run's session or group leaves it alone; it runs one thread, loads no plugin
//! and waits (`watch`) until the run says that all is done, or is dead. Then it undoes what the run's journal holds.
//! How things are undone and told is `run/undo`'s and `run/recover`'s business.

mod place;
mod start;
mod talk;
mod watch;

#[cfg(test)]
mod tests;

pub use start::Guardian;
pub use watch::guard;

use crate::run::log::Format;
use pipeline_plugin_api::abi::Level;
use std::path::PathBuf;

/// Who it is in the journal and in the log.
const WHO: &str = "guardian";

/// What a guardian is told when it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The run's id.
    pub run: String,
    /// The folder of its journal.
    pub folder: PathBuf,
    /// How log lines look.
    pub format: Format,
    /// The quietest level that is shown.
    pub level: Level,
}

impl Order {
    /// The journal that it undoes.
    fn journal(&self) -> PathBuf {
        self.folder.join(format!("{}.journal", self.run))
    }
}
