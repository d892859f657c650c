//! A descriptor kept open and read again at offset 0: no path walk, no open, no allocation for a sample.

use crate::group::Directory;
use crate::{Error, fs};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No statistics file comes near this.
const LARGEST: usize = 1 << 20;

/// One open kernel file.
#[derive(Debug)]
pub(crate) struct Kept {
    file: File,
    home: Home,
    name: &'static str,
}

/// Where a file stands, and whether it can vanish.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    Group(Arc<Directory>),
    System(PathBuf),
}

/// Where samples are read to, shared by the files of one reader. It grows to the longest text and stays there.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Home {
    fn path(&self) -> &Path {
        match self {
            Self::Group(directory) => &directory.path,
            Self::System(path) => path,
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Group(directory) => directory.check(),
            Self::System(_) => Ok(()),
        }
    }
}

impl Kept {
    /// Opens `name`; `None` where the directory has no such file.
    pub(crate) fn open(home: &Home, name: &'static str) -> Result<Option<Self>, Error> {
        let path = home.path().join(name);
        match File::open(&path) {
            Ok(file) => Ok(Some(Self {
                file,
                home: home.clone(),
                name,
            })),
            Err(source) if fs::is_absence(&source) => home.check().map(|()| None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    /// Reads the whole text as it is now.
    pub(crate) fn read<'buffer>(&self, buffer: &'buffer mut Buffer) -> Result<&'buffer [u8], Error> {
        loop {
            match self.file.read_at(&mut buffer.0, 0) {
                Ok(length) if length < buffer.0.len() => return Ok(&buffer.0[..length]),
                Ok(length) if length >= LARGEST => return Ok(&buffer.0),
                Ok(length) => buffer.0.resize(length * 2, 0),
                Err(source) => return Err(self.failed(source)),
            }
        }
    }

    #[cold]
    fn failed(&self, source: io::Error) -> Error {
        let path = self.home.path().join(self.name);
        match (fs::is_absence(&source), self.home.check()) {
            (true, Ok(())) => Error::Withdrawn { path },
            (true, Err(error)) => error,
            (false, _) => Error::Read { path, source },
        }
    }
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self(vec![0; 1024])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_longer_than_the_buffer_is_read_whole() {
        let tree = tempfile::tempdir().unwrap();
        let text = vec![b'x'; 5000];
        std::fs::write(tree.path().join("memory.stat"), &text).unwrap();
        let kept = Kept::open(&Home::System(tree.path().into()), "memory.stat")
            .unwrap()
            .unwrap();
        let mut buffer = Buffer::new();
        assert_eq!(kept.read(&mut buffer).unwrap(), text);
        std::fs::write(tree.path().join("memory.stat"), "short").unwrap();
        assert_eq!(
            kept.read(&mut buffer).unwrap(),
            b"short",
            "nothing of the longer text is left"
        );
    }

    #[test]
    fn a_text_at_the_bound_is_cut_there() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("io.stat"), vec![b'x'; LARGEST + 1]).unwrap();
        let kept = Kept::open(&Home::System(tree.path().into()), "io.stat")
            .unwrap()
            .unwrap();
        assert_eq!(kept.read(&mut Buffer::new()).unwrap().len(), LARGEST);
    }

    #[test]
    fn a_file_that_is_not_there_is_absent() {
        let tree = tempfile::tempdir().unwrap();
        assert!(
            Kept::open(&Home::System(tree.path().into()), "io.stat")
                .unwrap()
                .is_none()
        );
    }
}
