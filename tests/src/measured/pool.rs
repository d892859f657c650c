//! Windows of one kind put together: their requests in one histogram, and what the batch work had meanwhile.

use super::seconds::{Counts, Second};
use super::windows::{Kind, Window};
use pipeline_plugin_api::histogram::quantile;

/// Pooled windows of one kind.
#[derive(Debug, Default)]
pub struct Pool {
    /// Of which some second counts.
    pub windows: usize,
    /// Seconds whose requests count.
    pub kept: usize,
    /// Seconds whose requests would count, had the CPUs not stopped.
    pub left_out: usize,
    /// Requests by bucket.
    pub counts: Counts,
    /// CPUs that the batch work used, from the window's very beginning: the time in which a policy reacts is its own.
    pub batch_cpus: Option<f64>,
    /// The share of the kept seconds for which CPUs stopped all the same.
    pub stopped: Option<f64>,
    /// The p99 of each window by itself, in milliseconds, in their order.
    pub each_p99_ms: Vec<f64>,
}

impl Pool {
    /// Those of a kind.
    pub fn of(windows: &[Window], kind: &Kind) -> Self {
        let windows = || windows.iter().filter(|window| window.kind == *kind);
        let all = || windows().flat_map(|window| &window.seconds);
        let kept: Vec<&Second> = windows().flat_map(Window::kept).collect();
        let each = windows().map(|window| counts(window.kept()));
        Self {
            windows: windows().filter(|window| window.counts()).count(),
            kept: kept.len(),
            left_out: all().filter(|second| second.settled && second.left_out).count(),
            counts: counts(kept.iter().copied()),
            batch_cpus: mean(all().filter(|second| !second.left_out).map(|second| second.batch_cpus)),
            stopped: mean(kept.iter().filter_map(|second| second.stopped)),
            each_p99_ms: each.filter_map(|counts| quantile_ms(&counts, 0.99)).collect(),
        }
    }

    /// The quantile of the pooled requests, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        quantile_ms(&self.counts, share)
    }
}

/// The share of the seconds of all kinds that were left out.
pub fn share_left_out<'a>(pools: impl Iterator<Item = &'a Pool>) -> f64 {
    let (left_out, all) = pools.fold((0, 0), |(left_out, all), pool| {
        (left_out + pool.left_out, all + pool.left_out + pool.kept)
    });
    left_out as f64 / all as f64
}

fn counts<'a>(seconds: impl Iterator<Item = &'a Second>) -> Counts {
    let mut counts = Counts::new();
    for (bucket, count) in seconds.flat_map(|second| &second.counts) {
        *counts.entry(*bucket).or_default() += count;
    }
    counts
}

fn quantile_ms(counts: &Counts, share: f64) -> Option<f64> {
    let pairs: Vec<(u32, u64)> = counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
    quantile(&pairs, share).map(|nanos| nanos as f64 / 1e6)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
