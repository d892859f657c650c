//! From a sample to readings: exact where something was read, and otherwise unavailable with the reason.

use super::io::Lost;
use super::roster::Sum;
use super::steal::Steal;
use super::watched::Taken;
use crate::config::StatsConfig;
use pipeline_plugin_api::prelude::*;

/// The ids of the metrics.
#[derive(Clone, Copy, Debug)]
pub struct Metrics {
    time: MetricId,
    user: MetricId,
    system: MetricId,
    run_delay: MetricId,
    slices: MetricId,
    threads: MetricId,
    voluntary: MetricId,
    involuntary: MetricId,
    steal: MetricId,
    /// How long one USER_HZ tick is.
    tick_ns: f64,
}

impl Metrics {
    /// Asks the host for them.
    ///
    /// # Errors
    /// Another node means something else by one of the names.
    pub fn of(host: &Host) -> Result<Self> {
        Ok(Self {
            time: host.metric(&vocabulary::CPU_TIME)?,
            user: host.metric(&vocabulary::CPU_USER)?,
            system: host.metric(&vocabulary::CPU_SYSTEM)?,
            run_delay: host.metric(&vocabulary::CPU_RUN_DELAY)?,
            slices: host.metric(&vocabulary::CPU_SLICES)?,
            threads: host.metric(&vocabulary::CPU_THREADS)?,
            voluntary: host.metric(&vocabulary::CPU_SWITCHES_VOLUNTARY)?,
            involuntary: host.metric(&vocabulary::CPU_SWITCHES_INVOLUNTARY)?,
            steal: host.metric(&vocabulary::CPU_STEAL)?,
            tick_ns: 1e9 / rustix::param::clock_ticks_per_second() as f64,
        })
    }

    /// Puts a sample's readings into `out`.
    pub fn emit(&self, taken: &Taken, config: &StatsConfig, has_schedstat: bool, out: &mut Batch) {
        out.readings.push(match taken.threads {
            Ok(threads) => Reading::gauge(taken.at, taken.target, self.threads, f64::from(threads)),
            Err(lost) => Reading::unavailable(taken.at, taken.target, self.threads, reason(lost)),
        });
        let ticks = self.tick_ns;
        if has_schedstat {
            put(
                taken,
                taken.sched,
                out,
                [
                    (self.time, &|sum| sum.run_ns as f64),
                    (self.run_delay, &|sum| sum.delay_ns as f64),
                    (self.slices, &|sum| sum.slices as f64),
                ],
            );
        } else {
            put(
                taken,
                taken.times,
                out,
                [(self.time, &|sum| (sum.user + sum.system) as f64 * ticks)],
            );
            for metric in [self.run_delay, self.slices] {
                out.readings.push(Reading::unavailable(
                    taken.at,
                    taken.target,
                    metric,
                    Reason::UNSUPPORTED,
                ));
            }
        }
        if config.user_system {
            put(
                taken,
                taken.times,
                out,
                [
                    (self.user, &|sum| sum.user as f64 * ticks),
                    (self.system, &|sum| sum.system as f64 * ticks),
                ],
            );
        }
        if config.switches {
            put(
                taken,
                taken.switches,
                out,
                [
                    (self.voluntary, &|sum| sum.voluntary as f64),
                    (self.involuntary, &|sum| sum.involuntary as f64),
                ],
            );
        }
    }

    /// Puts what was stolen from the CPUs that a target may use into `out`: of each, and of all.
    pub fn emit_steal(&self, taken: &Taken, steal: &Steal, cpus: &[u32], out: &mut Batch) {
        let (at, target) = (taken.at, taken.target);
        let missing = |reason| Reading::unavailable(at, target, self.steal, reason);
        if !steal.is_there() {
            return out.readings.push(missing(Reason::UNSUPPORTED));
        }
        if steal.span() == Nanos::ZERO {
            return out.readings.push(missing(Reason::WARMING_UP));
        }
        let (first, mut sum) = (out.readings.len(), 0);
        for (cpu, ticks) in steal.of(cpus) {
            sum += ticks;
            let reading = Reading::delta(at, steal.span(), target, self.steal, ticks as f64 * self.tick_ns);
            out.readings.push(reading.of_part(Part::cpu(cpu)));
        }
        out.readings.push(match out.readings.len() - first {
            0 => missing(Reason::VANISHED),
            _ => Reading::delta(at, steal.span(), target, self.steal, sum as f64 * self.tick_ns),
        });
    }
}

/// A metric and its value in a sum.
type Column<'a, C> = (MetricId, &'a dyn Fn(C) -> f64);

fn put<C: Copy, const N: usize>(taken: &Taken, sum: Option<Sum<C>>, out: &mut Batch, parts: [Column<'_, C>; N]) {
    let Some(sum) = sum else { return };
    let missing = match (taken.span, sum.read, taken.threads) {
        (Nanos::ZERO, _, _) => Some(Reason::WARMING_UP),
        (_, 0, Err(lost)) => Some(reason(lost)),
        (_, 0, Ok(_)) if sum.forbidden => Some(Reason::FORBIDDEN),
        (_, 0, Ok(_)) => Some(Reason::VANISHED),
        _ => None,
    };
    for (metric, value) in parts {
        out.readings.push(match missing {
            Some(reason) => Reading::unavailable(taken.at, taken.target, metric, reason),
            None => Reading::delta(taken.at, taken.span, taken.target, metric, value(sum.total)),
        });
    }
}

fn reason(lost: Lost) -> Reason {
    match lost {
        Lost::Gone => Reason::VANISHED,
        Lost::Forbidden => Reason::FORBIDDEN,
    }
}
