//! CPU time and waiting for it, as the kernel tells them.

use super::ids::Ids;
use super::{Out, View};
use pipeline_plugin_api::prelude::*;

/// As `process.stats`.
pub fn cpu(view: &View<'_>, ids: &Ids, out: &mut Out) {
    out.push(view.delta(ids.cpu, |totals| totals.cpu));
    out.push(view.delta(ids.user, |totals| totals.cpu - totals.system));
    out.push(view.delta(ids.system, |totals| totals.system));
    out.push(view.delta(ids.run_delay, |totals| totals.run_delay));
    out.push(view.count(ids.slices, |totals| totals.slices));
    out.push(view.count(ids.voluntary, |totals| totals.voluntary));
    out.push(view.count(ids.involuntary, |totals| totals.involuntary));
    out.push(view.gauge(ids.threads, view.levels.threads));
}

/// As `cgroup.stats`: periods pass only where there is a quota.
pub fn quota(view: &View<'_>, ids: &Ids, out: &mut Out) {
    out.push(view.count(ids.periods, |totals| totals.periods));
    out.push(view.count(ids.throttled_periods, |totals| totals.throttled_periods));
    out.push(view.delta(ids.throttled, |totals| totals.throttled));
}

/// As `process.stats`: by CPU that the target may use, and whole.
pub fn steal(view: &View<'_>, ids: &Ids, taken: &mut [f64], out: &mut Out) {
    let mut whole = 0.0;
    for cpu in view.levels.cpus.iter().copied() {
        let now = view.ground.simulation.taken(cpu);
        let added = (now - taken[cpu as usize]).max(0.0);
        whole += added;
        let reading = Reading::delta(view.at, view.span, view.target, ids.steal, added);
        out.push(reading.of_part(Part::cpu(cpu)));
    }
    for (cpu, taken) in taken.iter_mut().enumerate() {
        *taken = view.ground.simulation.taken(cpu as u32);
    }
    out.push(Reading::delta(view.at, view.span, view.target, ids.steal, whole));
}

/// As `cgroup.pressure`. Memory never runs out here, so nobody waits for it.
pub fn pressure(view: &View<'_>, ids: &Ids, out: &mut Out) {
    out.push(view.delta(ids.cpu_some, |totals| totals.pressure_cpu.0));
    out.push(view.delta(ids.cpu_full, |totals| totals.pressure_cpu.1));
    out.push(view.delta(ids.memory_some, |_| 0.0));
    out.push(view.delta(ids.memory_full, |_| 0.0));
    out.push(view.delta(ids.io_some, |totals| totals.pressure_io.0));
    out.push(view.delta(ids.io_full, |totals| totals.pressure_io.1));
}
