//! What the elements can be told, one struct for each.

use crate::pattern;
use crate::rate::counts;
use crate::series::{MOST_READINGS, Reach};
use crate::statistics::Statistic;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Config of `signal.rate`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// The metrics whose rates are wanted: names, or the beginning of names with `*` at the end,
    /// such as `cpu.*`, which leaves gauges alone. `["cpu.time"]` by default. A metric that is not in
    /// the vocabulary and that a later node needs is to be listed by its name.
    pub metrics: Vec<String>,
    /// For totals: a span longer than this has a hole, and its rate is unavailable as `reset`. Ten
    /// times the span before it by default. Any span above 0s; shorten it where a source that
    /// restarts may have counted past its old total unseen.
    pub gap: Option<Span>,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            metrics: vec![vocabulary::CPU_TIME.name.to_owned()],
            gap: None,
        }
    }
}

impl Configure for RateConfig {
    fn check(&self, faults: &mut Faults) {
        pattern::check(
            faults,
            "metrics",
            &self.metrics,
            counts,
            "a metric that counts something, so it has no rate",
        );
        faults.require(
            self.gap.is_none_or(|gap| gap.nanos() > Nanos::ZERO),
            "gap",
            "`gap` is 0s, so that every span would be a hole",
            "leave it out, or give a few times the collector's `every`",
        );
    }
}

/// Config of `signal.ratio`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RatioConfig {
    /// The metric above the line. `cpu.throttled_periods` by default.
    pub numerator: String,
    /// The metric below the line. `cpu.periods` by default.
    pub denominator: String,
    /// What the ratio is called. `<numerator>.ratio` by default; give one where the denominator
    /// matters to the reader, such as `cpu.throttled_share`.
    pub name: Option<String>,
    /// The ratio's unit. By default `1` where both have the same, the numerator's where the
    /// denominator is a plain number, else `<numerator's>/<denominator's>`. To be given where one of
    /// the two metrics is not in the vocabulary.
    pub unit: Option<String>,
    /// What the ratio is multiplied with. 1 by default; any finite number but 0. 1000 gives misses
    /// per 1000 instructions, say.
    pub scale: f64,
}

impl Default for RatioConfig {
    fn default() -> Self {
        Self {
            numerator: vocabulary::CPU_THROTTLED_PERIODS.name.to_owned(),
            denominator: vocabulary::CPU_PERIODS.name.to_owned(),
            name: None,
            unit: None,
            scale: 1.0,
        }
    }
}

impl Configure for RatioConfig {
    fn check(&self, faults: &mut Faults) {
        for (field, name) in [("numerator", &self.numerator), ("denominator", &self.denominator)] {
            let plain = !name.is_empty() && !name.contains('*');
            faults.require(
                plain,
                field,
                format!("`{name}` is no name of a metric"),
                "name one metric",
            );
        }
        faults.require(
            self.numerator != self.denominator,
            "denominator",
            "both sides are the same metric, so the ratio is always 1",
            "name another",
        );
        let name = self.name();
        faults.require(
            !name.is_empty() && name != self.numerator && name != self.denominator,
            "name",
            format!("`{name}` cannot be the ratio's name"),
            "give a name that no metric has yet",
        );
        faults.require(
            self.unit().is_some(),
            "numerator",
            "the unit of the ratio is not known, since one of its metrics is not in the vocabulary",
            "add `unit`",
        );
        faults.require(
            self.scale.is_finite() && self.scale != 0.0,
            "scale",
            format!("`scale` is {}", self.scale),
            "give a finite number but 0",
        );
    }
}

impl RatioConfig {
    /// What the ratio is called.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{}.ratio", self.numerator))
    }

    /// The ratio's unit, where it is given or can be derived.
    pub fn unit(&self) -> Option<String> {
        let unit = |name: &str| vocabulary::metric(name).map(|metric| metric.unit);
        let derived = || match (unit(&self.numerator)?, unit(&self.denominator)?) {
            (above, below) if above == below => Some("1".to_owned()),
            (above, "1") => Some(above.to_owned()),
            (above, below) => Some(format!("{above}/{below}")),
        };
        self.unit.clone().or_else(derived)
    }
}

