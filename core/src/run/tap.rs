//! The run's side of the tap: what went into transforms and schedulers waits here, bounded, until the recorder takes it.
//!
//! The guarantees stand in [`pipeline_plugin_api::tap`]. Lanes tell it as they go; where nobody records that is one
//! branch. `wiring` says whose words are wanted.

mod wiring;

pub use wiring::Wiring;

use super::wake::Wake;
use pipeline_plugin_api::abi::{Batch, NOTHING, Nanos, Reading, Take, TapBatch, TapEvent, TapKind, TapNote};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who said something, and at which instant: the name of a batch.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct Said {
    /// The node's place in the graph.
    pub node: u32,
    /// The number of the instant; 0 where nobody counts them.
    pub instant: u64,
}

impl Said {
    /// As part of what comes in at a port.
    pub fn at_port(self, port: u32) -> Take {
        Take {
            port,
            node: self.node,
            instant: self.instant,
        }
    }
}

/// An instant as events carry it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Moment {
    /// Its number.
    pub number: u64,
    /// The time of it.
    pub at: Nanos,
}

/// Least room, in values.
const LEAST: usize = 1024;
/// How many values there are room for with each event.
const VALUES_AN_EVENT: usize = 4;

/// The open tap of a run.
#[derive(Debug)]
pub struct Tap {
    waiting: Mutex<Waiting>,
    capacity: usize,
    owner: String,
    wake: Wake,
    wanted: Vec<bool>,
    pure: Vec<bool>,
    instants: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    batch: TapBatch,
    values: usize,
    /// The recorder was asked to come since it last took.
    asked: bool,
}

impl Tap {
    /// A tap for the sink of that name, which is woken by `wake`, with room for that many values.
    pub fn new(owner: &str, wake: Wake, wiring: &Wiring, capacity: u32) -> Self {
        Self {
            waiting: Mutex::default(),
            capacity: (capacity as usize).max(LEAST),
            owner: owner.to_owned(),
            wake,
            wanted: wiring.wanted(owner),
            pure: wiring.pure(),
            instants: AtomicU64::new(0),
        }
    }

