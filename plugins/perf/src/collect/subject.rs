//! Which of a target's groups or processes are counted.

use crate::config::{By, Cpus};
use crate::fs::Machine;
use crate::group::Place;
use crate::place::{self, Counting, Plan, Refused};
use pipeline_plugin_api::prelude::*;
use std::result::Result;

/// What is to be counted, as it was last told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    /// The directory that perf_event takes.
    directory: Option<CgroupDir>,
    directories: Vec<CgroupDir>,
    processes: Vec<Process>,
    cpus: Vec<u32>,
}

/// How subjects are counted.
#[derive(Clone, Debug)]
pub struct Ways {
    /// The way of counting.
    pub by: By,
    /// On which CPUs control groups are counted.
    pub cpus: Cpus,
    /// The CPUs that are on.
    pub online: Vec<u32>,
    /// Where threads are looked up.
    pub machine: Machine,
}

impl Subject {
    /// Of a target. The controller `perf_event` has a tree of its own on version 1 where that is mounted, and is in the
    /// version 2 tree otherwise.
    pub fn of(target: &Target) -> Self {
        let find = |name: &str| target.cgroups.iter().find(|dir| dir.controller == name).cloned();
        Self {
            directory: find("perf_event").or_else(|| find("unified")),
            directories: target.cgroups.to_vec(),
            processes: target.processes.to_vec(),
            cpus: target.cpus.to_vec(),
        }
    }

    /// Whether it is counted at the same places as another, so that at most its processes differ.
    pub fn has_same_place(&self, other: &Self, ways: &Ways) -> bool {
        self.directories == other.directories && self.cpus(ways) == other.cpus(ways)
    }

    /// How many descriptors it will take.
    pub fn cost(&self, ways: &Ways, plan: &Plan) -> usize {
        let places = match ways.by {
            By::Process => self.threads(ways),
            By::Auto if self.directory.is_none() => self.threads(ways),
            _ => self.cpus(ways).len(),
        };
        places.max(1) * plan.layout.width()
    }

    /// Begins to count it.
    ///
    /// # Errors
    /// It has nothing that can be counted this way.
    pub fn open(&self, ways: &Ways, plan: &Plan) -> Result<Counting, Refused> {
        match (ways.by, &self.directory) {
            (By::Cpu | By::System, _) => Counting::cpus(&self.cpus(ways), plan),
            (By::Process, _) | (By::Auto, None) => self.by_process(ways, plan),
            (By::Cgroup, Some(directory)) => Counting::cgroup(directory, &self.cpus(ways), plan),
            (By::Cgroup, None) => Err(Refused {
                reason: Reason::UNSUPPORTED,
                why: "it has no control group that perf_event takes; count it with `by: Process`, or mount one with \
                      `mount -t cgroup2 none /sys/fs/cgroup`"
                    .into(),
            }),
            (By::Auto, Some(directory)) => match Counting::cgroup(directory, &self.cpus(ways), plan) {
                Err(refused) if refused.reason == Reason::UNKNOWN && !self.processes.is_empty() => {
                    self.by_process(ways, plan)
                }
                answer => answer,
            },
        }
    }

    /// Gives each place at which it is sampled: its control group on each CPU, else each of its threads.
    ///
    /// # Errors
    /// It has neither, or `each` fails; a thread that has ended meanwhile is left out.
    pub fn places(&self, ways: &Ways, mut each: impl FnMut(Place<'_>) -> Result<(), Refused>) -> Result<(), Refused> {
        if let Some(directory) = &self.directory {
            let file = place::directory(directory)?;
            return self
                .cpus(ways)
                .into_iter()
                .try_for_each(|cpu| each(Place::Cgroup(&file, cpu)));
        }
        let pids = self.pids(&ways.machine);
        let threads: Vec<u32> = pids
            .iter()
            .flat_map(|pid| ways.machine.threads(*pid).unwrap_or_default())
            .collect();
        if threads.is_empty() {
            return Err(Refused {
                reason: Reason::VANISHED,
                why: "none of its processes is there".into(),
            });
        }
        for thread in threads {
            match each(Place::Thread(thread)) {
                Err(refused) if refused.reason != Reason::VANISHED => return Err(refused),
                _ => {}
            }
        }
        Ok(())
    }

    /// The processes that are there now: those told, and those in its group.
    pub fn pids(&self, machine: &Machine) -> Vec<u32> {
        let is_there = |process: &&Process| {
            let stat = machine.stat(process.pid);
            stat.is_some_and(|stat| process.start_time == 0 || stat.start_time == process.start_time)
        };
        let told = self.processes.iter().filter(is_there).map(|process| process.pid);
        let members = self.directories.first().map(|dir| machine.members(&dir.path));
        let mut pids: Vec<u32> = told.chain(members.into_iter().flatten()).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    fn by_process(&self, ways: &Ways, plan: &Plan) -> Result<Counting, Refused> {
        if self.processes.is_empty() && self.directories.is_empty() {
            return Err(Refused {
                reason: Reason::UNSUPPORTED,
                why: "it has neither processes nor a control group".into(),
            });
        }
        Counting::processes(&self.pids(&ways.machine), &ways.machine, plan)
    }

    fn threads(&self, ways: &Ways) -> usize {
        let pids = self.pids(&ways.machine);
        pids.iter()
            .map(|pid| ways.machine.threads(*pid).map_or(1, |threads| threads.len()))
            .sum()
    }

    fn cpus(&self, ways: &Ways) -> Vec<u32> {
        let only_its = ways.by == By::Cpu || ways.cpus == Cpus::Allowed;
        let may = |cpu: &&u32| !only_its || self.cpus.is_empty() || self.cpus.contains(cpu);
        ways.online.iter().filter(may).copied().collect()
    }
}
