//! `process.stats`: what the processes of targets use of the CPUs, read from `/proc`. Nothing is changed here.
//!
//! Counters are kept by thread, in `roster`; which threads a target has is found in `listing`; what the hypervisor
//! took, in `steal`.

mod emit;
mod io;
mod listing;
mod roster;
mod steal;
#[cfg(test)]
mod tests;
mod watched;

use crate::config::StatsConfig;
use crate::parse;
use emit::Metrics;
use io::Io;
use pipeline_plugin_api::prelude::*;
use std::path::Path;
use steal::Steal;
use watched::Watched;

/// Reads CPU time, run delay, switches and steal of targets.
pub struct Stats {
    config: StatsConfig,
    metrics: Metrics,
    io: Io,
    steal: Steal,
    watched: Vec<Watched>,
}

impl Element for Stats {
    const NAME: &'static str = "process.stats";
    const SUMMARY: &'static str = "CPU time, run delay, threads and switches of processes, and steal";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = StatsConfig;

    fn ports(config: &StatsConfig) -> Ports {
        let always = [
            &vocabulary::CPU_TIME,
            &vocabulary::CPU_RUN_DELAY,
            &vocabulary::CPU_SLICES,
            &vocabulary::CPU_THREADS,
        ];
        let times: &[&Metric] = &[&vocabulary::CPU_USER, &vocabulary::CPU_SYSTEM];
        let switches: &[&Metric] = &[
            &vocabulary::CPU_SWITCHES_VOLUNTARY,
            &vocabulary::CPU_SWITCHES_INVOLUNTARY,
        ];
        let steal: &[&Metric] = &[&vocabulary::CPU_STEAL];
        let chosen = [
            (config.user_system, times),
            (config.switches, switches),
            (config.steal, steal),
        ];
        let chosen = chosen
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .flat_map(|(_, metrics)| metrics.iter().copied());
        always.into_iter().chain(chosen).fold(Ports::new(), Ports::gives)
    }

    fn create(config: StatsConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            metrics: Metrics::of(host)?,
            io: Io::new(&config.proc, config.keep),
            steal: Steal::new(),
            watched: Vec::new(),
            config,
        })
    }

    fn probe() -> Vec<Probe> {
        let proc = Path::new("/proc");
        let mut io = Io::new(proc, 0);
        let steal = Steal::new().begin(Nanos::ZERO, &mut io);
        vec![
            seen(
                "/proc/PID/schedstat",
                schedstat_works(proc),
                "run with a kernel built with CONFIG_SCHED_INFO",
            ),
            seen("steal in /proc/stat", steal, "run with a kernel newer than 2.6.11"),
        ]
    }

    fn status(&self) -> String {
        format!("{} targets, {} files kept open", self.watched.len(), self.io.held())
    }
}

impl Collector for Stats {
    fn start(&mut self, system: &System) -> Result<()> {
        self.io.has_schedstat = schedstat_works(&self.config.proc);
        if self.config.steal {
            self.steal.begin(system.now(), &mut self.io);
        }
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        let target = &change.target;
        let place = self.watched.iter().position(|watched| watched.id == target.id);
        match (place, change.change) {
            (Some(place), Change::GONE) => self.watched.remove(place).close(&mut self.io),
            (None, Change::GONE) => {}
            (Some(place), _) => self.watched[place].update(target, &mut self.io),
            (None, _) => self
                .watched
                .push(Watched::begin(change.at, target, &self.config, &mut self.io)),
        }
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        if self.config.steal {
            self.steal.sample(tick.at, &mut self.io);
        }
        for watched in &mut self.watched {
            let taken = watched.sample(tick.at, &mut self.io);
            self.metrics.emit(&taken, &self.config, self.io.has_schedstat, out);
            if self.config.steal {
                self.metrics.emit_steal(&taken, &self.steal, &watched.cpus, out);
            }
        }
        Ok(Wish::Nothing)
    }
}

/// Whether threads have scheduling statistics: a kernel without them has no file, or prints zeros for a thread that
/// runs (this one).
fn schedstat_works(proc: &Path) -> bool {
    let text = std::fs::read(proc.join("self/schedstat")).unwrap_or_default();
    parse::schedstat(&text).is_some_and(|stat| stat.slices > 0)
}

fn seen(what: &str, present: bool, mend: &str) -> Probe {
    Probe {
        what: what.into(),
        present: u32::from(present),
        required: 0,
        detail: if present { "there" } else { "not there" }.into(),
        mend: if present { "" } else { mend }.into(),
    }
}
