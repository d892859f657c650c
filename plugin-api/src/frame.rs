//! [`Frame`]: the latest value and the last N by target, metric and part, with age and absence.
//!
//! Iteration is in the order of ids, never of hashing, so that what is decided from a frame is the
//! same on every machine. Nothing is interpolated.

use crate::abi::{Batch, Change, MetricId, Nanos, Part, Reading, TargetId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a series is named by.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Whose.
    pub target: TargetId,
    /// Of what.
    pub metric: MetricId,
    /// Of which part.
    pub part: Part,
}

impl Key {
    /// The series that a reading belongs to.
    pub fn of(reading: &Reading) -> Self {
        Self {
            target: reading.target,
            metric: reading.metric,
            part: reading.part,
        }
    }
}

/// The last readings of every series, up to a depth.
#[derive(Clone, Debug)]
pub struct Frame {
    depth: usize,
    series: BTreeMap<Key, VecDeque<Reading>>,
    gone: Gone,
}

/// The targets that went lately, since what was read of one may still be under way when it is told gone. Ids are never
/// used again, so that such a reading must not begin anything that nobody would end.
#[derive(Clone, Debug, Default)]
pub struct Gone {
    order: VecDeque<TargetId>,
    ids: BTreeSet<TargetId>,
}

/// How many targets that went are remembered.
const LATELY: usize = 4096;

impl Gone {
    /// A target went.
    pub fn add(&mut self, target: TargetId) {
        if self.ids.insert(target) {
            self.order.push_back(target);
        }
        if self.order.len() > LATELY
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    /// Whether a target went lately.
    pub fn has(&self, target: TargetId) -> bool {
        // Ids grow, so that a target younger than all that went is told by one comparison.
        self.ids.last().is_some_and(|last| target <= *last) && self.ids.contains(&target)
    }
}

impl Frame {
    /// An empty frame that keeps the last `depth` (at least 1) readings of each series.
    pub fn new(depth: usize) -> Self {
        Self {
            depth: depth.max(1),
            series: BTreeMap::new(),
            gone: Gone::default(),
        }
    }

    /// Takes in the readings of a batch, and forgets the targets that it says are gone.
    pub fn absorb(&mut self, batch: &Batch) {
        for reading in &batch.readings {
            self.push(*reading);
        }
        for change in &batch.changes {
            if change.change == Change::GONE {
                self.forget(change.target.id);
            }
        }
    }

    /// Takes in one reading; none of a target that was forgotten lately, which comes late.
    pub fn push(&mut self, reading: Reading) {
        if self.gone.has(reading.target) {
            return;
        }
        let series = self.series.entry(Key::of(&reading)).or_default();
        if series.len() == self.depth {
            series.pop_front();
        }
        series.push_back(reading);
    }

    /// The latest reading of the whole target, whatever its quality.
    pub fn latest(&self, target: TargetId, metric: MetricId) -> Option<&Reading> {
        self.latest_of(Key {
            target,
            metric,
            part: Part::WHOLE,
        })
    }

    /// The latest reading of a series, whatever its quality.
    pub fn latest_of(&self, key: Key) -> Option<&Reading> {
        self.series.get(&key)?.back()
    }

    /// The latest value of the whole target, unless it is missing or older than `age`.
    pub fn value(&self, target: TargetId, metric: MetricId, now: Nanos, age: Nanos) -> Option<f64> {
        let reading = self.latest(target, metric)?;
        (now.since(reading.at) <= age).then(|| reading.number())?
    }

    /// How old the latest reading is.
    pub fn age(&self, target: TargetId, metric: MetricId, now: Nanos) -> Option<Nanos> {
        Some(now.since(self.latest(target, metric)?.at))
    }

    /// The kept readings of a series, oldest first.
    pub fn last(&self, key: Key) -> impl DoubleEndedIterator<Item = &Reading> {
        self.series.get(&key).into_iter().flatten()
    }

