//! Stopping a group and seeing that it stopped: each task stops at its next chance, so it takes a moment.

use crate::group::Directory;
use crate::{Error, Version, fs, parse};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long to wait; half of what a call may take.
const PATIENCE_MS: u64 = 500;
const STEP_MS: u64 = 1;

/// What is written.
pub(super) fn text(version: Version, frozen: bool) -> &'static str {
    match (version, frozen) {
        (Version::V1, true) => "FROZEN",
        (Version::V1, false) => "THAWED",
        (Version::V2, true) => "1",
        (Version::V2, false) => "0",
    }
}

/// Whether a stop was asked for, be it complete or not.
pub(super) fn asked(version: Version, bytes: &[u8]) -> Option<bool> {
    match version {
        Version::V1 => parse::freezer_state(bytes).map(|_| bytes.trim_ascii() != b"THAWED"),
        Version::V2 => super::setting::switch(bytes),
    }
}

/// Waits until all tasks stopped, or go on.
///
/// Version 2 tells in `cgroup.events`. On version 1 reading `freezer.state` is what makes the kernel look again
/// (cgroup-v1/freezer-subsystem.rst).
pub(super) fn wait(directory: &Directory, path: &Path, wanted: bool) -> Result<(), Error> {
    for _ in 0..PATIENCE_MS / STEP_MS {
        if is_complete(directory, wanted)? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(STEP_MS));
    }
    let word = if wanted { "frozen" } else { "thawed" };
    Err(Error::FreezeLate {
        path: path.into(),
        wanted: word,
        waited_ms: PATIENCE_MS,
    })
}

fn is_complete(directory: &Directory, wanted: bool) -> Result<bool, Error> {
    let state = match directory.version {
        Version::V1 => {
            let bytes = fs::read(&directory.path.join("freezer.state"))?;
            match wanted {
                true => parse::freezer_state(&bytes),
                false => asked(Version::V1, &bytes),
            }
        }
        Version::V2 => parse::is_frozen(&fs::read(&directory.path.join("cgroup.events"))?),
    };
    Ok(state == Some(wanted))
}
