//! A group as the set of its directories, how it is found, and whether it is still the same.

use crate::hierarchy::v2_controllers;
use crate::parse::{self, Member};
use crate::{Controller, ControllerSet, Error, GroupPattern, Hierarchies, Hierarchy, Version, fs};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// One directory of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The directory.
    pub path: PathBuf,
    /// Its inode, which the kernel does not use again for another group.
    pub inode: u64,
    /// Which interface its files speak.
    pub version: Version,
    /// The controllers whose files it has.
    pub controllers: ControllerSet,
    /// Where its tree is mounted; equal to `path` for the topmost group in sight.
    pub mount: PathBuf,
    /// Whether [`Leaf::make`](crate::Leaf::make) made it.
    pub(crate) made: bool,
}

/// A control group: one directory on version 2, one for each tree on version 1 and hybrid.
///
/// A group belongs to no process and holds nothing open; dropping it removes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub(crate) path: PathBuf,
    pub(crate) directories: Vec<Directory>,
}

impl Group {
    /// The group of a process, which on version 1 and hybrid may have another path in each tree.
    ///
    /// Trees in which its group is not in sight of this mount namespace are left out.
    ///
    /// # Errors
    /// [`Error::NoProcess`], [`Error::NoGroup`] if it is in sight in no tree, [`Error::Read`].
    pub fn of_pid(hierarchies: &Hierarchies, pid: u32) -> Result<Self, Error> {
        let path = hierarchies.membership(pid);
        let bytes = fs::read_if_there(&path)
            .map_err(|error| no_process(error, pid))?
            .ok_or(Error::NoProcess { pid })?;
        let members = parse::membership(&bytes);
        let places: Vec<(&Hierarchy, PathBuf)> = hierarchies
            .trees()
            .iter()
            .filter_map(|tree| Some((tree, tree.directory_of(&member_of(&members, tree)?.path)?)))
            .collect();
        let name = members
            .iter()
            .map(|member| &member.path)
            .max_by_key(|path| path.components().count());
        let name = name.map_or_else(PathBuf::new, |path| {
            path.strip_prefix("/").unwrap_or(path).to_path_buf()
        });
        Self::from_places(name, places, || format!("process {pid}"))
    }

    /// The group at `path`, relative to the topmost group in sight; `""` is that group itself.
    ///
    /// It may lack directories where another program made the group in some trees only.
    ///
    /// # Errors
    /// [`Error::Name`] for `..` in `path`, [`Error::NoGroup`] if no tree has it, [`Error::Read`].
    pub fn at(hierarchies: &Hierarchies, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = relative(path.as_ref())?;
        let places = hierarchies
            .trees()
            .iter()
            .map(|tree| (tree, tree.point.join(&path)))
            .collect();
        Self::from_places(path.clone(), places, || path.display().to_string())
    }

    /// All groups whose path fits a [`GroupPattern`] in any tree, sorted by path.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Name`] for `..` in it, [`Error::Read`].
    pub fn glob(hierarchies: &Hierarchies, pattern: &str) -> Result<Vec<Self>, Error> {
        relative(Path::new(pattern))?;
        let pattern = GroupPattern::parse(pattern)?;
        let mut paths = BTreeSet::new();
        for tree in hierarchies.trees() {
            collect(tree, &pattern, String::new(), &mut paths)?;
        }
        paths
            .into_iter()
            .map(|path| Self::at(hierarchies, path))
            .filter(|found| !matches!(found, Err(Error::NoGroup { .. }) | Err(Error::Gone { .. })))
            .collect()
    }

    /// Its path relative to the topmost group; the longest one where trees differ. For people, not for files.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its directories, in the order of [`Hierarchies::trees`].
    pub fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// The directory with the files of `controller`.
    pub fn directory(&self, controller: Controller) -> Option<&Directory> {
        self.directories
            .iter()
            .find(|directory| directory.controllers.contains(controller))
    }

    /// The directory in the version 2 tree, with or without controllers.
    pub fn unified(&self) -> Option<&Directory> {
        self.directories
            .iter()
            .find(|directory| directory.version == Version::V2)
    }

    /// All controllers that some directory has.
    pub fn controllers(&self) -> ControllerSet {
        self.directories
            .iter()
            .flat_map(|directory| directory.controllers.iter())
            .collect()
    }

