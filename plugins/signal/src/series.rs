//! The readings of one series that lie in a sliding window, with their values kept in order.

use crate::quality::worse;
use pipeline_plugin_api::prelude::*;
use std::collections::VecDeque;

/// The most readings that a window holds; with more, the oldest leave it early.
pub const MOST_READINGS: usize = 10_000;

/// How far back a window reaches.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Readings younger than that.
    Span(Nanos),
    /// That many readings.
    Count(usize),
}

/// The readings of one series that lie in the window.
#[derive(Clone, Debug, Default)]
pub struct Series {
    readings: VecDeque<Reading>,
    sorted: Vec<f64>,
    since: Option<Nanos>,
}

impl Series {
    /// Takes in the newest reading, and lets those go that the window no longer reaches.
    pub fn push(&mut self, reading: &Reading, reach: Reach) {
        self.since.get_or_insert(reading.at - reading.span);
        self.readings.push_back(*reading);
        if let Some(value) = reading.number() {
            let place = self.sorted.partition_point(|other| other.total_cmp(&value).is_lt());
            self.sorted.insert(place, value);
        }
        while self
            .readings
            .front()
            .is_some_and(|oldest| self.leaves(oldest, reading.at, reach))
        {
            self.pop();
        }
    }

    /// The values that there are, sorted.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// The time from the beginning of the oldest reading to the end of the newest.
    pub fn span(&self) -> Nanos {
        let ends = self.readings.back().zip(self.readings.front());
        ends.map_or(Nanos::ZERO, |(newest, oldest)| newest.at - (oldest.at - oldest.span))
    }

    /// The share (0..=1) of the window in which there are values: of the readings, those that are
    /// available; and as long as the series is younger than the window, that much less.
    pub fn present(&self, reach: Reach) -> f64 {
        let values = self.sorted.len() as f64;
        let Some((newest, since)) = self.readings.back().zip(self.since) else {
            return 0.0;
        };
        match reach {
            Reach::Count(count) => values / count as f64,
            Reach::Span(span) => {
                let lived = newest.at.since(since).seconds() / span.seconds();
                values / self.readings.len() as f64 * lived.min(1.0) * self.cut(newest.at, span)
            }
        }
    }

    /// The reading that can be trusted least of those that have a value.
    pub fn worst(&self) -> Option<&Reading> {
        self.readings
            .iter()
            .filter(|reading| reading.number().is_some())
            .reduce(worse)
    }

    /// The share of a span that the most readings that are kept reach back to.
    fn cut(&self, at: Nanos, span: Nanos) -> f64 {
        match self.readings.front() {
            Some(oldest) if self.readings.len() == MOST_READINGS => {
                (at.since(oldest.at).seconds() / span.seconds()).min(1.0)
            }
            _ => 1.0,
        }
    }

    fn leaves(&self, oldest: &Reading, now: Nanos, reach: Reach) -> bool {
        let too_old = match reach {
            Reach::Span(span) => now.since(oldest.at) >= span,
            Reach::Count(count) => self.readings.len() > count,
        };
        too_old || self.readings.len() > MOST_READINGS
    }

    fn pop(&mut self) {
        let value = self.readings.pop_front().and_then(|oldest| oldest.number());
        let place = value.map(|value| self.sorted.partition_point(|other| other.total_cmp(&value).is_lt()));
        if let Some(place) = place {
            self.sorted.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::without_value;
    use proptest::prelude::*;

    fn read(second: u64, value: f64) -> Reading {
        Reading::gauge(Nanos::from_secs(second), TargetId(1), MetricId(1), value)
    }

    fn series(reach: Reach, readings: &[Reading]) -> Series {
        let mut series = Series::default();
        for reading in readings {
            series.push(reading, reach);
        }
        series
    }

    #[test]
    fn a_window_reaches_as_far_as_it_was_told() {
        let readings: Vec<Reading> = (0..10).map(|second| read(second, second as f64)).collect();
        assert_eq!(series(Reach::Count(3), &readings).sorted(), [7.0, 8.0, 9.0]);
        assert_eq!(series(Reach::Span(Nanos::from_secs(2)), &readings).sorted(), [8.0, 9.0]);
    }

    #[test]
    fn what_is_unavailable_is_not_present() {
        let lost = without_value(&read(1, 0.0), Reason::VANISHED);
        let found = series(Reach::Count(4), &[read(0, 1.0), lost, read(2, 3.0), read(3, 4.0)]);
        assert_eq!(found.present(Reach::Count(4)), 0.75);
        assert_eq!(found.worst().unwrap().quality, Quality::EXACT);
    }

    #[test]
    fn a_young_series_is_present_for_as_long_as_it_lived() {
        let reach = Reach::Span(Nanos::from_secs(10));
        assert_eq!(series(reach, &[read(7, 1.0), read(10, 1.0)]).present(reach), 0.3);
        let long: Vec<Reading> = (0..30).map(|second| read(second, 1.0)).collect();
        assert_eq!(series(reach, &long).present(reach), 1.0);
    }

    #[test]
    fn a_window_holds_no_more_than_its_bound_and_says_so() {
        let reach = Reach::Span(Nanos::FOREVER);
        let readings: Vec<Reading> = (0..=MOST_READINGS as u64)
            .map(|second| read(second, second as f64))
            .collect();
        let full = series(reach, &readings);
        assert_eq!((full.sorted().len(), full.sorted()[0]), (MOST_READINGS, 1.0));
        let reach = Reach::Span(Nanos::from_secs(2 * MOST_READINGS as u64));
        let late: Vec<Reading> = readings
            .iter()
            .map(|r| Reading {
                at: r.at + Nanos::from_secs(1_000_000),
                ..*r
            })
            .collect();
        let cut = series(reach, &[&[read(0, 0.0)], late.as_slice()].concat());
        assert!(cut.present(reach) < 0.51, "{}", cut.present(reach));
    }

    proptest! {
        #[test]
        fn the_sorted_values_are_those_of_the_last_readings(
            values in proptest::collection::vec(-5i32..5, 1..80), count in 1usize..20,
        ) {
            let readings: Vec<Reading> = values.iter().enumerate().map(|(i, v)| read(i as u64, f64::from(*v))).collect();
            let found = series(Reach::Count(count), &readings);
            let mut expected: Vec<f64> = values.iter().rev().take(count).map(|v| f64::from(*v)).collect();
            expected.sort_by(f64::total_cmp);
            prop_assert_eq!(found.sorted(), expected.as_slice());
        }
    }
}
