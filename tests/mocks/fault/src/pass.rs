//! `fault.pass`: hands readings on as they are.

use crate::config::{Call, PassConfig};
use crate::trouble::{Armed, common_troubles, reach_ports};
use pipeline_plugin_api::prelude::*;

/// Hands readings on.
pub struct Pass {
    trouble: Armed,
}

impl Element for Pass {
    const NAME: &'static str = "fault.pass";
    const SUMMARY: &'static str = "readings as they come, and a trouble";
    type Config = PassConfig;

    fn ports(config: &PassConfig) -> Ports {
        reach_ports(config.trouble);
        Ports::new()
            .takes_any_reading("what is handed on")
            .gives_any_reading("what was taken")
    }

    fn create(config: PassConfig, host: &Host) -> Result<Self> {
        let trouble = Armed::new(config.trouble, host)?;
        Ok(Self { trouble })
    }

    common_troubles!();
}

impl Transform for Pass {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        self.trouble.reach(Call::Work)?;
        out.readings.extend(input.readings().copied());
        Ok(Wish::Nothing)
    }
}
