//! Hardware counters and their ratios, as `perf.counters` tells them.

use super::ids::Ids;
use super::{Out, View};
use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::Totals;

/// Of the accesses of the last-level cache, those that are loads.
const LOADS: f64 = 0.75;
/// Branches for each instruction, and how many of them are predicted wrongly: of ordinary integer code.
const BRANCHES: f64 = 0.18;
const WRONG: f64 = 0.012;

/// All of them. `counted` is the share of the time in which the counters ran.
pub fn tell(view: &View<'_>, ids: &Ids, counted: f64, out: &mut Out) {
    // What was not counted is guessed from what was: the less was counted, the worse.
    let spread = 0.02 * (1.0 / counted - 1.0).sqrt();
    let guessed = |stream: u64| (1.0 + spread * view.noise(stream)).max(0.1);
    let added = |stream: u64, of: fn(&Totals) -> f64| (of(view.now) - of(view.last)).max(0.0) * guessed(stream);
    let cycles = added(1, |totals| totals.cycles);
    let instructions = added(1, |totals| totals.instructions);
    let accesses = added(2, |totals| totals.accesses);
    let misses = added(2, |totals| totals.misses);
    let stalls = added(3, |totals| totals.stalls).min(cycles);
    let memory = added(3, |totals| totals.memory_stalls).min(stalls);
    let branches = instructions * BRANCHES;
    let hardware = |reading: Reading| {
        if counted < 1.0 {
            reading.scaled(counted)
        } else {
            reading
        }
    };
    let counts = [
        (ids.cycles, cycles),
        (ids.instructions, instructions),
        (ids.cache_references, accesses),
        (ids.cache_misses, misses),
        (ids.llc_loads, accesses * LOADS),
        (ids.llc_load_misses, misses * LOADS),
        (ids.branches, branches),
        (ids.branch_misses, branches * WRONG),
        (ids.stalls_total, stalls),
        (ids.stalls_l3_miss, memory),
    ];
    for (id, count) in counts {
        out.push(hardware(Reading::delta(
            view.at,
            view.span,
            view.target,
            id,
            count.round(),
        )));
    }
    out.push(view.delta(ids.task_clock, |totals| totals.cpu));
    out.push(view.count(ids.context_switches, |totals| totals.voluntary + totals.involuntary));
    let ratios = [
        (ids.ipc, instructions, cycles),
        (ids.cpi, cycles, instructions),
        (ids.cache_miss_rate, misses, accesses),
        (ids.cache_mpki, misses * 1000.0, instructions),
        (ids.llc_miss_rate, misses, accesses),
        (ids.llc_mpki, misses * LOADS * 1000.0, instructions),
        (ids.branch_miss_rate, WRONG * branches, branches),
        (ids.branch_mpki, branches * WRONG * 1000.0, instructions),
        (ids.stalled, stalls, cycles),
        (ids.stalled_l3_miss, memory, cycles),
        (ids.theoretical_ipc, instructions, cycles - stalls),
        (ids.ipc_efficiency, cycles - stalls, cycles),
    ];
    for (id, of, by) in ratios {
        let reading = view.ratio(id, of, by);
        out.push(if reading.quality == Quality::UNAVAILABLE {
            reading
        } else {
            hardware(reading)
        });
    }
}
