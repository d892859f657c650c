//! Files and directories: what one read goes back, a directory that we made goes away.

use super::{Patience, UndoError, Undone, refused};
use crate::run::clock::pause;
use crate::run::journal::Entry;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// How long before a knob that reads otherwise is looked at again.
const TORN: Duration = Duration::from_millis(2);

/// Whether an error says that the thing is not there.
pub(super) fn is_absence(error: &io::Error) -> bool {
    // ENODEV is what a removed cgroup's file gives through a descriptor that was still open.
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error())
}

/// What the file of a record reads; `None` where it is not there, or another inode than was recorded.
///
/// # Errors
/// It is there and cannot be read.
pub(super) fn found(entry: &Entry) -> io::Result<Option<String>> {
    let read = || {
        let Some(mut file) = open(entry, OpenOptions::new().read(true))? else {
            return Ok(None);
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(Some(text))
    };
    match read() {
        Err(error) if is_absence(&error) => Ok(None),
        read => read,
    }
}

/// Opens the file if it is the inode that was recorded; 0 stands for "not recorded". Looked at through the
/// descriptor, so that what is read and written is what was looked at.
fn open(entry: &Entry, options: &OpenOptions) -> io::Result<Option<File>> {
    let file = options.open(&entry.path)?;
    let same = entry.inode == 0 || file.metadata()?.ino() == entry.inode;
    Ok(same.then_some(file))
}

/// Writes what was found, if the file reads what we left.
pub(super) fn write(entry: &Entry, force: bool) -> Result<Undone, UndoError> {
    let by_hand = format!("echo '{}' > {}", entry.before.trim(), entry.path);
    let change = Change::of(&entry.before);
    let is_back = |found: &str| {
        let made = change.as_ref().map(|change| change.is_made(found));
        made.unwrap_or_else(|| found.trim() == entry.before.trim())
    };
    // A change of a list touches our words only, whatever others add to it.
    let is_theirs = |found: &str| change.is_none() && !force && !is_back(found) && !entry.is_ours(found);
    let look = || found(entry).map_err(refused("read", entry, by_hand.clone()));
    let mut read = look()?;
    if read.as_deref().is_some_and(is_theirs) {
        // A file that is no kernel's reads as nothing for a moment, while its own node puts it back.
        pause(TORN);
        read = look()?;
    }
    let Some(found) = read else {
        return Ok(Undone::Gone);
    };
    if is_back(&found) {
        return Ok(Undone::Back);
    }
    if is_theirs(&found) {
        let (path, found, left) = (&entry.path, found.trim(), entry.after.trim());
        return Ok(Undone::Taken(format!("`{path}` reads `{found}` and not `{left}`")));
    }
    // A write of no bytes reaches no controller, so an empty text (an unset `cpuset.cpus`) is a bare newline.
    let before = if entry.before.is_empty() { "\n" } else { &entry.before };
    let put_back = || match open(entry, OpenOptions::new().write(true))? {
        Some(mut file) => {
            file.write_all(before.as_bytes())?;
            // A file that is no kernel's is cut afterwards, so that nobody reads it empty; there is nothing to cut of a
            // kernel's, and one that refuses it has its text all the same.
            let _ = file.set_len(before.len() as u64);
            Ok(Undone::Restored)
        }
        None => Ok(Undone::Gone),
    };
    match put_back() {
        Err(error) if is_absence(&error) => Ok(Undone::Gone),
        result => result.map_err(refused("write", entry, by_hand)),
    }
}

/// A text that is no content but a change of a list of words: `-cpu +memory`, which such a file reads as
/// `memory` afterwards (cgroup-v2.rst, "Enabling and Disabling").
struct Change<'a> {
    words: Vec<&'a str>,
}

impl<'a> Change<'a> {
    /// `None` for a text that is content, such as `-1`.
    fn of(text: &'a str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_signed = |word: &&str| {
            let name = word.strip_prefix(['+', '-']).unwrap_or_default();
            name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        };
        (!words.is_empty() && words.iter().all(is_signed)).then_some(Self { words })
    }

    /// Whether a list reads as if this had been written.
    fn is_made(&self, list: &str) -> bool {
        let has = |name: &str| list.split_whitespace().any(|word| word == name);
        self.words.iter().all(|word| match word.strip_prefix('-') {
            Some(name) => !has(name),
            None => has(&word[1..]),
        })
    }
}

/// Removes a directory that we made. One whose inode is 0 was recorded before it was made, under a name that is
/// the run's alone.
pub(super) fn remove_dir(entry: &Entry, patience: Patience) -> Result<Undone, UndoError> {
    let inode = std::fs::symlink_metadata(&entry.path).map(|meta| meta.ino());
    if !matches!(inode, Ok(inode) if entry.inode == 0 || inode == entry.inode) {
        return Ok(Undone::Gone);
    }
    let mut tries = if patience == Patience::Wait { 0 } else { BUSY_TRIES };
    loop {
        match std::fs::remove_dir(&entry.path) {
            Ok(()) => return Ok(Undone::Restored),
            Err(error) if is_absence(&error) => return Ok(Undone::Gone),
            Err(error) if error.kind() == ErrorKind::ResourceBusy && tries < BUSY_TRIES => {
                tries += 1;
                pause(BUSY_PAUSE);
            }
            Err(error) => return Err(refused("remove", entry, format!("rmdir {}", entry.path))(error)),
        }
    }
}
