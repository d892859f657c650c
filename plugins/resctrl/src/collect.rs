//! `resctrl.monitor`: a monitoring group for each target, and what it uses of the last-level cache and of the memory
//! bandwidth. It moves tasks between monitoring groups only, which changes what is counted and not how they run.

mod numbers;
mod watched;

use crate::config::MonitorConfig;
use crate::{mount, probe};
use numbers::Metrics;
use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{Error, Resctrl};
use std::collections::BTreeMap;
use watched::{Shared, Watched};

/// The `resctrl.monitor` element.
pub struct Monitor {
    config: MonitorConfig,
    host: Host,
    metrics: Metrics,
    shared: Option<Shared>,
    targets: BTreeMap<TargetId, Watched>,
}

/// What is mounted there; in tests, what they made.
///
/// # Errors
/// Nothing is mounted there, or it cannot be read.
pub fn open(mount_point: &str) -> std::result::Result<Resctrl, Error> {
    #[cfg(test)]
    return crate::bed::open(mount_point);
    #[cfg(not(test))]
    Resctrl::open(mount_point)
}

impl Element for Monitor {
    const NAME: &'static str = "resctrl.monitor";
    const SUMMARY: &'static str = "last-level cache occupancy and memory bandwidth, counted by the hardware";
    const EVERY: Nanos = Nanos::from_secs(1);
    // Each count is asked of a CPU beside its cache, and each group is made under one lock of the kernel.
    const BLOCKING: bool = true;
    type Config = MonitorConfig;

    fn ports(_: &MonitorConfig) -> Ports {
        Ports::new()
            .gives(&vocabulary::L3_OCCUPANCY)
            .gives(&vocabulary::MEMORY_BANDWIDTH)
            .gives(&vocabulary::MEMORY_BANDWIDTH_LOCAL)
    }

    fn create(config: MonitorConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            metrics: Metrics::new(host, config.by_cache)?,
            config,
            host: host.clone(),
            shared: None,
            targets: BTreeMap::new(),
        })
    }

    fn probe() -> Vec<Probe> {
        probe::monitor()
    }

    fn status(&self) -> String {
        let counted = self.targets.values().filter(|watched| watched.is_counted()).count();
        format!("counts {counted} of {} targets", self.targets.len())
    }
}

impl Collector for Monitor {
    fn start(&mut self, system: &System) -> Result<()> {
        let why = match mount::opened(open, &self.config.mount_point, self.config.mount, system) {
            _ if system.dry_run() => "a dry run makes no groups, and without them nothing is counted".to_owned(),
            Ok(resctrl) if resctrl.info().monitoring.is_some() => {
                self.shared = Some(Shared {
                    resctrl,
                    system: system.clone(),
                    host: self.host.clone(),
                });
                return Ok(());
            }
            Ok(_) => "this hardware counts neither the cache nor the memory bandwidth of groups".to_owned(),
            Err(why) => why,
        };
        let message = format!("{why}; all readings of this node are unavailable");
        self.host.log(Level::WARN, &message, &[]);
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        let id = change.target.id;
        if change.change == Change::GONE {
            return match (self.targets.remove(&id), &self.shared) {
                (Some(mut watched), Some(shared)) => watched.leave(shared),
                _ => Ok(()),
            };
        }
        let watched = self
            .targets
            .entry(id)
            .or_insert_with(|| Watched::new(&change.target, &self.host));
        watched.told(&change.target, self.shared.as_ref());
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        for watched in self.targets.values_mut() {
            match &self.shared {
                Some(shared) => watched.sample(shared, &self.metrics, tick.at, out),
                None => watched.absent(&self.metrics, tick.at, Reason::UNSUPPORTED, out),
            }
        }
        Ok(Wish::Nothing)
    }

    fn stop(&mut self) -> Result<()> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let left = std::mem::take(&mut self.targets).into_values();
        let failed: Vec<String> = left
            .filter_map(|mut watched| watched.leave(shared).err())
            .map(|failure| failure.message.into())
            .collect();
        match failed.is_empty() {
            true => Ok(()),
            false => Err(Failure::retry(failed.join("; "))),
        }
    }
}

#[cfg(test)]
mod tests;
