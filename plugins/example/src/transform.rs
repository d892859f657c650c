//! `example.rate`: what was counted, per second. Pure: what comes out depends on what went in, so
//! there is no clock here, no file and no thread.

use crate::config::RateConfig;
use pipeline_plugin_api::prelude::*;

/// Gives the rate per second of one metric that counts something.
pub struct Rate {
    metric: MetricId,
    rate: MetricId,
    scale: f64,
}

impl Element for Rate {
    const NAME: &'static str = "example.rate";
    const SUMMARY: &'static str = "rate per second of one metric that counts something";
    type Config = RateConfig;

    fn ports(config: &RateConfig) -> Ports {
        let Ok(metric) = config.counted() else {
            return Ports::new();
        };
        let (name, unit, _) = rate_of(&metric);
        Ports::new()
            .needs(&metric)
            .gives_named(&name, unit, "its rate per second")
    }

    fn create(config: RateConfig, host: &Host) -> Result<Self> {
        let metric = config.counted()?;
        let (name, unit, scale) = rate_of(&metric);
        Ok(Self {
            metric: host.metric(&metric)?,
            rate: host.metric_named(&name, unit, Kind::GAUGE)?,
            scale,
        })
    }
}

impl Transform for Rate {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let counted = input.readings().filter(|reading| reading.metric == self.metric);
        out.readings.extend(counted.map(|reading| self.per_second(reading)));
        Ok(Wish::Nothing)
    }
}

impl Rate {
    /// Target, part, span and quality stay as they are; what has no value, or no span, has no rate.
    fn per_second(&self, reading: &Reading) -> Reading {
        let rate = Reading {
            metric: self.rate,
            ..*reading
        };
        match reading.per_second() {
            Some(value) => Reading {
                value: value * self.scale,
                ..rate
            },
            None if reading.quality == Quality::UNAVAILABLE => rate,
            None => Reading::unavailable(reading.at, reading.target, self.rate, Reason::EMPTY).of_part(reading.part),
        }
    }
}

/// Name and unit of a metric's rate, and what turns its unit per second into that unit.
fn rate_of(metric: &Metric) -> (String, &'static str, f64) {
    let name = format!("{}.rate", metric.name);
    match metric.unit {
        // Nanoseconds in a second are a share of it: 1 is one CPU, busy all the time.
        "ns" => (name, "1", 1e-9),
        "bytes" => (name, "bytes/s", 1.0),
        _ => (name, "1/s", 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::stage::Transforms;
    use pipeline_plugin_api::testkit::TestHost;
    use pipeline_plugin_api::vocabulary::{CPU_RUN_DELAY, CPU_TIME};
    use proptest::prelude::*;

    const AT: Nanos = Nanos::from_secs(3);
    const SECOND: Nanos = Nanos::from_secs(1);
    const WEB: TargetId = TargetId(1);

    /// What `example.rate` makes of one reading, which `of` is given the id of `cpu.time` to make.
    fn applied(of: impl Fn(&TestHost, MetricId) -> Reading) -> (TestHost, Vec<Reading>) {
        let host = TestHost::new();
        let mut node = host.node::<Transforms<Rate>>("").unwrap();
        let mut batch = Batch::default();
        batch.readings.push(of(&host, host.metric(&CPU_TIME)));
        let out = node.feed(AT, &batch).unwrap();
        (host, out.readings.into())
    }

    #[test]
    fn time_per_time_is_a_share() {
        let (host, out) =
            applied(|_, cpu| Reading::delta(AT, Nanos::from_secs(2), WEB, cpu, 5e8).of_part(Part::cpu(3)));
        let name = host.world().names.metric_name(out[0].metric).cloned().unwrap();
        assert_eq!((name.name.as_str(), name.unit.as_str()), ("cpu.time.rate", "1"));
        assert_eq!((out[0].value, out[0].part, out[0].target), (0.25, Part::cpu(3), WEB));
    }

    #[test]
    fn what_is_unavailable_stays_so_with_its_reason() {
        let (_, out) = applied(|_, cpu| Reading::unavailable(AT, WEB, cpu, Reason::NEVER_RAN));
        assert_eq!(out[0].number(), None);
        assert_eq!(Reason(out[0].detail), Reason::NEVER_RAN);
    }

    #[test]
    fn a_scaled_count_gives_a_scaled_rate() {
        let (_, out) = applied(|_, cpu| Reading::delta(AT, SECOND, WEB, cpu, 1e9).scaled(0.4));
        let (quality, detail) = (out[0].quality, out[0].detail);
        assert_eq!(
            (quality, detail),
            (Quality::SCALED, Reading::default().scaled(0.4).detail)
        );
    }

    #[test]
    fn without_a_span_there_is_no_rate() {
        let (_, out) = applied(|_, cpu| Reading::gauge(AT, WEB, cpu, 1.0));
        assert_eq!(out[0].number(), None);
        assert_eq!(Reason(out[0].detail), Reason::EMPTY);
    }

    #[test]
    fn other_metrics_are_left_alone() {
        let (_, out) = applied(|host, _| Reading::delta(AT, SECOND, WEB, host.metric(&CPU_RUN_DELAY), 1.0));
        assert_eq!(out, []);
    }

    proptest! {
        #[test]
        fn a_rate_times_its_span_is_what_was_counted(count in 0u64..1 << 50, span in 1u64..1 << 50) {
            let (_, out) = applied(|_, cpu| Reading::delta(AT, Nanos(span), WEB, cpu, count as f64));
            let again = out[0].value * out[0].span.0 as f64;
            prop_assert!((again - count as f64).abs() <= count as f64 * 1e-9);
        }
    }
}
