//! Where one target is counted: its control group on each CPU, its threads, or CPUs as they are; opened, read and closed.

use crate::fs::Machine;
use crate::group::{Counts, Group, Place, Rules};
use crate::layout::Layout;
use crate::scale::Sum;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

/// What is the same for all targets of a node.
#[derive(Debug)]
pub struct Plan {
    /// The groups of each place.
    pub layout: Layout,
    /// What holds for all groups.
    pub rules: Rules,
    /// How many events there are.
    pub events: usize,
}

/// The open groups of one target.
#[derive(Debug, Default)]
pub struct Counting {
    units: Vec<Unit>,
    /// Processes whose threads are counted, and whose new ones are counted with them.
    processes: BTreeSet<u32>,
}

/// The groups at one place.
#[derive(Debug)]
struct Unit {
    cpu: Option<u32>,
    groups: Vec<(usize, Group, Counts)>,
}

/// Why a target cannot be counted.
#[derive(Debug)]
pub struct Refused {
    /// For the readings.
    pub reason: Reason,
    /// For people.
    pub why: String,
}

type Result<T> = std::result::Result<T, Refused>;

impl Counting {
    /// Counts a control group on those CPUs. `directory` must still be the one that was told.
    ///
    /// # Errors
    /// It is gone, or cannot be counted.
    pub fn cgroup(directory: &CgroupDir, cpus: &[u32], plan: &Plan) -> Result<Self> {
        let file = self::directory(directory)?;
        Self::on(cpus, plan, |cpu| Place::Cgroup(&file, cpu))
    }

    /// Counts CPUs, whoever runs there.
    ///
    /// # Errors
    /// They cannot be counted.
    pub fn cpus(cpus: &[u32], plan: &Plan) -> Result<Self> {
        Self::on(cpus, plan, Place::Cpu)
    }

