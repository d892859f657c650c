//! The few system calls everything else is made of: read a small file, write one, ask for an inode. No arithmetic here.

use crate::Error;
use rustix::io::Errno;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Explains an error number for one file, beginning with `; `, or says nothing.
pub(crate) type Hint = fn(Errno) -> &'static str;

/// Whether the kernel says that the thing is not there (any more).
///
/// A kept descriptor of a removed group reads `ENODEV`, a path into it opens as `ENOENT`.
pub(crate) fn is_absence(source: &io::Error) -> bool {
    matches!(Errno::from_io_error(source), Some(Errno::NOENT | Errno::NODEV))
}

/// Reads a whole small file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| {
        gone(path, &source).unwrap_or_else(|| Error::Read {
            path: path.into(),
            source,
        })
    })
}

/// Reads a whole small file, or `None` where it does not exist.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if is_absence(&source) => Ok(None),
        Err(source) => Err(Error::Read {
            path: path.into(),
            source,
        }),
    }
}

/// Writes `text` and a newline in one call to a file that exists.
///
/// The newline matters: an empty set is a bare newline, since a write of no bytes reaches no controller.
pub(crate) fn write(path: &Path, text: &str, hint: Hint) -> Result<(), Error> {
    let line = format!("{text}\n");
    let opened = fs::OpenOptions::new().write(true).truncate(true).open(path);
    opened
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|source| {
            gone(path, &source).unwrap_or_else(|| {
                let hint = Errno::from_io_error(&source).map_or("", hint);
                Error::Write {
                    path: path.into(),
                    text: text.into(),
                    hint,
                    source,
                }
            })
        })
}

/// The inode of a path, or `Gone`.
pub(crate) fn inode(path: &Path) -> Result<u64, Error> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.ino()),
        Err(source) if is_absence(&source) => Err(Error::Gone { path: path.into() }),
        Err(source) => Err(Error::Read {
            path: path.into(),
            source,
        }),
    }
}

/// What the kernel said, without the newline at its end, as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

/// `Gone` if the directory that held the file is missing as well.
fn gone(path: &Path, source: &io::Error) -> Option<Error> {
    let directory = path.parent()?;
    (is_absence(source) && !directory.exists()).then(|| Error::Gone { path: directory.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_directory_is_gone_and_a_missing_file_is_not() {
        let tree = tempfile::tempdir().unwrap();
        assert!(read(&tree.path().join("group/cpu.stat")).unwrap_err().is_gone());
        assert!(matches!(read(&tree.path().join("cpu.stat")), Err(Error::Read { .. })));
        assert_eq!(read_if_there(&tree.path().join("cpu.stat")).unwrap(), None);
    }

    #[test]
    fn writing_never_makes_a_file() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("cpu.max");
        assert!(matches!(write(&path, "max", |_| ""), Err(Error::Write { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_hint_follows_the_error_number() {
        let tree = tempfile::tempdir().unwrap();
        let said = write(tree.path(), "1", |errno| {
            if errno == Errno::ISDIR { "; a directory" } else { "" }
        })
        .unwrap_err();
        assert!(said.to_string().ends_with("; a directory"), "{said}");
    }
}