    /// The sink that has it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The number of an instant that begins.
    pub fn next_instant(&self) -> u64 {
        self.instants.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether the node is one whose input is recorded.
    pub fn is_pure(&self, node: usize) -> bool {
        self.pure.get(node).copied().unwrap_or_default()
    }

    /// A node said that. To be told before anybody can hear it.
    pub fn said(&self, node: usize, moment: Moment, out: &Batch) {
        if !self.wanted.get(node).copied().unwrap_or_default() {
            return;
        }
        let event = TapEvent {
            batch_at: out.at,
            count: out.readings.len() as u32,
            ..event(TapKind::SAID, node, moment)
        };
        self.push(out.len(), |batch| {
            let first = batch.readings.len() as u32;
            batch.readings.extend_from_slice(&out.readings);
            let other = if out.len() > out.readings.len() {
                batch.batches.push(beside_readings(out));
                batch.batches.len() as u32 - 1
            } else {
                NOTHING
            };
            TapEvent { first, other, ..event }
        });
    }

    /// A transform or scheduler is about to be called with that.
    pub fn called(&self, node: usize, moment: Moment, due: bool, takes: &[Take]) {
        let event = TapEvent {
            due: u32::from(due),
            ..event(TapKind::CALLED, node, moment)
        };
        self.with_takes(event, takes);
    }

    /// A queue dropped that on its way to the node.
    pub fn dropped(&self, node: u32, take: Take) {
        if self.is_pure(node as usize) {
            self.with_takes(event(TapKind::DROPPED, node as usize, Moment::default()), &[take]);
        }
    }

    /// Something else happened to a transform or scheduler.
    pub fn noted(&self, kind: TapKind, node: usize, moment: Moment, note: impl FnOnce() -> TapNote) {
        if !self.is_pure(node) {
            return;
        }
        let event = event(kind, node, moment);
        self.push(1, |batch| {
            let first = batch.notes.len() as u32;
            batch.notes.push(note());
            TapEvent {
                first,
                count: 1,
                ..event
            }
        });
    }

    /// Something was lost that should have been told.
    pub fn lost(&self, values: u64) {
        let batch = &mut self.waiting().batch;
        batch.lost_events += 1;
        batch.lost_values += values;
    }

    /// How many events were lost so far.
    pub fn lost_events(&self) -> u64 {
        self.waiting().batch.lost_events
    }

    /// How many instants there were so far.
    pub fn instants(&self) -> u64 {
        self.instants.load(Ordering::Relaxed)
    }

    /// Gives what waits; the room that `out` has is used for what comes next.
    pub fn take(&self, out: &mut TapBatch) {
        out.clear();
        let mut waiting = self.waiting();
        (out.lost_events, out.lost_values) = (waiting.batch.lost_events, waiting.batch.lost_values);
        std::mem::swap(&mut waiting.batch, out);
        waiting.values = 0;
        waiting.asked = false;
    }

    fn with_takes(&self, event: TapEvent, takes: &[Take]) {
        self.push(0, |batch| {
            let first = batch.takes.len() as u32;
            batch.takes.extend_from_slice(takes);
            TapEvent {
                first,
                count: takes.len() as u32,
                ..event
            }
        });
    }

    /// Puts an event in with its values, or counts it as lost; has the recorder come when half of the room is taken.
    fn push(&self, values: usize, put: impl FnOnce(&mut TapBatch) -> TapEvent) {
        let mut waiting = self.waiting();
        let events = waiting.batch.events.len();
        if waiting.values + values > self.capacity || events >= self.capacity / VALUES_AN_EVENT {
            waiting.batch.lost_events += 1;
            waiting.batch.lost_values += values as u64;
            return;
        }
        let event = put(&mut waiting.batch);
        waiting.batch.events.push(event);
        waiting.values += values;
        let half = waiting.values * 2 >= self.capacity || events * 2 * VALUES_AN_EVENT >= self.capacity;
        if half && !waiting.asked {
            waiting.asked = true;
            drop(waiting);
            self.wake.wake();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(kind: TapKind, node: usize, moment: Moment) -> TapEvent {
    TapEvent {
        kind,
        node: node as u32,
        instant: moment.number,
        at: moment.at,
        batch_at: moment.at,
        other: NOTHING,
        ..TapEvent::default()
    }
}

/// All of a batch but its readings, which stand in a list of their own.
fn beside_readings(out: &Batch) -> Batch {
    Batch {
        at: out.at,
        changes: out.changes.clone(),
        readings: Vec::<Reading>::new().into(),
        findings: out.findings.clone(),
        controls: out.controls.clone(),
        actions: out.actions.clone(),
        outcomes: out.outcomes.clone(),
        spare: out.spare.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests;
    use crate::run::wake::Bell;
    use pipeline_plugin_api::abi::Finding;

    fn tap() -> (Tap, Wake) {
        let wake = Wake::new(Bell::new().unwrap());
        let wiring = Wiring::of(&tests::whole());
        (Tap::new("keep", wake.clone(), &wiring, LEAST as u32), wake)
    }

    fn readings(count: usize) -> Batch {
        let mut batch = Batch::default();
        batch.readings.resize(count, Reading::default());
        batch
    }

    #[test]
    fn what_does_not_fit_is_lost_whole_and_counted_and_at_the_bound_nothing_is() {
        let (tap, wake) = tap();
        tap.said(1, Moment::default(), &readings(LEAST / 2 - 1));
        assert!(!wake.take(), "less than half of the room is taken");
        tap.said(1, Moment::default(), &readings(LEAST / 2 + 1));
        assert!(wake.take(), "the recorder is asked to come");
        tap.said(1, Moment::default(), &readings(3));
        let mut out = TapBatch::default();
        tap.take(&mut out);
        assert_eq!((out.events.len(), out.readings.len()), (2, LEAST));
        assert_eq!((out.lost_events, out.lost_values), (1, 3));
        tap.said(1, Moment::default(), &readings(3));
        tap.take(&mut out);
        assert_eq!((out.events.len(), out.readings.len(), out.lost_events), (1, 3, 1));
    }

    #[test]
    fn events_without_values_are_bounded_too() {
        let (tap, _) = tap();
        let most = LEAST / VALUES_AN_EVENT;
        (0..most + 2).for_each(|_| tap.called(2, Moment::default(), true, &[]));
        let mut out = TapBatch::default();
        tap.take(&mut out);
        assert_eq!((out.events.len(), out.lost_events), (most, 2));
    }

    #[test]
    fn what_is_said_beside_readings_stands_in_a_batch_of_its_own() {
        let (tap, _) = tap();
        let mut said = readings(2);
        said.findings.push(Finding::default());
        tap.said(2, Moment::default(), &said);
        tap.said(2, Moment::default(), &readings(1));
        let mut out = TapBatch::default();
        tap.take(&mut out);
        let [first, second] = &out.events[..] else {
            panic!("{out:?}")
        };
        let other = out.other_of(first).unwrap();
        assert_eq!((other.findings.len(), other.readings.len()), (1, 0));
        assert_eq!((out.readings_of(first).len(), out.readings_of(second).len()), (2, 1));
        assert!(out.other_of(second).is_none());
    }

    #[test]
    fn of_nodes_that_nobody_needs_nothing_is_kept() {
        let (tap, _) = tap();
        let keep = 5;
        tap.said(keep, Moment::default(), &readings(1));
        tap.noted(TapKind::SET, 1, Moment::default(), TapNote::default);
        tap.dropped(4, Take::default());
        let mut out = TapBatch::default();
        tap.take(&mut out);
        assert!(out.events.is_empty(), "{out:?}");
    }
}
