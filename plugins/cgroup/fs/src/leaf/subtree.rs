//! Which `cgroup.subtree_control` files must change before a leaf of version 2 has its controllers, and which must not.

use crate::group::Directory;
use crate::hierarchy::v2_controllers;
use crate::{Controller, ControllerSet, Error, Version, fs, parse};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// Controllers to switch on for the children of one group.
///
/// Its undo is not to write `before`, which the file does not take, but [`SubtreeChange::undo_text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtreeChange {
    /// The `cgroup.subtree_control` file.
    pub path: PathBuf,
    /// The inode of that file.
    pub inode: u64,
    /// What it says before.
    pub before: String,
    /// What is switched on.
    pub enable: ControllerSet,
}

/// What is possible under one parent.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) changes: Vec<SubtreeChange>,
    pub(super) refused: Vec<(Controller, String)>,
    pub(super) may_have_leaf: bool,
}

/// One group on the way from the mount down to the parent.
struct Step {
    path: PathBuf,
    inode: u64,
    before: String,
    offered: ControllerSet,
    passed_on: ControllerSet,
    obstacle: Option<String>,
    enable: ControllerSet,
}

impl SubtreeChange {
    /// What is written: `+cpu +memory`.
    pub fn text(&self) -> String {
        signed('+', self.enable)
    }

    /// What undoes it: `-cpu -memory`.
    pub fn undo_text(&self) -> String {
        signed('-', self.enable)
    }

    /// Switches off what was switched on. A group that is gone needs no undo.
    ///
    /// This takes the controllers from all children of the group, also from those that others made meanwhile.
    ///
    /// # Errors
    /// [`Error::Write`], with `EBUSY` while a child still passes a controller on to its own children.
    pub fn undo(&self) -> Result<(), Error> {
        match fs::inode(&self.path) {
            Ok(inode) if inode == self.inode => fs::write(&self.path, &self.undo_text(), hint),
            Ok(_) | Err(Error::Gone { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn enable_one(&self, controller: Controller) -> Result<(), Error> {
        fs::write(&self.path, &format!("+{controller}"), hint)
    }
}

/// Plans `wanted` for a leaf in `parent`, a directory of version 2.
pub(super) fn plan(parent: &Directory, wanted: ControllerSet) -> Result<Plan, Error> {
    let mut steps = chain(parent)?;
    let threaded = threaded(&parent.path)?;
    let mut plan = Plan {
        may_have_leaf: threaded.is_none(),
        ..Plan::default()
    };
    let listed = wanted.iter().filter(|controller| !controller.always_on_v2());
    for controller in listed {
        let refusal = threaded.clone().or_else(|| enable(&mut steps, controller).err());
        plan.refused.extend(refusal.map(|why| (controller, why)));
    }
    plan.changes = steps
        .into_iter()
        .filter(|step| !step.enable.is_empty())
        .map(Step::change)
        .collect();
    Ok(plan)
}

/// Marks every step that must pass `controller` on, or says which one may not.
fn enable(steps: &mut [Step], controller: Controller) -> Result<(), String> {
    let Some(top) = steps.first() else { return Ok(()) };
    if !top.offered.contains(controller) {
        return Err(format!(
            "`{}` does not offer `{controller}`",
            top.path.with_file_name("cgroup.controllers").display()
        ));
    }
    let missing = |step: &&mut Step| !step.passed_on.contains(controller);
    if let Some(obstacle) = steps.iter_mut().filter(missing).find_map(|step| step.obstacle.clone()) {
        return Err(obstacle);
    }
    steps
        .iter_mut()
        .filter(missing)
        .for_each(|step| step.enable.insert(controller));
    Ok(())
}

/// The groups from the mount down to `parent`, both included.
fn chain(parent: &Directory) -> Result<Vec<Step>, Error> {
    let mut paths: Vec<&Path> = parent
        .path
        .ancestors()
        .take_while(|path| path.starts_with(&parent.mount))
        .collect();
    paths.reverse();
    paths.into_iter().map(Step::read).collect()
}

impl Step {
    fn read(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("cgroup.subtree_control");
        let before = fs::read(&path)?;
        Ok(Self {
            inode: fs::inode(&path)?,
            offered: v2_controllers(&fs::read(&directory.join("cgroup.controllers"))?),
            passed_on: parse::words(&before).filter_map(Controller::from_name).collect(),
            obstacle: obstacle(directory)?,
            before: fs::text(&before),
            enable: ControllerSet::EMPTY,
            path,
        })
    }

    fn change(self) -> SubtreeChange {
        SubtreeChange {
            path: self.path,
            inode: self.inode,
            before: self.before,
            enable: self.enable,
        }
    }
}

/// Why a group may not pass controllers on to its children.
///
/// The kernel would allow the threaded ones (`cpu`, `cpuset`, `pids`) in a group with processes, but that makes it a
/// threaded domain, whose other children then take no processes; so this is an obstacle for all of them.
fn obstacle(directory: &Path) -> Result<Option<String>, Error> {
    if is_topmost_of_all(directory) {
        return Ok(None);
    }
    if let Some(threaded) = threaded(directory)? {
        return Ok(Some(threaded));
    }
    let processes = parse::ids(&fs::read(&directory.join("cgroup.procs"))?).len();
    Ok((processes > 0).then(|| {
        format!(
            "`{}` holds {processes} processes itself; move them into a child of it first",
            directory.display()
        )
    }))
}

/// Why a child of this group would be invalid and take no processes (cgroup-v2.rst, "Threads").
fn threaded(directory: &Path) -> Result<Option<String>, Error> {
    if is_topmost_of_all(directory) {
        return Ok(None);
    }
    let kind = fs::text(&fs::read_if_there(&directory.join("cgroup.type"))?.unwrap_or_default());
    let ordinary = kind.is_empty() || kind == "domain";
    Ok((!ordinary).then(|| {
        format!(
            "`{}` is `{kind}`, and a leaf there takes no processes",
            directory.display()
        )
    }))
}

/// The kernel's root group may do what no other may, and alone has no `cgroup.events`.
fn is_topmost_of_all(directory: &Path) -> bool {
    !directory.join("cgroup.events").exists()
}

fn signed(sign: char, controllers: ControllerSet) -> String {
    let words: Vec<_> = controllers
        .iter()
        .map(|controller| format!("{sign}{}", controller.name(Version::V2)))
        .collect();
    words.join(" ")
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::BUSY => "; the group has processes of its own, or a child of it still passes the controller on",
        Errno::NOENT => "; its `cgroup.controllers` does not list the controller",
        Errno::OPNOTSUPP => "; the group lies in a threaded subtree",
        Errno::ACCESS | Errno::PERM => "; run as root, or have the group delegated to this user",
        _ => "",
    }
}
