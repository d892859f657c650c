//! What one workload asks of the machine at one moment: its scenario with phases, noise and settings applied. What it gets
//! is in `solve`.

use crate::cpus::Cpus;
use crate::curve::Curve;
use crate::knob::Settings;
use crate::machine::{LINE, Machine};
use crate::scenario::{Phase, Work, Workload};
use pipeline_plugin_api::abi::Nanos;

/// What a workload does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Task {
    /// Answers requests.
    Service {
        /// Requests a second.
        rate: f64,
        /// Instructions of each.
        instructions: f64,
        /// Spread of their number.
        spread: f64,
        /// Time besides, in ns.
        floor_ns: f64,
        /// Bytes of each from the block device.
        io: f64,
        /// Longest wait in ns.
        timeout_ns: f64,
    },
    /// Computes.
    Batch {
        /// CPUs that its threads want.
        cpus: f64,
        /// Bytes a second from and to the block device.
        io: f64,
    },
}

/// What a workload asks of the machine.
#[derive(Clone, Debug)]
pub struct Demand {
    /// What it does now.
    pub task: Task,
    /// Its CPUs, with the share of its work that is done there.
    pub cpus: Vec<(usize, f64)>,
    /// Where it may run.
    pub allowed: Cpus,
    /// Most CPUs that it can use at a time.
    pub threads: f64,
    /// How it stands.
    pub settings: Settings,
    /// Cycles per instruction with a core of its own and all data in the last-level cache.
    pub core_cpi: f64,
    /// Cycles that a miss adds at the idle latency.
    pub penalty: f64,
    /// Bytes moved for each miss.
    pub line: f64,
    /// Misses and accesses, so many times those of its nature.
    pub miss_factor: f64,
    /// Data, so many times that of its nature.
    pub footprint: f64,
    /// Accesses of the last-level cache per 1000 instructions.
    pub accesses: f64,
    /// What it loses to a sibling of pressure 1.
    pub sensitivity: f64,
    /// What it takes from a sibling.
    pub pressure: f64,
    curve: Curve,
}

impl Demand {
    /// What a workload asks for under those settings, before a placement and a moment are known.
    pub fn new(machine: &Machine, workload: &Workload, settings: Settings) -> Self {
        let nature = &workload.nature;
        let mut demand = Self {
            task: Task::Batch { cpus: 0.0, io: 0.0 },
            cpus: Vec::new(),
            allowed: Cpus::default(),
            threads: 1.0,
            settings,
            core_cpi: 1.0 / nature.ipc,
            penalty: machine.memory_ns * machine.ghz / nature.overlap,
            line: LINE * (1.0 + nature.writes),
            miss_factor: 1.0,
            footprint: 1.0,
            accesses: nature.accesses,
            sensitivity: nature.sensitivity,
            pressure: nature.pressure,
            curve: nature.misses.clone(),
        };
        demand.settle(machine, workload);
        demand
    }

    /// Follows settings that were turned.
    pub fn settle(&mut self, machine: &Machine, workload: &Workload) {
        self.allowed = self.settings.allowed(machine.cpus as u32);
        self.threads = f64::from(workload.threads).min(self.allowed.len().max(1) as f64);
    }

    /// Follows the moment: phases, and noise as factors on instructions and on load.
    pub fn follow(&mut self, machine: &Machine, workload: &Workload, phase: &Phase, noise: (f64, f64)) {
        let nature = &workload.nature;
        self.core_cpi = noise.0 / (nature.ipc * phase.ipc);
        self.miss_factor = phase.misses;
        self.accesses = nature.accesses * phase.misses;
        self.footprint = phase.footprint;
        let stands = self.settings.frozen || self.settings.paused;
        self.task = match &workload.kind {
            Work::Service {
                rate,
                demand,
                floor,
                spread,
                io,
                timeout,
            } => Task::Service {
                rate: rate * phase.load * noise.1,
                instructions: calm_instructions(machine, workload, demand.nanos()) * phase.work,
                spread: *spread,
                floor_ns: floor.nanos().0 as f64,
                io: io.0 as f64 * phase.io,
                timeout_ns: timeout.nanos().0 as f64,
            },
            Work::Batch { .. } if stands => Task::Batch { cpus: 0.0, io: 0.0 },
            Work::Batch { load, io } => Task::Batch {
                cpus: (load * phase.load * if *load < 1.0 { noise.1 } else { 1.0 }).min(1.0)
                    * f64::from(workload.threads),
                io: io.0 as f64 * phase.io,
            },
        };
    }

    /// Whether it may not run at all.
    pub const fn stands(&self) -> bool {
        self.settings.frozen || self.settings.paused
    }

    /// Misses per 1000 instructions with that many bytes of the cache.
    pub fn misses(&self, held: f64) -> f64 {
        (self.curve.misses(held, self.footprint) * self.miss_factor).min(self.accesses.max(0.0))
    }

    /// Roughly how many CPUs it would use, for its placement.
    pub fn rough_cpus(&self, machine: &Machine) -> f64 {
        let wanted = match self.task {
            Task::Batch { cpus, .. } => cpus,
            Task::Service { rate, instructions, .. } => rate * instructions * self.core_cpi / (machine.ghz * 1e9),
        };
        wanted.min(self.threads).min(self.settings.quota)
    }

    /// Its weight on a CPU where that share of its work is done: a group's weight is divided as its load is.
    pub fn weight_at(&self, share: f64) -> f64 {
        self.settings.weight * share * self.cpus.len() as f64 / self.threads.max(1.0)
    }
}

/// How many instructions take that long when nothing disturbs: alone in the whole cache, memory idle.
fn calm_instructions(machine: &Machine, workload: &Workload, time: Nanos) -> f64 {
    let nature = &workload.nature;
    let cache = machine.way_bytes * machine.ways as f64;
    let misses = nature.misses.misses(cache, 1.0).min(nature.accesses);
    let cpi = 1.0 / nature.ipc + misses / 1000.0 * machine.memory_ns * machine.ghz / nature.overlap;
    time.0 as f64 * machine.ghz / cpi
}

/// All phases that hold at an instant, multiplied.
pub fn phase_at(workload: &Workload, at: Nanos) -> Phase {
    let holding = workload.phases.iter().filter(|phase| phase.during.holds(at));
    holding.fold(Phase::default(), |all, phase| Phase {
        load: all.load * phase.load,
        work: all.work * phase.work,
        footprint: all.footprint * phase.footprint,
        ipc: all.ipc * phase.ipc,
        misses: all.misses * phase.misses,
        io: all.io * phase.io,
        ..all
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;
    use pipeline_plugin_api::prelude::{Span, Window};

    #[test]
    fn phases_that_hold_at_once_multiply() {
        let phase = |from: u64, load: f64| Phase {
            during: Window {
                from: Span::secs(from),
                ..Window::default()
            },
            load,
            ..Phase::default()
        };
        let workload = Workload {
            phases: vec![phase(1, 2.0), phase(2, 3.0)],
            ..Workload::default()
        };
        let load = |at: u64| phase_at(&workload, Nanos::from_secs(at)).load;
        assert_eq!((load(0), load(1), load(2)), (1.0, 2.0, 6.0));
    }

    #[test]
    fn what_is_frozen_wants_no_cpu() {
        let machine = Machine::of(&scenario::Machine::default());
        let workload = Workload::default();
        let mut settings = Settings::of(&workload);
        settings.frozen = true;
        let mut demand = Demand::new(&machine, &workload, settings);
        demand.follow(&machine, &workload, &Phase::default(), (1.0, 1.0));
        assert_eq!(demand.rough_cpus(&machine), 0.0);
    }
}
