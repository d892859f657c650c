//! Everything that can go wrong with the filesystem, as one enum, each with what the kernel said in `last_cmd_status`.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

/// What broke, where, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such filesystem here.
    #[error("resctrl is not mounted at `{0}`; run `mount -t resctrl resctrl {0}`", root.display())]
    NotMounted {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// It could not be mounted.
    #[error("cannot mount resctrl at `{}`; it takes root, and a CPU with RDT (Intel) or QoS extensions (AMD)", root.display())]
    Mount {
        /// Where.
        root: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A file holds something unexpected.
    #[error("cannot understand `{found}` in `{}`; expected {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What stands there, shortened.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A file refused what was written.
    #[error("cannot write `{text}` to `{}`; {status}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What was written.
        text: String,
        /// What `info/last_cmd_status` says, as a clause.
        status: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A group could not be made, removed or moved.
    #[error("cannot {what} the group `{}`; {status}", path.display())]
    Group {
        /// `make`, `remove`, `move`.
        what: &'static str,
        /// The group.
        path: PathBuf,
        /// What `info/last_cmd_status` says, as a clause.
        status: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The hardware has no class or no monitoring id left.
    #[error("there is no room for the group `{}`: {status}; remove groups that nobody needs, or watch fewer targets", path.display())]
    Exhausted {
        /// The group.
        path: PathBuf,
        /// What `info/last_cmd_status` says, as a clause.
        status: String,
    },
    /// The monitoring ids that are free are still counted in the cache (resctrl.rst, "max_threshold_occupancy").
    #[error("the group `{}` has to wait for a monitoring id whose last user's data leaves the cache; it is tried again", path.display())]
    Limbo {
        /// The group.
        path: PathBuf,
    },
    /// The group was removed.
    #[error("the group `{}` is gone", path.display())]
    Gone {
        /// The group or a file of it.
        path: PathBuf,
    },
    /// A task is not there (any more).
    #[error("there is no task `{task}`")]
    NoTask {
        /// Its id.
        task: u32,
    },
}

impl Error {
    /// Whether the group or task left, which is normal and final.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::NoTask { .. })
    }

    /// Whether it may pass by itself.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Limbo { .. })
    }

    /// Whether this user may not do that.
    pub fn is_forbidden(&self) -> bool {
        let source = match self {
            Self::Read { source, .. } | Self::Write { source, .. } | Self::Group { source, .. } => source,
            _ => return false,
        };
        source.kind() == io::ErrorKind::PermissionDenied
    }

    /// With what the system said, as one sentence.
    pub fn sentence(&self) -> String {
        match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

/// Whether the kernel says that the thing is not there (any more): a removed group's file opens as `ENOENT`, and reads
/// `ENODEV` where it was open.
pub(crate) fn is_absence(source: &io::Error) -> bool {
    matches!(
        rustix::io::Errno::from_io_error(source),
        Some(rustix::io::Errno::NOENT | rustix::io::Errno::NODEV)
    )
}
