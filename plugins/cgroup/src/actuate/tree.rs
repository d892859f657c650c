//! CPUs of a group and of those below it, which version 1 keeps within it (cgroup-v1/cpusets.rst, 1.5), and its rule for
//! quotas.

use super::hold::{Hold, Line, record};
use super::subject::Turn;
use super::{put_back, unknown};
use crate::group;
use pipeline_cgroup_fs::{CpuSet, CpusetChange, Error, Knob, KnobKind, Setting, Version, plan_cpuset};
use pipeline_plugin_api::prelude::*;
use std::result::Result as Outcome;

impl Turn {
    /// Sets CPUs of a group and of those below it: parents are widened before children and narrowed after them, and
    /// every step is journalled for itself, so that each can be undone whatever came after it. A value on top of
    /// another is set from what was found.
    pub fn write_tree(
        &mut self,
        knob: &Knob,
        below: &[Knob],
        to: &Setting,
        hold: Hold,
        system: &System,
        target: TargetId,
    ) -> Result<Hold> {
        let failed = |error: Error| group::failure(target, &error);
        if self.hold.is_some() {
            self.let_go(knob, system, target)?;
        }
        let mut hold = Hold::of(knob.read().map_err(failed)?, hold.claim);
        let knobs: Vec<&Knob> = std::iter::once(knob).chain(below).collect();
        for write in plan_cpuset(&changes(&knobs, to).map_err(failed)?) {
            let Some(one) = knobs.iter().find(|one| one.directory().path == write.directory) else {
                continue;
            };
            match step(one, write.cpus, system, target) {
                Ok(line) => hold.lines.push(line),
                Err(failure) => {
                    put_back(&mut hold, knob, system, target)?;
                    return Err(failure);
                }
            }
        }
        hold.in_force = knob.read().map_err(failed)?;
        Ok(hold)
    }
}

/// The knobs below that must change with this one: none on version 2, which lets children say what they like.
///
/// A child whose quota is wider than its parent's is left to its owner, as what it has may be its own remedy.
///
/// # Errors
/// A quota that a child does not fit into; a file cannot be read.
pub fn below(knob: &Knob, to: &Setting) -> Outcome<Vec<Knob>, Error> {
    if knob.directory().version == Version::V2 {
        return Ok(Vec::new());
    }
    match to {
        Setting::Cpus(_) => {
            // On version 1 an empty set belongs to a group that nobody uses.
            let used = |knob: &Knob| !matches!(knob.read(), Ok(Setting::Cpus(cpus)) if cpus.is_empty());
            Ok(knob.below()?.into_iter().filter(used).collect())
        }
        Setting::Quota(wanted) => {
            let Some(wanted) = wanted.cpus() else {
                return Ok(Vec::new());
            };
            for child in knob.below()? {
                match child.read()? {
                    Setting::Quota(quota) if quota.cpus().is_some_and(|cpus| cpus > wanted) => {
                        return Err(Error::OutOfBounds {
                            path: knob.path(),
                            value: to.to_string(),
                            takes: "no less than a group below it has: version 1 lets no child have more than its \
                                    parent, so lower the child's `cpu.cfs_quota_us` first",
                        });
                    }
                    _ => {}
                }
            }
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

/// One journalled write of a cpuset.
fn step(knob: &Knob, cpus: CpuSet, system: &System, target: TargetId) -> Result<Line> {
    let failed = |error: Error| group::failure(target, &error);
    let setting = Setting::Cpus(cpus);
    let write = knob
        .prepare(&setting)
        .map_err(failed)?
        .pop()
        .ok_or_else(|| unknown(target))?;
    let mut line = record(system, KnobKind::Cpus, write)?;
    let written = knob.write(&setting).map_err(|error| {
        system.settle(line.record);
        failed(error)
    })?;
    if line.write.after != written.after {
        line.write.after = written.after;
        if let Err(failure) = system.amend(line.record, &line.write.after) {
            line.write.undo().map_err(failed)?;
            system.settle(line.record);
            return Err(failure);
        }
    }
    Ok(line)
}

/// What each of the groups is to have: the first one `to`, those below what of theirs lies in it, or all of it.
fn changes(knobs: &[&Knob], to: &Setting) -> Outcome<Vec<CpusetChange>, Error> {
    let mut changes = Vec::with_capacity(knobs.len());
    for (place, knob) in knobs.iter().enumerate() {
        let (Setting::Cpus(before), Setting::Cpus(to)) = (knob.read()?, to) else {
            continue;
        };
        let common = before.intersection(to);
        let after = if place == 0 || common.is_empty() {
            to.clone()
        } else {
            common
        };
        changes.push(CpusetChange {
            directory: knob.directory().path.clone(),
            before,
            after,
        });
    }
    Ok(changes)
}
