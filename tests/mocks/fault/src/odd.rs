//! Elements that do well and say odd things: each call comes back, and what it said no host should trust.

mod babble;
mod command;
mod crowd;

pub use babble::Babble;
pub use command::Command;
pub use crowd::Crowd;
