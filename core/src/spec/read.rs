//! The graph file as text. No RON here.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The largest graph file, in bytes: far above any that people write, so that a wrong path is
/// noticed before it fills the memory.
pub const LARGEST_FILE: u64 = 4 << 20;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none.
    #[error("there is no file `{}`", .0.display())]
    Missing(PathBuf),
    /// It is a folder.
    #[error("`{}` is a folder; name a graph file in it", .0.display())]
    Folder(PathBuf),
    /// It is no graph for its size alone.
    #[error("`{}` is larger than {LARGEST_FILE} bytes and so no graph file", .0.display())]
    TooLarge(PathBuf),
    /// It is not text.
    #[error("`{}` is not UTF-8 text: byte {byte} is none", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is not text, from 0.
        byte: usize,
    },
    /// The system refuses.
    #[error("cannot read `{}`: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Reads a graph file.
///
/// # Errors
/// It is missing, a folder, too large, not UTF-8, or the system refuses.
pub fn text(path: &Path) -> Result<String, ReadError> {
    let io = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        _ => ReadError::Io {
            path: path.to_owned(),
            source,
        },
    };
    if std::fs::metadata(path).map_err(io)?.is_dir() {
        return Err(ReadError::Folder(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ReadError::TooLarge(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| ReadError::NotText {
        path: path.to_owned(),
        byte: error.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(path: &Path) -> String {
        let said = text(path).unwrap_err().to_string();
        said.replace(&path.display().to_string(), "PATH")
    }

    #[test]
    fn what_cannot_be_read_is_told_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = folder.path().join("bytes.ron");
        std::fs::write(&bytes, b"(\xff)").unwrap();
        let large = folder.path().join("large.ron");
        File::create(&large).unwrap().set_len(LARGEST_FILE + 1).unwrap();
        assert_eq!(sentence(&folder.path().join("none.ron")), "there is no file `PATH`");
        assert_eq!(sentence(folder.path()), "`PATH` is a folder; name a graph file in it");
        assert_eq!(sentence(&bytes), "`PATH` is not UTF-8 text: byte 1 is none");
        assert!(sentence(&large).contains("larger than 4194304 bytes"));
    }

    #[test]
    fn the_largest_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("graph.ron");
        File::create(&path).unwrap().set_len(LARGEST_FILE).unwrap();
        assert_eq!(text(&path).unwrap().len() as u64, LARGEST_FILE);
    }
}
