//! What everybody gets at one moment, given what everybody asks for: CPU time, then the speed on it, then memory, then the
//! cache, again and again until it settles.
//!
//! cycles per instruction = core / smt + misses · penalty · latency
//!
//! with `core` and `penalty` of the workload, `smt` the share of its speed that sibling threads leave it (a linear model
//! of sensitivity and pressure: Zhang et al., "SMiTe", MICRO 2014), misses by what it holds of the cache (`cache`,
//! `curve`), and latency as a multiple of the idle one (`memory`). A bandwidth share below 1 slows the cores of a class
//! until they ask for no more than that share of what a core can ask for (resctrl.rst, "Memory bandwidth Allocation").
//!
//! A thread that wakes up on a CPU where another of its weight runs waits for the rest of that slice; the lighter the
//! other is, the sooner it is sent away (EEVDF: a light thread's deadline is late), and the idle class goes at once.
//! Measured on one CPU: p99 2.6 to 2.9 ms beside three antagonists, 0.136 with the least weight, 0.135 with `cpu.idle`.

mod outcome;
mod wait;

pub use outcome::{Outcome, alone, outcome};

use crate::cache::Occupancy;
use crate::demand::{Demand, Task};
use crate::machine::Machine;
use crate::memory;
use crate::share::{Want, divide};

/// Through what others reach a workload: what it gets of each resource. With the terms of one resource exchanged for those
/// of another moment, [`outcome()`] says what that resource did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// CPUs that it can have, but for its quota.
    pub capacity: f64,
    /// Probability to meet a slice of another, and how long that lasts at most, in ns.
    pub slice: (f64, f64),
    /// The same for those that are sent away at once.
    pub brief: (f64, f64),
    /// The same for stalls of the hypervisor.
    pub steal: (f64, f64),
    /// The share of its speed that sibling threads leave.
    pub smt: f64,
    /// Misses of the last-level cache per 1000 instructions.
    pub misses: f64,
    /// Latency of memory, as a multiple of the idle one.
    pub memory: f64,
    /// Time at the block device for one request, in ns.
    pub io: f64,
    /// The share of the bytes that it wants from the block device that it gets.
    pub io_share: f64,
}

/// How one workload fares.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Through what others reach it.
    pub terms: Terms,
    /// What comes of it.
    pub outcome: Outcome,
    /// CPU time that it wants and gets on each of its CPUs.
    pub at: Vec<(f64, f64)>,
    /// Bytes a second that it fetches, by cache.
    pub fetched: Vec<f64>,
}

/// Where everybody's CPUs are, the other way round: by CPU, workloads and the places in their lists.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    by_cpu: Vec<Vec<(usize, usize)>>,
}

impl Layout {
    /// Of those demands.
    pub fn of(machine: &Machine, demands: &[Demand], present: &[bool]) -> Self {
        let mut by_cpu = vec![Vec::new(); machine.cpus];
        for (i, demand) in demands.iter().enumerate().filter(|(i, _)| present[*i]) {
            for (slot, (cpu, _)) in demand.cpus.iter().enumerate() {
                by_cpu[*cpu].push((i, slot));
            }
        }
        Self { by_cpu }
    }
}

/// What the hypervisor takes of one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stolen {
    /// The share of its time.
    pub share: f64,
    /// How long it keeps it, in ns.
    pub stall: f64,
}

/// What is going on on a CPU.
#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    /// CPU time of those that are not idle.
    normal: f64,
    /// CPU time of the idle class.
    idle: f64,
    /// Pressure on the sibling.
    pressure: f64,
    /// Weights of those that want it and are not idle.
    weights: f64,
}

/// What stands around a solution and does not change with it.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// What everybody asks for.
    pub demands: &'a [Demand],
    /// Who is where.
    pub layout: &'a Layout,
    /// What the hypervisor takes, by CPU.
    pub stolen: &'a [Stolen],
    /// Who counts.
    pub active: &'a [bool],
}

/// The state of a node: it goes on from one moment to the next.
#[derive(Clone, Debug)]
pub struct State {
    /// How everybody fares.
    pub flows: Vec<Flow>,
    /// Who holds what of the caches.
    pub caches: Vec<Occupancy>,
    /// Latency of each memory, as a multiple of the idle one.
    pub memory: Vec<f64>,
    /// The share of the block device that is used.
    pub device: f64,
    busy: Vec<Busy>,
    wants: Vec<Want>,
    masks: Vec<u32>,
    fetched: Vec<f64>,
    elastic: Vec<Elastic>,
}

/// What a workload asks of memory at a latency x: bytes / (still + waits · x), at most `most`.
#[derive(Clone, Copy, Debug)]
struct Elastic {
    bytes: f64,
    still: f64,
    waits: f64,
    most: f64,
}

