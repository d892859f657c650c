//! The same knob in the groups below, for values that parents and children must agree on.

use super::Knob;
use crate::group::Directory;
use crate::{Error, fs};
use std::path::PathBuf;

impl Knob {
    /// The directory of its group.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The same knob of every group below, parents before children; groups without it are left out.
    ///
    /// # Errors
    /// [`Error::Read`]. A group that vanishes meanwhile is left out.
    pub fn below(&self) -> Result<Vec<Self>, Error> {
        let below = self.directory.below()?;
        below
            .into_iter()
            .filter_map(|path| self.same_in(path).transpose())
            .collect()
    }

    fn same_in(&self, path: PathBuf) -> Result<Option<Self>, Error> {
        let file = path.join(self.kind.file(self.directory.version));
        let inodes = fs::inode(&path).and_then(|directory| Ok((directory, fs::inode(&file)?)));
        match inodes {
            Ok((directory, inode)) => Ok(Some(Self {
                kind: self.kind,
                directory: Directory {
                    path,
                    inode: directory,
                    ..self.directory.clone()
                },
                inode,
            })),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