    /// The latest reading of every part of a target that has the metric.
    pub fn parts(&self, target: TargetId, metric: MetricId) -> impl Iterator<Item = &Reading> {
        let from = Key {
            target,
            metric,
            part: Part(0),
        };
        let to = Key {
            target,
            metric,
            part: Part(u32::MAX),
        };
        self.series.range(from..=to).filter_map(|(_, series)| series.back())
    }

    /// The targets that have readings, in order.
    pub fn targets(&self) -> impl Iterator<Item = TargetId> {
        let mut last = None;
        self.series.keys().filter_map(move |key| {
            let new = last != Some(key.target);
            last = Some(key.target);
            new.then_some(key.target)
        })
    }

    /// Drops all that is known of a target that went.
    pub fn forget(&mut self, target: TargetId) {
        self.gone.add(target);
        let key = |metric: u32, part: u32| Key {
            target,
            metric: MetricId(metric),
            part: Part(part),
        };
        let of_it = self.series.range(key(0, 0)..=key(u32::MAX, u32::MAX));
        for key in of_it.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.series.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{Reason, TargetChange};

    const WEB: TargetId = TargetId(1);
    const CPU: MetricId = MetricId(1);

    fn frame() -> Frame {
        let mut frame = Frame::new(3);
        for (at, value) in [(10, 1.0), (20, 2.0), (30, 3.0), (40, 4.0)] {
            frame.push(Reading::gauge(Nanos(at), WEB, CPU, value));
        }
        frame
    }

    #[test]
    fn only_the_last_readings_are_kept() {
        let frame = frame();
        let key = Key {
            target: WEB,
            metric: CPU,
            part: Part::WHOLE,
        };
        let values: Vec<f64> = frame.last(key).map(|r| r.value).collect();
        assert_eq!(values, [2.0, 3.0, 4.0]);
    }

    #[test]
    fn an_old_value_is_no_value() {
        let frame = frame();
        assert_eq!(frame.value(WEB, CPU, Nanos(45), Nanos(5)), Some(4.0));
        assert_eq!(frame.value(WEB, CPU, Nanos(46), Nanos(5)), None);
    }

    #[test]
    fn an_unavailable_reading_hides_the_one_before() {
        let mut frame = frame();
        frame.push(Reading::unavailable(Nanos(50), WEB, CPU, Reason::VANISHED));
        assert_eq!(frame.value(WEB, CPU, Nanos(50), Nanos(100)), None);
    }

    #[test]
    fn a_target_that_went_is_forgotten() {
        let mut frame = frame();
        let mut batch = Batch::default();
        let mut change = TargetChange {
            change: Change::GONE,
            ..TargetChange::default()
        };
        change.target.id = WEB;
        batch.changes.push(change);
        frame.absorb(&batch);
        assert_eq!(frame.targets().count(), 0);
    }

    #[test]
    fn a_reading_that_comes_after_its_target_went_begins_nothing() {
        let mut frame = frame();
        frame.forget(WEB);
        frame.push(Reading::gauge(Nanos(50), WEB, CPU, 5.0));
        frame.push(Reading::gauge(Nanos(50), TargetId(2), CPU, 5.0));
        assert_eq!(frame.targets().collect::<Vec<_>>(), [TargetId(2)]);
    }

    #[test]
    fn of_targets_that_went_the_last_are_remembered() {
        let mut gone = Gone::default();
        (1..=LATELY as u32 + 1).for_each(|id| gone.add(TargetId(id)));
        assert!(!gone.has(TargetId(1)) && gone.has(TargetId(2)) && gone.has(TargetId(LATELY as u32 + 1)));
        assert!(!gone.has(TargetId(LATELY as u32 + 2)));
        assert_eq!((gone.order.len(), gone.ids.len()), (LATELY, LATELY));
    }

    #[test]
    fn parts_are_told_apart() {
        let mut frame = frame();
        frame.push(Reading::gauge(Nanos(50), WEB, CPU, 7.0).of_part(Part::cpu(1)));
        assert_eq!(frame.parts(WEB, CPU).count(), 2);
        assert_eq!(frame.targets().collect::<Vec<_>>(), [WEB]);
    }
}
