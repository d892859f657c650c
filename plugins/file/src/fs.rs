//! Opens what a sink writes to, and writes what waits for it. What is written is not known here.

use crate::config::Existing;
use crate::spool::Spool;
use pipeline_plugin_api::prelude::*;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes that wait while they cannot be written; what comes then is lost, and counted.
const MOST_WAITING_BYTES: usize = 8 << 20;
/// With that many bytes waiting, the interval is not waited for.
const CHUNK_BYTES: usize = 64 << 10;

/// Which node of which run opened which file: a node that is made anew finds its own there. A run that ends takes its
/// own out, so that nothing of this outlives it.
static OPENED: Mutex<BTreeSet<Mark>> = Mutex::new(BTreeSet::new());

/// The run's id, the node's name, and the file.
type Mark = (String, String, PathBuf);

/// Where a sink writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    Path(PathBuf),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stdout => f.write_str("standard output"),
            Self::Stderr => f.write_str("standard error"),
        }
    }
}

/// Text that stands before all values.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The text, with its line end.
    pub text: Vec<u8>,
    /// Whether it is left out where something stands already.
    pub only_first: bool,
}

/// What a sink writes to, with what waits to be written.
pub struct Output {
    place: Place,
    existing: Existing,
    interval: Nanos,
    host: Host,
    head: Head,
    writer: Option<Box<dyn Write + Send>>,
    spool: Spool,
    due: Option<Nanos>,
    failing: bool,
    lost: u64,
}

impl Output {
    /// Nothing is opened yet. `interval` is how long a value waits at most.
    pub fn new(place: Place, existing: Existing, interval: Nanos, host: &Host) -> Self {
        Self {
            place,
            existing,
            interval,
            host: host.clone(),
            head: Head::default(),
            writer: None,
            spool: Spool::new(MOST_WAITING_BYTES),
            due: None,
            failing: false,
            lost: 0,
        }
    }

    /// Opens the place and writes the head.
    ///
    /// # Errors
    /// Fatal where a file stands that is not to be touched; else to be tried again, which
    /// [`Self::settle`] does.
    pub fn begin(&mut self, head: Head) -> Result<()> {
        self.head = head;
        self.send()
    }

    /// Takes in one value's text. Without room for it, the value is lost and counted as `lost`.
    pub fn push(&mut self, text: &[u8]) {
        if !self.spool.push(text) {
            self.lose(1);
        }
    }

    /// Writes what waits, if its time has come; else says when that is.
    ///
    /// # Errors
    /// What waits could not be written; it waits on.
    pub fn settle(&mut self, at: Nanos) -> Result<Wish> {
        if self.spool.bytes().is_empty() {
            return Ok(Wish::Nothing);
        }
        let due = *self.due.get_or_insert(at + self.interval);
        let full = self.spool.bytes().len() >= CHUNK_BYTES && !self.failing;
        if at < due && !full {
            return Ok(Wish::At(due));
        }
        self.due = None;
        if let Err(failure) = self.send() {
            self.due = Some(at + self.interval);
            return Err(failure);
        }
        Ok(Wish::Nothing)
    }

    /// Writes all that waits, for the last time: the run ends.
    ///
    /// # Errors
    /// What could not be written is lost; the message says how many values that are.
    pub fn finish(&mut self) -> Result<()> {
        let sent = self.send();
        if let Place::Path(path) = &self.place {
            opened_files().remove(&self.mark(path));
        }
        let Err(failure) = sent else { return Ok(()) };
        let values = self.spool.give_up();
        self.lose(values as u64);
        Err(Failure {
            message: format!("{}; the run ends, and {} values are lost", failure.message, self.lost).into(),
            ..failure
        })
    }

    /// For people: where it writes to, and how it fares.
    pub fn status(&self) -> String {
        let Self { place, spool, lost, .. } = self;
        match self.failing {
            true => format!(
                "`{place}` cannot be written; {} values wait, {lost} are lost",
                spool.values()
            ),
            false => format!("writes to `{place}`; {lost} values are lost"),
        }
    }

