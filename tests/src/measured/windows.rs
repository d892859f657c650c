//! The run cut into windows: by whether the batch work runs, and which scheduler may act.
//!
//! Which seconds of a window count is not decided here: see `seconds.rs`.

use super::record::{At, Record};
use super::seconds::{SETTLE, Second, seconds};

/// What a window shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The victim without the batch work.
    Alone,
    /// Both, and nobody acts.
    Disturbed,
    /// Both, and the scheduler of that name may act.
    Under(String),
}

impl Kind {
    /// What a scheduler makes of it.
    pub fn under(scheduler: &str) -> Self {
        Self::Under(scheduler.to_owned())
    }
}

/// The kinds that a record can have windows of: the schedulers are those that said whether they may act.
pub fn kinds(record: &Record) -> Vec<Kind> {
    let under = record.active.keys().map(|name| Kind::under(name));
    [Kind::Alone, Kind::Disturbed].into_iter().chain(under).collect()
}

/// One window, without its end.
#[derive(Clone, Debug)]
pub struct Window {
    /// What it shows.
    pub kind: Kind,
    /// When it really began.
    pub began: At,
    /// From when on nothing counts.
    pub to: At,
    /// What it is made of.
    pub seconds: Vec<Second>,
}

/// Readings of a span that crosses the end are not counted.
const EDGE: At = 300_000_000;
/// So many seconds of a window must count on average: two thirds of those that could.
pub const ENOUGH: usize = 6;

impl Window {
    /// The seconds whose requests count.
    pub fn kept(&self) -> impl Iterator<Item = &Second> {
        self.seconds.iter().filter(|second| second.is_kept())
    }

    /// Whether any second counts.
    pub fn counts(&self) -> bool {
        self.kept().next().is_some()
    }
}

/// Whether that many windows of each kind count, with [`ENOUGH`] seconds on average. A second counts or not by itself,
/// so that a window with few of them adds what it has.
pub fn complete(windows: &[Window], kinds: &[Kind], need: usize) -> bool {
    kinds.iter().all(|kind| {
        let counting = || windows.iter().filter(|window| window.kind == *kind && window.counts());
        let seconds: usize = counting().map(|window| window.kept().count()).sum();
        counting().count() >= need && seconds >= need * ENOUGH
    })
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
    let active = record.active.iter().filter(|(_, changes)| state(changes, from));
    let active: Vec<&String> = active.map(|(name, _)| name).collect();
    let kind = match (state(&record.batch, from), active.as_slice()) {
        (false, _) => Kind::Alone,
        (true, []) => Kind::Disturbed,
        (true, [name]) => Kind::under(name),
        (true, _) => return None,
    };
    Some(Window {
        kind,
        began,
        to,
        seconds: seconds(record, began, to),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::record::{Bucket, Used};
    use std::collections::BTreeMap;

    const S: At = 1_000_000_000;

    /// One cycle of four windows, with ten requests a second in a bucket of that second's number.
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
            let (from, at) = ((second - 1) * S, second * S);
            record.buckets.push(Bucket {
                from,
                at,
                bucket: second as u32,
                count: 10,
            });
            record.stolen.push(Used { from, at, nanos: 0.0 });
        }
        record
    }

    fn steal(record: &mut Record, seconds: std::ops::RangeInclusive<usize>) {
        for second in seconds {
            record.stolen[second - 1].nanos = 0.02 * S as f64;
        }
    }

    #[test]
    fn a_cycle_has_one_window_of_each_kind() {
        let record = record();
        let windows = windows(&record);
        let found: Vec<Kind> = windows.iter().map(|window| window.kind.clone()).collect();
        let under = [Kind::under("guard"), Kind::under("bare")];
        assert_eq!(found, [[Kind::Alone, Kind::Disturbed], under].concat());
        assert!(windows.iter().all(|window| window.kept().count() == 9));
        let kinds = kinds(&record);
        assert!(complete(&windows, &kinds, 1) && !complete(&windows, &kinds, 2));
    }

    #[test]
    fn a_window_in_which_two_may_act_shows_nothing() {
        let mut record = record();
        record
            .active
            .insert("third".to_owned(), vec![(24 * S, true), (36 * S, false)]);
        let found: Vec<Kind> = windows(&record).into_iter().map(|window| window.kind).collect();
        assert_eq!(found, [Kind::Alone, Kind::Disturbed, Kind::under("bare")]);
        assert_eq!(kinds(&record).len(), 5);
    }

    #[test]
    fn edges_are_left_out() {
        let disturbed = &windows(&record())[1];
        assert_eq!((disturbed.began, disturbed.to), (12 * S, 24 * S - EDGE));
        let kept: Vec<u32> = disturbed
            .kept()
            .flat_map(|second| second.counts.keys().copied())
            .collect();
        assert_eq!(kept, (15..24).collect::<Vec<_>>());
    }

    #[test]
    fn windows_are_complete_with_six_seconds_each() {
        let mut record = record();
        steal(&mut record, 15..=17);
        assert!(complete(&windows(&record), &kinds(&record), 1), "six of nine count");
        steal(&mut record, 18..=18);
        assert!(!complete(&windows(&record), &kinds(&record), 1), "five of nine count");
    }

    #[test]
    fn a_window_none_of_whose_seconds_counts_does_not_count() {
        let mut record = record();
        steal(&mut record, 13..=24);
        let counts: Vec<bool> = windows(&record).iter().map(Window::counts).collect();
        assert_eq!(counts, [true, false, true, true]);
    }
}
