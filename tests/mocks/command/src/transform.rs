//! `mimic.double`: twice as much.

use pipeline_plugin_api::prelude::*;

/// Each reading twice as large.
pub struct Double(MetricId);

impl Element for Double {
    const NAME: &'static str = "mimic.double";
    const SUMMARY: &'static str = "each reading twice as large";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
            .takes_any_reading("what is doubled")
            .gives(&vocabulary::CPU_RUN_DELAY)
    }

    fn create(_: NoConfig, host: &Host) -> Result<Self> {
        Ok(Self(host.metric(&vocabulary::CPU_RUN_DELAY)?))
    }
}

impl Transform for Double {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let doubled = input.readings().map(|reading| Reading {
            value: reading.value * 2.0,
            metric: self.0,
            ..*reading
        });
        out.readings.extend(doubled);
        Ok(Wish::Nothing)
    }
}
