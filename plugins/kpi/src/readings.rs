//! From the counts of a span to readings. Pure.

use crate::tally::Tally;
use pipeline_plugin_api::prelude::*;

/// What every reading of a span has in common.
#[derive(Copy, Clone, Debug)]
pub struct Covers {
    /// Whom it is about.
    pub target: TargetId,
    /// The instant.
    pub at: Nanos,
    /// How long the counts were gathered.
    pub span: Nanos,
}

/// The metrics of a server's users.
#[derive(Clone, Debug)]
pub struct Readings {
    offered: MetricId,
    rate: MetricId,
    errors: MetricId,
    mean: MetricId,
    quantiles: [(f64, MetricId); 4],
    max: MetricId,
    bucket: Option<MetricId>,
}

impl Readings {
    /// With their names known to the host; with `histogram`, buckets too.
    ///
    /// # Errors
    /// Another node means something else by such a name.
    pub fn new(host: &Host, histogram: bool) -> Result<Self> {
        Ok(Self {
            offered: host.metric(&vocabulary::KPI_OFFERED)?,
            rate: host.metric(&vocabulary::KPI_RATE)?,
            errors: host.metric(&vocabulary::KPI_ERRORS)?,
            mean: host.metric(&vocabulary::KPI_LATENCY_MEAN)?,
            quantiles: [
                (0.5, host.metric(&vocabulary::KPI_LATENCY_P50)?),
                (0.9, host.metric(&vocabulary::KPI_LATENCY_P90)?),
                (0.99, host.metric(&vocabulary::KPI_LATENCY_P99)?),
                (0.999, host.metric(&vocabulary::KPI_LATENCY_P999)?),
            ],
            max: host.metric(&vocabulary::KPI_LATENCY_MAX)?,
            bucket: histogram
                .then(|| host.metric(&vocabulary::KPI_LATENCY_BUCKET))
                .transpose()?,
        })
    }

    /// The ports that go with them.
    pub fn ports(histogram: bool) -> Ports {
        let ports = Ports::new()
            .gives(&vocabulary::KPI_OFFERED)
            .gives(&vocabulary::KPI_RATE)
            .gives(&vocabulary::KPI_ERRORS)
            .gives(&vocabulary::KPI_LATENCY_MEAN)
            .gives(&vocabulary::KPI_LATENCY_P50)
            .gives(&vocabulary::KPI_LATENCY_P90)
            .gives(&vocabulary::KPI_LATENCY_P99)
            .gives(&vocabulary::KPI_LATENCY_P999)
            .gives(&vocabulary::KPI_LATENCY_MAX);
        if histogram {
            ports.gives(&vocabulary::KPI_LATENCY_BUCKET)
        } else {
            ports
        }
    }

    /// Puts what a span's counts say into a batch. Without answers there is no latency.
    pub fn tell(&self, tally: &Tally, covers: Covers, out: &mut Batch) {
        let seconds = covers.span.seconds();
        out.readings
            .push(covers.gauge(self.offered, Some(tally.offered as f64 / seconds)));
        out.readings
            .push(covers.gauge(self.rate, Some(tally.answered as f64 / seconds)));
        out.readings.push(covers.delta(self.errors, tally.errors as f64));
        out.readings.push(covers.gauge(self.mean, tally.mean_ns()));
        for (share, metric) in self.quantiles {
            out.readings.push(covers.gauge(metric, tally.quantile_ns(share)));
        }
        out.readings.push(covers.gauge(self.max, tally.max_ns()));
        let Some(metric) = self.bucket else { return };
        for (bucket, count) in tally.buckets() {
            out.readings
                .push(covers.delta(metric, count as f64).of_part(Part::bucket(bucket)));
        }
    }

    /// Says that there are no numbers yet.
    pub fn warming_up(&self, target: TargetId, at: Nanos, out: &mut Batch) {
        let quantiles = self.quantiles.iter().map(|(_, metric)| *metric);
        let metrics = [self.offered, self.rate, self.errors, self.mean, self.max];
        for metric in metrics.into_iter().chain(quantiles) {
            out.readings
                .push(Reading::unavailable(at, target, metric, Reason::WARMING_UP));
        }
    }
}

impl Covers {
    fn gauge(self, metric: MetricId, value: Option<f64>) -> Reading {
        let reading = match value {
            Some(value) => Reading::gauge(self.at, self.target, metric, value),
            None => Reading::unavailable(self.at, self.target, metric, Reason::EMPTY),
        };
        Reading {
            span: self.span,
            ..reading
        }
    }

    fn delta(self, metric: MetricId, value: f64) -> Reading {
        Reading::delta(self.at, self.span, self.target, metric, value)
    }
}
