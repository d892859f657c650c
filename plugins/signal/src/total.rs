//! What was added to a total between two readings of it. Resets and holes are seen here; what is made
//! of the difference is `rate`.

use crate::quality::{reason_of, without_value, worse};
use pipeline_plugin_api::prelude::*;

/// How many times longer than the span before it a span may be, where nothing else is said.
const GAP_TIMES: u64 = 10;

/// One total, as it was last read.
#[derive(Clone, Debug, Default)]
pub struct Total {
    last: Option<Reading>,
    span: Option<Nanos>,
}

impl Total {
    /// What was added since the reading before, as a delta over the time between the two.
    ///
    /// Unavailable as `warming up` for the first, as `reset` where the total went backwards or the
    /// span is longer than `gap` (ten times the span before where that is not given), as `empty`
    /// where no time passed. A reading that is unavailable gives its own reason, and the next one is
    /// compared with the one before it.
    pub fn advance(&mut self, reading: &Reading, gap: Option<Nanos>) -> Reading {
        if reading.number().is_none() {
            return without_value(reading, reason_of(reading));
        }
        let Some(last) = self.last else {
            self.last = Some(*reading);
            return without_value(reading, Reason::WARMING_UP);
        };
        if reading.at <= last.at {
            return without_value(reading, Reason::EMPTY);
        }
        let span = reading.at - last.at;
        let most = gap.unwrap_or(
            self.span
                .map_or(Nanos::FOREVER, |span| Nanos(span.0.saturating_mul(GAP_TIMES))),
        );
        let broken = reading.value < last.value || span > most;
        self.last = Some(*reading);
        self.span = Some(span);
        let trusted = worse(reading, &last);
        let delta = Reading {
            span,
            value: reading.value - last.value,
            quality: trusted.quality,
            detail: trusted.detail,
            ..*reading
        };
        if broken {
            without_value(&delta, Reason::RESET)
        } else {
            delta
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `advance` gives for readings of (second, total), NaN for an unavailable one.
    fn deltas(gap: Option<Nanos>, totals: &[(u64, f64)]) -> Vec<std::result::Result<f64, Reason>> {
        let mut total = Total::default();
        let read = totals.iter().map(|(second, value)| {
            let reading = Reading::gauge(Nanos::from_secs(*second), TargetId(1), MetricId(1), *value);
            let reading = if value.is_nan() {
                without_value(&reading, Reason::VANISHED)
            } else {
                reading
            };
            let delta = total.advance(&reading, gap);
            delta.number().ok_or(Reason(delta.detail))
        });
        read.collect()
    }

    #[test]
    fn the_difference_is_what_was_added() {
        assert_eq!(
            deltas(None, &[(1, 5.0), (2, 8.0), (3, 8.0)]),
            [Err(Reason::WARMING_UP), Ok(3.0), Ok(0.0)]
        );
    }

    #[test]
    fn a_total_that_goes_backwards_begins_anew() {
        let found = deltas(None, &[(1, 5.0), (2, 1.0), (3, 4.0)]);
        assert_eq!(found[1..], [Err(Reason::RESET), Ok(3.0)]);
    }

    #[test]
    fn an_unavailable_reading_is_bridged() {
        let found = deltas(None, &[(1, 5.0), (2, f64::NAN), (3, 9.0)]);
        assert_eq!(found[1..], [Err(Reason::VANISHED), Ok(4.0)]);
    }

    #[test]
    fn a_hole_is_marked_once() {
        let long = [(1, 0.0), (2, 1.0), (12, 2.0), (113, 3.0), (214, 4.0)];
        assert_eq!(
            deltas(None, &long)[1..],
            [Ok(1.0), Ok(1.0), Err(Reason::RESET), Ok(1.0)]
        );
        let strict = deltas(Some(Nanos::from_secs(5)), &long);
        assert_eq!(
            strict[1..],
            [Ok(1.0), Err(Reason::RESET), Err(Reason::RESET), Err(Reason::RESET)]
        );
    }

    #[test]
    fn what_is_told_twice_counts_once() {
        let found = deltas(None, &[(1, 5.0), (2, 7.0), (2, 7.0), (1, 5.0), (3, 8.0)]);
        assert_eq!(found[1..], [Ok(2.0), Err(Reason::EMPTY), Err(Reason::EMPTY), Ok(1.0)]);
    }

    #[test]
    fn a_difference_is_trusted_as_little_as_either_end() {
        let mut total = Total::default();
        let read = |second| Reading::gauge(Nanos::from_secs(second), TargetId(1), MetricId(1), second as f64);
        total.advance(&read(1).scaled(0.5), None);
        assert_eq!(total.advance(&read(2), None).quality, Quality::SCALED);
        assert_eq!(total.advance(&read(3), None).quality, Quality::EXACT);
    }
}
