//! The group `pipeline-RUN` that holds the leaves of all commands of a run, made by the first and removed by the last.
//!
//! One table for the process, since the nodes that share a group know nothing of each other.

use super::error::Error;
use super::leaf::record::{self, Recorded};
use pipeline_cgroup_fs::{ControllerSet, Group, Hierarchies, Leaf, SubtreeChange};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::result::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By the run's name.
static PARENTS: Mutex<BTreeMap<String, Parent>> = Mutex::new(BTreeMap::new());

struct Parent {
    made: Recorded,
    /// The journal in which the records stand: that of the node that made the group.
    system: System,
    users: usize,
}

/// A share in a run's group. Whoever takes one gives it back with [`Share::leave`].
#[derive(Debug)]
pub struct Share {
    run: String,
    group: Group,
}

impl Share {
    /// Makes the group, or takes a share in it.
    ///
    /// # Errors
    /// No group can be made here; [`Error::Journal`].
    pub fn take(hierarchies: &Hierarchies, run: &str, system: &System) -> Result<Self, Error> {
        let mut parents = parents();
        // One that is gone was undone from the journal when the node that made it died; it is made anew.
        if let Some(parent) = parents.get_mut(run).filter(|parent| parent.made.group.check().is_ok()) {
            parent.users += 1;
            return Ok(Self {
                run: run.to_owned(),
                group: parent.made.group.clone(),
            });
        }
        let parent = Parent {
            made: make(hierarchies, &format!("pipeline-{run}"), system)?,
            system: system.clone(),
            users: 1,
        };
        let group = parent.made.group.clone();
        parents.insert(run.to_owned(), parent);
        Ok(Self {
            run: run.to_owned(),
            group,
        })
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Gives the share back; the last one removes the group and switches off what was switched on for it.
    ///
    /// # Errors
    /// Something of it is left; its undo records then stay.
    pub fn leave(self) -> Result<(), Error> {
        let mut parents = parents();
        // The one that this was a share in may be gone, and another in its place.
        let ours = |parent: &&mut Parent| parent.made.group == self.group;
        let Some(parent) = parents.get_mut(&self.run).filter(ours) else {
            return Ok(());
        };
        parent.users -= 1;
        if parent.users > 0 {
            return Ok(());
        }
        parents.remove(&self.run).map_or(Ok(()), Parent::remove)
    }
}

impl Parent {
    fn remove(self) -> Result<(), Error> {
        self.made.group.remove()?;
        self.made.changes.iter().rev().try_for_each(SubtreeChange::undo)?;
        self.made
            .records
            .into_iter()
            .for_each(|record| self.system.settle(record));
        Ok(())
    }
}

/// Plans a group where it gets most controllers: beside the run's own processes, so that limits above them stay in
/// force, or topmost, where a group with processes of its own could pass none on (cgroup-v2.rst, "No Internal Process
/// Constraint").
///
/// # Errors
/// Groups cannot be read here.
pub fn plan(hierarchies: &Hierarchies, name: &str) -> Result<Vec<Leaf>, pipeline_cgroup_fs::Error> {
    let at = |parent: Result<Group, _>| Leaf::plan(&parent?, name, ControllerSet::ALL);
    let own = at(Group::of_pid(hierarchies, std::process::id()));
    let top = at(Group::at(hierarchies, ""));
    let mut plans = match (own, top) {
        (Err(error), Err(_)) => return Err(error),
        (own, top) => [own, top].into_iter().flatten().collect::<Vec<_>>(),
    };
    plans.sort_by_key(|plan| plan.refused().len());
    Ok(plans)
}

/// Makes the first planned group that can be made. A name that is taken, as by a run that crashed, gets this process's
/// number behind it: a group of someone else is never used.
fn make(hierarchies: &Hierarchies, name: &str, system: &System) -> Result<Recorded, Error> {
    let names = [name.to_owned(), format!("{name}-{}", std::process::id())];
    let mut refusal = None;
    for name in &names {
        for plan in plan(hierarchies, name)? {
            match record::make(plan, false, system) {
                Ok(made) => return Ok(made),
                Err(error) => refusal = Some(error),
            }
        }
        if !refusal.as_ref().is_some_and(is_taken) {
            break;
        }
    }
    let nothing = || pipeline_cgroup_fs::Error::NoGroup { group: name.to_owned() }.into();
    Err(refusal.unwrap_or_else(nothing))
}

fn is_taken(error: &Error) -> bool {
    matches!(error, Error::Cgroup(error) if record::is_taken(error))
}

fn parents() -> MutexGuard<'static, BTreeMap<String, Parent>> {
    PARENTS.lock().unwrap_or_else(PoisonError::into_inner)
}
