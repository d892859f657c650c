//! A group from directories that somebody else told, and what lies above and below one directory.

use crate::group::{Directory, enabled};
use crate::parse;
use crate::{Controller, ControllerSet, Error, Group, Version, fs};
use std::io;
use std::path::{Path, PathBuf};

/// What tells a directory of the version 2 tree, which holds what version 1 does not.
const UNIFIED: &str = "unified";

impl Group {
    /// The group whose directories are `told`: a controller's kernel name or `unified`, the path, and the inode or 0.
    ///
    /// Nothing is looked up in `/proc`, so that it also serves where somebody else found the group. Names of
    /// controllers that this crate does not know are left out. What version 1 holds, version 2 does not.
    ///
    /// # Errors
    /// [`Error::Gone`] if a directory is missing or has another inode, [`Error::NoGroup`] if none is known here,
    /// [`Error::Read`].
    pub fn of_directories<'told>(
        told: impl IntoIterator<Item = (&'told str, &'told Path, u64)>,
    ) -> Result<Self, Error> {
        let mut directories: Vec<Directory> = Vec::new();
        for (name, path, inode) in told {
            if let Some(controllers) = held_by(name) {
                add(&mut directories, controllers, path, inode)?;
            }
        }
        let held: ControllerSet = directories
            .iter()
            .filter(|one| one.version == Version::V1)
            .flat_map(|one| one.controllers.iter())
            .collect();
        for directory in directories.iter_mut().filter(|one| one.version == Version::V2) {
            directory.controllers = enabled(Version::V2, ControllerSet::ALL.difference(held), &directory.path)?;
        }
        let path = directories
            .iter()
            .map(Directory::inside)
            .max_by_key(|path| path.components().count());
        match path {
            Some(path) => Ok(Self { path, directories }),
            None => Err(Error::NoGroup {
                group: "no directory".into(),
            }),
        }
    }
}

impl Directory {
    /// Whether it is the topmost group in sight, which is everybody's.
    pub fn is_topmost(&self) -> bool {
        self.path == self.mount
    }

    /// Whether a process is in this group or in one below it. Looks at every group below.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Read`].
    pub fn holds(&self, pid: u32) -> Result<bool, Error> {
        let below = self.below()?;
        for group in std::iter::once(&self.path).chain(&below) {
            // A group below that vanishes meanwhile holds nobody.
            let listed = fs::read_if_there(&group.join("cgroup.threads"))?;
            let listed = match listed {
                Some(listed) => Some(listed),
                None => fs::read_if_there(&group.join("cgroup.procs"))?,
            };
            if listed.is_some_and(|bytes| parse::ids(&bytes).binary_search(&pid).is_ok()) {
                return Ok(true);
            }
        }
        self.check().map(|()| false)
    }

    /// The directories of the groups below it, parents before children.
    ///
    /// # Errors
    /// [`Error::Read`]. A group that vanishes meanwhile is left out.
    pub fn below(&self) -> Result<Vec<PathBuf>, Error> {
        let mut found = vec![self.path.clone()];
        let mut place = 0;
        while let Some(path) = found.get(place).cloned() {
            found.extend(folders_in(&path)?);
            place += 1;
        }
        found.remove(0);
        Ok(found)
    }

    fn inside(&self) -> PathBuf {
        self.path.strip_prefix(&self.mount).unwrap_or(&self.path).to_path_buf()
    }
}

/// The controllers that a name stands for; `None` for one that this crate does not know.
fn held_by(name: &str) -> Option<ControllerSet> {
    match name {
        UNIFIED => Some(ControllerSet::EMPTY),
        _ => Some([Controller::from_name(name.as_bytes())?].into_iter().collect()),
    }
}

fn add(directories: &mut Vec<Directory>, controllers: ControllerSet, path: &Path, told: u64) -> Result<(), Error> {
    let inode = fs::inode(path)?;
    if told != 0 && told != inode {
        return Err(Error::Gone { path: path.into() });
    }
    match directories.iter_mut().find(|one| one.path == path) {
        Some(known) => controllers
            .iter()
            .for_each(|controller| known.controllers.insert(controller)),
        None => directories.push(Directory {
            path: path.into(),
            inode,
            version: version_of(path),
            controllers,
            mount: topmost(path),
            made: false,
        }),
    }
    Ok(())
}

