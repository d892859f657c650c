//! [`Frame`]: the latest value and the last N by target, metric and part, with age and absence.
//!
//! Iteration is in the order of ids, never of hashing, so that what is decided from a frame is the
//! same on every machine. Nothing is interpolated.

use crate::abi::{Batch, Change, MetricId, Nanos, Part, Reading, TargetId};
use std::collections::{BTreeMap, VecDeque};

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
///
/// Those whose ids follow each other are kept as one: where thousands come and go, a few numbers tell of all.
#[derive(Clone, Debug, Default)]
pub struct Gone {
    /// The first and the last id of each row, rising.
    rows: Vec<(u32, u32)>,
}

/// How many rows of targets that went are remembered.
const LATELY: usize = 4096;

impl Gone {
    /// A target went. Where there is no room the row of the lowest ids is forgotten, but never the newest.
    pub fn add(&mut self, target: TargetId) {
        let id = target.0;
        let place = self.place_of(id);
        if self.has(target) {
            return;
        }
        let after = place
            .checked_sub(1)
            .filter(|before| self.rows[*before].1.checked_add(1) == Some(id));
        let ahead = self
            .rows
            .get(place)
            .is_some_and(|(first, _)| id.checked_add(1) == Some(*first));
        match (after, ahead) {
            (Some(before), true) => self.rows[before].1 = self.rows.remove(place).1,
            (Some(before), false) => self.rows[before].1 = id,
            (None, true) => self.rows[place].0 = id,
            (None, false) => self.rows.insert(place, (id, id)),
        }
        if self.rows.len() > LATELY {
            self.rows.remove(usize::from(place == 0));
        }
    }

    /// Whether a target went lately.
    pub fn has(&self, target: TargetId) -> bool {
        let row = self.rows.get(self.place_of(target.0));
        row.is_some_and(|(first, _)| *first <= target.0)
    }

    /// The place of the first row that does not end before that id.
    fn place_of(&self, id: u32) -> usize {
        // Ids grow, so that a target younger than all that went is told by one comparison.
        match self.rows.last() {
            Some((_, last)) if *last >= id => self.rows.partition_point(|(_, last)| *last < id),
            _ => self.rows.len(),
        }
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
    use proptest::prelude::*;

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
        let odd = |number: u32| TargetId(2 * number + 1);
        (1..=LATELY as u32).for_each(|number| gone.add(odd(number)));
        assert!(gone.has(odd(1)) && gone.has(odd(LATELY as u32)) && !gone.has(odd(LATELY as u32 + 1)));
        gone.add(odd(LATELY as u32 + 1));
        assert!(!gone.has(odd(1)) && gone.has(odd(2)) && gone.has(odd(LATELY as u32 + 1)));
        gone.add(odd(0));
        assert!(
            gone.has(odd(0)) && !gone.has(odd(2)),
            "the newest stays, whatever its id"
        );
        assert_eq!(gone.rows.len(), LATELY);
    }

    #[test]
    fn targets_that_follow_each_other_are_kept_as_one_however_many_they_are() {
        let mut gone = Gone::default();
        for start in [0, 1] {
            (start..20_000).step_by(2).for_each(|id| gone.add(TargetId(id)));
        }
        gone.add(TargetId(7));
        assert!((0..20_000).rev().take(LATELY).all(|id| gone.has(TargetId(id))));
        assert!(
            !gone.has(TargetId(20_000)) && gone.rows.len() < LATELY,
            "{}",
            gone.rows.len()
        );
        let mut gone = Gone::default();
        (0..20_000).for_each(|id| gone.add(TargetId(id)));
        assert_eq!(gone.rows, [(0, 19_999)]);
    }

    proptest! {
        #[test]
        fn who_went_is_told_in_whatever_order_they_went(ids in proptest::collection::vec(0_u32..60, 0..60)) {
            let mut gone = Gone::default();
            ids.iter().for_each(|id| gone.add(TargetId(*id)));
            prop_assert!((0..62).all(|id| gone.has(TargetId(id)) == ids.contains(&id)));
            prop_assert!(gone.rows.windows(2).all(|rows| rows[0].1 + 1 < rows[1].0));
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let mut frame = frame();
        frame.push(Reading::gauge(Nanos(50), WEB, CPU, 7.0).of_part(Part::cpu(1)));
        assert_eq!(frame.parts(WEB, CPU).count(), 2);
        assert_eq!(frame.targets().collect::<Vec<_>>(), [WEB]);
    }
}
