//! `fault.sink`: counts what it is given, as slowly as it is told.

use crate::config::{Call, SinkConfig};
use crate::trouble::{Armed, common_troubles, reach_ports};
use pipeline_plugin_api::prelude::*;

/// Counts readings.
pub struct Count {
    trouble: Armed,
    each: Nanos,
    host: Host,
    system: Option<System>,
}

impl Element for Count {
    const NAME: &'static str = "fault.sink";
    const SUMMARY: &'static str = "counts readings, and a trouble";
    type Config = SinkConfig;

    fn ports(config: &SinkConfig) -> Ports {
        reach_ports(config.trouble);
        Ports::new().takes_all("what it counts")
    }

    fn create(config: SinkConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            trouble: Armed::new(config.trouble, host)?,
            each: config.each.nanos(),
            host: host.clone(),
            system: None,
        })
    }

    common_troubles!();
}

impl Sink for Count {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        self.trouble.reach(Call::Start)
    }

    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        self.trouble.reach(Call::Work)?;
        if let Some(system) = self.system.as_ref().filter(|_| self.each > Nanos::ZERO) {
            system.wait_until(system.now() + self.each);
        }
        let received = input.readings().count() as u64;
        if received > 0 {
            self.host.count("received", received);
        }
        Ok(Wish::Nothing)
    }

    fn flush(&mut self, _: Nanos) -> Result<()> {
        self.trouble.reach(Call::End)
    }
}
