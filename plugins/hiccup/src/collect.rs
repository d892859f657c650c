//! The element `hiccup.cpus`: one thread for each CPU that a target may use, whatever the number of targets.

use crate::config::CpusConfig;
use crate::meter::{Meter, Never, Trial};
use crate::place;
use crate::readings::Readings;
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

/// How long the threads may take to end.
const STOP_TIMEOUT: Nanos = Nanos::from_millis(300);
/// The run's wall clock of virtual time begins in 1970; one of today is beyond this.
const LONG_AGO: Nanos = Nanos::from_secs(86_400);

/// Measures when nobody could run on the CPUs of targets.
pub struct Cpus {
    config: CpusConfig,
    host: Host,
    readings: Readings,
    /// `None` before the start, and in virtual time, in which no thread can be late.
    system: Option<System>,
    watched: BTreeMap<TargetId, Vec<u32>>,
    meters: BTreeMap<u32, Meter>,
    /// Disconnected when the last thread has ended and `alive` is dropped.
    ended: Receiver<Never>,
    alive: Sender<Never>,
    warned: bool,
}

impl Element for Cpus {
    const NAME: &'static str = "hiccup.cpus";
    const SUMMARY: &'static str =
        "time in which nobody could run on the CPUs of targets: hypervisor, firmware, interrupts off";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = CpusConfig;

    fn ports(_: &CpusConfig) -> Ports {
        Readings::ports()
    }

    fn create(config: CpusConfig, host: &Host) -> Result<Self> {
        let (alive, ended) = mpsc::channel();
        Ok(Self {
            config,
            host: host.clone(),
            readings: Readings::new(host)?,
            system: None,
            watched: BTreeMap::new(),
            meters: BTreeMap::new(),
            ended,
            alive,
            warned: false,
        })
    }

    fn probe() -> Vec<Probe> {
        let may = place::may_go_ahead();
        let detail = if may { "allowed" } else { "not allowed" };
        vec![Probe::required("SCHED_FIFO", may, detail, "sudo pipeline run GRAPH")]
    }

    fn status(&self) -> String {
        let longest = self.meters.values().filter_map(|meter| meter.told().ok());
        let longest = longest.map(|told| told.longest).max();
        let late = longest.map_or("nothing measured yet".to_owned(), |late| format!("at most {late} late"));
        format!("{} CPUs, {late}", self.meters.len())
    }
}

impl Collector for Cpus {
    fn start(&mut self, system: &System) -> Result<()> {
        let virtual_time = system.wall() - system.now() < LONG_AGO;
        self.system = (!virtual_time).then(|| system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        let target = &change.target;
        if change.change == Change::GONE {
            self.watched.remove(&target.id);
        } else {
            self.watched.insert(target.id, self.cpus(target));
        }
        self.measure()
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        if let Some(system) = &self.system {
            let now = system.now();
            self.meters.values_mut().for_each(|meter| meter.take(now));
            self.warn();
        }
        let unknown = match &self.system {
            Some(_) => Reason::UNKNOWN,
            None => Reason::UNSUPPORTED,
        };
        for (target, cpus) in &self.watched {
            let told = cpus.iter().map(|cpu| {
                let meter = self.meters.get(cpu);
                (*cpu, meter.map_or(Err(unknown), Meter::told))
            });
            self.readings.tell(tick.at, *target, told, out);
        }
        Ok(Wish::Nothing)
    }

    fn stop(&mut self) -> Result<()> {
        self.meters.clear();
        let (none, _) = mpsc::channel();
        self.alive = none;
        match self.ended.recv_timeout(STOP_TIMEOUT.into()) {
            Err(RecvTimeoutError::Timeout) => Err(Failure::retry(
                "threads that measure CPUs do not end; they are left to themselves",
            )),
            _ => Ok(()),
        }
    }
}

impl Cpus {
    fn cpus(&self, target: &Target) -> Vec<u32> {
        let cpus = match (self.config.cpus.as_slice(), target.cpus.as_slice()) {
            ([], []) => place::allowed(),
            ([], own) => own.to_vec(),
            (chosen, _) => chosen.to_vec(),
        };
        BTreeSet::from_iter(cpus).into_iter().collect()
    }

    /// Begins with CPUs that are wanted now, and ends with those that are not.
    fn measure(&mut self) -> Result<()> {
        let Some(system) = &self.system else { return Ok(()) };
        let wanted: BTreeSet<u32> = self.watched.values().flatten().copied().collect();
        self.meters.retain(|cpu, _| wanted.contains(cpu));
        let trial = Trial {
            period: self.config.period.nanos(),
            threshold: self.config.threshold.nanos(),
        };
        for cpu in wanted {
            if !self.meters.contains_key(&cpu) {
                let meter = Meter::start(cpu, trial, system, self.alive.clone())?;
                self.meters.insert(cpu, meter);
            }
        }
        Ok(())
    }

    fn warn(&mut self) {
        let refused = self.meters.values().find_map(Meter::refused);
        if let (Some(refused), false) = (refused, self.warned) {
            self.host.log(Level::WARN, &refused.why, &[]);
            self.warned = true;
        }
    }
}

#[cfg(test)]
mod tests;
