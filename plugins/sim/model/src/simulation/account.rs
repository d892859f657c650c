//! What a step adds to the sums of a workload. What a kernel would count of it, no more.

use super::life::Life;
use crate::demand::{Demand, Task};
use crate::machine::Machine;
use crate::solve::{Flow, State, Stolen};
use pipeline_plugin_api::abi::Nanos;

/// Cycles in which nothing is executed though nothing is waited for from memory, as a share: what the profiles of
/// compute-bound programs have.
const STALLED: f64 = 0.12;
/// The kernel's period of a CPU quota, in seconds.
const PERIOD: f64 = 0.1;

/// Adds a step of that length, which ends at `end`.
pub fn add(life: &mut Life, machine: &Machine, demand: &Demand, flow: &Flow, span: Nanos, end: Nanos) {
    let seconds = span.seconds();
    let outcome = &flow.outcome;
    let (cpus, waits, answered) = match demand.task {
        Task::Batch { cpus, io } => {
            let moved = io * flow.terms.io_share * seconds;
            life.totals.io_read += moved / 2.0;
            life.totals.io_written += moved / 2.0;
            let blocked = if io > 0.0 {
                (1.0 - flow.terms.io_share).max(0.02)
            } else {
                0.0
            };
            add_pair(&mut life.totals.pressure_io, blocked, blocked * 0.8, span);
            (outcome.cpus, (cpus - outcome.cpus).max(0.0), 0.0)
        }
        Task::Service { .. } => serve(life, demand, flow, span, end),
    };
    cpu_time(life, demand, flow, span, cpus, waits, answered);
    let hertz = machine.ghz * 1e9;
    let cycles = cpus * seconds * hertz;
    let instructions = cycles / outcome.cpi.max(1e-9);
    let totals = &mut life.totals;
    totals.cycles += cycles;
    totals.instructions += instructions;
    totals.accesses += instructions * demand.accesses / 1000.0;
    let misses = instructions * flow.terms.misses / 1000.0;
    totals.misses += misses;
    let waiting = cycles * outcome.memory_cpi / outcome.cpi.max(1e-9);
    totals.memory_stalls += waiting;
    totals.stalls += waiting + (cycles - waiting) * STALLED;
    for (cpu, part) in &demand.cpus {
        totals.moved[machine.cache_of[*cpu]] += misses * demand.line * part;
    }
}

/// Requests: what the CPUs can answer of those that come and those that wait. Gives CPUs used, threads that wait for one,
/// requests answered.
fn serve(life: &mut Life, demand: &Demand, flow: &Flow, span: Nanos, end: Nanos) -> (f64, f64, f64) {
    let Task::Service {
        rate, io, timeout_ns, ..
    } = demand.task
    else {
        return (0.0, 0.0, 0.0);
    };
    let (seconds, outcome) = (span.seconds(), &flow.outcome);
    let service = outcome.service_ns / 1e9;
    let most = flow.terms.capacity.min(demand.settings.quota) / service.max(1e-12);
    let due = rate * seconds;
    let before = life.backlog;
    let answered = (before + due).min(most * seconds);
    let mut left = (before + due - answered).max(0.0);
    if left < 1e-6 {
        left = 0.0;
    }
    let keeps = most.max(rate * 1e-3) * timeout_ns / 1e9;
    let errors = (left - keeps).max(0.0);
    life.backlog = left - errors;
    life.totals.offered += due;
    life.totals.answered += answered;
    life.totals.errors += errors;
    life.totals.io_read += answered * io;
    let backlog = f64::midpoint(before, life.backlog) / most.max(1e-9) * 1e9;
    let profile = crate::latency::Profile {
        backlog: backlog.min(timeout_ns),
        ..outcome.profile
    };
    if answered > 0.0 {
        life.answered(end, answered, profile);
    }
    let hold = |(probability, longest): (f64, f64)| probability * longest / 2.0;
    // Only those that find the service asleep wake a thread up.
    let wakes = answered / seconds.max(1e-12) * (1.0 - outcome.busy.min(1.0));
    let delay = wakes * (hold(flow.terms.slice) + hold(flow.terms.brief)) / 1e9;
    let queued = if life.backlog > 0.0 {
        (demand.threads - flow.terms.capacity).max(0.0)
    } else {
        0.0
    };
    let pressed = (answered / seconds.max(1e-12) * flow.terms.io / 1e9).min(1.0);
    add_pair(&mut life.totals.pressure_io, pressed, pressed * 0.8, span);
    let stopped = outcome.throttled * demand.threads.min(1.0);
    (
        answered * service / seconds.max(1e-12),
        delay.min(demand.threads) + queued + stopped,
        answered,
    )
}

fn cpu_time(life: &mut Life, demand: &Demand, flow: &Flow, span: Nanos, cpus: f64, waits: f64, answered: f64) {
    let (ns, seconds, outcome) = (span.0 as f64, span.seconds(), &flow.outcome);
    let system = life.spec.nature.system;
    let totals = &mut life.totals;
    totals.cpu += cpus * ns;
    totals.system += cpus * ns * system;
    totals.run_delay += waits * ns;
    // Whoever shares a CPU is taken off at the end of each slice; whoever answers requests sleeps in between.
    let taken_off = cpus * seconds * if waits > 0.01 { 350.0 } else { 4.0 };
    let slept = match demand.task {
        Task::Service { .. } => answered * (1.0 - outcome.busy.min(1.0)),
        Task::Batch { cpus: wanted, .. } if wanted < demand.threads => 50.0 * seconds,
        Task::Batch { .. } => 0.0,
    };
    totals.involuntary += taken_off;
    totals.voluntary += slept;
    totals.slices += taken_off + slept;
    if demand.settings.quota.is_finite() && (cpus > 0.0 || waits > 0.0) {
        let periods = seconds / PERIOD;
        totals.periods += periods;
        totals.throttled_periods += periods * outcome.runs_out;
        totals.throttled += outcome.throttled * ns;
    }
    let some = waits.min(1.0);
    let full = match demand.task {
        Task::Batch { cpus: wanted, .. } => (wanted.min(1.0) - cpus.min(1.0)).max(0.0),
        Task::Service { .. } => some * 0.9,
    };
    add_pair(&mut totals.pressure_cpu, some, full, span);
}

fn add_pair(pair: &mut (f64, f64), some: f64, full: f64, span: Nanos) {
    pair.0 += some * span.0 as f64;
    pair.1 += full * span.0 as f64;
}

/// Time that the hypervisor took while somebody wanted the CPU, which is all that a guest sees (`steal` in proc_stat(5)).
pub fn taken(taken: &mut [f64], stolen: &[Stolen], state: &State, demands: &[Demand], present: &[bool], span: Nanos) {
    if stolen.iter().all(|stolen| stolen.share <= 0.0) {
        return;
    }
    let mut wanted = vec![0.0; stolen.len()];
    for ((demand, flow), _) in demands
        .iter()
        .zip(&state.flows)
        .zip(present)
        .filter(|(_, present)| **present)
    {
        for ((cpu, _), (want, _)) in demand.cpus.iter().zip(&flow.at) {
            wanted[*cpu] += want;
        }
    }
    for ((taken, stolen), wanted) in taken.iter_mut().zip(stolen).zip(wanted) {
        *taken += stolen.share * (wanted / (1.0 - stolen.share)).min(1.0) * span.0 as f64;
    }
}