impl State {
    /// A node on which nothing has run yet.
    pub fn new(machine: &Machine, workloads: usize) -> Self {
        Self {
            flows: vec![Flow::none(machine); workloads],
            caches: vec![Occupancy::new(machine, workloads); machine.caches],
            memory: vec![1.0; machine.caches],
            device: 0.0,
            busy: vec![Busy::default(); machine.cpus],
            wants: Vec::new(),
            masks: vec![u32::MAX; workloads],
            fetched: vec![0.0; workloads],
            elastic: Vec::new(),
        }
    }

    /// What was there of a workload is gone.
    pub fn forget(&mut self, machine: &Machine, workload: usize) {
        self.flows[workload] = Flow::none(machine);
        self.caches.iter_mut().for_each(|cache| cache.forget(workload));
    }

    /// Goes on by so many seconds; `None` for as long as it takes until the caches change no more.
    pub fn pass(&mut self, ground: &Ground<'_>, seconds: Option<f64>, rounds: u32) {
        let each = seconds.map(|seconds| seconds / f64::from(rounds.max(1)));
        for _ in 0..rounds {
            self.divide_cpus(ground);
            self.meet(ground);
            self.share_device(ground);
            self.look_into_caches(ground);
            self.ask_memory(ground);
            self.fare(ground);
            self.fill_caches(ground, each);
        }
    }

    /// CPU time, CPU by CPU.
    fn divide_cpus(&mut self, ground: &Ground<'_>) {
        for (i, demand) in active(ground) {
            let flow = &mut self.flows[i];
            let wanted = wanted(ground.machine, demand, flow.outcome.cpi);
            flow.at.resize(demand.cpus.len(), (0.0, 0.0));
            for (at, (_, share)) in flow.at.iter_mut().zip(&demand.cpus) {
                *at = ((wanted * share).min(1.0), 0.0);
            }
        }
        for (cpu, entries) in ground.layout.by_cpu.iter().enumerate() {
            let mut busy = Busy::default();
            self.wants.clear();
            for (i, slot) in entries.iter().filter(|(i, _)| ground.active[*i]) {
                let demand = &ground.demands[*i];
                let want = self.flows[*i].at[*slot].0;
                let weight = demand.weight_at(demand.cpus[*slot].1);
                if want > 0.0 && !demand.settings.idle {
                    busy.weights += weight;
                }
                self.wants.push(Want {
                    share: want,
                    weight,
                    idle: demand.settings.idle,
                    got: 0.0,
                });
            }
            divide(1.0 - ground.stolen[cpu].share, &mut self.wants);
            let counted = entries.iter().filter(|(i, _)| ground.active[*i]);
            for ((i, slot), want) in counted.zip(&self.wants) {
                self.flows[*i].at[*slot].1 = want.got;
                busy.pressure += want.got * ground.demands[*i].pressure;
                match want.idle {
                    true => busy.idle += want.got,
                    false => busy.normal += want.got,
                }
            }
            self.busy[cpu] = busy;
        }
    }

    /// Whom each meets on its CPUs and on their siblings.
    fn meet(&mut self, ground: &Ground<'_>) {
        for (i, demand) in active(ground) {
            let mut smt = 0.0;
            for (cpu, share) in &demand.cpus {
                let beside = ground.machine.sibling[*cpu].map_or(0.0, |sibling| self.busy[sibling].pressure);
                smt += share * (1.0 - demand.sensitivity * beside).max(0.05);
            }
            let (capacity, slice, brief, steal) = wait::meet(ground, &self.flows, &self.busy, i);
            let terms = &mut self.flows[i].terms;
            terms.smt = if demand.cpus.is_empty() { 1.0 } else { smt };
            (terms.capacity, terms.slice, terms.brief, terms.steal) = (capacity, slice, brief, steal);
        }
    }

    /// The block device: a queue with one server.
    fn share_device(&mut self, ground: &Ground<'_>) {
        let mut asked = 0.0;
        for (_, demand) in active(ground) {
            asked += match demand.task {
                Task::Service { rate, io, .. } => rate * io,
                Task::Batch { io, .. } => io,
            };
        }
        self.device = asked / ground.machine.device;
        let (used, machine) = (self.device.min(0.97), ground.machine);
        for (i, demand) in active(ground) {
            let terms = &mut self.flows[i].terms;
            terms.io_share = (1.0 / self.device.max(1e-9)).min(1.0);
            terms.io = match demand.task {
                Task::Service { io, .. } if io > 0.0 => (machine.device_ns + io / machine.device * 1e9) / (1.0 - used),
                _ => 0.0,
            };
        }
    }

    /// Misses, by what each holds of the caches on whose CPUs it runs.
    fn look_into_caches(&mut self, ground: &Ground<'_>) {
        for (i, demand) in active(ground) {
            let misses = match self.caches.len() {
                1 => demand.misses(self.caches[0].held(i)),
                _ => by_cache(ground.machine, demand)
                    .map(|(cache, part)| part * demand.misses(self.caches[cache].held(i)))
                    .sum(),
            };
            self.flows[i].terms.misses = misses;
        }
    }

