//! What can be wrong with a run on disk, as sentences that say how to mend it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What a call gives, or what is wrong with the run.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a run on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be written.
    #[error("`{}` cannot be written: {source}; {}", path.display(), mend(source))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("`{}` cannot be read: {source}; {}", path.display(), mend(source))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no run.
    #[error("`{}` is no run: it has no `run.json`; `pipeline runs` lists those there are", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// The page about the run says something that it cannot.
    #[error("`{}` is no page about a run: {why}; its tables can still be opened as Parquet files", path.display())]
    Page {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The run was written by a later version.
    #[error(
        "`{}` has format {format}, and this version reads up to {known}; read it with the version that wrote it",
        path.display()
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// What is known here.
        known: u32,
    },
    /// A segment is not whole, or not of this table.
    #[error("segment `{}` cannot be read: {why}; move it away to read the rest", path.display())]
    Segment {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Rows could not be turned into a segment.
    #[error("rows of `{table}` cannot be encoded: {why}")]
    Encode {
        /// The table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
}

impl Error {
    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn segment(path: &Path, why: impl ToString) -> Self {
        Self::Segment {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

fn mend(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "let this user work there, or choose another folder"
        }
        ErrorKind::NotFound => "look whether the path is right",
        ErrorKind::AlreadyExists => "choose another folder, or move that one away",
        _ => "look at what stands there",
    }
}
