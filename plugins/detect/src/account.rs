//! What every target had of the CPU over the window: readings of any cadence and from several
//! collectors become rates, each over the span that it covers. Nothing is judged here.

use crate::caps::Caps;
use crate::roster::Roster;
use pipeline_plugin_api::frame::Key;
use pipeline_plugin_api::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// CPUs used by a neighbour, wherever, that make it a busy one.
const BUSY: f64 = 0.3;
/// Readings kept of each series: ten seconds at the fastest usual cadence, from two collectors.
const DEPTH: usize = 256;

/// The ids of the metrics that are accounted.
#[derive(Copy, Clone, Debug)]
pub struct Metrics {
    /// CPU time used.
    pub cpu: MetricId,
    /// Time ready to run and not running.
    pub run_delay: MetricId,
    /// Time kept from running by the own quota.
    pub throttled: MetricId,
    /// Time that the hypervisor took, by CPU.
    pub steal: MetricId,
    /// Time in which some task waited for a CPU.
    pub pressure: MetricId,
    /// Requests due a second.
    pub offered: MetricId,
    /// Requests answered a second.
    pub answered: MetricId,
}

impl Metrics {
    /// Asks the host for them.
    ///
    /// # Errors
    /// Another node means something else by one of the names.
    pub fn new(host: &Host) -> Result<Self> {
        Ok(Self {
            cpu: host.metric(&vocabulary::CPU_TIME)?,
            run_delay: host.metric(&vocabulary::CPU_RUN_DELAY)?,
            throttled: host.metric(&vocabulary::CPU_THROTTLED)?,
            steal: host.metric(&vocabulary::CPU_STEAL)?,
            pressure: host.metric(&vocabulary::PSI_CPU_SOME)?,
            offered: host.metric(&vocabulary::KPI_OFFERED)?,
            answered: host.metric(&vocabulary::KPI_RATE)?,
        })
    }

    fn has(&self, metric: MetricId) -> bool {
        [
            self.cpu,
            self.run_delay,
            self.throttled,
            self.steal,
            self.pressure,
            self.offered,
            self.answered,
        ]
        .contains(&metric)
    }
}

/// What waiting for a CPU was seen by.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Eye {
    /// Run delay: summed over threads.
    RunDelay,
    /// Pressure: time in which at least one task waited.
    Pressure,
}

/// A neighbour and the CPU time that it had on the victim's CPUs.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Rival {
    /// Who.
    pub target: TargetId,
    /// In CPUs.
    pub cpu: f64,
    /// Whether the CPUs of both are known.
    pub certain: bool,
}

/// What could be seen of a victim over the window. Times are seconds a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// CPU time that it used.
    pub cpu: Option<f64>,
    /// Time for which it waited for a CPU and its own quota did not keep it, and what saw that.
    pub wait: Option<(f64, Eye)>,
    /// Time for which its own quota kept it from running.
    pub throttled: Option<f64>,
    /// Share of its CPUs' time that the hypervisor took.
    pub steal: Option<f64>,
    /// Requests a second that it was asked for.
    pub load: Option<f64>,
    /// How many CPUs it may use, where that is known.
    pub cpus: Option<usize>,
    /// The neighbours with CPU time on its CPUs, most first.
    pub rivals: Vec<Rival>,
    /// Whether any neighbour was busy, on whatever CPU.
    pub busy_elsewhere: bool,
}

impl Sight {
    /// How long it waited for a CPU for each second that it used one, a thousand seconds at most.
    /// Twice the load waits twice as long, but not longer for the same work.
    pub fn wait_for_work(&self) -> Option<f64> {
        const MOST: f64 = 1e3;
        let (wait, _) = self.wait?;
        let cpu = self.cpu?;
        Some(if wait > 0.0 { (wait / cpu).min(MOST) } else { 0.0 })
    }

    /// The CPU time that all neighbours had on its CPUs, in CPUs.
    pub fn rivals_cpu(&self) -> f64 {
        self.rivals.iter().map(|rival| rival.cpu).sum()
    }
}

