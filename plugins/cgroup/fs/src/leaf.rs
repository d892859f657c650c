//! A leaf of our own under a parent, in every tree where it may: first planned, so that it can be journalled, then made.

mod cpuset;
mod subtree;

pub use subtree::SubtreeChange;

use crate::group::{Directory, enabled};
use crate::{Controller, ControllerSet, Error, Group, Version, fs};
use std::fs as std_fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A planned leaf; nothing has been written yet.
#[derive(Clone, Debug)]
pub struct Leaf {
    path: PathBuf,
    name: String,
    places: Vec<Place>,
    wanted: ControllerSet,
    changes: Vec<SubtreeChange>,
    refused: Vec<(Controller, String)>,
}

/// A leaf that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The leaf, which [`Group::remove`] can remove.
    pub group: Group,
    /// What was switched on above it, in the order of writing; undo from the last one, after the leaf is removed.
    pub changes: Vec<SubtreeChange>,
    /// Which of the wanted controllers it lacks, and why.
    pub refused: Vec<(Controller, String)>,
}

/// A directory in which to make one, and the controllers that tree may give.
#[derive(Clone, Debug)]
struct Place {
    parent: Directory,
    held: ControllerSet,
}

impl Leaf {
    /// Plans the leaf `name` under `parent` with the controllers `wanted`.
    ///
    /// On version 1 that is a directory in each tree that holds one of them. On version 2 it is one directory,
    /// made even if no controller is wanted (for pressure and `cgroup.freeze`); missing controllers are switched on
    /// in `cgroup.subtree_control` from the mount down to `parent`, except where that would break the rule that a
    /// group with processes of its own has no controllers for children (cgroup-v2.rst, "No Internal Process
    /// Constraint"). A refusal is no error: it stands in [`Leaf::refused`].
    ///
    /// # Errors
    /// [`Error::Name`] if `name` is no single component, [`Error::Gone`], [`Error::Read`].
    pub fn plan(parent: &Group, name: &str, wanted: ControllerSet) -> Result<Self, Error> {
        check_name(name)?;
        parent.check()?;
        let mut leaf = Self {
            path: parent.path.join(name),
            name: name.into(),
            places: Vec::new(),
            wanted,
            changes: Vec::new(),
            refused: Vec::new(),
        };
        leaf.plan_v1(parent);
        leaf.plan_v2(parent)?;
        Ok(leaf)
    }

    /// The directories that will be made.
    pub fn directories(&self) -> impl Iterator<Item = PathBuf> {
        self.places.iter().map(|place| place.parent.path.join(&self.name))
    }

    /// What will be switched on above the leaf, in the order of writing.
    pub fn subtree_changes(&self) -> &[SubtreeChange] {
        &self.changes
    }

    /// Which of the wanted controllers it will lack for sure, and why.
    pub fn refused(&self) -> &[(Controller, String)] {
        &self.refused
    }

    /// Makes the leaf. On version 1 its `cpuset.cpus` and `cpuset.mems` are copied from the parent, since no
    /// process can enter while one is empty.
    ///
    /// A tree that refuses is told in [`Made::refused`], as long as another one accepts.
    ///
    /// # Errors
    /// [`Error::Make`] if no tree accepts, or if the name is taken in one: a group of someone else is never used.
    /// What had been changed is taken back then. [`Error::NoGroup`] if no tree holds what was wanted.
    pub fn make(self) -> Result<Made, Error> {
        let group = Group {
            path: self.path,
            directories: Vec::new(),
        };
        let mut made = Made {
            group,
            changes: Vec::new(),
            refused: self.refused,
        };
        self.changes.into_iter().for_each(|change| made.switch_on(change));
        let mut refusal = Error::NoGroup {
            group: made.group.path.display().to_string(),
        };
        for place in &self.places {
            match place.make(&self.name) {
                Ok(directory) => made.group.directories.push(directory),
                Err(error) if is_taken(&error) => return Err(made.take_back(error)),
                Err(error) => {
                    made.refuse(place.held.intersection(self.wanted), &error);
                    refusal = error;
                }
            }
        }
        if made.group.directories.is_empty() {
            return Err(made.take_back(refusal));
        }
        made.note_missing(self.wanted);
        Ok(made)
    }

