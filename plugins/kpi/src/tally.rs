//! What happened to the requests of one span: counts, and how long the answered ones took. Pure.

use hdrhistogram::Histogram;
use pipeline_plugin_api::histogram::bucket;
use pipeline_plugin_api::prelude::*;

/// Counts of a span. Requests that were due before `from` are not counted.
#[derive(Debug)]
pub struct Tally {
    from: Nanos,
    /// Requests that came due.
    pub offered: u64,
    /// Requests that were answered without an error, in time.
    pub answered: u64,
    /// Requests that failed.
    pub errors: u64,
    /// How late a request was sent at worst: the load's own fault, and part of its latency.
    pub late_max: Nanos,
    latency: Histogram<u32>,
    latency_sum_ns: u64,
    latency_max: Nanos,
}

impl Tally {
    /// Counts nothing yet. `longest` is the longest latency that there can be.
    ///
    /// # Errors
    /// The histogram cannot be made for that length.
    pub fn new(from: Nanos, longest: Nanos) -> Result<Self> {
        let latency = Histogram::new_with_bounds(1, longest.0.max(2), 3)
            .map_err(|error| Failure::fatal(format!("no histogram up to {longest}: {error}")))?;
        Ok(Self {
            from,
            offered: 0,
            answered: 0,
            errors: 0,
            late_max: Nanos::ZERO,
            latency,
            latency_sum_ns: 0,
            latency_max: Nanos::ZERO,
        })
    }

    /// A request came due, and was dealt with at `now`.
    pub fn offer(&mut self, due: Nanos, now: Nanos) {
        if due >= self.from {
            self.offered += 1;
            self.late_max = self.late_max.max(now - due);
        }
    }

    /// A request was answered.
    pub fn answer(&mut self, due: Nanos, now: Nanos) {
        if due >= self.from {
            let latency = now - due;
            self.answered += 1;
            self.latency.saturating_record(latency.0);
            self.latency_sum_ns += latency.0;
            self.latency_max = self.latency_max.max(latency);
        }
    }

    /// A request failed.
    pub fn fail(&mut self, due: Nanos) {
        self.errors += u64::from(due >= self.from);
    }

    /// The mean latency in nanoseconds; `None` without answers.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.answered > 0).then(|| self.latency_sum_ns as f64 / self.answered as f64)
    }

    /// The latency in nanoseconds that this share (0..=1) of the answers did not exceed, at 0.1 %.
    pub fn quantile_ns(&self, share: f64) -> Option<f64> {
        // A bucket's upper end may lie above what was seen.
        let seen = |value: u64| value.min(self.latency_max.0) as f64;
        (self.answered > 0).then(|| seen(self.latency.value_at_quantile(share)))
    }

    /// The longest latency in nanoseconds.
    pub fn max_ns(&self) -> Option<f64> {
        (self.answered > 0).then_some(self.latency_max.0 as f64)
    }

    /// The buckets of [`pipeline_plugin_api::histogram`] that hold answers, in order, with their counts.
    ///
    /// The steps here are an eighth as wide and of the same layout, so each lies in one bucket.
    pub fn buckets(&self) -> Vec<(u32, u64)> {
        let mut buckets: Vec<(u32, u64)> = Vec::new();
        for step in self.latency.iter_recorded() {
            let (index, count) = (bucket(step.value_iterated_to()), step.count_since_last_iteration());
            match buckets.last_mut() {
                Some((last, sum)) if *last == index => *sum += count,
                _ => buckets.push((index, count)),
            }
        }
        buckets
    }

    /// Begins a new span.
    pub fn clear(&mut self) {
        self.offered = 0;
        self.answered = 0;
        self.errors = 0;
        self.late_max = Nanos::ZERO;
        self.latency.reset();
        self.latency_sum_ns = 0;
        self.latency_max = Nanos::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Nanos = Nanos(1000);

    fn tally(latencies: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::new(FROM, Nanos::from_secs(60)).unwrap();
        for latency in latencies {
            tally.offer(FROM, FROM);
            tally.answer(FROM, FROM + Nanos(latency));
        }
        tally
    }

    #[test]
    fn quantiles_are_those_of_the_answers() {
        let tally = tally((1..=1000).map(|n| n * 1_000_000));
        for (share, expected) in [(0.5, 500e6), (0.99, 990e6), (0.999, 999e6), (1.0, 1000e6)] {
            let value = tally.quantile_ns(share).unwrap();
            assert!((value / expected - 1.0).abs() < 0.0011, "{share}: {value}");
        }
        assert_eq!(tally.mean_ns(), Some(500.5e6));
        assert_eq!(tally.max_ns(), Some(1000e6));
    }

    #[test]
    fn no_answers_have_no_latency() {
        let tally = tally([]);
        assert_eq!(
            (tally.mean_ns(), tally.quantile_ns(0.5), tally.max_ns()),
            (None, None, None)
        );
    }

    #[test]
    fn what_was_due_in_the_warm_up_is_not_counted() {
        let mut tally = tally([]);
        tally.offer(Nanos(999), Nanos(1000));
        tally.answer(Nanos(999), Nanos(2000));
        tally.fail(Nanos(999));
        assert_eq!((tally.offered, tally.answered, tally.errors), (0, 0, 0));
    }

    #[test]
    fn a_new_span_begins_empty() {
        let mut tally = tally([5, 6]);
        tally.fail(FROM);
        tally.clear();
        assert_eq!((tally.offered, tally.answered, tally.errors), (0, 0, 0));
        assert_eq!((tally.max_ns(), tally.buckets()), (None, Vec::new()));
    }

    proptest::proptest! {
        #[test]
        fn buckets_hold_what_the_shared_histogram_would(latencies in proptest::collection::vec(1u64..60_000_000_000, 1..200)) {
            let mut expected = std::collections::BTreeMap::<u32, u64>::new();
            for latency in &latencies {
                *expected.entry(bucket(*latency)).or_default() += 1;
            }
            proptest::prop_assert_eq!(tally(latencies).buckets(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