    fn on<'a>(cpus: &[u32], plan: &Plan, place: impl Fn(u32) -> Place<'a>) -> Result<Self> {
        let mut counting = Self::default();
        for cpu in cpus {
            match Unit::open(Some(*cpu), place(*cpu), plan) {
                Ok(unit) => counting.units.push(unit),
                // It went off meanwhile.
                Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => {}
                Err(error) => return Err(refused(&error)),
            }
        }
        Ok(counting)
    }

    /// Counts all threads of some processes, and all threads and processes that these will make. Repeated until no
    /// thread came while they were opened, since one that came then may be counted twice or not at all.
    ///
    /// # Errors
    /// None is there any more, or they cannot be counted.
    pub fn processes(pids: &[u32], machine: &Machine, plan: &Plan) -> Result<Self> {
        const PASSES: usize = 8;
        let threads = || -> BTreeSet<u32> {
            pids.iter()
                .flat_map(|pid| machine.threads(*pid).unwrap_or_default())
                .collect()
        };
        let mut counting = Self::default();
        for _ in 0..PASSES {
            let before = threads();
            if before.is_empty() {
                return Err(vanished("none of its processes is there any more"));
            }
            counting.units.clear();
            for thread in &before {
                match Unit::open(None, Place::Thread(*thread), plan) {
                    Ok(unit) => counting.units.push(unit),
                    Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {}
                    Err(error) => return Err(refused(&error)),
                }
            }
            if threads().is_subset(&before) {
                break;
            }
        }
        counting.processes = pids.iter().copied().collect();
        Ok(counting)
    }

    /// Takes in processes that belong to the target now. Children of those that are counted are counted already.
    ///
    /// # Errors
    /// They cannot be counted.
    pub fn adopt(&mut self, pids: &[u32], machine: &Machine, plan: &Plan) -> Result<()> {
        let strangers: Vec<u32> = pids
            .iter()
            .copied()
            .filter(|pid| !self.descends(*pid, machine))
            .collect();
        self.processes.extend(pids);
        if strangers.is_empty() {
            return Ok(());
        }
        match Self::processes(&strangers, machine, plan) {
            Ok(more) => self.units.extend(more.units),
            Err(error) if error.reason == Reason::VANISHED => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn descends(&self, pid: u32, machine: &Machine) -> bool {
        const DEEPEST: usize = 64;
        let parent = |pid: &u32| machine.stat(*pid).map(|stat| stat.parent).filter(|parent| *parent > 1);
        std::iter::successors(Some(pid), parent)
            .take(DEEPEST)
            .any(|pid| self.processes.contains(&pid))
    }

    /// Whether threads are counted.
    pub fn is_by_process(&self) -> bool {
        !self.processes.is_empty()
    }

    /// How many descriptors it has.
    pub fn descriptors(&self) -> usize {
        self.units
            .iter()
            .flat_map(|unit| &unit.groups)
            .map(|(_, group, _)| group.len())
            .sum()
    }

    /// Reads all groups and adds what was added since the last time: into `whole`, and into `part` for each CPU by
    /// itself, which `each` is then given. Nothing is allocated.
    ///
    /// # Errors
    /// The kernel's; the counting is of no use then.
    pub fn read(
        &mut self,
        whole: &mut [Sum],
        part: &mut [Sum],
        plan: &Plan,
        mut each: impl FnMut(u32, &[Sum]),
    ) -> io::Result<()> {
        for unit in &mut self.units {
            part.fill(Sum::default());
            for (index, group, before) in &mut unit.groups {
                let events = &plan.layout.groups[*index].events;
                match group.read()? {
                    Some(after) => {
                        for (slot, event) in events.iter().enumerate() {
                            part[*event].add((before, before.values()[slot]), (&after, after.values()[slot]));
                        }
                        *before = after;
                    }
                    None => events.iter().for_each(|event| part[*event].fail()),
                }
            }
            for (whole, part) in whole.iter_mut().zip(part.iter()) {
                whole.absorb(part);
            }
            if let Some(cpu) = unit.cpu {
                each(cpu, part);
            }
        }
        Ok(())
    }
}

impl Unit {
    fn open(cpu: Option<u32>, place: Place<'_>, plan: &Plan) -> io::Result<Self> {
        let is_here = |cpus: &Option<Vec<u32>>| match (cpus, cpu) {
            (Some(cpus), Some(cpu)) => cpus.contains(&cpu),
            _ => true,
        };
        let groups = plan
            .layout
            .groups
            .iter()
            .enumerate()
            .filter(|(_, group)| is_here(&group.cpus));
        let open = |(index, group): (usize, &crate::layout::Plan)| {
            let opened = Group::open(&group.codes, place, plan.rules)?;
            Ok((index, opened, Counts::zero(group.codes.len())))
        };
        Ok(Self {
            cpu,
            groups: groups.map(open).collect::<io::Result<_>>()?,
        })
    }
}

/// Opens a control group's directory, which must still be the one that was told.
///
/// # Errors
/// It is gone.
pub fn directory(told: &CgroupDir) -> Result<File> {
    let file = File::open(told.path.as_str()).map_err(|error| refused(&error))?;
    let inode = file.metadata().map_err(|error| refused(&error))?.ino();
    if told.inode != 0 && inode != told.inode {
        return Err(vanished("its control group was removed and made again"));
    }
    Ok(file)
}

fn vanished(why: &str) -> Refused {
    Refused {
        reason: Reason::VANISHED,
        why: why.to_owned(),
    }
}

/// What kept a target from being counted.
pub fn refused(error: &io::Error) -> Refused {
    let (reason, help) = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT | Errno::SRCH) => (Reason::VANISHED, ""),
        Some(Errno::ACCESS | Errno::PERM) => (
            Reason::FORBIDDEN,
            "; run with CAP_PERFMON, as by `sudo pipeline run GRAPH`, or lower `sysctl kernel.perf_event_paranoid`",
        ),
        Some(Errno::MFILE | Errno::NFILE) => (Reason::UNKNOWN, "; raise `ulimit -n`, or count fewer events or targets"),
        _ => (Reason::UNKNOWN, ""),
    };
    Refused {
        reason,
        why: format!("it cannot be counted: {error}{help}"),
    }
}
