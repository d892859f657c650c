//! `signal.ratio`: one metric over another, of the same target, part and instant.

use crate::config::RatioConfig;
use crate::forget;
use crate::quality::{reason_of, without_value, worse};
use pipeline_plugin_api::abi::MetricName;
use pipeline_plugin_api::frame::Gone;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// Gives numerator over denominator.
pub struct Ratio {
    host: Host,
    config: RatioConfig,
    ratio: MetricId,
    sides: BTreeMap<MetricId, Option<Side>>,
    waiting: BTreeMap<(TargetId, Part), Pair>,
    gone: Gone,
}

/// What a metric is to the ratio.
#[derive(Copy, Clone, Debug)]
struct Side {
    below: bool,
    delta: bool,
}

/// The latest of both sides, until both are of one instant.
#[derive(Clone, Debug, Default)]
struct Pair {
    above: Option<Reading>,
    below: Option<Reading>,
    deltas: [bool; 2],
}

impl Element for Ratio {
    const NAME: &'static str = "signal.ratio";
    const SUMMARY: &'static str = "one metric over another, of the same target, part and instant";
    type Config = RatioConfig;

    fn ports(config: &RatioConfig) -> Ports {
        Ports::new()
            .needs_named(&config.numerator, "above the line")
            .needs_named(&config.denominator, "below the line")
            .gives_named(
                &config.name(),
                &config.unit().unwrap_or_default(),
                "numerator over denominator",
            )
    }

    fn create(config: RatioConfig, host: &Host) -> Result<Self> {
        let ratio = host.metric_named(&config.name(), &config.unit().unwrap_or_default(), Kind::GAUGE)?;
        Ok(Self {
            host: host.clone(),
            config,
            ratio,
            sides: BTreeMap::new(),
            waiting: BTreeMap::new(),
            gone: Gone::default(),
        })
    }

    fn status(&self) -> String {
        format!("{} pairs followed", self.waiting.len())
    }
}

impl Transform for Ratio {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for reading in input.readings() {
            let Some(side) = self.side(reading.metric).filter(|_| !self.gone.has(reading.target)) else {
                continue;
            };
            let pair = self.waiting.entry((reading.target, reading.part)).or_default();
            pair.put(reading, side);
            out.readings.extend(pair.divided(self.ratio, self.config.scale));
        }
        for change in input.changes().filter(|change| change.change == Change::GONE) {
            forget::parts(&mut self.waiting, change.target.id);
            self.gone.add(change.target.id);
        }
        Ok(Wish::Nothing)
    }
}

impl Ratio {
    fn side(&mut self, metric: MetricId) -> Option<Side> {
        let (host, config) = (&self.host, &self.config);
        let side = || host.metric_name(metric).and_then(|name| side_of(&name, config));
        *self.sides.entry(metric).or_insert_with(side)
    }
}

fn side_of(name: &MetricName, config: &RatioConfig) -> Option<Side> {
    let below = name.name == config.denominator;
    (below || name.name == config.numerator).then_some(Side {
        below,
        delta: name.kind == Kind::DELTA,
    })
}

impl Pair {
    fn put(&mut self, reading: &Reading, side: Side) {
        self.deltas[usize::from(side.below)] = side.delta;
        let place = if side.below { &mut self.below } else { &mut self.above };
        *place = Some(*reading);
    }

    /// The ratio, once both sides are of one instant.
    fn divided(&mut self, metric: MetricId, scale: f64) -> Option<Reading> {
        let (above, below) = self
            .above
            .zip(self.below)
            .filter(|(above, below)| above.at == below.at)?;
        (self.above, self.below) = (None, None);
        let trusted = worse(&above, &below);
        let ratio = Reading {
            metric,
            span: above.span.max(below.span),
            quality: trusted.quality,
            detail: trusted.detail,
            ..above
        };
        let Some((numerator, denominator)) = above.number().zip(below.number()) else {
            let lost = if above.number().is_none() { above } else { below };
            return Some(without_value(&ratio, reason_of(&lost)));
        };
        let uneven = self.deltas == [true, true] && above.span != below.span;
        let stretch = if uneven {
            below.span.seconds() / above.span.seconds()
        } else {
            1.0
        };
        let value = numerator / denominator * stretch * scale;
        if !value.is_finite() {
            return Some(without_value(&ratio, Reason::EMPTY));
        }
        let ratio = Reading { value, ..ratio };
        Some(if uneven { ratio.estimated() } else { ratio })
    }
}

#[cfg(test)]
mod tests;
