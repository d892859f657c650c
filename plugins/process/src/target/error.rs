//! All that can keep a command from running or from ending, as one enum.

use pipeline_cgroup_fs::CpuSetError;
use pipeline_plugin_api::abi::Failure;
use std::io;
use std::path::PathBuf;

/// What broke, where, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command's quotes do not match.
    #[error("`{command}` has an open quote")]
    Quotes {
        /// The text.
        command: String,
    },
    /// The command has no word.
    #[error("`command` has no word")]
    Empty,
    /// The first word would be taken for an option.
    #[error("the command `{command}` begins with `-`")]
    Dash {
        /// The first word.
        command: String,
    },
    /// The command is nowhere.
    #[error("there is no command `{command}`")]
    NotFound {
        /// The first word.
        command: String,
    },
    /// The command is there and cannot be executed.
    #[error("`{}` cannot be executed", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// There is no such user.
    #[error("there is no user `{user}`")]
    User {
        /// The name or number.
        user: String,
    },
    /// The list of CPUs is malformed.
    #[error("`{list}` is no list of CPUs: {source}")]
    CpuList {
        /// The text.
        list: String,
        /// What is wrong with it.
        source: CpuSetError,
    },
    /// CPUs that are not there.
    #[error("the CPUs `{missing}` are not online")]
    CpusOffline {
        /// Those that are missing.
        missing: String,
        /// Those that are there.
        online: String,
    },
    /// The kernel gave other CPUs than were asked for.
    #[error(
        "`{command}` may use the CPUs `{given}` and not `{wanted}`; a cpuset above this run's group withholds them"
    )]
    CpusWithheld {
        /// The command.
        command: String,
        /// What was asked for.
        wanted: String,
        /// What it may use.
        given: String,
    },
    /// A file for output cannot be opened.
    #[error("cannot append to `{}`: {source}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A port that the command is to open is open already.
    #[error(
        "port {port} accepts connections before `{command}` runs; end the process that holds it, as `ss -ltnp` tells"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// The command.
        command: String,
    },
    /// No process could be made, or not with this user, folder and outputs.
    #[error("cannot start `{command}`: {source}")]
    Spawn {
        /// The command.
        command: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The process ended before it became the command.
    #[error(
        "the process for `{command}` ended before it could begin; look for what kills it, as a limit of memory or processes does"
    )]
    Stillborn {
        /// The command.
        command: String,
    },
    /// The process could not be prepared: affinity, pidfd, continuing it.
    #[error("cannot {what} of `{command}`: {source}")]
    Prepare {
        /// What was tried.
        what: &'static str,
        /// The command.
        command: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// How to undo a step could not be recorded, so it was not taken.
    #[error("{0}")]
    Journal(String),
    /// Control groups failed.
    #[error(transparent)]
    Cgroup(#[from] pipeline_cgroup_fs::Error),
    /// Processes did not end although they were killed.
    #[error(
        "the processes {pids:?} of `{command}` do not end although they were killed; they wait in the kernel, as `ps -o wchan` tells"
    )]
    Undead {
        /// The command.
        command: String,
        /// Those that are left.
        pids: Vec<u32>,
    },
}

impl Error {
    /// How to mend it, for faults of a config; empty where the message says it.
    pub fn help(&self) -> String {
        match self {
            Self::Quotes { .. } => "close it, or write `\\'` for a quote that is meant as such".to_owned(),
            Self::Empty => "name a command, such as `sleep infinity`".to_owned(),
            Self::Dash { .. } => "name the command first, then its options".to_owned(),
            Self::NotFound { .. } => "install it or give an absolute path".to_owned(),
            Self::NotExecutable { path } => format!("run `chmod +x {}`, or name another", path.display()),
            Self::User { .. } => "add the user, or name one that `getent passwd` lists".to_owned(),
            Self::CpuList { .. } => "write numbers and ranges such as `0-1,3`".to_owned(),
            Self::CpusOffline { online, .. } => format!("use some of `{online}`, or leave `cpus` out"),
            _ => String::new(),
        }
    }

    /// The message with what caused it, for a log line.
    pub fn whole(&self) -> String {
        match (self, std::error::Error::source(self)) {
            (Self::Cgroup(error), Some(source)) => format!("{error}: {source}"),
            _ => self.to_string(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Journal(failure.message.into())
    }
}

impl From<Error> for Failure {
    /// A command that cannot be run is no measurement: the node cannot go on.
    fn from(error: Error) -> Self {
        Self::fatal(error.whole())
    }
}