    fn lose(&mut self, values: u64) {
        self.lost += values;
        self.host.count("lost", values);
    }

    fn send(&mut self) -> Result<()> {
        let sent = self
            .open()
            .and_then(|()| self.write().map_err(|error| self.failure(&error)));
        if sent.is_ok() && self.failing {
            let place: &dyn std::fmt::Display = &self.place;
            self.host.log(
                Level::INFO,
                "writes go through again",
                &[("path", place), ("lost", &self.lost)],
            );
        }
        self.failing = sent.is_err();
        sent
    }

    fn open(&mut self) -> Result<()> {
        if self.writer.is_some() {
            return Ok(());
        }
        let writer: Box<dyn Write + Send> = match &self.place {
            Place::Path(path) => {
                let existing = self.existing_of_this_run(path);
                refuse_existing(path, existing)?;
                let (file, empty) = opened(path, existing).map_err(|error| self.failure(&error))?;
                opened_files().insert(self.mark(path));
                if self.head.only_first && !empty {
                    self.head.text.clear();
                }
                Box::new(file)
            }
            Place::Stdout => Box::new(io::stdout()),
            Place::Stderr => Box::new(io::stderr()),
        };
        self.writer = Some(writer);
        Ok(())
    }

    /// A node that was made anew in the same run goes on behind what it wrote before.
    fn existing_of_this_run(&self, path: &Path) -> Existing {
        match opened_files().contains(&self.mark(path)) {
            true => Existing::Append,
            false => self.existing,
        }
    }

    fn mark(&self, path: &Path) -> Mark {
        (self.host.run_id(), self.host.name(), path.to_owned())
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(writer) = self.writer.as_mut() else {
            return Ok(());
        };
        while !self.head.text.is_empty() {
            let written = write_some(writer, &self.head.text)?;
            self.head.text.drain(..written);
        }
        while !self.spool.bytes().is_empty() {
            let written = write_some(writer, self.spool.bytes())?;
            self.spool.take(written);
        }
        writer.flush()
    }

    /// A reader that went away does not come back to a pipe; all else may mend.
    fn failure(&self, error: &io::Error) -> Failure {
        let place = &self.place;
        let mend = match error.kind() {
            _ if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                "it is a pipe that nobody reads: start its reader first"
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space",
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                "let this user write there, or set another `path`"
            }
            ErrorKind::BrokenPipe => "nobody reads it any more",
            _ => "set another `path`",
        };
        // Without figures that differ from try to try, so that the same trouble is not told at each of them.
        let message = format!("`{place}` cannot be written: {error}; {mend}");
        if error.kind() == ErrorKind::BrokenPipe && !matches!(place, Place::Path(_)) {
            return Failure::fatal(message);
        }
        Failure::retry(message)
    }
}

fn write_some(writer: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match writer.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            written => return written,
        }
    }
}

/// A file that holds something is somebody's work, so it is touched only where the graph says so.
/// Devices and pipes keep nothing that could be lost.
fn refuse_existing(path: &Path, existing: Existing) -> Result<()> {
    let holds = std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0);
    if !holds || existing != Existing::Refuse {
        return Ok(());
    }
    Err(Failure::fatal(format!(
        "`{}` exists already; move it away, put `{{run}}` into `path`, or set `existing: Append` or `existing: Overwrite`",
        path.display()
    )))
}

fn opened_files() -> MutexGuard<'static, BTreeSet<Mark>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file, and whether it was empty.
fn opened(path: &Path, existing: Existing) -> io::Result<(File, bool)> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    match existing {
        Existing::Overwrite => options.write(true).create(true).truncate(true),
        Existing::Refuse | Existing::Append => options.append(true).create(true),
    };
    let pipe = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    if pipe {
        // Else it would wait here for a reader, and the whole run with it; so it is an error, ENXIO (fifo(7)).
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    if pipe {
        // A reader that takes its time is waited for when it is written to.
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    }
    let empty = file.metadata()?.len() == 0;
    Ok((file, empty))
}

#[cfg(test)]
mod tests;
