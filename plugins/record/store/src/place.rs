//! Files that are whole when they are visible: written beside, synced, renamed, and the folder synced.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How the name of a segment ends.
pub const SEGMENT_ENDING: &str = "parquet";

/// Writes a file whole or not at all; what stood under that name before stays until then. After a crash either the
/// old or the new text is there (rename(2), fsync(2)).
///
/// # Errors
/// It could not be written; nothing half is left.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = beside(path);
    let written = write(&beside, path, bytes);
    if written.is_err() {
        // Half a file helps nobody, least of all on a full disk.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(|source| Error::write(path, source))
}

fn write(beside: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Hidden, so that a look for segments does not find it.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

/// The name of a segment.
pub(crate) fn segment_name(number: u32) -> String {
    format!("{number:06}.{SEGMENT_ENDING}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000001.parquet");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_says_so_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap();
        let told = write_whole(&path, b"x").unwrap_err().to_string();
        assert!(told.contains("cannot be written"), "{told}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "half a file is left");
    }
}
