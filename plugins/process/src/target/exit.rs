//! How a process ended.

use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fmt;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself with this status.
    Status(i32),
    /// This signal ended it.
    Signal(i32),
    /// It ended, and someone else was told how.
    Unknown,
}

impl Exit {
    /// How that child of this process ended, if it did. It is not reaped.
    pub fn of(pid: Pid) -> Option<Self> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let Ok(status) = retry_on_intr(|| waitid(WaitId::Pid(pid), look)) else {
            return Some(Self::Unknown);
        };
        let status = status?;
        let signal = status.terminating_signal().map(Self::Signal);
        Some(
            signal
                .or(status.exit_status().map(Self::Status))
                .unwrap_or(Self::Unknown),
        )
    }

    /// How one ended that this run did not ask to.
    pub fn sentence(self) -> String {
        match self {
            Self::Signal(_) => format!("was ended by {self}, which this run did not send"),
            Self::Status(_) | Self::Unknown => "ended by itself".to_owned(),
        }
    }

    /// Whether it did what it had to.
    pub fn is_success(self) -> bool {
        self == Self::Status(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(126) => out.write_str("status 126: it could not be executed"),
            Self::Status(127) => out.write_str("status 127: it was not found"),
            Self::Status(status) => write!(out, "status {status}"),
            Self::Signal(signal) => match name(*signal) {
                Some(name) => write!(out, "signal {name}"),
                None => write!(out, "signal {signal}"),
            },
            Self::Unknown => out.write_str("unknown"),
        }
    }
}

/// The names of signals that end commands, as signal(7) numbers them on x86-64 and aarch64.
fn name(signal: i32) -> Option<&'static str> {
    let names = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (6, "ABRT"),
        (7, "BUS"),
        (8, "FPE"),
        (9, "KILL"),
        (10, "USR1"),
        (11, "SEGV"),
        (12, "USR2"),
        (13, "PIPE"),
        (14, "ALRM"),
        (15, "TERM"),
        (24, "XCPU"),
        (31, "SYS"),
    ];
    names
        .iter()
        .find(|(number, _)| *number == signal)
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_read_as_sentences() {
        assert_eq!(Exit::Status(3).to_string(), "status 3");
        assert_eq!(Exit::Signal(9).to_string(), "signal KILL");
        assert_eq!(Exit::Signal(64).to_string(), "signal 64");
        assert_eq!(
            Exit::Signal(9).sentence(),
            "was ended by signal KILL, which this run did not send"
        );
        assert_eq!(Exit::Status(3).sentence(), "ended by itself");
        assert!(!Exit::Status(127).is_success() && Exit::Status(0).is_success());
    }

    #[test]
    fn one_that_is_no_child_has_an_unknown_end() {
        assert_eq!(Exit::of(Pid::INIT), Some(Exit::Unknown));
    }
}