/// Only groups of version 2 have `cgroup.controllers` (cgroup-v2.rst, "Core Interface Files").
fn version_of(path: &Path) -> Version {
    if path.join("cgroup.controllers").exists() {
        Version::V2
    } else {
        Version::V1
    }
}

/// The highest folder above that still is a group: each has `cgroup.procs`, in both versions.
fn topmost(path: &Path) -> PathBuf {
    let groups = path
        .ancestors()
        .take_while(|folder| *folder == path || folder.join("cgroup.procs").exists());
    groups.last().unwrap_or(path).to_path_buf()
}

fn folders_in(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(source) if fs::is_absence(&source) => return Ok(Vec::new()),
        Err(source) => {
            return Err(Error::Read {
                path: path.into(),
                source,
            });
        }
    };
    let folder = |entry: io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        entry.file_type().ok()?.is_dir().then(|| entry.path())
    };
    let mut folders: Vec<PathBuf> = entries.filter_map(folder).collect();
    folders.sort();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for file in files {
            let path = tree.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "41\n42\n").unwrap();
        }
        tree
    }

    #[test]
    fn directories_that_are_told_twice_are_one_with_both_controllers() {
        let tree = tree(&[
            "cpu,cpuacct/cgroup.procs",
            "cpu,cpuacct/a/b/cgroup.procs",
            "cpu,cpuacct/a/cgroup.procs",
        ]);
        let path = tree.path().join("cpu,cpuacct/a/b");
        let group = Group::of_directories([("cpu", &*path, 0), ("cpuacct", &path, 0), ("devices", &path, 0)]).unwrap();
        assert_eq!(group.directories().len(), 1);
        assert_eq!(group.path(), Path::new("a/b"));
        let directory = group.directory(Controller::Cpuacct).unwrap();
        assert_eq!((directory.version, directory.is_topmost()), (Version::V1, false));
        assert_eq!(directory.mount, tree.path().join("cpu,cpuacct"));
    }

    #[test]
    fn version_2_has_what_version_1_leaves() {
        let tree = tree(&[
            "cpu/g/cgroup.procs",
            "unified/g/cgroup.procs",
            "unified/g/cgroup.controllers",
        ]);
        std::fs::write(tree.path().join("unified/g/cgroup.controllers"), "cpu memory\n").unwrap();
        let (cpu, unified) = (tree.path().join("cpu/g"), tree.path().join("unified/g"));
        let group = Group::of_directories([("unified", &*unified, 0), ("cpu", &cpu, 0)]).unwrap();
        assert_eq!(group.directory(Controller::Cpu).unwrap().path, cpu);
        assert_eq!(group.directory(Controller::Memory).unwrap().path, unified);
        assert_eq!(group.directory(Controller::Freezer).unwrap().path, unified);
        assert_eq!(group.directory(Controller::Pids), None);
    }

    #[test]
    fn another_inode_is_gone_and_nothing_told_is_no_group() {
        let tree = tree(&["g/cgroup.procs"]);
        let path = tree.path().join("g");
        let inode = fs::inode(&path).unwrap();
        assert!(Group::of_directories([("cpu", &*path, inode)]).is_ok());
        assert!(
            Group::of_directories([("cpu", &*path, inode + 1)])
                .unwrap_err()
                .is_gone()
        );
        assert!(matches!(
            Group::of_directories([("devices", &*path, 0)]),
            Err(Error::NoGroup { .. })
        ));
    }

    #[test]
    fn a_process_below_is_held_and_parents_come_before_children() {
        let tree = tree(&[
            "g/a/b/cgroup.procs",
            "g/a/cgroup.procs",
            "g/cgroup.procs",
            "g/c/cgroup.procs",
        ]);
        std::fs::write(tree.path().join("g/a/b/cgroup.procs"), "77\n").unwrap();
        let path = tree.path().join("g");
        let group = Group::of_directories([("cpu", &*path, 0)]).unwrap();
        let directory = &group.directories()[0];
        assert!(directory.holds(77).unwrap() && directory.holds(41).unwrap());
        assert!(!directory.holds(78).unwrap());
        assert!(directory.is_topmost());
        assert_eq!(
            directory.below().unwrap(),
            ["a", "c", "a/b"].map(|name| path.join(name))
        );
    }
}
