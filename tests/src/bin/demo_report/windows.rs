//! The run cut into windows: by whether the batch work runs, and which scheduler may act.

use crate::record::{At, Record, Used};
use pipeline_plugin_api::histogram::quantile;
use std::collections::BTreeMap;

/// What a window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The victim without the batch work.
    Alone,
    /// Both, and nobody acts.
    Disturbed,
    /// Both, and the policy acts.
    Protected,
    /// Both, and the batch work has `cpu.idle` without any policy: what the remedy alone gives.
    Reference,
}

/// All kinds, in the order in which they follow each other.
pub const KINDS: [Kind; 4] = [Kind::Alone, Kind::Disturbed, Kind::Protected, Kind::Reference];

/// Counts by bucket of the latency histogram.
pub type Counts = BTreeMap<u32, u64>;

/// One window, without its edges.
#[derive(Clone, Debug)]
pub struct Window {
    pub kind: Kind,
    /// When it really began.
    pub began: At,
    pub to: At,
    pub counts: Counts,
    /// CPUs that the batch work used.
    pub batch_cpus: f64,
    /// The share of the victim's CPU time that the hypervisor took.
    pub steal: f64,
}

/// What follows a change is not counted: the remedy takes hold, queues run empty.
const SETTLE: At = 2_000_000_000;
/// Readings of a span that crosses the end are not counted.
const EDGE: At = 300_000_000;
/// A window in which the hypervisor took more than this is not valid.
pub const STEAL: f64 = 0.01;

impl Window {
    /// Whether it counts.
    pub fn is_valid(&self) -> bool {
        self.steal <= STEAL && !self.counts.is_empty()
    }
}

/// Whether there are that many valid windows of each kind.
pub fn complete(windows: &[Window], need: usize) -> bool {
    KINDS.iter().all(|kind| {
        windows
            .iter()
            .filter(|window| window.kind == *kind && window.is_valid())
            .count()
            >= need
    })
}

/// The p-quantile of counts, in milliseconds.
pub fn quantile_ms(counts: &Counts, share: f64) -> Option<f64> {
    let pairs: Vec<(u32, u64)> = counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
    quantile(&pairs, share).map(|nanos| nanos as f64 / 1e6)
}

/// The windows of a run that are over.
pub fn windows(record: &Record) -> Vec<Window> {
    let edges = edges(record);
    let spans = edges.windows(2).filter(|pair| pair[1] - pair[0] > SETTLE + EDGE);
    spans.filter_map(|pair| window(record, pair[0], pair[1])).collect()
}

fn edges(record: &Record) -> Vec<At> {
    let mut edges: Vec<At> = vec![0];
    edges.extend(record.batch.iter().map(|(at, _)| *at));
    for changes in record.active.values() {
        let turns = changes.windows(2).filter(|pair| pair[0].1 != pair[1].1);
        edges.extend(turns.map(|pair| pair[1].0));
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn window(record: &Record, began: At, ended: At) -> Option<Window> {
    let (from, to) = (began + SETTLE, ended - EDGE);
    let is_active = |node: &str| record.active.get(node).is_some_and(|changes| state(changes, from));
    let kind = match (state(&record.batch, from), is_active("guard"), is_active("bare")) {
        (false, ..) => Kind::Alone,
        (true, false, false) => Kind::Disturbed,
        (true, true, false) => Kind::Protected,
        (true, false, true) => Kind::Reference,
        (true, true, true) => return None,
    };
    let mut counts = Counts::new();
    let inside = record
        .buckets
        .iter()
        .filter(|bucket| bucket.from >= from && bucket.at <= to);
    inside.for_each(|bucket| *counts.entry(bucket.bucket).or_default() += bucket.count);
    let (batch_cpus, steal) = (
        per_second(&record.batch_used, from, to),
        per_second(&record.stolen, from, to),
    );
    Some(Window {
        kind,
        began,
        to,
        counts,
        batch_cpus,
        steal,
    })
}

/// The last state told up to an instant; false before the first.
fn state(changes: &[(At, bool)], at: At) -> bool {
    changes
        .iter()
        .rev()
        .find(|(told, _)| *told <= at)
        .is_some_and(|(_, state)| *state)
}

/// CPU time a second over the readings that lie inside.
fn per_second(used: &[Used], from: At, to: At) -> f64 {
    let inside: Vec<&Used> = used.iter().filter(|used| used.from >= from && used.at <= to).collect();
    let nanos: f64 = inside.iter().map(|used| used.nanos).sum();
    let start = inside.iter().map(|used| used.from).min();
    let end = inside.iter().map(|used| used.at).max();
    match (start, end) {
        (Some(start), Some(end)) if end > start => nanos / (end - start) as f64,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Bucket;

    const S: At = 1_000_000_000;

    fn record() -> Record {
        let mut record = Record {
            end: 48 * S,
            batch: vec![(12 * S, true), (48 * S, false)],
            ..Record::default()
        };
        let guard = vec![(0, false), (24 * S, true), (36 * S, false)];
        let bare = vec![(0, false), (36 * S, true), (48 * S, false)];
        record.active = BTreeMap::from([("guard".to_owned(), guard), ("bare".to_owned(), bare)]);
        for second in 1..48 {
            record.buckets.push(Bucket {
                from: (second - 1) * S,
                at: second * S,
                bucket: second as u32,
                count: 10,
            });
            record.batch_used.push(Used {
                from: (second - 1) * S,
                at: second * S,
                nanos: 5e8,
            });
        }
        record
    }

    #[test]
    fn a_cycle_has_one_window_of_each_kind() {
        let kinds: Vec<Kind> = windows(&record()).iter().map(|window| window.kind).collect();
        assert_eq!(kinds, KINDS);
        assert!(complete(&windows(&record()), 1) && !complete(&windows(&record()), 2));
    }

    #[test]
    fn edges_are_left_out() {
        let disturbed = &windows(&record())[1];
        assert_eq!((disturbed.began, disturbed.to), (12 * S, 24 * S - EDGE));
        assert_eq!(
            disturbed.counts.keys().copied().collect::<Vec<_>>(),
            (15..24).collect::<Vec<_>>()
        );
        assert!((disturbed.batch_cpus - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_window_that_the_hypervisor_disturbed_is_not_valid() {
        let mut record = record();
        record.stolen.push(Used {
            from: 15 * S,
            at: 16 * S,
            nanos: 0.02 * S as f64,
        });
        let windows = windows(&record);
        assert_eq!(
            windows.iter().map(Window::is_valid).collect::<Vec<_>>(),
            [true, false, true, true]
        );
    }
}
