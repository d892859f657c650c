//! What one mounted tree shows of a group: the groups right below it, its identity, whether anybody is in it.

use crate::{Controller, Directory, Error, Hierarchy, Version, fs, parse};
use std::os::unix::fs::DirEntryExt;
use std::path::PathBuf;

/// A group right below another, in one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name, without the path.
    pub name: String,
    /// Its inode, which the kernel does not use again for another group.
    pub inode: u64,
}

impl Hierarchy {
    /// The directory of the group at `path`, relative to the topmost group in sight; `""` is that group itself.
    pub fn directory(&self, path: &str) -> PathBuf {
        match path.trim_matches('/') {
            "" => self.point.clone(),
            inside => self.point.join(inside),
        }
    }

    /// The names under which its directories are told to others: `unified` for version 2, each of its controllers for
    /// version 1.
    pub fn names(&self) -> Vec<&'static str> {
        told_names(self.version, self.controllers.iter())
    }

    /// The inode of the group at `path`; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn inode(&self, path: &str) -> Result<Option<u64>, Error> {
        match fs::inode(&self.directory(path)) {
            Ok(inode) => Ok(Some(inode)),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The groups right below the one at `path`, in no order; `None` if there is no such group. One listing of a
    /// directory and nothing else, since the kernel tells the inodes along with the names (readdir(3)).
    ///
    /// Names that are no UTF-8 are left out, since no target can be called by them.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn children(&self, path: &str) -> Result<Option<Vec<Child>>, Error> {
        let directory = self.directory(path);
        let failed = |source| Error::Read {
            path: directory.clone(),
            source,
        };
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(source) if fs::is_absence(&source) => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let mut children = Vec::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(source) if fs::is_absence(&source) => return Ok(None),
                Err(source) => return Err(failed(source)),
            };
            if entry.file_type().is_ok_and(|kind| kind.is_dir())
                && let Ok(name) = entry.file_name().into_string()
            {
                let inode = entry.ino();
                children.push(Child { name, inode });
            }
        }
        Ok(Some(children))
    }

    /// Whether a process is in the group at `path` or in one below it; `None` if there is no such group.
    ///
    /// Version 2 says so itself (cgroup-v2.rst, "\[Un\]populated Notification"); of version 1 the lists of processes are
    /// read, this group's first.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn is_populated(&self, path: &str) -> Result<Option<bool>, Error> {
        let directory = self.directory(path);
        if self.version == Version::V2 {
            let text = fs::read_if_there(&directory.join("cgroup.events"))?;
            return Ok(text.and_then(|text| parse::is_populated(&text)));
        }
        let mut left = vec![path.trim_matches('/').to_owned()];
        let mut is_there = None;
        while let Some(path) = left.pop() {
            let Some(listed) = fs::read_if_there(&self.directory(&path).join("cgroup.procs"))? else {
                continue;
            };
            if !parse::ids(&listed).is_empty() {
                return Ok(Some(true));
            }
            is_there = Some(false);
            let below = self.children(&path)?.unwrap_or_default();
            left.extend(below.into_iter().map(|child| format!("{path}/{}", child.name)));
        }
        Ok(is_there)
    }
}

impl Directory {
    /// The names under which it is told to others: `unified` for one of version 2, each of its controllers for
    /// one of version 1.
    pub fn names(&self) -> Vec<&'static str> {
        told_names(self.version, self.controllers.iter())
    }
}

fn told_names(version: Version, controllers: impl Iterator<Item = Controller>) -> Vec<&'static str> {
    match version {
        Version::V2 => vec!["unified"],
        Version::V1 => controllers.map(|controller| controller.name(Version::V1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ControllerSet;
    use std::fs;

    fn tree(version: Version, files: &[(&str, &str)]) -> (tempfile::TempDir, Hierarchy) {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let hierarchy = Hierarchy {
            version,
            point: folder.path().into(),
            root: "/".into(),
            controllers: [Controller::Cpu, Controller::Cpuacct]
                .into_iter()
                .collect::<ControllerSet>(),
        };
        (folder, hierarchy)
    }

    #[test]
    fn children_are_the_directories_with_their_inodes() {
        let (_folder, tree) = tree(Version::V1, &[("a/cgroup.procs", ""), ("b/c/cgroup.procs", "")]);
        let mut children = tree.children("").unwrap().unwrap();
        children.sort_by(|one, other| one.name.cmp(&other.name));
        let names: Vec<&str> = children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(tree.inode("/a").unwrap(), Some(children[0].inode));
        assert_eq!(tree.children("/b/").unwrap().unwrap()[0].name, "c");
        assert_eq!((tree.children("x").unwrap(), tree.inode("x").unwrap()), (None, None));
    }

    #[test]
    fn a_group_of_version_1_is_populated_by_those_below_too() {
        let files = [
            ("a/cgroup.procs", ""),
            ("a/b/cgroup.procs", "7\n"),
            ("c/cgroup.procs", ""),
        ];
        let (_folder, tree) = tree(Version::V1, &files);
        assert_eq!(tree.is_populated("a").unwrap(), Some(true));
        assert_eq!(tree.is_populated("c").unwrap(), Some(false));
        assert_eq!(tree.is_populated("x").unwrap(), None);
        assert_eq!(tree.names(), ["cpu", "cpuacct"]);
    }

    #[test]
    fn a_group_of_version_2_says_itself_whether_it_is_populated() {
        let files = [
            ("a/cgroup.events", "populated 1\nfrozen 0\n"),
            ("b/cgroup.events", "populated 0\nfrozen 0\n"),
            ("c/cgroup.procs", "7\n"),
        ];
        let (_folder, tree) = tree(Version::V2, &files);
        let told: Vec<_> = ["a", "b", "c"].map(|path| tree.is_populated(path).unwrap()).into();
        assert_eq!(told, [Some(true), Some(false), None]);
        assert_eq!(tree.names(), ["unified"]);
    }
}
