//! What comes of what a workload gets: its speed, and the latency of its requests. A function of its own demand and of
//! [`Terms`] alone, so that any of them can be exchanged.

use super::Terms;
use crate::demand::{Demand, Task};
use crate::latency::{Latency, Profile};
use crate::machine::Machine;
use crate::memory;

/// The kernel's period of a CPU quota, in ns (Documentation/scheduler/sched-bwc.rst).
const PERIOD: f64 = 1e8;

/// How a workload fares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Cycles per instruction.
    pub cpi: f64,
    /// The cycles per instruction in which it waits for memory.
    pub memory_cpi: f64,
    /// CPU time of a request, in ns.
    pub service_ns: f64,
    /// Utilisation of what it can have; 1 and more is too much.
    pub busy: f64,
    /// CPUs that it uses.
    pub cpus: f64,
    /// Instructions a second.
    pub instructions: f64,
    /// The share of time in which its quota stops it.
    pub throttled: f64,
    /// How likely the quota runs out in a period.
    pub runs_out: f64,
    /// How its requests take their time, without a backlog.
    pub profile: Profile,
}

impl Outcome {
    /// How fast it is: instructions a second of batch work, and 1 over the p99 in ns of a service.
    pub fn speed(&self, demand: &Demand) -> f64 {
        match demand.task {
            Task::Batch { .. } => self.instructions,
            Task::Service { .. } => {
                let mut latency = Latency::default();
                latency.add(1.0, self.profile);
                1.0 / latency.quantile(0.01).unwrap_or(f64::INFINITY).max(1.0)
            }
        }
    }
}

/// How a workload fares that gets that.
pub fn outcome(machine: &Machine, demand: &Demand, terms: &Terms) -> Outcome {
    let (cpi, memory_cpi) = cycles(machine, demand, terms);
    let hertz = machine.ghz * 1e9;
    let base = Outcome {
        cpi,
        memory_cpi,
        ..Outcome::default()
    };
    match demand.task {
        Task::Batch { cpus, .. } => {
            let wanted = cpus.min(demand.threads);
            let most = terms.capacity.min(demand.settings.quota);
            let used = wanted.min(most);
            let throttled = (wanted - demand.settings.quota).max(0.0);
            Outcome {
                busy: wanted / most.max(1e-9),
                cpus: used,
                instructions: used * hertz / cpi,
                throttled,
                runs_out: if throttled > 0.0 { 1.0 } else { 0.0 },
                ..base
            }
        }
        Task::Service {
            rate,
            instructions,
            spread,
            floor_ns,
            ..
        } => {
            let service = instructions * cpi / machine.ghz;
            let wanted = rate * service / 1e9;
            // While its quota lasts it is as fast as without one.
            let queued = wanted / terms.capacity.max(1e-6);
            let most = terms.capacity.min(demand.settings.quota);
            let used = wanted.min(most);
            let (runs_out, throttled) = throttle(rate, service, spread, demand.settings.quota);
            // Those that come while one is held up are held up behind it, and so are those that come while these drain.
            let behind = 1.0 / (1.0 - queued.min(0.9));
            let met = |(probability, longest): (f64, f64)| ((probability * behind).min(1.0), longest);
            let profile = Profile {
                floor: floor_ns,
                backlog: 0.0,
                service,
                spread,
                busy: queued,
                servers: demand.threads.min(terms.capacity.max(1.0)),
                delays: [
                    met(terms.slice),
                    met(terms.brief),
                    (throttled, throttled * PERIOD),
                    met(terms.steal),
                ],
                io: terms.io,
            };
            Outcome {
                service_ns: service,
                busy: wanted / most.max(1e-6),
                cpus: used,
                instructions: used * hertz / cpi,
                throttled: throttled * used.max(f64::from(u8::from(throttled > 0.0))),
                runs_out,
                profile,
                ..base
            }
        }
    }
}

/// Cycles per instruction, and those of them in which it waits for memory.
fn cycles(machine: &Machine, demand: &Demand, terms: &Terms) -> (f64, f64) {
    let core = demand.core_cpi / terms.smt.max(0.05);
    let waits = terms.misses / 1000.0 * demand.penalty * terms.memory;
    let cpi = core + waits;
    let share = demand.settings.bandwidth;
    if share >= 1.0 {
        return (cpi, waits);
    }
    let asked = machine.ghz * 1e9 / cpi * terms.misses / 1000.0 * demand.line;
    let held = cpi * (asked / (share * machine.core_bandwidth)).max(1.0);
    (held, waits + held - cpi)
}

/// How likely the quota of a service runs out in a period, and the share of the time that it then stands still: what it
/// wants in a period is taken as normal, the integral of whose tail is near that of a logistic one.
fn throttle(rate: f64, service: f64, spread: f64, quota: f64) -> (f64, f64) {
    if quota.is_infinite() || rate <= 0.0 {
        return (0.0, 0.0);
    }
    let (mean, most) = (rate * service / 1e9 * PERIOD, quota * PERIOD);
    let deviation = (rate / 1e9 * PERIOD * (1.0 + spread * spread)).sqrt() * service;
    let steep = 1.702 / deviation.max(1e-9);
    let z = (mean - most) * steep;
    let beyond = match z > 30.0 {
        true => mean - most,
        false => libm::log1p(libm::exp(z)) / steep,
    };
    (1.0 / (1.0 + libm::exp(-z)), (beyond / mean).clamp(0.0, 1.0))
}

/// What a workload would get with the machine to itself, on the CPUs and with the settings of `demand`.
pub fn alone(machine: &Machine, demand: &Demand) -> Terms {
    let on = demand.cpus.len().max(1) as f64;
    let capacity = on.min(demand.threads);
    let cache = machine.way_bytes * f64::from((demand.settings.ways & machine.all_ways()).count_ones());
    let wanted = super::wanted(machine, demand, 0.0);
    let beside = |cpu: usize| {
        let sibling = machine.sibling[cpu];
        let share = demand
            .cpus
            .iter()
            .find(|(this, _)| Some(*this) == sibling)
            .map_or(0.0, |(_, share)| *share);
        (wanted * share).min(1.0) * demand.pressure
    };
    let smt: f64 = demand
        .cpus
        .iter()
        .map(|(cpu, share)| share * (1.0 - demand.sensitivity * beside(*cpu)).max(0.05))
        .sum();
    let mut terms = Terms {
        capacity: if demand.stands() { 0.0 } else { capacity },
        slice: (0.0, 0.0),
        brief: (0.0, 0.0),
        steal: (0.0, 0.0),
        smt: if demand.cpus.is_empty() { 1.0 } else { smt },
        misses: demand.misses(cache),
        memory: 1.0,
        io: match demand.task {
            Task::Service { io, .. } if io > 0.0 => machine.device_ns + io / machine.device * 1e9,
            _ => 0.0,
        },
        io_share: 1.0,
    };
    terms.memory = memory::settle(|latency| {
        let at = outcome(
            machine,
            demand,
            &Terms {
                memory: latency,
                ..terms
            },
        );
        at.instructions * terms.misses / 1000.0 * demand.line / (machine.bandwidth * machine.caches as f64)
    });
    terms
}
