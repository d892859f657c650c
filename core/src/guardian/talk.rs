//! What run and guardian say to each other over the socket that is the guardian's standard input: the guardian says
//! that it is ready and where it is going to live, the run that this is recorded; at the end the run has it leave these
//! places, which it answers, and says that all is done. Whenever either is killed, what was made is in the journal.

use serde::{Deserialize, Serialize};

/// What the run says when it is recorded where the guardian is going to live.
pub(super) const RECORDED: u8 = b'r';
/// What the run says when the guardian is to leave these places, and the guardian when it has.
pub(super) const LEAVE: u8 = b'l';
/// What the run says when there is nothing to put back any more.
pub(super) const DONE: u8 = b'd';
/// The longest line about being ready, in bytes.
pub(super) const LONGEST: usize = 64 << 10;

/// What the guardian says when it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The directories that it is going to make to live in.
    pub places: Vec<String>,
}

impl Ready {
    /// The line that says it, with its end.
    pub(super) fn line(&self) -> std::io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}
