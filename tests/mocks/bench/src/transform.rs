//! `mock.scale`: the least that a transform does with a reading.

use crate::config::ScaleConfig;
use pipeline_plugin_api::prelude::*;

/// Gives every reading of one metric, times a gain, as another metric.
pub struct Scale {
    metric: MetricId,
    scaled: MetricId,
    gain: f64,
}

/// The metric that [`Scale`] gives, and its unit.
pub const SCALED: (&str, &str) = ("mock.scaled", "1");

impl Element for Scale {
    const NAME: &'static str = "mock.scale";
    const SUMMARY: &'static str = "each reading times a gain";
    type Config = ScaleConfig;

    fn ports(_: &ScaleConfig) -> Ports {
        let (name, unit) = SCALED;
        Ports::new()
            .needs(&vocabulary::CPU_RUN_DELAY)
            .gives_named(name, unit, "run delay times the gain")
    }

    fn create(config: ScaleConfig, host: &Host) -> Result<Self> {
        let (name, unit) = SCALED;
        Ok(Self {
            metric: host.metric(&vocabulary::CPU_RUN_DELAY)?,
            scaled: host.metric_named(name, unit, Kind::GAUGE)?,
            gain: config.gain,
        })
    }
}

impl Transform for Scale {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for reading in input.readings().filter(|reading| reading.metric == self.metric) {
            out.readings.push(Reading {
                value: reading.value * self.gain,
                metric: self.scaled,
                ..*reading
            });
        }
        Ok(Wish::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::stage::Transforms;
    use pipeline_plugin_api::testkit::TestHost;

    #[test]
    fn each_reading_of_the_metric_is_scaled_and_others_are_left_out() {
        let host = TestHost::new();
        let mut node = host.node::<Transforms<Scale>>("(gain: 3.0)").unwrap();
        let mut batch = Batch::default();
        let delay = Reading::gauge(Nanos(1), TargetId(1), host.metric(&vocabulary::CPU_RUN_DELAY), 2.0);
        let other = Reading::gauge(Nanos(1), TargetId(1), host.metric(&vocabulary::CPU_TIME), 2.0);
        batch.readings.extend([delay, other]);
        let out = node.feed(Nanos(1), &batch).unwrap();
        assert_eq!(
            out.readings.iter().map(|reading| reading.value).collect::<Vec<_>>(),
            [6.0]
        );
    }
}
