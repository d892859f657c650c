//! `fault.target`: brings one target without processes.

use crate::config::{Call, TargetConfig};
use crate::trouble::{Armed, common_troubles, reach_ports};
use pipeline_plugin_api::abi;
use pipeline_plugin_api::prelude::*;

/// Brings a target that is named like its node.
pub struct Target {
    node: String,
    trouble: Armed,
    system: Option<System>,
    told: Option<abi::Target>,
}

impl Element for Target {
    const NAME: &'static str = "fault.target";
    const SUMMARY: &'static str = "a target without processes, and a trouble";
    const EVERY: Nanos = Nanos::from_millis(50);
    type Config = TargetConfig;

    fn ports(config: &TargetConfig) -> Ports {
        reach_ports(config.trouble);
        Ports::new()
    }

    fn create(config: TargetConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            node: host.name(),
            trouble: Armed::new(config.trouble, host)?,
            system: None,
            told: None,
        })
    }

    common_troubles!();
}

impl TargetProvider for Target {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        self.trouble.reach(Call::Start)
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.trouble.reach(Call::Work)?;
        let Some(system) = self.system.as_ref().filter(|_| self.told.is_none()) else {
            return Ok(Wish::Nothing);
        };
        let (id, generation) = system.new_target(&self.node);
        let target = abi::Target {
            id,
            generation,
            provider: self.node.as_str().into(),
            name: self.node.as_str().into(),
            class: Class::BEST_EFFORT,
            ..abi::Target::default()
        };
        self.told = Some(target.clone());
        out.changes.push(TargetChange {
            at: tick.at,
            change: Change::APPEARED,
            target,
        });
        Ok(Wish::Nothing)
    }

    fn stop(&mut self, out: &mut Batch) -> Result<()> {
        self.trouble.reach(Call::End)?;
        out.changes.extend(self.told.take().map(|target| TargetChange {
            at: out.at,
            change: Change::GONE,
            target,
        }));
        Ok(())
    }
}
