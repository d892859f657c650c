//! The way back of one write, which leaves alone what somebody else changed meanwhile.

use super::FileWrite;
use crate::{Error, fs};

/// What became of the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The file reads what it read before the write.
    Restored,
    /// Somebody else wrote to it; it reads this, and was left alone.
    Taken(String),
}

impl FileWrite {
    /// Writes `before` if the file still reads `after`. Several writes are to be undone backwards.
    ///
    /// # Errors
    /// [`Error::Gone`] if the file is another one now, [`Error::Read`], [`Error::Write`].
    pub fn undo(&self) -> Result<Undone, Error> {
        if fs::inode(&self.path)? != self.inode {
            return Err(Error::Gone {
                path: self.path.clone(),
            });
        }
        let found = fs::text(&fs::read(&self.path)?);
        if found == self.before {
            return Ok(Undone::Restored);
        }
        if settled(&found) != settled(&self.after) {
            return Ok(Undone::Taken(found));
        }
        fs::write(&self.path, &self.before, |_| "")?;
        Ok(Undone::Restored)
    }
}

/// On the way to being frozen is frozen, as far as who asked for it goes.
fn settled(text: &str) -> &str {
    match text {
        "FREEZING" => "FROZEN",
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn write(path: &Path, before: &str, after: &str) -> FileWrite {
        FileWrite {
            path: path.into(),
            inode: fs::inode(path).unwrap(),
            before: before.into(),
            after: after.into(),
        }
    }

    #[test]
    fn what_is_still_ours_goes_back_and_an_empty_text_is_a_bare_newline() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("cpuset.cpus");
        std::fs::write(&path, "0-1\n").unwrap();
        assert_eq!(write(&path, "", "0-1").undo().unwrap(), Undone::Restored);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\n");
        assert_eq!(
            write(&path, "", "0-1").undo().unwrap(),
            Undone::Restored,
            "twice is harmless"
        );
    }

    #[test]
    fn what_somebody_else_wrote_stays() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("cpu.weight");
        std::fs::write(&path, "7\n").unwrap();
        assert_eq!(write(&path, "100", "1").undo().unwrap(), Undone::Taken("7".into()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7\n");
    }

    #[test]
    fn another_file_of_that_path_is_not_written() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("cpu.weight");
        std::fs::write(&path, "1\n").unwrap();
        let other = FileWrite {
            inode: fs::inode(&path).unwrap() + 1,
            ..write(&path, "100", "1")
        };
        assert!(other.undo().unwrap_err().is_gone());
        std::fs::remove_file(&path).unwrap();
        assert!(other.undo().unwrap_err().is_gone());
    }

    #[test]
    fn a_group_that_is_still_freezing_is_thawed() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("freezer.state");
        std::fs::write(&path, "FREEZING\n").unwrap();
        assert_eq!(write(&path, "THAWED", "FROZEN").undo().unwrap(), Undone::Restored);
    }
}
