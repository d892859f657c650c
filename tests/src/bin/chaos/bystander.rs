//! A group with a process in it that the driver makes and the pipeline does not: what is turned there must be put back,
//! where the groups of the pipeline's own commands simply go.

use pipeline_cgroup_fs::{
    ControllerSet, Group, Hierarchies, Knob, KnobKind, Leaf, Made, Quota, Setting, SubtreeChange,
};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::error::Error;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// The group, until it is dropped.
pub struct Bystander {
    name: String,
    made: Made,
    process: Child,
}

impl Bystander {
    /// Makes the group with a weight and a quota that are not the kernel's own, and starts a process in it.
    ///
    /// # Errors
    /// No group can be made here.
    pub fn make() -> Result<Self, Box<dyn Error>> {
        let name = format!("chaos-{}", std::process::id());
        let trees = Hierarchies::discover("/")?;
        let made = Leaf::plan(&Group::at(&trees, "")?, &name, ControllerSet::ALL)?.make()?;
        let process = Command::new("sleep").arg("1000000").stdin(Stdio::null()).spawn();
        let bystander = match process {
            Ok(process) => Self { name, made, process },
            Err(error) => {
                take_away(&made);
                return Err(error.into());
            }
        };
        bystander.made.group.attach(bystander.pid())?;
        Ok(bystander)
    }

    /// Gives it its weight, its quota and all CPUs, whatever a round before left of them.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn settle_in(&self) -> Result<(), Box<dyn Error>> {
        for (kind, setting) in [
            (KnobKind::Weight, Setting::Weight(250)),
            (KnobKind::Quota, Setting::Quota(Quota::of_cpus(1.5))),
        ] {
            // Where the machine has no such knob there is nothing to put back.
            if let Ok(knob) = Knob::open(&self.made.group, kind) {
                knob.write(&setting)?;
            }
        }
        let mut all = CpuSet::new();
        (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
        Ok(sched_setaffinity(Some(Pid::from_child(&self.process)), &all)?)
    }

    /// The name of its group, which lies topmost in every tree.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // A group that was left frozen would keep its process.
        if let Ok(knob) = Knob::open(&self.made.group, KnobKind::Freeze) {
            let _ = knob.write(&Setting::Frozen(false));
        }
        // Both fail only where it ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        take_away(&self.made);
    }
}

fn take_away(made: &Made) {
    let removed = made.group.remove();
    let undone = made.changes.iter().rev().try_for_each(SubtreeChange::undo);
    if let Err(error) = removed.and(undone) {
        // Where even this cannot be written, there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "chaos: {error}");
    }
}
