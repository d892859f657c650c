//! `fault.collect`: gives running numbers, and for each target that it knows its own life.

use crate::config::{Call, CollectConfig};
use crate::trouble::{Armed, common_troubles, reach_ports};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeSet;

/// Gives numbers until it goes wrong.
pub struct Collect {
    trouble: Armed,
    readings: u32,
    number: MetricId,
    life: MetricId,
    given: u64,
    targets: BTreeSet<TargetId>,
    host: Host,
}

/// A number that grows by 1 from reading to reading.
const NUMBER: &str = "fault.number";
/// Which life of the node this is.
const LIFE: &str = "fault.life";

impl Element for Collect {
    const NAME: &'static str = "fault.collect";
    const SUMMARY: &'static str = "running numbers, and a trouble";
    const EVERY: Nanos = Nanos::from_millis(50);
    type Config = CollectConfig;

    fn ports(config: &CollectConfig) -> Ports {
        reach_ports(config.trouble);
        Ports::new()
            .gives_named(NUMBER, "1", "a number that grows by 1 from reading to reading")
            .gives_named(LIFE, "1", "which life of the node this is")
    }

    fn create(config: CollectConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            trouble: Armed::new(config.trouble, host)?,
            readings: config.readings,
            number: host.metric_named(NUMBER, "1", Kind::GAUGE)?,
            life: host.metric_named(LIFE, "1", Kind::GAUGE)?,
            given: 0,
            targets: BTreeSet::new(),
            host: host.clone(),
        })
    }

    common_troubles!();
}

impl Collector for Collect {
    fn start(&mut self, _: &System) -> Result<()> {
        self.trouble.reach(Call::Start)
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        match change.change {
            Change::GONE => self.targets.remove(&change.target.id),
            _ => self.targets.insert(change.target.id),
        };
        self.trouble.reach(Call::Target)
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.trouble.reach(Call::Work)?;
        for _ in 0..self.readings {
            self.given += 1;
            out.readings
                .push(Reading::gauge(tick.at, TargetId::NONE, self.number, self.given as f64));
        }
        let life = f64::from(self.trouble.life());
        let of_targets = self
            .targets
            .iter()
            .map(|target| Reading::gauge(tick.at, *target, self.life, life));
        out.readings.extend(of_targets);
        self.host.count("produced", out.readings.len() as u64);
        Ok(Wish::Nothing)
    }

    fn descriptors(&self) -> Vec<i32> {
        // It waits for nothing; only how it goes wrong matters.
        let _ = self.trouble.reach(Call::Descriptors);
        Vec::new()
    }

    fn stop(&mut self) -> Result<()> {
        self.trouble.reach(Call::End)
    }
}
