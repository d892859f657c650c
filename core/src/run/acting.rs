//! One run that acts per host: two that turn the same knobs would each take the other for somebody else.
//!
//! The lock is on the open file, so it goes with the process, however that ends. The file stays.

use super::journal::folder::{open, prepare};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The lock, held as long as this exists.
#[derive(Debug)]
pub struct Acting(#[expect(dead_code, reason = "held, not read: the lock is its")] File);

/// The run that holds the lock, as it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// Its id.
    pub run: String,
    /// Its process.
    pub pid: u32,
    /// Its graph.
    pub graph: String,
    /// When it began, as people write it.
    pub since: String,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Another run has it.
    #[error(
        "run `{}` (process {}, `{}`, since {}) is acting on this host, and only one may; stop it with `kill -TERM {}`, \
         or decide without acting with `--dry-run`",
        .0.run, .0.pid, .0.graph, .0.since, .0.pid
    )]
    Busy(Holder),
    /// The file cannot be had.
    #[error("cannot lock `{path}`: {why}; a run that acts needs it, one with `--dry-run` does not")]
    Unlockable {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
}

/// Takes the lock.
///
/// # Errors
/// [`Refused`].
pub fn take(folder: &Path, own: &Holder) -> Result<Acting, Refused> {
    let path = folder.join("acting.lock");
    let unlockable = |why: String| Refused::Unlockable {
        path: path.display().to_string(),
        why,
    };
    prepare(folder).map_err(unlockable)?;
    let mut file = made(&path).map_err(|error| unlockable(error.to_string()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            // What it says is for people only; the lock holds without it.
            let _ = say(&mut file, own);
            Ok(Acting(file))
        }
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Refused::Busy(holder(&mut file))),
        Err(error) => Err(unlockable(error.to_string())),
    }
}

fn made(path: &Path) -> io::Result<File> {
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    open(path)
}

fn say(file: &mut File, own: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all((serde_json::to_string(own)? + "\n").as_bytes())
}

/// Who has it; without a name where they have not said so yet.
fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file.take(1 << 16).read_to_string(&mut text);
    let said = read.ok().and_then(|_| serde_json::from_str(&text).ok());
    said.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Holder {
        Holder {
            run: "r1".into(),
            pid: 42,
            graph: "guard.ron".into(),
            since: "2026-01-02T03:04:05Z".into(),
        }
    }

    #[test]
    fn only_one_has_the_lock_and_the_other_is_told_who() {
        let folder = tempfile::tempdir().unwrap();
        let held = take(folder.path(), &own()).unwrap();
        let why = take(folder.path(), &Holder::default()).unwrap_err().to_string();
        assert_eq!(
            why,
            "run `r1` (process 42, `guard.ron`, since 2026-01-02T03:04:05Z) is acting on this host, and only one may; stop \
             it with `kill -TERM 42`, or decide without acting with `--dry-run`"
        );
        drop(held);
        assert!(take(folder.path(), &own()).is_ok(), "it goes with its holder");
    }

    #[test]
    fn a_folder_of_somebody_else_holds_no_lock() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        let why = take(&link, &own()).unwrap_err().to_string();
        assert!(why.contains("is no directory") && why.contains("--dry-run"), "{why}");
    }
}
