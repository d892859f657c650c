//! From totals to what was added, as readings. No I/O and no clock.

use pipeline_plugin_api::prelude::*;

/// The instant of one sample of one target.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Sample {
    /// Whose.
    pub target: TargetId,
    /// The instant that the readings carry.
    pub at: Nanos,
    /// Since the sample before; `None` for the first.
    pub span: Option<Nanos>,
}

/// What is known of one total between two samples.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Total(Option<u64>);

impl Total {
    /// Takes in the total as it is now, and gives what was added since the sample before.
    ///
    /// The first total gives no reading, since it has no span. One that goes backwards is a reset: what was added is
    /// not known, and counting begins anew from here. An absent total is unavailable as unsupported.
    pub fn taken(&mut self, now: Option<u64>, metric: MetricId, sample: Sample) -> Option<Reading> {
        let before = std::mem::replace(&mut self.0, now);
        let span = sample.span?;
        Some(match (before, now) {
            (_, None) => sample.absent(metric, Reason::UNSUPPORTED),
            // It came into being within the span, so nothing is known of its beginning.
            (None, Some(_)) => sample.absent(metric, Reason::WARMING_UP),
            (Some(before), Some(now)) if now < before => sample.absent(metric, Reason::RESET),
            (Some(before), Some(now)) => sample.added(metric, span, now - before),
        })
    }

    /// A total that stood at zero until now, as one of a device that was not used yet.
    pub fn from_zero() -> Self {
        Self(Some(0))
    }
}

impl Sample {
    /// A level, or that there is none.
    pub fn level(self, metric: MetricId, value: Option<u64>) -> Reading {
        match value {
            Some(value) => Reading::gauge(self.at, self.target, metric, value as f64),
            None => self.absent(metric, Reason::UNSUPPORTED),
        }
    }

    /// What was added in the span.
    pub fn added(self, metric: MetricId, span: Nanos, value: u64) -> Reading {
        Reading::delta(self.at, span, self.target, metric, value as f64)
    }

    /// Nothing, and why.
    pub fn absent(self, metric: MetricId, reason: Reason) -> Reading {
        Reading::unavailable(self.at, self.target, metric, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(span: Option<u64>) -> Sample {
        Sample {
            target: TargetId(1),
            at: Nanos(100),
            span: span.map(Nanos),
        }
    }

    #[test]
    fn the_first_total_only_primes() {
        let mut total = Total::default();
        assert_eq!(total.taken(Some(5), MetricId(1), sample(None)), None);
        let added = total.taken(Some(7), MetricId(1), sample(Some(10))).unwrap();
        assert_eq!((added.value, added.span, added.at), (2.0, Nanos(10), Nanos(100)));
    }

    #[test]
    fn a_total_that_goes_backwards_is_a_reset_and_counts_on_from_there() {
        let mut total = Total::default();
        total.taken(Some(5), MetricId(1), sample(None));
        let reset = total.taken(Some(3), MetricId(1), sample(Some(10))).unwrap();
        assert_eq!((reset.number(), Reason(reset.detail)), (None, Reason::RESET));
        assert_eq!(total.taken(Some(4), MetricId(1), sample(Some(10))).unwrap().value, 1.0);
    }

    #[test]
    fn an_absent_total_is_unsupported_and_one_that_appears_has_no_beginning() {
        let mut total = Total::default();
        total.taken(None, MetricId(1), sample(None));
        let reason = |reading: Option<Reading>| Reason(reading.unwrap().detail);
        assert_eq!(
            reason(total.taken(None, MetricId(1), sample(Some(1)))),
            Reason::UNSUPPORTED
        );
        assert_eq!(
            reason(total.taken(Some(9), MetricId(1), sample(Some(1)))),
            Reason::WARMING_UP
        );
    }

    proptest! {
        #[test]
        fn what_is_added_is_never_negative_and_sums_up(steps in proptest::collection::vec(0..1_000_000_u64, 1..20)) {
            let mut total = Total::from_zero();
            let (mut now, mut sum) = (0, 0.0);
            for step in &steps {
                now += step;
                sum += total.taken(Some(now), MetricId(1), sample(Some(1))).unwrap().value;
            }
            prop_assert_eq!(sum, now as f64);
        }
    }
}
