//! `signal.rate`: what was counted, per second, from deltas and from totals.

use crate::config::RateConfig;
use crate::forget;
use crate::pattern::{self, Known};
use crate::quality::{reason_of, without_value};
use crate::total::Total;
use pipeline_plugin_api::abi::MetricName;
use pipeline_plugin_api::frame::{Gone, Key};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// Gives the rate per second of metrics that count something.
pub struct Rate {
    host: Host,
    metrics: Vec<String>,
    gap: Option<Nanos>,
    rated: Known<Rated>,
    totals: BTreeMap<Key, Total>,
    gone: Gone,
}

/// What is done with one metric.
#[derive(Copy, Clone, Debug)]
struct Rated {
    rate: MetricId,
    scale: f64,
    total: bool,
}

/// Whether a metric counts something, so that it has a rate.
pub fn counts(metric: &Metric) -> bool {
    metric.kind == Kind::DELTA || metric.kind == Kind::COUNTER
}

impl Element for Rate {
    const NAME: &'static str = "signal.rate";
    const SUMMARY: &'static str = "rates per second of deltas and of totals, across resets and gaps";
    type Config = RateConfig;

    fn ports(config: &RateConfig) -> Ports {
        pattern::ports(
            &config.metrics,
            counts,
            ("what was counted", "its rate per second"),
            |name, unit| vec![(name_of(name), unit_of(unit).0)],
        )
    }

    fn create(config: RateConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            host: host.clone(),
            metrics: config.metrics,
            gap: config.gap.map(Span::nanos),
            rated: Known::default(),
            totals: BTreeMap::new(),
            gone: Gone::default(),
        })
    }

    fn status(&self) -> String {
        format!("{} totals followed", self.totals.len())
    }
}

impl Transform for Rate {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for reading in input.readings().filter(|reading| !self.gone.has(reading.target)) {
            let host = &self.host;
            let rated = self.rated.of(reading.metric, &self.metrics, host, |name| {
                learn(name, &self.metrics, host)
            })?;
            let Some(rated) = rated.copied() else { continue };
            let delta = if rated.total {
                self.totals
                    .entry(Key::of(reading))
                    .or_default()
                    .advance(reading, self.gap)
            } else {
                *reading
            };
            out.readings.push(per_second(&delta, rated));
        }
        for change in input.changes().filter(|change| change.change == Change::GONE) {
            forget::series(&mut self.totals, change.target.id);
            self.gone.add(change.target.id);
        }
        Ok(Wish::Nothing)
    }
}

fn learn(name: &MetricName, wanted: &[String], host: &Host) -> Result<Option<Rated>> {
    if name.kind != Kind::DELTA && name.kind != Kind::COUNTER {
        if wanted.iter().any(|wanted| *wanted == *name.name) {
            let why = "a gauge has no rate; leave it out of `metrics`";
            host.log(Level::WARN, why, &[("metric", &name.name)]);
        }
        return Ok(None);
    }
    let (unit, scale) = unit_of(&name.unit);
    Ok(Some(Rated {
        rate: host.metric_named(&name_of(&name.name), &unit, Kind::GAUGE)?,
        scale,
        total: name.kind == Kind::COUNTER,
    }))
}

fn per_second(delta: &Reading, rated: Rated) -> Reading {
    let rate = Reading {
        metric: rated.rate,
        ..*delta
    };
    match delta.per_second() {
        Some(value) => Reading {
            value: value * rated.scale,
            ..rate
        },
        None if delta.number().is_some() => without_value(&rate, Reason::EMPTY),
        None => without_value(&rate, reason_of(delta)),
    }
}

fn name_of(metric: &str) -> String {
    format!("{metric}.rate")
}

/// The unit of a rate, and what turns the metric's unit per second into it: time per time is a
/// plain number, so that 1 is one CPU, busy all the time.
fn unit_of(unit: &str) -> (String, f64) {
    match unit {
        "ns" => ("1".to_owned(), 1e-9),
        "" => (String::new(), 1.0),
        unit => (format!("{unit}/s"), 1.0),
    }
}

#[cfg(test)]
mod tests;
