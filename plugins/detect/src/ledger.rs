//! The ledger: readings of any cadence and from several collectors, added up over spans of equal length, for hundreds
//! of targets at a few nanoseconds a reading. What was not read during a span is what was read last, if that is young.

use crate::seen::Seen;
use crate::signal::{COUNT, Columns, Fold, Signal};
use pipeline_plugin_api::frame::Gone;
use pipeline_plugin_api::prelude::*;

/// For how long a number is used when none comes, where readings have no span of their own.
const YOUNG: Nanos = Nanos::from_secs(3);
/// The most parts of a target that are told apart.
const MOST_PARTS: usize = 1024;
/// The least share of its span for which a multiplexed counter must have run to be believed.
const LEAST_RUN: f64 = 0.05;

/// What was added up so far.
#[derive(Copy, Clone, Debug, Default)]
struct Sum {
    value: f64,
    weight: f64,
    /// The number of the span before, and until when it may be used.
    held: f64,
    until: Nanos,
}

impl Sum {
    fn add(&mut self, reading: &Reading, fold: Fold) {
        let Some(value) = reading.number() else { return };
        let weight = match fold {
            Fold::Mean => 1.0,
            Fold::Share => reading.span.0 as f64,
            Fold::Rate => reading.span.seconds(),
        };
        if weight > 0.0 {
            self.value += value;
            self.weight += weight;
            self.until = reading.at + reading.span + reading.span.max(YOUNG);
        }
    }

    fn close(&mut self, now: Nanos) -> Option<f64> {
        if self.weight > 0.0 {
            self.held = self.value / self.weight;
            self.value = 0.0;
            self.weight = 0.0;
        }
        (now < self.until).then_some(self.held)
    }
}

struct Row {
    target: TargetId,
    sums: Box<[Sum; COUNT]>,
    parts: Vec<(Signal, Part, Sum)>,
}

impl Row {
    fn new(target: TargetId) -> Self {
        Self {
            target,
            sums: Box::new([Sum::default(); COUNT]),
            parts: Vec::new(),
        }
    }

    fn enter(&mut self, reading: &Reading, signal: Signal, fold: Fold) {
        if reading.part == Part::WHOLE {
            if let Some(sum) = self.sums.get_mut(signal as usize) {
                sum.add(reading, fold);
            }
            return;
        }
        let key = (signal, reading.part);
        match self
            .parts
            .binary_search_by_key(&key, |(signal, part, _)| (*signal, *part))
        {
            Ok(at) => self.parts[at].2.add(reading, fold),
            Err(at) if self.parts.len() < MOST_PARTS => {
                let mut sum = Sum::default();
                sum.add(reading, fold);
                self.parts.insert(at, (signal, reading.part, sum));
            }
            Err(_) => {}
        }
    }

    /// The whole is the sum of the parts where nobody told it.
    fn close(&mut self, now: Nanos, seen: &mut Seen) {
        for ((signal, ..), sum) in Signal::ALL.iter().zip(self.sums.iter_mut()) {
            seen.set(*signal, sum.close(now));
        }
        seen.parts.clear();
        let told = |seen: &Seen, signal| seen.get(signal).is_some();
        let whole: [bool; COUNT] = std::array::from_fn(|at| told(seen, Signal::ALL[at].0));
        for (signal, part, sum) in &mut self.parts {
            let Some(number) = sum.close(now) else { continue };
            seen.parts.push((*signal, *part, number));
            if !whole[*signal as usize] {
                seen.set(*signal, Some(seen.get(*signal).unwrap_or(0.0) + number));
            }
        }
    }
}

/// See the file.
pub struct Ledger {
    columns: Columns,
    span: Nanos,
    closes: Option<Nanos>,
    rows: Vec<Row>,
    seen: Vec<(TargetId, Seen)>,
    gone: Gone,
    last: usize,
}

impl Ledger {
    /// An empty ledger of those columns, closed every `span`.
    pub fn new(columns: Columns, span: Nanos) -> Self {
        Self {
            columns,
            span: span.max(Nanos(1)),
            closes: None,
            rows: Vec::new(),
            seen: Vec::new(),
            gone: Gone::default(),
            last: 0,
        }
    }

    /// Takes in a reading; one of another metric, or of a target that went, is none.
    pub fn enter(&mut self, reading: &Reading) {
        let Some((signal, fold)) = self.columns.find(reading.metric) else {
            return;
        };
        let poor = reading.quality == Quality::SCALED && f64::from(reading.detail) < LEAST_RUN * 65535.0;
        if poor {
            return;
        }
        if let Some(row) = self.row(reading.target) {
            row.enter(reading, signal, fold);
        }
    }

    /// Drops what is known of a target that went.
    pub fn forget(&mut self, target: TargetId) {
        self.gone.add(target);
        if let Ok(at) = self.rows.binary_search_by_key(&target, |row| row.target) {
            self.rows.remove(at);
            self.last = 0;
        }
        self.seen.retain(|(id, _)| *id != target);
    }

    /// Closes the span if it is over: whether there is something new to look at.
    pub fn close(&mut self, now: Nanos) -> bool {
        let due = *self.closes.get_or_insert_with(|| next(now, self.span));
        if now < due {
            return false;
        }
        self.closes = Some(next(now, self.span));
        self.seen
            .resize_with(self.rows.len(), || (TargetId::NONE, Seen::default()));
        for (row, (id, seen)) in self.rows.iter_mut().zip(&mut self.seen) {
            *id = row.target;
            row.close(now, seen);
        }
        true
    }

