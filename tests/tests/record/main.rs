//! Runs on disk: recorded by the real binary, killed, looked at, compared, imported and replayed.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

mod command_line;
mod killed;
mod made;
mod policies;
mod recorded;
mod sql;
mod trouble;
