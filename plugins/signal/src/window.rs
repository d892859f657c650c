//! `signal.window`: mean, spread, quantiles, least and greatest over the last readings of a series.

use crate::config::WindowConfig;
use crate::forget;
use crate::pattern::{self, Known};
use crate::quality::{reason_of, without_value};
use crate::series::{Reach, Series};
use crate::statistics::Statistic;
use pipeline_plugin_api::abi::MetricName;
use pipeline_plugin_api::frame::{Gone, Key};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// Gives statistics of each series over a sliding window.
pub struct Windows {
    host: Host,
    config: WindowConfig,
    reach: Reach,
    made: Known<Made>,
    series: BTreeMap<Key, Series>,
    gone: Gone,
}

/// The metrics that are made of one.
type Made = Vec<(Statistic, MetricId)>;

impl Element for Windows {
    const NAME: &'static str = "signal.window";
    const SUMMARY: &'static str = "mean, deviation, quantiles, least and greatest over a sliding window";
    type Config = WindowConfig;

    fn ports(config: &WindowConfig) -> Ports {
        pattern::ports(
            &config.metrics,
            |_| true,
            ("what is looked at", "a statistic over the window"),
            |name, unit| {
                let statistics = config.statistics().into_iter();
                statistics
                    .map(|statistic| (name_of(name, statistic), unit.to_owned()))
                    .collect()
            },
        )
    }

    fn create(config: WindowConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            host: host.clone(),
            reach: config.reach(),
            config,
            made: Known::default(),
            series: BTreeMap::new(),
            gone: Gone::default(),
        })
    }

    fn status(&self) -> String {
        format!("{} series followed", self.series.len())
    }
}

impl Transform for Windows {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for reading in input.readings().filter(|reading| !self.gone.has(reading.target)) {
            let (host, config) = (&self.host, &self.config);
            let learn = |name: &MetricName| learn(name, config, host).map(Some);
            let Some(made) = self.made.of(reading.metric, &config.metrics, host, learn)? else {
                continue;
            };
            let series = self.series.entry(Key::of(reading)).or_default();
            series.push(reading, self.reach);
            let common = judged(reading, series, self.reach, config);
            out.readings.extend(
                made.iter()
                    .map(|(statistic, metric)| told(*statistic, *metric, &common, series)),
            );
        }
        for change in input.changes().filter(|change| change.change == Change::GONE) {
            forget::series(&mut self.series, change.target.id);
            self.gone.add(change.target.id);
        }
        Ok(Wish::Nothing)
    }
}

fn learn(name: &MetricName, config: &WindowConfig, host: &Host) -> Result<Made> {
    let made = config.statistics().into_iter().map(|statistic| {
        let metric = host.metric_named(&name_of(&name.name, statistic), &name.unit, Kind::GAUGE)?;
        Ok((statistic, metric))
    });
    made.collect()
}

/// What all statistics of this instant have in common: the span, and how far they can be trusted.
fn judged(newest: &Reading, series: &Series, reach: Reach, config: &WindowConfig) -> Reading {
    let common = Reading {
        span: series.span(),
        ..*newest
    };
    let Some(worst) = series.worst() else {
        return without_value(&common, reason_of(newest));
    };
    if series.sorted().len() < config.least_count as usize {
        return without_value(&common, Reason::WARMING_UP);
    }
    let common = Reading {
        quality: worst.quality,
        detail: worst.detail,
        ..common
    };
    if series.present(reach) < config.complete {
        common.estimated()
    } else {
        common
    }
}

fn told(statistic: Statistic, metric: MetricId, common: &Reading, series: &Series) -> Reading {
    let common = Reading { metric, ..*common };
    if common.quality == Quality::UNAVAILABLE {
        return common;
    }
    match statistic.of(series.sorted()) {
        Some(value) => Reading { value, ..common },
        None => without_value(&common, Reason::WARMING_UP),
    }
}

fn name_of(metric: &str, statistic: Statistic) -> String {
    format!("{metric}.{}", statistic.suffix())
}

#[cfg(test)]
mod tests;
