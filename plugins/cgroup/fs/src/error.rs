//! Everything that can go wrong with control groups, as one enum. Which of these ends a run is the caller's decision.

use crate::{Controller, CpuSetError};
use std::io;
use std::path::PathBuf;

/// What broke, where, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A kernel file refused what was written.
    #[error("cannot write `{text}` to `{}`{hint}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What was written.
        text: String,
        /// Why the kernel may refuse it and what mends it; empty where nothing is known.
        hint: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A directory could not be made.
    #[error("cannot make the group `{}`; run as root, or have the parent delegated to this user", path.display())]
    Make {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A directory could not be removed.
    #[error("cannot remove the group `{}` after {tries} tries; move or end its processes and remove its children first", path.display())]
    Remove {
        /// The directory.
        path: PathBuf,
        /// How often it was tried.
        tries: u32,
        /// What the kernel said last.
        #[source]
        source: io::Error,
    },
    /// The group was removed, or its path now names another group: it will not come back.
    #[error("the group `{}` is gone", path.display())]
    Gone {
        /// The directory or file that vanished.
        path: PathBuf,
    },
    /// A file vanished while its group lives.
    #[error("`{}` was withdrawn although its group lives, as when a controller is switched off in the parent's `cgroup.subtree_control`; open the group again", path.display())]
    Withdrawn {
        /// The file.
        path: PathBuf,
    },
    /// A process is not there (any more).
    #[error("there is no process `{pid}`")]
    NoProcess {
        /// The process id.
        pid: u32,
    },
    /// No mounted hierarchy has such a group.
    #[error("no mounted control group hierarchy holds `{group}`; look for it with `find /sys/fs/cgroup -type d`")]
    NoGroup {
        /// The group's path, or a process whose group is out of sight.
        group: String,
    },
    /// The group has no directory or no file for this controller.
    #[error("the group `{group}` has no `{file}`; `{controller}` is not enabled for it")]
    NoController {
        /// The group.
        group: String,
        /// The controller asked for.
        controller: Controller,
        /// The file looked for.
        file: &'static str,
    },
    /// A pattern for groups is malformed.
    #[error("`{pattern}` is no pattern for groups; write it like `kubepods/*/pod*`")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// The kernel does not tell of changes in a directory.
    #[error("cannot watch `{}`{hint}", path.display())]
    Watch {
        /// The directory.
        path: PathBuf,
        /// What mends it; empty where nothing is known.
        hint: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A path that leaves the hierarchy, or a name that is no single component.
    #[error("`{name}` cannot name a group; use plain names without `..`, relative to the hierarchy's root")]
    Name {
        /// The name.
        name: String,
    },
    /// A directory that this value did not make is never removed.
    #[error("the group `{group}` was not made here and is left alone")]
    NotOurs {
        /// The group.
        group: String,
    },
    /// A kernel file holds something unexpected.
    #[error("cannot understand `{found}` in `{}`; expected {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What stands there, shortened.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A set of CPUs that the kernel printed or a caller wrote is malformed.
    #[error("no set of CPUs in `{}`", path.display())]
    CpuSet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CpuSetError,
    },
    /// The value is outside what the knob takes.
    #[error("`{value}` does not fit `{}`; it takes {takes}", path.display())]
    OutOfBounds {
        /// The file.
        path: PathBuf,
        /// The value.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
    /// Not all processes stopped (or went on) in time. What was written still stands.
    #[error("the group of `{}` did not become {wanted} within {waited_ms} ms; write again, or thaw it", path.display())]
    FreezeLate {
        /// The file written.
        path: PathBuf,
        /// `frozen` or `thawed`.
        wanted: &'static str,
        /// How long it was waited for, in milliseconds.
        waited_ms: u64,
    },
}

impl Error {
    /// Whether the group or process left, which is normal and final.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::NoProcess { .. })
    }
}
