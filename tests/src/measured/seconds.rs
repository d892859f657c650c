//! A window cut into seconds, and which of them count: those in which Redis' CPU and its clients' were there.
//!
//! A CPU that the hypervisor stops answers nobody, whatever the guest does. What was measured then is the hypervisor's
//! and is left out, in windows of every kind by the same rule. The rule looks at the CPUs only and never at an answer
//! time, and hiccups are measured ahead of every workload, so that leaving seconds out favours no kind. The one way for
//! a workload to make hiccups is a long system call in a kernel that does not preempt itself; the report prints how
//! many seconds were left out of each kind, where that would show.

use super::record::{At, Bucket, Record, Used};
use std::collections::BTreeMap;

/// Counts by bucket of the latency histogram.
pub type Counts = BTreeMap<u32, u64>;

/// One second of a window.
#[derive(Clone, Debug)]
pub struct Second {
    /// Whether what follows the window's beginning is over, so that its requests count.
    pub settled: bool,
    /// Whether the hypervisor had its hand in it.
    pub left_out: bool,
    /// Requests answered in it.
    pub counts: Counts,
    /// CPUs that the batch work used.
    pub batch_cpus: f64,
    /// The share of it for which CPUs stopped; `None` where nobody measured it.
    pub stopped: Option<f64>,
}

/// How long a second is.
pub const SECOND: At = 1_000_000_000;
/// Latency is not judged that long after a change: the remedy takes hold, queues run empty.
pub const SETTLE: At = 2 * SECOND;
/// A second in which the hypervisor says that it took more than this of the victim's CPU is left out. It is counted in
/// ticks of 10 ms, so that more than this is two of them.
const STEAL: f64 = 0.01;
/// A second in which CPUs stopped for more than this is left out. A p99 is spoiled when 1 % of the requests are hit. A
/// stop hits those that come due in it and those in the queue that it leaves: Redis is busy for a quarter of the time
/// here, so that the queue is gone after another third of the stop. And of every stop half a period of the meter is
/// missed. Half of 1 % leaves room for both.
const STOPPED: f64 = 0.005;
/// A stop is told when it is over, and what waited for its end is answered later: a reading (of 200 ms) that was told
/// this shortly before a second counts in that second as well.
const AFTERMATH: At = 200_000_000;

impl Second {
    /// Whether its requests count.
    pub fn is_kept(&self) -> bool {
        self.settled && !self.left_out
    }
}

/// The whole seconds from a window's beginning to its end. A reading belongs to the second in which it was told.
pub fn seconds(record: &Record, began: At, to: At) -> Vec<Second> {
    let starts = (0..).map(|index| began + index * SECOND);
    let whole = starts.take_while(|from| from + SECOND <= to);
    whole.map(|from| second(record, began, from)).collect()
}

fn second(record: &Record, began: At, from: At) -> Second {
    let to = from + SECOND;
    // What was gathered across the window's beginning belongs to no window.
    let buckets = told(&record.buckets, from, to).filter(|bucket| bucket.from >= began);
    let mut counts = Counts::new();
    buckets.for_each(|bucket| *counts.entry(bucket.bucket).or_default() += bucket.count);
    let stopped = stopped(record, from, to);
    let steal = per_second(told(&record.stolen, from, to));
    // What was measured in other seconds and not in this one is not known of it.
    let unmeasured = stopped.is_none() && !record.hiccups.is_empty() || steal.is_none() && !record.stolen.is_empty();
    Second {
        settled: from >= began + SETTLE,
        left_out: steal.unwrap_or(0.0) > STEAL || stopped.unwrap_or(0.0) > STOPPED || unmeasured || counts.is_empty(),
        counts,
        // Batch work that is not there has no readings.
        batch_cpus: per_second(told(&record.batch_used, from, to).filter(|used| used.from >= began)).unwrap_or(0.0),
        stopped,
    }
}

/// The share of a second for which CPUs stopped, all of them added up.
fn stopped(record: &Record, from: At, to: At) -> Option<f64> {
    told(&record.hiccups, from, to).next()?;
    let counted = told(&record.hiccups, from.saturating_sub(AFTERMATH), to);
    Some(counted.map(|used| used.nanos).sum::<f64>() / SECOND as f64)
}

/// Those told after `from`, up to `to`. They are in the order in which they were told.
fn told<T: Told>(items: &[T], from: At, to: At) -> impl Iterator<Item = &T> {
    let first = items.partition_point(|item| item.at() <= from);
    items[first..].iter().take_while(move |item| item.at() <= to)
}

trait Told {
    fn at(&self) -> At;
}

impl Told for Bucket {
    fn at(&self) -> At {
        self.at
    }
}

impl Told for Used {
    fn at(&self) -> At {
        self.at
    }
}

