//! Where each controller is mounted, in which version. Groups inside the trees are `group`'s business.

use crate::parse::{self, Mount};
use crate::{Controller, ControllerSet, Error, Version, fs};
use std::path::{Path, PathBuf};

/// Which versions hold the controllers of [`Controller`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only version 1 trees.
    V1,
    /// Only the version 2 tree.
    V2,
    /// Version 1 trees with controllers, and the version 2 tree beside them.
    Hybrid,
    /// No control groups in sight.
    None,
}

/// One mounted tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Which interface it speaks.
    pub version: Version,
    /// The directory where it is mounted.
    pub point: PathBuf,
    /// Which group of the tree is seen there; `/` unless in a container.
    pub root: PathBuf,
    /// The controllers it holds. Version 2: those its topmost group offers, and those that are always on.
    pub controllers: ControllerSet,
}

/// All mounted trees that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchies {
    file_root: PathBuf,
    trees: Vec<Hierarchy>,
}

impl Hierarchies {
    /// Finds the trees from `file_root/proc/self/mountinfo`; `file_root` is `/`, or a test's folder.
    ///
    /// Version 1 trees without one of our controllers (`name=systemd`, `devices`) are ignored. Of two mounts of
    /// one tree the one that shows more of it is taken; of two on one point the later, which hides the other.
    ///
    /// # Errors
    /// [`Error::Read`] where `/proc` or the version 2 tree cannot be read.
    pub fn discover(file_root: impl AsRef<Path>) -> Result<Self, Error> {
        let file_root = file_root.as_ref();
        let text = fs::read(&file_root.join("proc/self/mountinfo"))?;
        let mut trees: Vec<Hierarchy> = Vec::new();
        for mount in visible(parse::mounts(&text)) {
            if let Some(tree) = tree_of(file_root, mount)? {
                keep_wider(&mut trees, tree);
            }
        }
        take_from_v2_what_v1_holds(&mut trees);
        Ok(Self {
            file_root: file_root.into(),
            trees,
        })
    }

    /// Which versions are in use.
    pub fn mode(&self) -> Mode {
        let has = |version| self.trees.iter().any(|tree| tree.version == version);
        match (has(Version::V1), has(Version::V2)) {
            (true, true) => Mode::Hybrid,
            (true, false) => Mode::V1,
            (false, true) => Mode::V2,
            (false, false) => Mode::None,
        }
    }

    /// The trees, in the order in which they were mounted.
    pub fn trees(&self) -> &[Hierarchy] {
        &self.trees
    }

    /// The tree that holds `controller`.
    pub fn tree(&self, controller: Controller) -> Option<&Hierarchy> {
        self.trees.iter().find(|tree| tree.controllers.contains(controller))
    }

    /// The version 2 tree, with or without controllers.
    pub fn unified(&self) -> Option<&Hierarchy> {
        self.trees.iter().find(|tree| tree.version == Version::V2)
    }

    /// The version 2 tree if its groups have pressure files, which also work where version 1 holds all controllers.
    ///
    /// `None` where the kernel was built or booted without PSI (`psi=1` turns it on).
    pub fn pressure(&self) -> Option<&Hierarchy> {
        self.unified().filter(|_| self.system_pressure().is_dir())
    }

    /// The folder of the whole system's pressure files, there or not.
    pub(crate) fn system_pressure(&self) -> PathBuf {
        self.file_root.join("proc/pressure")
    }

    /// The file that tells the groups of a process, there or not.
    pub(crate) fn membership(&self, pid: u32) -> PathBuf {
        self.file_root.join(format!("proc/{pid}/cgroup"))
    }
}

impl Hierarchy {
    /// The directory of the group at `path`, as `/proc/PID/cgroup` prints it; `None` if it lies outside the mount.
    pub(crate) fn directory_of(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(&self.root).ok()?;
        let plain = inside
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        plain.then(|| self.point.join(inside))
    }
}

/// Drops mounts that a later one on the same point hides.
fn visible(mounts: Vec<Mount>) -> Vec<Mount> {
    let mut kept: Vec<Mount> = Vec::with_capacity(mounts.len());
    for mount in mounts {
        kept.retain(|earlier| earlier.point != mount.point);
        kept.push(mount);
    }
    kept
}

fn tree_of(file_root: &Path, mount: Mount) -> Result<Option<Hierarchy>, Error> {
    let point = file_root.join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
    let controllers = match mount.version {
        Version::V1 => mount
            .options
            .iter()
            .filter_map(|word| Controller::from_name(word))
            .collect(),
        Version::V2 => match fs::read_if_there(&point.join("cgroup.controllers"))? {
            Some(bytes) => v2_controllers(&bytes),
            None => return Ok(None),
        },
    };
    let useful = mount.version == Version::V2 || !controllers.is_empty();
    Ok(useful.then_some(Hierarchy {
        version: mount.version,
        point,
        root: mount.root,
        controllers,
    }))
}

/// What a `cgroup.controllers` text lists, with those that are always on.
pub(crate) fn v2_controllers(bytes: &[u8]) -> ControllerSet {
    let listed = parse::words(bytes).filter_map(Controller::from_name);
    listed
        .chain(
            Controller::ALL
                .into_iter()
                .filter(|controller| controller.always_on_v2()),
        )
        .collect()
}

fn keep_wider(trees: &mut Vec<Hierarchy>, tree: Hierarchy) {
    let same = |other: &Hierarchy| {
        other.version == tree.version && (tree.version == Version::V2 || other.controllers == tree.controllers)
    };
    match trees.iter_mut().find(|other| same(other)) {
        Some(other) if tree.root.components().count() < other.root.components().count() => *other = tree,
        Some(_) => {}
        None => trees.push(tree),
    }
}

/// A controller that version 1 holds is not version 2's, even if version 2 has its file.
fn take_from_v2_what_v1_holds(trees: &mut [Hierarchy]) {
    let held: ControllerSet = trees
        .iter()
        .filter(|tree| tree.version == Version::V1)
        .flat_map(|tree| tree.controllers.iter())
        .collect();
    for tree in trees.iter_mut().filter(|tree| tree.version == Version::V2) {
        tree.controllers = tree.controllers.difference(held);
    }
}