    /// Whether every directory is still the one that was found, by inode.
    ///
    /// # Errors
    /// [`Error::Gone`] if one was removed, also if another group was made in its place.
    pub fn check(&self) -> Result<(), Error> {
        self.directories.iter().try_for_each(Directory::check)
    }

    /// The processes that are in all of its directories, sorted; those of descendants are not among them.
    ///
    /// # Errors
    /// [`Error::Gone`]; [`Error::Read`], with `EOPNOTSUPP` for a threaded group of version 2.
    pub fn processes(&self) -> Result<Vec<u32>, Error> {
        self.in_all(|_| "cgroup.procs")
    }

    /// The threads that are in all of its directories, sorted; those of descendants are not among them.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Read`].
    pub fn threads(&self) -> Result<Vec<u32>, Error> {
        self.in_all(|version| match version {
            Version::V1 => "tasks",
            Version::V2 => "cgroup.threads",
        })
    }

    fn in_all(&self, file: fn(Version) -> &'static str) -> Result<Vec<u32>, Error> {
        let mut common: Option<Vec<u32>> = None;
        for directory in &self.directories {
            let ids = parse::ids(&fs::read(&directory.path.join(file(directory.version)))?);
            common = Some(match common {
                Some(earlier) => earlier.into_iter().filter(|id| ids.binary_search(id).is_ok()).collect(),
                None => ids,
            });
        }
        Ok(common.unwrap_or_default())
    }

    fn from_places(
        path: PathBuf,
        places: Vec<(&Hierarchy, PathBuf)>,
        name: impl FnOnce() -> String,
    ) -> Result<Self, Error> {
        let present = places.into_iter().filter(|(_, directory)| directory.is_dir());
        let directories = present
            .map(|(tree, at)| Directory::open(tree, at))
            .collect::<Result<Vec<_>, _>>()?;
        if directories.is_empty() {
            return Err(Error::NoGroup { group: name() });
        }
        Ok(Self { path, directories })
    }
}

impl Directory {
    fn open(tree: &Hierarchy, path: PathBuf) -> Result<Self, Error> {
        let controllers = enabled(tree.version, tree.controllers, &path)?;
        let inode = fs::inode(&path)?;
        Ok(Self {
            path,
            inode,
            version: tree.version,
            controllers,
            mount: tree.point.clone(),
            made: false,
        })
    }

    /// Whether the directory is still the one that was found.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match fs::inode(&self.path)? == self.inode {
            true => Ok(()),
            false => Err(Error::Gone {
                path: self.path.clone(),
            }),
        }
    }
}

/// Of the controllers a tree holds, those on in one directory: all on version 1, those listed on version 2.
pub(crate) fn enabled(version: Version, held: ControllerSet, directory: &Path) -> Result<ControllerSet, Error> {
    match version {
        Version::V1 => Ok(held),
        Version::V2 => {
            let listed = fs::read_if_there(&directory.join("cgroup.controllers"))?.unwrap_or_default();
            Ok(v2_controllers(&listed).intersection(held))
        }
    }
}

/// The line of `/proc/PID/cgroup` for a tree.
fn member_of<'members>(members: &'members [Member], tree: &Hierarchy) -> Option<&'members Member> {
    members.iter().find(|member| match tree.version {
        Version::V2 => member.controllers.is_empty(),
        Version::V1 => member
            .controllers
            .iter()
            .any(|name| Controller::from_name(name).is_some_and(|controller| tree.controllers.contains(controller))),
    })
}

/// Adds the paths below `path` that fit; looks only where one can.
fn collect(tree: &Hierarchy, pattern: &GroupPattern, path: String, into: &mut BTreeSet<String>) -> Result<(), Error> {
    if pattern.reaches_below(&path) {
        for child in tree.children(&path)?.unwrap_or_default() {
            let below = if path.is_empty() {
                child.name
            } else {
                format!("{path}/{}", child.name)
            };
            collect(tree, pattern, below, into)?;
        }
    }
    if pattern.fits(&path) {
        into.insert(path);
    }
    Ok(())
}

/// `path` without slashes around it, refused where it would leave the tree.
fn relative(path: &Path) -> Result<PathBuf, Error> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Error::Name {
                    name: path.display().to_string(),
                });
            }
        }
    }
    Ok(plain)
}

/// A process that ends while its file is read says `ESRCH`.
fn no_process(error: Error, pid: u32) -> Error {
    match &error {
        Error::Read { source, .. } if source.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Error::NoProcess { pid }
        }
        _ => error,
    }
}