/// The books: the last readings of every target.
#[derive(Clone, Debug)]
pub struct Books {
    frame: Frame,
    metrics: Metrics,
    window: Nanos,
    /// Who used a CPU at an instant: the same for all victims, until another reading comes.
    busy: RefCell<Option<(Nanos, Vec<Busy>)>>,
}

/// A target that used a CPU.
#[derive(Clone, Debug)]
struct Busy {
    target: TargetId,
    /// In CPUs.
    cpu: f64,
    /// Those that it may use; empty where not restricted.
    cpus: Vec<u32>,
    /// See [`mask`].
    mask: u64,
    /// Whether another target holds it: of most it is not worth asking which.
    is_held: bool,
}

impl Books {
    /// Empty books over that window.
    pub fn new(metrics: Metrics, window: Nanos) -> Self {
        Self {
            frame: Frame::new(DEPTH),
            metrics,
            window,
            busy: RefCell::default(),
        }
    }

    /// Takes in a reading if it is of a metric that is accounted.
    pub fn enter(&mut self, reading: &Reading) {
        if self.metrics.has(reading.metric) {
            self.frame.push(*reading);
            self.busy.get_mut().take();
        }
    }

    /// Drops what is known of a target.
    pub fn forget(&mut self, target: TargetId) {
        self.frame.forget(target);
        self.busy.get_mut().take();
    }

    /// What can be seen of the victim over the window that ends now.
    pub fn sight(&self, victim: TargetId, now: Nanos, roster: &Roster, caps: &Caps) -> Sight {
        let cpus = roster.cpus(victim, caps);
        let throttled = self.rate(victim, self.metrics.throttled, now);
        let load = self.mean(victim, self.metrics.offered, now);
        let mut known = self.busy.borrow_mut();
        if known.as_ref().is_none_or(|(at, _)| *at != now) {
            *known = Some((now, self.busy_at(now, roster, caps)));
        }
        let busy = || {
            let all = known.iter().flat_map(|(_, busy)| busy);
            all.filter(|busy| is_neighbour(victim, busy, roster))
        };
        Sight {
            cpu: self.rate(victim, self.metrics.cpu, now),
            wait: self.wait(victim, throttled.unwrap_or(0.0), now),
            throttled,
            steal: self.steal(victim, &cpus, now),
            load: load.or_else(|| self.mean(victim, self.metrics.answered, now)),
            cpus: (!cpus.is_empty()).then_some(cpus.len()),
            rivals: rivals(&cpus, busy(), roster),
            busy_elsewhere: busy().any(|busy| busy.cpu > BUSY),
        }
    }

    /// The readings that a finding about CPU time rests on.
    pub fn evidence(&self, victim: TargetId, culprits: &[Culprit]) -> Vec<Reading> {
        let of_victim = [
            self.metrics.cpu,
            self.metrics.run_delay,
            self.metrics.pressure,
            self.metrics.throttled,
        ];
        let own = of_victim
            .into_iter()
            .filter_map(|metric| self.frame.latest(victim, metric));
        let theirs = culprits
            .iter()
            .filter_map(|culprit| self.frame.latest(culprit.target, self.metrics.cpu));
        own.chain(theirs).copied().collect()
    }

    /// The delay of a throttled group's tasks counts as waiting in the kernel's books, so it is taken off.
    fn wait(&self, victim: TargetId, throttled: f64, now: Nanos) -> Option<(f64, Eye)> {
        let delay = self
            .rate(victim, self.metrics.run_delay, now)
            .map(|rate| (rate, Eye::RunDelay));
        let pressure = || {
            self.rate(victim, self.metrics.pressure, now)
                .map(|rate| (rate, Eye::Pressure))
        };
        let (rate, eye) = delay.or_else(pressure)?;
        Some(((rate - throttled).max(0.0), eye))
    }