/// Config of `signal.window`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WindowConfig {
    /// The metrics to look at: names, or the beginning of names with `*` at the end, such as
    /// `kpi.*`. `["kpi.latency.p99"]` by default. A metric that is not in the vocabulary and that a
    /// later node needs is to be listed by its name.
    pub metrics: Vec<String>,
    /// The window holds the readings younger than this. 10s where `count` is not given either; above
    /// 0s. Of more than 10000 readings the oldest leave it early.
    pub span: Option<Span>,
    /// The window holds that many of the last readings, whatever their age. 1 to 10000; instead of
    /// `span`, where readings come at uneven times.
    pub count: Option<u32>,
    /// Below this share of the window with values the statistics are `estimated`. 0.9 by default,
    /// 0..=1; lower it for a source that often has nothing to say.
    pub complete: f64,
    /// Below this many values the statistics are unavailable as `warming up`. 2 by default, from 1;
    /// raise it where a few values would mislead.
    pub least_count: u32,
    /// The quantiles to tell, as shares, 0..=1, interpolated on a line between the two nearest values:
    /// `[0.95]` by default, told as `.p95`.
    pub quantiles: Vec<f64>,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self {
            metrics: vec![vocabulary::KPI_LATENCY_P99.name.to_owned()],
            span: None,
            count: None,
            complete: 0.9,
            least_count: 2,
            quantiles: vec![0.95],
        }
    }
}

impl Configure for WindowConfig {
    fn check(&self, faults: &mut Faults) {
        pattern::check(faults, "metrics", &self.metrics, |_| true, "a metric");
        self.check_reach(faults);
        faults.require(
            (0.0..=1.0).contains(&self.complete),
            "complete",
            format!("`complete` is {} and a share", self.complete),
            "give 0..=1",
        );
        let within = self.count.unwrap_or(MOST_READINGS as u32);
        faults.require(
            (1..=within).contains(&self.least_count),
            "least_count",
            format!(
                "`least_count` is {}, and a window holds 1 to {within} values",
                self.least_count
            ),
            "give a number between",
        );
        let shares = self.quantiles.iter().all(|share| (0.0..=1.0).contains(share));
        faults.require(shares, "quantiles", "quantiles are shares", "give 0..=1, such as 0.95");
        let names: BTreeSet<String> = self.statistics().into_iter().map(Statistic::suffix).collect();
        faults.require(
            names.len() == self.statistics().len(),
            "quantiles",
            "two quantiles have the same name",
            "leave one of them out",
        );
    }
}

impl WindowConfig {
    /// How far back the window reaches.
    pub fn reach(&self) -> Reach {
        match self.count {
            Some(count) => Reach::Count(count as usize),
            None => Reach::Span(self.span.unwrap_or(Span::secs(10)).nanos()),
        }
    }

    /// What is told of each series.
    pub fn statistics(&self) -> Vec<Statistic> {
        let quantiles = self.quantiles.iter().map(|share| Statistic::Quantile(*share));
        let ends = [Statistic::Min, Statistic::Max];
        [Statistic::Mean, Statistic::Std]
            .into_iter()
            .chain(quantiles)
            .chain(ends)
            .collect()
    }

    fn check_reach(&self, faults: &mut Faults) {
        faults.require(
            self.span.is_none() || self.count.is_none(),
            "count",
            "a window has a `span` or a `count`, not both",
            "leave one of them out",
        );
        faults.require(
            self.span.is_none_or(|span| span.nanos() > Nanos::ZERO),
            "span",
            "a window of 0s holds nothing",
            "give a few times the collector's `every`",
        );
        faults.require(
            self.count
                .is_none_or(|count| (1..=MOST_READINGS as u32).contains(&count)),
            "count",
            format!("`count` is not within 1 to {MOST_READINGS}"),
            "give a number between",
        );
    }
}

#[cfg(test)]
mod tests;
