//! The asking end of the control socket: which runs there are, and one question to one of them.

use super::place::{Found, all, reach};
use super::talk::{Reply, Request, RunStatus};
use super::{is_trusted, peer};
use rustix::process::geteuid;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a run may take to answer: longer than it waits for its nodes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest reply that is read, in bytes.
const MOST_REPLY: u64 = 64 << 20;

/// A run that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its id.
    pub run: String,
    /// Its socket.
    pub path: PathBuf,
}

/// Why a run gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It cannot be talked with.
    #[error("cannot talk with run `{run}` by `{}`: {error}", .path.display())]
    Unreachable {
        /// The run.
        run: String,
        /// Its socket.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It ended.
    #[error("run `{0}` has just ended")]
    Ended(String),
    /// It takes nobody, or does not answer.
    #[error(
        "run `{run}` does not answer within {PATIENCE:?}; is it stopped (`ps -o pid,stat`) or the machine overloaded?"
    )]
    Silent {
        /// The run.
        run: String,
    },
    /// The socket is somebody else's.
    #[error("`{}` is the socket of user {user}, who is not to be believed here", .path.display())]
    Stranger {
        /// The socket.
        path: PathBuf,
        /// Whose it is.
        user: u32,
    },
    /// What it says is no reply.
    #[error("run `{run}` answers what this version does not understand: {why}; is it of the same version?")]
    Strange {
        /// The run.
        run: String,
        /// What about it.
        why: String,
    },
    /// It refuses.
    #[error("{0}")]
    Refused(String),
}

/// The runs that listen in a folder, oldest first.
///
/// # Errors
/// The folder cannot be listed.
pub fn running(folder: &Path) -> Result<Vec<Running>, String> {
    let listens = |path: &Path| !matches!(reach(path), Ok(Found::Dead));
    let all = all(folder)?.into_iter();
    let living = all.filter(|(_, path)| listens(path));
    Ok(living.map(|(run, path)| Running { run, path }).collect())
}

impl Running {
    /// How it and its nodes fare.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn status(&self) -> Result<RunStatus, AskError> {
        match self.ask(&Request::Status {})? {
            Reply::Status(status) => Ok(*status),
            other => Err(self.strange(format!("{other:?} for a status"))),
        }
    }

    /// Changes a setting of a node; gives the value that was set.
    ///
    /// # Errors
    /// [`AskError`], refusals included.
    pub fn control(&self, node: &str, name: &str, value: &str) -> Result<String, AskError> {
        let request = Request::Control {
            node: node.to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        match self.ask(&request)? {
            Reply::Set(value) => Ok(value),
            other => Err(self.strange(format!("{other:?} for a setting"))),
        }
    }

    fn ask(&self, request: &Request) -> Result<Reply, AskError> {
        let mut stream = self.connect()?;
        let line = self.exchange(&mut stream, request).map_err(|error| self.fault(error))?;
        if line.is_empty() {
            return Err(AskError::Ended(self.run.clone()));
        }
        match serde_json::from_slice(&line) {
            Ok(Reply::Error(why)) => Err(AskError::Refused(why)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.strange(error.to_string())),
        }
    }

    fn connect(&self) -> Result<UnixStream, AskError> {
        let stream = match reach(&self.path).map_err(|error| self.fault(error))? {
            Found::Alive(stream) => stream,
            Found::Busy => return Err(AskError::Silent { run: self.run.clone() }),
            Found::Dead => return Err(AskError::Ended(self.run.clone())),
        };
        let user = peer(&stream).map_err(|error| self.fault(error))?;
        if !is_trusted(user) && !geteuid().is_root() {
            let path = self.path.clone();
            return Err(AskError::Stranger { path, user });
        }
        Ok(stream)
    }

    fn exchange(&self, stream: &mut UnixStream, request: &Request) -> io::Result<Vec<u8>> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        match stream.write_all(&line) {
            // Why it wants no more of it is in its reply.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written?,
        }
        let mut reply = Vec::new();
        match BufReader::new(stream.take(MOST_REPLY)).read_until(b'\n', &mut reply) {
            // It ended with our request unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            read => drop(read?),
        }
        Ok(reply)
    }

    fn fault(&self, error: io::Error) -> AskError {
        let run = self.run.clone();
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => AskError::Silent { run },
            _ => AskError::Unreachable {
                run,
                path: self.path.clone(),
                error,
            },
        }
    }

    fn strange(&self, why: String) -> AskError {
        let run = self.run.clone();
        AskError::Strange { run, why }
    }
}