    /// Of its own CPUs where they are told apart, else of all together.
    fn steal(&self, victim: TargetId, cpus: &[u32], now: Nanos) -> Option<f64> {
        let parts = self.frame.parts(victim, self.metrics.steal).map(|reading| reading.part);
        let (each, whole): (Vec<Part>, Vec<Part>) = parts.partition(|part| part.cpu_index().is_some());
        let own = |part: &Part| cpus.is_empty() || part.cpu_index().is_some_and(|cpu| cpus.contains(&cpu));
        let apart: Vec<Part> = each.into_iter().filter(own).collect();
        let parts = if apart.is_empty() { whole } else { apart };
        let sums = parts
            .into_iter()
            .map(|part| self.sums(victim, self.metrics.steal, part, now));
        share(sums.fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1)))
    }

    /// The targets that used a CPU, but for those that hold others: what they use is counted as theirs whom they hold. Of
    /// thousands few are busy, and only these are looked at.
    fn busy_at(&self, now: Nanos, roster: &Roster, caps: &Caps) -> Vec<Busy> {
        let holders: BTreeSet<u32> = roster.iter().map(|(_, known)| known.parent).collect();
        let single = roster.iter().filter(|(id, _)| !holders.contains(&id.0));
        let busy = single.filter_map(|(target, known)| {
            let cpu = self.rate(target, self.metrics.cpu, now).filter(|cpu| *cpu > 0.0)?;
            let cpus = roster.cpus(target, caps);
            let is_held = known.parent != 0;
            Some(Busy {
                target,
                cpu,
                mask: mask(&cpus),
                cpus,
                is_held,
            })
        });
        busy.collect()
    }

    /// What was added a second over the window, in the metric's unit a nanosecond.
    fn rate(&self, target: TargetId, metric: MetricId, now: Nanos) -> Option<f64> {
        share(self.sums(target, metric, Part::WHOLE, now))
    }

    /// The values and the spans of the window's readings, each added up.
    fn sums(&self, target: TargetId, metric: MetricId, part: Part, now: Nanos) -> (f64, f64) {
        let counted = self
            .recent(Key { target, metric, part }, now)
            .filter(|reading| reading.span > Nanos::ZERO);
        counted
            .filter_map(|reading| Some((reading.number()?.max(0.0), reading.span.0 as f64)))
            .fold((0.0, 0.0), |sum, (value, span)| (sum.0 + value, sum.1 + span))
    }

    fn mean(&self, target: TargetId, metric: MetricId, now: Nanos) -> Option<f64> {
        let part = Part::WHOLE;
        let values: Vec<f64> = self
            .recent(Key { target, metric, part }, now)
            .filter_map(Reading::number)
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn recent(&self, key: Key, now: Nanos) -> impl Iterator<Item = &Reading> {
        let window = self.window;
        self.frame
            .last(key)
            .rev()
            .take_while(move |reading| reading.at + window > now)
    }
}

/// Whether what a busy target uses is not the victim's own.
fn is_neighbour(victim: TargetId, other: &Busy, roster: &Roster) -> bool {
    other.target != victim && !(other.is_held && roster.holds(victim, other.target))
}

/// A bit for each CPU, one in 64 the same: lists without a common bit have no CPU in common.
fn mask(cpus: &[u32]) -> u64 {
    cpus.iter().fold(0, |mask, cpu| mask | 1 << (cpu % 64))
}

/// Most CPU time on the victim's CPUs first.
fn rivals<'a>(cpus: &[u32], busy: impl Iterator<Item = &'a Busy>, roster: &Roster) -> Vec<Rival> {
    let own = mask(cpus);
    let can_meet = |busy: &&Busy| own & busy.mask != 0 || own == 0 || busy.mask == 0;
    let rival = |busy: &Busy| {
        let overlap = roster.overlap_of(cpus, &busy.cpus)?;
        let (target, cpu, certain) = (busy.target, busy.cpu * overlap.share, overlap.certain);
        (cpu > 0.0).then_some(Rival { target, cpu, certain })
    };
    let mut rivals: Vec<Rival> = busy.filter(can_meet).filter_map(rival).collect();
    rivals.sort_by(|a, b| b.cpu.total_cmp(&a.cpu).then(a.target.cmp(&b.target)));
    rivals
}

fn share((value, span): (f64, f64)) -> Option<f64> {
    (span > 0.0).then(|| value / span)
}
