//! `mimic.feed`, `mimic.truth`, `mimic.real`: collectors that read nothing.

use crate::config::FeedConfig;
use pipeline_plugin_api::abi::Kind;
use pipeline_plugin_api::prelude::*;

/// Readings that look like noise and are the same each time.
pub struct Feed {
    metric: MetricId,
    readings: u32,
    state: u64,
}

impl Element for Feed {
    const NAME: &'static str = "mimic.feed";
    const SUMMARY: &'static str = "readings that look like noise";
    const EVERY: Nanos = Nanos::from_millis(100);
    const VIRTUAL_TIME: bool = true;
    type Config = FeedConfig;

    fn ports(_: &FeedConfig) -> Ports {
        Ports::new().gives(&vocabulary::CPU_TIME)
    }

    fn create(config: FeedConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            metric: host.metric(&vocabulary::CPU_TIME)?,
            readings: config.readings,
            state: 1,
        })
    }
}

impl Collector for Feed {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        for number in 0..self.readings {
            // The generator of Knuth's MMIX (TAOCP vol. 2, 3.3.4, table 1).
            self.state = self
                .state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let value = (self.state >> 40) as f64;
            let reading = Reading::delta(tick.at, Self::EVERY, TargetId::NONE, self.metric, value);
            out.readings.push(reading.of_part(Part::cpu(number)));
        }
        Ok(Wish::Nothing)
    }
}

/// What no policy may see.
pub struct Truth(MetricId);

impl Element for Truth {
    const NAME: &'static str = "mimic.truth";
    const SUMMARY: &'static str = "what no policy may see";
    const EVERY: Nanos = Nanos::from_millis(100);
    const VIRTUAL_TIME: bool = true;
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new().gives_named("truth.slowdown", "1", "how many times slower")
    }

    fn create(_: NoConfig, host: &Host) -> Result<Self> {
        Ok(Self(host.metric_named("truth.slowdown", "1", Kind::GAUGE)?))
    }
}

impl Collector for Truth {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        out.readings.push(Reading::gauge(tick.at, TargetId::NONE, self.0, 1.5));
        Ok(Wish::Nothing)
    }
}

/// Says that it works on the real machine.
pub struct Real;

impl Element for Real {
    const NAME: &'static str = "mimic.real";
    const SUMMARY: &'static str = "says that it works on the real machine";
    const EVERY: Nanos = Nanos::from_millis(100);
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new().gives(&vocabulary::CPU_TIME)
    }

    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Collector for Real {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self, _: &Tick<'_>, _: &mut Batch) -> Result<Wish> {
        Ok(Wish::Nothing)
    }
}
