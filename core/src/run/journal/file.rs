//! The journal's file: locked while its run lives, appended to, and written anew when most of it is settled.
//!
//! The lock is how others know without ids whether the run lives: whoever can take it knows that the owner is dead.
//! It is on the open file, so a file appears under its name only when it is locked, by a rename. What the lines
//! mean is not this room's business.

use super::folder;
use super::line::{Entry, Head, Line, VERSION};
use crate::run::undo::Stat;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Lines about what is settled that are kept at least, and as many times as there are open ones.
pub(super) const DEAD: usize = 1_000;
pub(super) const DEAD_BY_OPEN: usize = 4;

/// The file of a run's journal. Made with the first line.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    run: String,
    written: Option<Written>,
}

#[derive(Debug)]
struct Written {
    file: File,
    /// In bytes, up to the end of the last whole line.
    length: u64,
    lines: usize,
    /// The file says what is not so; it must be written anew before it is relied on.
    wrong: bool,
    /// How many lines are too many; grows where it cannot be written anew.
    most: usize,
}

impl JournalFile {
    /// A file that is not there yet.
    pub(super) fn new(folder: &Path, run: &str) -> Self {
        Self {
            path: folder.join(format!("{run}.journal")),
            run: run.to_owned(),
            written: None,
        }
    }

    /// Adds a line. `open` is what is open without it.
    ///
    /// # Errors
    /// It cannot be written, as a sentence; the file is then as it was.
    pub(super) fn append<'a>(&mut self, line: &Line, open: impl Iterator<Item = &'a Entry>) -> Result<(), String> {
        let usable = self.written.as_ref().is_some_and(|written| !written.wrong);
        let prepared = if usable { Ok(()) } else { self.write_anew(open) };
        let appended = prepared.and_then(|()| match &mut self.written {
            Some(written) => written.append(&line.text().map_err(|error| error.to_string())?),
            None => Ok(()),
        });
        appended.map_err(|why| {
            format!(
                "cannot write the journal `{}`: {why}; nothing is changed without it",
                self.path.display()
            )
        })
    }

    /// The file holds what is not so any more.
    pub(super) fn is_wrong(&mut self) {
        if let Some(written) = &mut self.written {
            written.wrong = true;
        }
    }

    /// Writes the file anew where the lines about what is settled are many.
    pub(super) fn tidy<'a>(&mut self, open: impl ExactSizeIterator<Item = &'a Entry>) {
        let Some(written) = &self.written else { return };
        // The head is no dead line.
        let dead = written.lines.saturating_sub(open.len() + 1);
        if dead <= written.most || dead <= DEAD_BY_OPEN * open.len() {
            return;
        }
        if self.write_anew(open).is_err()
            && let Some(written) = &mut self.written
        {
            // The old file is as good, only longer.
            written.most = dead + DEAD;
        }
    }

    /// Removes the file.
    pub(super) fn remove(&mut self) {
        if let Some(written) = self.written.take() {
            // What is left behind is an empty list of undos, which does no harm. Only then does the lock go.
            let _ = std::fs::remove_file(&self.path);
            drop(written);
        }
    }

    /// Writes a whole file beside the old one and puts it in its place.
    fn write_anew<'a>(&mut self, open: impl Iterator<Item = &'a Entry>) -> Result<(), String> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        folder::prepare(folder)?;
        let beside = self.path.with_extension("journal.new");
        let written = self.whole(&beside, open).and_then(|written| {
            std::fs::rename(&beside, &self.path)?;
            Ok(written)
        });
        match written {
            Ok(written) => {
                self.written = Some(written);
                Ok(())
            }
            Err(error) => {
                // It was never there for anybody; what remains of it is overwritten by the next try.
                let _ = std::fs::remove_file(&beside);
                Err(error.to_string())
            }
        }
    }

    fn whole<'a>(&self, path: &Path, open: impl Iterator<Item = &'a Entry>) -> io::Result<Written> {
        let mut text = Line::Run(head(&self.run)).text()?;
        let mut lines = 1;
        for entry in open {
            text.push_str(&Line::Undo(entry.clone()).text()?);
            lines += 1;
        }
        let mut file = create(path)?;
        file.write_all(text.as_bytes())?;
        Ok(Written {
            file,
            length: text.len() as u64,
            lines,
            wrong: false,
            most: DEAD,
        })
    }
}

impl Written {
    fn append(&mut self, text: &str) -> Result<(), String> {
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // Half a line must not stand before the next one.
            self.wrong = self.file.set_len(self.length).is_err();
            return Err(error.to_string());
        }
        self.length += text.len() as u64;
        self.lines += 1;
        Ok(())
    }
}

/// A new file that nobody but us may read, locked. Whoever clears away what dead runs left may take the lock of a file
/// that was made a moment ago, so it is looked at after it is locked.
fn create(path: &Path) -> io::Result<File> {
    for _ in 0..3 {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let file = options.create_new(true).append(true).mode(0o600).open(path)?;
        if lock(&file)? && is_at(&file, path) {
            return Ok(file);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!("`{}` is locked by somebody else", path.display()),
    ))
}

/// Takes the lock of an open file; `false` where somebody has it.
///
/// # Errors
/// The file system knows no locks.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the path still is that open file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let same =
        |(file, there): (std::fs::Metadata, std::fs::Metadata)| (file.dev(), file.ino()) == (there.dev(), there.ino());
    let there = std::fs::symlink_metadata(path);
    file.metadata().and_then(|file| Ok((file, there?))).is_ok_and(same)
}

/// The head of a journal of this process.
fn head(run: &str) -> Head {
    let pid = std::process::id();
    let folder = std::env::current_dir().unwrap_or_default();
    Head {
        version: VERSION,
        run: run.to_owned(),
        boot: boot_id(),
        pid,
        start_time: Stat::of(pid).map_or(0, |stat| stat.start_time),
        folder: folder.to_string_lossy().into_owned(),
    }
}

/// This boot (random(4)); empty where the system does not say.
pub(super) fn boot_id() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    read.map(|id| id.trim().to_owned()).unwrap_or_default()
}
