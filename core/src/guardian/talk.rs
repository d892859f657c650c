//! What run and guardian say to each other over the socket that is the guardian's standard input: the guardian says
//! once that it is ready and where it lives, the run says once that all is done.

use serde::{Deserialize, Serialize};

/// What the run says when there is nothing to put back any more.
pub(super) const DONE: u8 = b'd';
/// The longest line about being ready, in bytes.
pub(super) const LONGEST: usize = 64 << 10;

/// What the guardian says when it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The directories that it made to live in.
    pub places: Vec<Place>,
}

/// A directory of a control group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Its path.
    pub path: String,
    /// Its inode.
    pub inode: u64,
}

impl Ready {
    /// The line that says it, with its end.
    pub(super) fn line(&self) -> std::io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}
