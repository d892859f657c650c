//! One group: making and removing it, what it may use, who is in it. Whether that is wise is the caller's decision.

use crate::error::is_absence;
use crate::resctrl::malformed;
use crate::{Error, Files, Schemata};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A control or monitoring group, whether it is there or not.
#[derive(Clone, Debug)]
pub struct Group {
    path: PathBuf,
    root: PathBuf,
    files: Arc<dyn Files>,
}

impl Group {
    pub(crate) fn new(path: PathBuf, root: PathBuf, files: Arc<dyn Files>) -> Self {
        Self { path, root, files }
    }

    pub(crate) fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name; empty for the default group.
    pub fn name(&self) -> String {
        match self.path == self.root {
            true => String::new(),
            false => self.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.files.inode(&self.path).is_ok()
    }

    /// Its inode, which goes with it when it is moved; `None` where it is not there.
    pub fn inode(&self) -> Option<u64> {
        self.files.inode(&self.path).ok()
    }

    /// The monitoring group of that name within this control group, whether it is there or not.
    pub fn monitor(&self, name: &str) -> Self {
        let path = self.path.join("mon_groups").join(name);
        Self::new(path, self.root.clone(), Arc::clone(&self.files))
    }

    /// The monitoring groups within this control group; none where nothing can be counted.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn monitors(&self) -> Result<Vec<Self>, Error> {
        match self.files.folders(&self.path.join("mon_groups")) {
            Ok(names) => Ok(names.iter().map(|name| self.monitor(name)).collect()),
            Err(source) if is_absence(&source) => Ok(Vec::new()),
            Err(source) => Err(Error::Read {
                path: self.path.join("mon_groups"),
                source,
            }),
        }
    }

    /// Makes it; that it is there already is an error.
    ///
    /// # Errors
    /// [`Error::Exhausted`], [`Error::Limbo`], or [`Error::Group`] with what the kernel says.
    pub fn make(&self) -> Result<(), Error> {
        let refused = |source: io::Error| match Errno::from_io_error(&source) {
            Some(Errno::NOSPC) => Error::Exhausted {
                path: self.path.clone(),
                status: self.status(),
            },
            Some(Errno::BUSY) => Error::Limbo {
                path: self.path.clone(),
            },
            _ => self.refused("make", source),
        };
        self.files.make(&self.path).map_err(refused)
    }

    /// Removes it: its tasks go to the default group, those of a monitoring group to the group it is in.
    ///
    /// # Errors
    /// [`Error::Gone`], or [`Error::Group`] with what the kernel says.
    pub fn remove(&self) -> Result<(), Error> {
        self.files
            .remove(&self.path)
            .map_err(|source| match is_absence(&source) {
                true => self.gone(),
                false => self.refused("remove", source),
            })
    }

    /// Moves a monitoring group with its tasks and its counts into another control group; kernels before 6.3 or so
    /// refuse that.
    ///
    /// # Errors
    /// [`Error::Group`] with what the kernel says.
    pub fn move_to(&self, control: &Self) -> Result<Self, Error> {
        let there = control.monitor(&self.name());
        let moved = self.files.rename(&self.path, &there.path);
        moved.map_err(|source| self.refused("move", source))?;
        Ok(there)
    }

    /// What it may use.
    ///
    /// # Errors
    /// [`Error::Gone`]; the file cannot be read or understood.
    pub fn schemata(&self) -> Result<Schemata, Error> {
        let path = self.path.join("schemata");
        let text = self.read(&path)?;
        text.parse().map_err(|error| malformed(&path, error))
    }

    /// Sets what it may use, and gives all that it may use now as read back. What is not named stays. Masks are set all
    /// or none.
    ///
    /// # Errors
    /// [`Error::Write`] with what the kernel says.
    pub fn set(&self, schemata: &Schemata) -> Result<Schemata, Error> {
        if !schemata.lines.is_empty() {
            self.write("schemata", &schemata.to_string())?;
        }
        self.schemata()
    }

    /// The tasks in it, as ids of threads.
    ///
    /// # Errors
    /// [`Error::Gone`], or the file cannot be read.
    pub fn tasks(&self) -> Result<Vec<u32>, Error> {
        let text = self.read(&self.path.join("tasks"))?;
        Ok(text.split_whitespace().filter_map(|id| id.parse().ok()).collect())
    }

    /// Puts one thread into it.
    ///
    /// # Errors
    /// [`Error::NoTask`], [`Error::Gone`], or [`Error::Write`] with what the kernel says.
    pub fn add(&self, task: u32) -> Result<(), Error> {
        self.write("tasks", &format!("{task}\n")).map_err(|error| match &error {
            Error::Write { source, .. } if Errno::from_io_error(source) == Some(Errno::SRCH) => Error::NoTask { task },
            _ => error,
        })
    }

    pub(crate) fn gone(&self) -> Error {
        Error::Gone {
            path: self.path.clone(),
        }
    }

    fn read(&self, path: &Path) -> Result<String, Error> {
        self.files
            .read(path)
            .map_err(|source| match is_absence(&source) && !self.exists() {
                true => self.gone(),
                false => Error::Read {
                    path: path.to_owned(),
                    source,
                },
            })
    }

    fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.path.join(file);
        self.files
            .write(&path, text)
            .map_err(|source| match is_absence(&source) && !self.exists() {
                true => self.gone(),
                false => Error::Write {
                    path,
                    text: text.trim_end().replace('\n', "; "),
                    status: self.status(),
                    source,
                },
            })
    }

    fn refused(&self, what: &'static str, source: io::Error) -> Error {
        Error::Group {
            what,
            path: self.path.clone(),
            status: self.status(),
            source,
        }
    }

    /// What the kernel says of its last refusal. An unknown domain id is refused while this says `ok`.
    fn status(&self) -> String {
        match self.files.read(&self.root.join("info/last_cmd_status")) {
            Ok(text) if matches!(text.trim(), "ok" | "") => "the kernel gives no reason".to_owned(),
            Ok(text) => format!("the kernel says `{}`", told_once(&text)),
            Err(_) => "what the kernel says cannot be read".to_owned(),
        }
    }
}

/// Its lines, each once: some calls do not clear what earlier ones said.
fn told_once(text: &str) -> String {
    let mut lines: Vec<&str> = text.trim().lines().collect();
    lines.dedup();
    lines.join("; ")
}

#[cfg(test)]
mod tests;