    /// When the span ends.
    pub fn due(&self) -> Wish {
        self.closes.map_or(Wish::Nothing, Wish::At)
    }

    /// What was seen of every target over the span that closed last, in the order of ids.
    pub fn seen(&self) -> &[(TargetId, Seen)] {
        &self.seen
    }

    /// Readings come target by target, so that most are of the row of the one before.
    fn row(&mut self, target: TargetId) -> Option<&mut Row> {
        if self.rows.get(self.last).is_none_or(|row| row.target != target) {
            if self.gone.has(target) {
                return None;
            }
            self.last = match self.rows.binary_search_by_key(&target, |row| row.target) {
                Ok(at) => at,
                Err(at) => {
                    self.rows.insert(at, Row::new(target));
                    at
                }
            };
        }
        self.rows.get_mut(self.last)
    }
}

/// The first multiple of the span after an instant.
fn next(now: Nanos, span: Nanos) -> Nanos {
    Nanos((now.0 / span.0).saturating_add(1).saturating_mul(span.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::testkit::TestHost;

    const SPAN: Nanos = Nanos::from_secs(1);

    fn ledger(kit: &TestHost) -> Ledger {
        let host = Host::new(kit.handle());
        Ledger::new(Columns::new(&host, |_| true).unwrap(), SPAN)
    }

    impl Ledger {
        fn of(&self, target: TargetId) -> Option<&Seen> {
            self.seen.iter().find(|(id, _)| *id == target).map(|(_, seen)| seen)
        }
    }

    fn delta(kit: &TestHost, metric: &Metric, at: u64, span: u64, value: f64) -> Reading {
        let (at, span) = (Nanos::from_millis(at), Nanos::from_millis(span));
        Reading::delta(at, span, TargetId(7), kit.metric(metric), value)
    }

    #[test]
    fn readings_of_any_cadence_become_one_rate() {
        let kit = TestHost::new();
        let mut ledger = ledger(&kit);
        assert!(!ledger.close(Nanos::from_millis(10)));
        ledger.enter(&delta(&kit, &vocabulary::CPU_TIME, 500, 500, 250e6));
        ledger.enter(&delta(&kit, &vocabulary::CPU_TIME, 1000, 500, 500e6));
        ledger.enter(&delta(&kit, &vocabulary::PERF_CYCLES, 1000, 1000, 2e9));
        assert!(ledger.close(SPAN));
        let seen = ledger.of(TargetId(7)).unwrap();
        assert_eq!(seen.get(Signal::Cpu), Some(0.75));
        assert_eq!(seen.get(Signal::Cycles), Some(2e9));
        assert_eq!(seen.get(Signal::RunDelay), None);
    }

    #[test]
    fn a_slow_collector_is_heard_for_a_while_and_then_no_more() {
        let kit = TestHost::new();
        let mut ledger = ledger(&kit);
        ledger.close(Nanos::ZERO);
        ledger.enter(&delta(&kit, &vocabulary::CPU_TIME, 500, 500, 250e6));
        let heard: Vec<Option<f64>> = (1..=6)
            .map(|second| {
                assert!(ledger.close(Nanos::from_secs(second)));
                ledger.of(TargetId(7)).unwrap().get(Signal::Cpu)
            })
            .collect();
        assert_eq!(heard, [Some(0.5), Some(0.5), Some(0.5), None, None, None]);
    }

    #[test]
    fn parts_add_up_where_nobody_told_the_whole() {
        let kit = TestHost::new();
        let mut ledger = ledger(&kit);
        ledger.close(Nanos::ZERO);
        let occupancy = kit.metric(&vocabulary::L3_OCCUPANCY);
        let gauge = |part, value| Reading::gauge(SPAN, TargetId(7), occupancy, value).of_part(part);
        ledger.enter(&gauge(Part::l3(0), 3.0));
        ledger.enter(&gauge(Part::l3(1), 4.0));
        ledger.close(SPAN);
        assert_eq!(ledger.of(TargetId(7)).unwrap().get(Signal::Occupancy), Some(7.0));
        ledger.enter(&gauge(Part::WHOLE, 6.0));
        ledger.close(SPAN + SPAN);
        let seen = ledger.of(TargetId(7)).unwrap();
        assert_eq!(seen.get(Signal::Occupancy), Some(6.0));
        assert_eq!(seen.of_parts(Signal::Occupancy).count(), 2);
    }

    #[test]
    fn a_counter_that_hardly_ran_and_a_target_that_went_are_not_heard() {
        let kit = TestHost::new();
        let mut ledger = ledger(&kit);
        ledger.close(Nanos::ZERO);
        ledger.enter(&delta(&kit, &vocabulary::PERF_CYCLES, 500, 500, 1e9).scaled(0.01));
        ledger.close(SPAN);
        assert_eq!(ledger.of(TargetId(7)), None);
        ledger.forget(TargetId(7));
        ledger.enter(&delta(&kit, &vocabulary::PERF_CYCLES, 1500, 500, 1e9));
        ledger.close(SPAN + SPAN);
        assert_eq!(ledger.of(TargetId(7)), None);
    }
}
