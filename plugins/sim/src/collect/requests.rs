//! What users of a service feel, as `kpi.redis` tells it. Percentiles are those of as many requests as there were: of few
//! requests they scatter, as measured ones do.

use super::ids::Ids;
use super::{Out, View};
use pipeline_plugin_api::histogram::{bounds, bucket};
use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::Latency;

/// Nothing for what answers no requests by its nature.
pub fn tell(view: &View<'_>, ids: &Ids, histogram: bool, out: &mut Out) {
    let since = view.at - view.span;
    let Some(latency) = view.ground.simulation.latency(view.place, since) else {
        return;
    };
    let per_second = |id: MetricId, count: f64| Reading {
        span: view.span,
        ..view.gauge(id, count / view.span.seconds())
    };
    let answered = view.now.answered - view.last.answered;
    out.push(per_second(ids.offered, view.now.offered - view.last.offered));
    out.push(per_second(ids.rate, answered));
    out.push(view.count(ids.errors, |totals| totals.errors));
    let shares = [(ids.p50, 0.5), (ids.p90, 0.1), (ids.p99, 0.01), (ids.p999, 0.001)];
    if answered < 1.0 || latency.requests() <= 0.0 {
        let all = shares.iter().map(|(id, _)| *id).chain([ids.mean, ids.max]);
        out.extend(all.map(|id| view.unavailable(id, Reason::EMPTY)));
        return;
    }
    let spanned = |id: MetricId, value: Option<f64>| match value {
        Some(value) => Reading {
            span: view.span,
            ..view.gauge(id, value.round())
        },
        None => view.unavailable(id, Reason::EMPTY),
    };
    let mean = latency
        .mean()
        .map(|mean| mean * (1.0 + 0.5 * view.noise(0x40) / answered.sqrt()).max(0.2));
    out.push(spanned(ids.mean, mean));
    for (stream, (id, beyond)) in shares.into_iter().enumerate() {
        out.push(spanned(
            id,
            latency.quantile(sampled(view, answered, beyond, stream as u64)),
        ));
    }
    // The longest of n requests: one in n is beyond it, more or less.
    let longest = scattered(view.noise(0x46)) / answered;
    out.push(spanned(ids.max, latency.quantile(longest)));
    if histogram {
        buckets(view, ids, &latency, answered, out);
    }
}

/// The share that is really beyond what looks like that percentile of so many requests: order statistics scatter by
/// √(p(1−p)/n) (the variance of a Beta distribution).
fn sampled(view: &View<'_>, requests: f64, beyond: f64, stream: u64) -> f64 {
    let least = 0.5 / requests;
    let spread = (beyond * (1.0 - beyond) / requests).sqrt();
    (beyond + spread * view.noise(0x41 + stream)).clamp(least.max(beyond * 0.2).min(0.5), 0.9)
}

/// About 0.2 to 3, around 0.9: as the exponential that one over the count of a longest one follows, without its far tails.
fn scattered(noise: f64) -> f64 {
    (0.9 + 0.5 * noise).clamp(0.2, 3.0)
}

/// How many requests fell into each bucket: differences of rounded sums, so that they add up.
fn buckets(view: &View<'_>, ids: &Ids, latency: &Latency, requests: f64, out: &mut Out) {
    let (Some(low), Some(high)) = (
        latency.quantile(1.0 - 0.5 / requests.max(1.0)),
        latency.quantile(0.5 / requests),
    ) else {
        return;
    };
    let mut counted = 0.0;
    let (first, last) = (bucket(low.max(0.0) as u64), bucket(high as u64));
    for index in first..=last {
        let below = match index == last {
            true => requests.round(),
            false => (requests * (1.0 - latency.beyond(bounds(index).1 as f64))).round(),
        };
        if below > counted {
            let reading = Reading::delta(view.at, view.span, view.target, ids.bucket, below - counted);
            out.push(reading.of_part(Part::bucket(index)));
            counted = below;
        }
    }
}
