//! The few file operations everything else is made of. No meaning here.

use rustix::fs::{FlockOperation, flock};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What is done with files, so that tests can do it otherwise.
pub trait Files: fmt::Debug + Send + Sync {
    /// All that a file holds.
    ///
    /// # Errors
    /// As read(2).
    fn read(&self, path: &Path) -> io::Result<String>;
    /// Writes to a file that exists, in one call.
    ///
    /// # Errors
    /// As write(2).
    fn write(&self, path: &Path, text: &str) -> io::Result<()>;
    /// Makes a folder.
    ///
    /// # Errors
    /// As mkdir(2).
    fn make(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder.
    ///
    /// # Errors
    /// As rmdir(2).
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Moves a folder.
    ///
    /// # Errors
    /// As rename(2).
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// The names of the folders in a folder, sorted.
    ///
    /// # Errors
    /// As readdir(3).
    fn folders(&self, path: &Path) -> io::Result<Vec<String>>;
    /// The inode of a file or folder.
    ///
    /// # Errors
    /// As stat(2).
    fn inode(&self, path: &Path) -> io::Result<u64>;
    /// The lock of a folder (flock(2), exclusive), unless somebody else has it.
    ///
    /// # Errors
    /// As flock(2).
    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>>;
}

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock(Option<File>);

/// The real files.
#[derive(Copy, Clone, Debug, Default)]
pub struct Kernel;

impl Lock {
    /// One that nobody else can see, for trees that are no real ones.
    pub fn of_nothing() -> Self {
        Self(None)
    }

    /// Whether others can see it.
    pub fn is_real(&self) -> bool {
        self.0.is_some()
    }
}

impl Files for Kernel {
    fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn folders(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.ino())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let folder = File::open(path)?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock(Some(folder)))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_lock() {
        let tree = tempfile::tempdir().unwrap();
        let held = Kernel.try_lock(tree.path()).unwrap();
        assert!(held.as_ref().is_some_and(Lock::is_real));
        assert!(Kernel.try_lock(tree.path()).unwrap().is_none());
        drop(held);
        assert!(Kernel.try_lock(tree.path()).unwrap().is_some());
    }

    #[test]
    fn writing_never_makes_a_file() {
        let tree = tempfile::tempdir().unwrap();
        let error = Kernel.write(&tree.path().join("tasks"), "1\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn folders_are_told_and_files_are_not() {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("tasks"), "").unwrap();
        for name in ["b", "a"] {
            Kernel.make(&tree.path().join(name)).unwrap();
        }
        assert_eq!(Kernel.folders(tree.path()).unwrap(), ["a", "b"]);
    }
}