/// CPU time a second over readings; `None` without any.
fn per_second<'a>(used: impl Iterator<Item = &'a Used>) -> Option<f64> {
    let (mut nanos, mut start, mut end) = (0.0, At::MAX, 0);
    for used in used {
        nanos += used.nanos;
        start = start.min(used.from);
        end = end.max(used.at);
    }
    (end > start).then(|| nanos / (end - start) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: At = 1_000_000;

    fn used(at: At, nanos: At) -> Used {
        Used {
            from: at - 200 * MS,
            at,
            nanos: nanos as f64,
        }
    }

    /// Ten seconds of readings each 200 ms: 1,200 requests, half a CPU of batch work, no stop, no steal.
    fn record() -> Record {
        let mut record = Record::default();
        for index in 1..=50 {
            let at = index * 200 * MS;
            record.buckets.push(Bucket {
                from: at - 200 * MS,
                at,
                bucket: 7,
                count: 1200,
            });
            record.batch_used.push(used(at, 100 * MS));
            record.stolen.push(used(at, 0));
            record.hiccups.push(used(at, 0));
        }
        record
    }

    /// The seconds that are left out of the ten.
    fn left_out(record: &Record) -> Vec<usize> {
        let all = seconds(record, 0, 10 * SECOND);
        assert_eq!(all.len(), 10);
        let out = all.iter().enumerate().filter(|(_, second)| second.left_out);
        out.map(|(index, _)| index).collect()
    }

    #[test]
    fn an_undisturbed_second_counts_once_the_window_has_settled() {
        let all = seconds(&record(), 0, 10 * SECOND);
        let kept: Vec<bool> = all.iter().map(Second::is_kept).collect();
        assert_eq!(kept, [[false; 2].as_slice(), &[true; 8]].concat());
        assert_eq!(all[4].counts, Counts::from([(7, 6000)]));
        assert!((all[4].batch_cpus - 0.5).abs() < 1e-9 && all[4].stopped == Some(0.0));
    }

    #[test]
    fn a_second_with_steal_is_left_out_beyond_one_percent() {
        let mut record = record();
        record.stolen[26].nanos = 10.0 * MS as f64;
        assert_eq!(left_out(&record), [0; 0]);
        record.stolen[27].nanos = 10.0 * MS as f64;
        assert_eq!(left_out(&record), [5]);
    }

    #[test]
    fn stops_of_one_second_add_up() {
        let mut record = record();
        record.hiccups[25].nanos = 2.5 * MS as f64;
        record.hiccups[26].nanos = 2.5 * MS as f64;
        assert_eq!(left_out(&record), [0; 0]);
        record.hiccups[27].nanos = 0.1 * MS as f64;
        assert_eq!(left_out(&record), [5]);
    }

    #[test]
    fn a_stop_at_the_end_of_a_second_spoils_the_next_too() {
        let mut record = record();
        record.hiccups[28].nanos = 9.0 * MS as f64;
        assert_eq!(left_out(&record), [5], "over by 200 ms before the end of the second");
        record.hiccups[28].nanos = 0.0;
        record.hiccups[29].nanos = 9.0 * MS as f64;
        assert_eq!(left_out(&record), [5, 6]);
    }

    #[test]
    fn a_second_in_which_nobody_measured_stops_is_left_out() {
        let mut record = record();
        record
            .hiccups
            .retain(|used| used.at <= 5 * SECOND || used.at > 6 * SECOND);
        assert_eq!(left_out(&record), [5]);
    }

    #[test]
    fn a_second_in_which_nobody_measured_steal_is_left_out_unless_nobody_ever_did() {
        let mut record = record();
        record
            .stolen
            .retain(|used| used.at <= 5 * SECOND || used.at > 6 * SECOND);
        assert_eq!(left_out(&record), [5]);
        record.stolen.clear();
        assert_eq!(left_out(&record), [0; 0]);
    }

    #[test]
    fn a_record_without_any_measure_of_stops_is_judged_by_steal() {
        let mut record = record();
        record.hiccups.clear();
        record.stolen[25].nanos = 30.0 * MS as f64;
        assert_eq!(left_out(&record), [5]);
    }

    #[test]
    fn a_second_without_answers_is_left_out() {
        let mut record = record();
        record.buckets.retain(|bucket| bucket.at > 2 * SECOND);
        assert_eq!(left_out(&record), [0, 1]);
    }

    #[test]
    fn what_was_gathered_across_the_beginning_belongs_to_no_window() {
        let all = seconds(&record(), 5 * SECOND + 100 * MS, 7 * SECOND);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].counts, Counts::from([(7, 4800)]));
        assert!((all[0].batch_cpus - 0.5).abs() < 1e-9);
    }
}
