//! How long a workload waits for a CPU, by whom it meets there.

use super::{Busy, Flow, Ground, Task};

/// Below that ratio of weights a running thread is sent away nearly at once.
const LIGHT: f64 = 0.2;
/// A heavier thread keeps its CPU for that many slices at most.
const HEAVY: f64 = 3.0;
/// Weight of the idle class (`WEIGHT_IDLEPRIO` in kernel/sched/sched.h) against the default.
const IDLE: f64 = 3.0 / 1024.0;
/// What it takes to get a warm start where another ran, in ns: measured as the difference between p99 alone and beside
/// idle batch work.
const WARM: f64 = 35_000.0;

/// A probability, and how long what is met lasts at most, in ns.
type Delay = (f64, f64);

/// The CPUs that workload `of` can have, and what it meets when it wants one: slices, those that are sent away, stalls.
pub fn meet(ground: &Ground<'_>, flows: &[Flow], busy: &[Busy], of: usize) -> (f64, Delay, Delay, Delay) {
    let demand = &ground.demands[of];
    let mut met = Met::default();
    for (slot, (cpu, share)) in demand.cpus.iter().enumerate() {
        let own = flows[of].at[slot].1;
        let stolen = ground.stolen[*cpu];
        let weight = demand.weight_at(*share);
        met.steal.0 += share * stolen.share;
        met.steal.1 = met.steal.1.max(stolen.stall);
        let (mut long, mut brief) = (0.0, 0.0);
        for (other, place) in ground.layout.by_cpu[*cpu]
            .iter()
            .filter(|(other, _)| *other != of && ground.active[*other])
        {
            let rival = &ground.demands[*other];
            let got = flows[*other].at.get(*place).map_or(0.0, |at| at.1);
            let ratio = match (rival.settings.idle, demand.settings.idle) {
                (true, false) => IDLE,
                (false, true) => HEAVY,
                _ => rival.weight_at(rival.cpus[*place].1) / weight.max(1e-9),
            };
            let burst = match rival.task {
                Task::Service { .. } => flows[*other].outcome.service_ns * 2.0,
                Task::Batch { .. } => f64::INFINITY,
            };
            let hold = (ground.machine.slice_ns * ratio.min(HEAVY)).min(burst);
            match ratio < LIGHT {
                true => {
                    brief += got;
                    met.brief_time += got * (hold + WARM);
                }
                false => {
                    long += got;
                    met.long_time += got * hold;
                }
            }
        }
        met.add(own, long, brief);
        let others = if demand.settings.idle {
            busy[*cpu].normal
        } else {
            busy[*cpu].normal - own
        };
        let free = 1.0 - stolen.share - others.max(0.0);
        let fair = match demand.settings.idle {
            true => 0.0,
            false => {
                let weights = busy[*cpu].weights + if flows[of].at[slot].0 > 0.0 { 0.0 } else { weight };
                (1.0 - stolen.share) * weight / weights.max(1e-9)
            }
        };
        met.capacity += free.max(fair).clamp(0.0, 1.0);
    }
    let capacity = met.capacity.min(demand.threads);
    let (slice, brief) = met.delays(demand.cpus.len());
    (if demand.stands() { 0.0 } else { capacity }, slice, brief, met.steal)
}

/// What was met so far on the CPUs of one workload.
struct Met {
    capacity: f64,
    own: f64,
    long: f64,
    brief: f64,
    long_time: f64,
    brief_time: f64,
    /// The probability that each CPU is taken by itself or one that stays.
    all_long: f64,
    /// The same with those that are sent away.
    all: f64,
    steal: Delay,
}

impl Default for Met {
    fn default() -> Self {
        Self {
            capacity: 0.0,
            own: 0.0,
            long: 0.0,
            brief: 0.0,
            long_time: 0.0,
            brief_time: 0.0,
            all_long: 1.0,
            all: 1.0,
            steal: (0.0, 0.0),
        }
    }
}

impl Met {
    fn add(&mut self, own: f64, long: f64, brief: f64) {
        self.own += own;
        self.long += long;
        self.brief += brief;
        self.all_long *= (own + long).min(1.0);
        self.all *= (own + long + brief).min(1.0);
    }

    /// On one CPU whoever does not find itself running finds what runs there; with several a wakened thread goes to one
    /// that is free, and waits only where none is.
    fn delays(&self, cpus: usize) -> (Delay, Delay) {
        let hold = |time: f64, got: f64| time / got.max(1e-12);
        let (long, brief) = match cpus {
            0 => (0.0, 0.0),
            1 => {
                let rest = (1.0 - self.own).max(0.02);
                (self.long / rest, self.brief / rest)
            }
            _ => {
                let total = (self.own + self.long + self.brief).max(1e-12);
                let brief = (self.all - self.all_long).max(0.0);
                (
                    self.all_long * self.long / (self.own + self.long).max(1e-12),
                    brief * self.brief / total,
                )
            }
        };
        (
            (long.min(1.0), hold(self.long_time, self.long)),
            (brief.min(1.0), hold(self.brief_time, self.brief)),
        )
    }
}