    /// The latency at which what is asked of each memory is what it answers.
    fn ask_memory(&mut self, ground: &Ground<'_>) {
        for cache in 0..self.caches.len() {
            let mut fixed = 0.0;
            self.elastic.clear();
            for (i, demand) in active(ground) {
                let (flow, part) = (&self.flows[i], part_of(ground.machine, demand, cache));
                let terms = &flow.terms;
                if part <= 0.0 || terms.misses <= 0.0 {
                    continue;
                }
                let bytes = terms.misses / 1000.0 * demand.line * part;
                let got: f64 = flow.at.iter().map(|(_, got)| got).sum();
                let (still, waits) = (demand.core_cpi / terms.smt, terms.misses / 1000.0 * demand.penalty);
                let hertz = got * ground.machine.ghz * 1e9;
                let most = demand.settings.bandwidth;
                let most = if most < 1.0 {
                    most * ground.machine.core_bandwidth * got * part
                } else {
                    f64::INFINITY
                };
                match demand.task {
                    Task::Service { rate, instructions, .. } if flow.outcome.busy < 1.0 => {
                        fixed += (rate * instructions * bytes).min(most);
                    }
                    _ => self.elastic.push(Elastic {
                        bytes: hertz * bytes,
                        still,
                        waits,
                        most,
                    }),
                }
            }
            let (bandwidth, elastic) = (ground.machine.bandwidth, &self.elastic);
            self.memory[cache] = memory::settle(|latency| {
                let asked = |one: &Elastic| (one.bytes / (one.still + one.waits * latency)).min(one.most);
                (fixed + elastic.iter().map(asked).sum::<f64>()) / bandwidth
            });
        }
    }

    /// What comes of all that.
    fn fare(&mut self, ground: &Ground<'_>) {
        for (i, demand) in active(ground) {
            let latency = match self.memory.len() {
                1 => self.memory[0],
                _ => by_cache(ground.machine, demand)
                    .map(|(cache, part)| part * self.memory[cache])
                    .sum(),
            };
            let flow = &mut self.flows[i];
            flow.terms.memory = latency;
            flow.outcome = outcome(ground.machine, demand, &flow.terms);
        }
    }

    /// What is fetched evicts what was there.
    fn fill_caches(&mut self, ground: &Ground<'_>, seconds: Option<f64>) {
        for (i, demand) in ground.demands.iter().enumerate() {
            self.masks[i] = demand.settings.ways;
        }
        for cache in 0..self.caches.len() {
            self.fetched.fill(0.0);
            for (i, demand) in active(ground) {
                let part = part_of(ground.machine, demand, cache);
                let flow = &mut self.flows[i];
                let fetched = flow.outcome.instructions * flow.terms.misses / 1000.0 * crate::machine::LINE * part;
                flow.fetched.resize(ground.machine.caches, 0.0);
                flow.fetched[cache] = fetched;
                self.fetched[i] = fetched;
            }
            self.caches[cache].pass(&self.fetched, &self.masks, seconds);
        }
    }
}

impl Flow {
    fn none(machine: &Machine) -> Self {
        Self {
            terms: Terms {
                capacity: 0.0,
                slice: (0.0, 0.0),
                brief: (0.0, 0.0),
                steal: (0.0, 0.0),
                smt: 1.0,
                misses: 0.0,
                memory: 1.0,
                io: 0.0,
                io_share: 1.0,
            },
            outcome: Outcome::default(),
            at: Vec::new(),
            fetched: vec![0.0; machine.caches],
        }
    }

    /// CPU time that it gets, in CPUs.
    pub fn got(&self) -> f64 {
        self.at.iter().map(|(_, got)| got).sum()
    }
}

fn active<'a>(ground: &Ground<'a>) -> impl Iterator<Item = (usize, &'a Demand)> + use<'a> {
    let active = ground.active;
    ground.demands.iter().enumerate().filter(|(i, _)| active[*i])
}

/// CPUs that it would use if it could, at that many cycles per instruction (0 where that is not known yet).
fn wanted(machine: &Machine, demand: &Demand, cpi: f64) -> f64 {
    let cpi = if cpi > 0.0 { cpi } else { demand.core_cpi };
    let wanted = match demand.task {
        _ if demand.stands() => 0.0,
        Task::Batch { cpus, .. } => cpus,
        Task::Service { rate, instructions, .. } => rate * instructions * cpi / (machine.ghz * 1e9),
    };
    wanted.min(demand.threads).min(demand.settings.quota)
}

/// The caches on whose CPUs a workload runs, with the share of its work that is done there.
fn by_cache<'a>(machine: &'a Machine, demand: &'a Demand) -> impl Iterator<Item = (usize, f64)> + 'a {
    demand.cpus.iter().map(|(cpu, share)| (machine.cache_of[*cpu], *share))
}

/// The share of a workload's work that is done on the CPUs of a cache.
fn part_of(machine: &Machine, demand: &Demand, cache: usize) -> f64 {
    match machine.caches {
        1 if demand.cpus.is_empty() => 0.0,
        1 => 1.0,
        _ => by_cache(machine, demand)
            .filter(|(this, _)| *this == cache)
            .map(|(_, part)| part)
            .sum(),
    }
}
