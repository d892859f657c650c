//! Where control sockets lie: made, found, and swept away when their run is dead.
//!
//! A dead run's socket refuses connections (ECONNREFUSED, unix(7)), which is how it is told from one that is busy. One
//! that was made and does not listen yet refuses as well, so both are done under a lock on the folder.

use crate::run::clock::pause;
use crate::run::journal::folder::prepare;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXTENSION: &str = "sock";
/// How often, and how long between, the folder's lock is tried for: half a second in all. Who has it needs microseconds.
const TRIES: u32 = 50;
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// What is found behind a socket's file.
#[derive(Debug)]
pub enum Found {
    /// Somebody listens.
    Alive(UnixStream),
    /// Somebody listens and has not taken those yet who came before.
    Busy,
    /// Nobody listens any more, or there is no file.
    Dead,
}

/// Makes the socket of a run, for its own user only, and removes those of dead runs.
///
/// # Errors
/// One sentence: the folder is not ours alone, or the socket cannot be made there.
pub fn bind(folder: &Path, run: &str) -> Result<(UnixListener, PathBuf), String> {
    prepare(folder)?;
    let path = folder.join(format!("{run}.{EXTENSION}"));
    let explain = |error: io::Error| format!("cannot listen on `{}`: {error}", path.display());
    let locked = lock(folder).map_err(explain)?;
    if locked.is_some() {
        sweep(folder);
    }
    let listener = UnixListener::bind(&path).map_err(explain)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(explain)?;
    Ok((listener, path))
}

/// The sockets in a folder, with the ids of their runs, sorted. None where there is no such folder.
///
/// # Errors
/// The folder cannot be listed.
pub fn all(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let explain = |error: io::Error| format!("cannot list `{}`: {error}", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(explain)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(explain)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION)
            && let Some(run) = path.file_stem()
        {
            found.push((run.to_string_lossy().into_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Connects without waiting.
///
/// # Errors
/// The socket cannot be reached, for another reason than that its run is dead.
pub fn reach(path: &Path) -> io::Result<Found> {
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) => Ok(Found::Alive(socket.into())),
        Err(Errno::AGAIN) => Ok(Found::Busy),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(Found::Dead),
        Err(error) => Err(error.into()),
    }
}

/// The folder's lock; `None` where somebody keeps it, in which case dead sockets are left to the next run.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let file = File::open(folder)?;
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => pause(TRY_AGAIN),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Removes the sockets of dead runs. What cannot be looked at or removed is left: nobody is served by it.
fn sweep(folder: &Path) {
    for (_, path) in all(folder).unwrap_or_default() {
        if matches!(reach(&path), Ok(Found::Dead)) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_socket_is_for_its_own_user_only_and_is_found_by_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let (_listener, path) = bind(folder.path(), "r1").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(all(folder.path()).unwrap(), [("r1".to_owned(), path.clone())]);
        assert!(matches!(reach(&path).unwrap(), Found::Alive(_)));
    }

    #[test]
    fn the_next_run_removes_the_socket_of_a_dead_one_and_leaves_that_of_one_that_lives() {
        let folder = tempfile::tempdir().unwrap();
        drop(bind(folder.path(), "dead").unwrap());
        let (_living, _) = bind(folder.path(), "living").unwrap();
        let (_next, _) = bind(folder.path(), "next").unwrap();
        let runs: Vec<String> = all(folder.path()).unwrap().into_iter().map(|(run, _)| run).collect();
        assert_eq!(runs, ["living", "next"]);
    }

    #[test]
    fn a_dead_run_of_the_same_name_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        drop(bind(folder.path(), "r1").unwrap());
        let again = bind(folder.path(), "r1").unwrap();
        let why = bind(folder.path(), "r1").unwrap_err();
        assert!(why.contains("cannot listen on") && why.contains("in use"), "{why}");
        drop(again);
    }

    #[test]
    fn one_who_takes_nobody_is_busy_and_not_dead() {
        let folder = tempfile::tempdir().unwrap();
        let (_listener, path) = bind(folder.path(), "r1").unwrap();
        let mut waiting = Vec::new();
        let busy = (0..10_000).any(|_| match reach(&path).unwrap() {
            Found::Alive(stream) => {
                waiting.push(stream);
                false
            }
            found => matches!(found, Found::Busy),
        });
        assert!(busy, "{} wait", waiting.len());
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_sockets() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        assert_eq!(all(&nowhere).unwrap(), []);
        assert!(matches!(reach(&nowhere.join("r1.sock")).unwrap(), Found::Dead));
    }

    #[test]
    fn a_folder_that_others_may_write_gets_no_socket() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let why = bind(folder.path(), "r1").unwrap_err();
        assert!(why.contains("may be written by others"), "{why}");
    }
}