    fn plan_v1(&mut self, parent: &Group) {
        let trees = parent
            .directories
            .iter()
            .filter(|directory| directory.version == Version::V1);
        let useful = trees.filter(|directory| !directory.controllers.intersection(self.wanted).is_empty());
        self.places.extend(useful.map(|directory| Place {
            parent: directory.clone(),
            held: directory.controllers,
        }));
    }

    fn plan_v2(&mut self, parent: &Group) -> Result<(), Error> {
        let Some(directory) = parent.unified() else {
            return Ok(());
        };
        let v1 = parent.directories.iter().filter(|other| other.version == Version::V1);
        let held = ControllerSet::ALL.difference(v1.flat_map(|other| other.controllers.iter()).collect());
        let plan = subtree::plan(directory, self.wanted.intersection(held))?;
        self.changes = plan.changes;
        self.refused.extend(plan.refused);
        if plan.may_have_leaf {
            self.places.push(Place {
                parent: directory.clone(),
                held,
            });
        }
        Ok(())
    }
}

impl Place {
    fn make(&self, name: &str) -> Result<Directory, Error> {
        let path = self.parent.path.join(name);
        std_fs::create_dir(&path).map_err(|source| Error::Make {
            path: path.clone(),
            source,
        })?;
        self.furnish(&path).map_err(|error| match std_fs::remove_dir(&path) {
            Err(source) if !fs::is_absence(&source) => Error::Remove { path, tries: 1, source },
            _ => error,
        })
    }

    fn furnish(&self, path: &Path) -> Result<Directory, Error> {
        let version = self.parent.version;
        let controllers = enabled(version, self.held, path)?;
        if version == Version::V1 && controllers.contains(Controller::Cpuset) {
            cpuset::inherit(&self.parent.path, path)?;
        }
        let (inode, mount) = (fs::inode(path)?, self.parent.mount.clone());
        Ok(Directory {
            path: path.into(),
            inode,
            version,
            controllers,
            mount,
            made: true,
        })
    }
}

impl Made {
    /// One controller a write, since a write of several is refused as a whole.
    fn switch_on(&mut self, mut change: SubtreeChange) {
        for controller in change.enable.iter() {
            if let Err(error) = change.enable_one(controller) {
                change.enable.remove(controller);
                self.refuse([controller].into_iter().collect(), &error);
            }
        }
        if !change.enable.is_empty() {
            self.changes.push(change);
        }
    }

    fn refuse(&mut self, controllers: ControllerSet, error: &Error) {
        let why = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        self.refused
            .extend(controllers.iter().map(|controller| (controller, why.clone())));
    }

    fn note_missing(&mut self, wanted: ControllerSet) {
        let told: ControllerSet = self.refused.iter().map(|(controller, _)| *controller).collect();
        for controller in wanted.difference(self.group.controllers()).difference(told).iter() {
            self.refused
                .push((controller, format!("no directory of the parent offers `{controller}`")));
        }
    }

    /// Takes everything back; the error is `cause`, or what went wrong here, which is worse.
    fn take_back(self, cause: Error) -> Error {
        let removed = self
            .group
            .directories
            .iter()
            .rev()
            .map(Directory::remove)
            .fold(Ok(()), Result::and);
        let undone = self
            .changes
            .iter()
            .rev()
            .map(SubtreeChange::undo)
            .fold(Ok(()), Result::and);
        removed.and(undone).err().unwrap_or(cause)
    }
}

fn is_taken(error: &Error) -> bool {
    matches!(error, Error::Make { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
}

fn check_name(name: &str) -> Result<(), Error> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name && !name.contains('\n') => Ok(()),
        _ => Err(Error::Name { name: name.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_component() {
        for wrong in ["", ".", "..", "a/b", "/a", "a/", "a\nb"] {
            assert!(check_name(wrong).is_err(), "{wrong:?}");
        }
        assert!(check_name("batch-1").is_ok());
    }
}
