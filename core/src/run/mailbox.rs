//! Actions on their way to an actuator of another lane: the latest for each knob of a target, in order.
//!
//! Nothing here is dropped for lack of room. An action that nobody took before a later one came for the same knob is
//! superseded, and its scheduler is told so by an outcome. Other values go by [`super::link`].

use super::telemetry::Meter;
use super::wake::Bell;
use pipeline_plugin_api::abi::{Action, Batch, Fate, KnobId, Nanos, Outcome, TargetId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Knobs that may wait, far more than a machine has. Past it the oldest action is refused, which is told.
pub const MOST_KNOBS: usize = 65_536;
/// Outcomes of superseded actions that wait to be told. Past it the oldest is dropped and counted.
pub const MOST_TOLD: usize = 65_536;

const SUPERSEDED: &str = "a later action for this knob took its place";
const NO_ROOM: &str = "the actuator took none of the actions that wait for it, and there were too many";

/// A scheduler's end of a mailbox.
#[derive(Clone, Debug)]
pub struct ActionSender {
    room: Arc<Room>,
    bell: Bell,
}

/// An actuator's end of a mailbox.
#[derive(Debug)]
pub struct ActionReceiver(Arc<Room>);

/// A mailbox of an actuator in the lane with that bell.
pub fn actions(bell: Bell, reader: Arc<Meter>) -> (ActionSender, ActionReceiver) {
    let room = Arc::new(Room {
        waiting: Mutex::default(),
        reader,
    });
    (
        ActionSender {
            room: room.clone(),
            bell,
        },
        ActionReceiver(room),
    )
}

#[derive(Debug)]
struct Room {
    waiting: Mutex<Waiting>,
    reader: Arc<Meter>,
}

impl Room {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits, by the order in which it came.
#[derive(Debug, Default)]
struct Waiting {
    at: Nanos,
    posts: u64,
    next: u64,
    /// Each with the post that brought it.
    actions: BTreeMap<u64, (u64, Action)>,
    places: BTreeMap<(TargetId, KnobId), u64>,
    told: VecDeque<Outcome>,
}

/// What an actuator takes out of its mailbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// The actions, in order.
    pub batch: Batch,
    /// What became of those that were not to wait for it.
    pub superseded: Vec<Outcome>,
}

impl ActionSender {
    /// Puts in what a scheduler decided at one instant.
    pub fn post(&self, decided: &Batch) {
        if decided.actions.is_empty() {
            return;
        }
        let mut waiting = self.room.waiting();
        let lost = waiting.put(decided);
        self.room.reader.mailbox.set(waiting.actions.len() as u64);
        drop(waiting);
        self.room.reader.dropped.add(lost);
        self.bell.ring();
    }
}

impl ActionReceiver {
    /// Takes all that waits, if anything does.
    pub fn take(&self) -> Option<Taken> {
        let mut waiting = self.0.waiting();
        let taken = waiting.take();
        self.0.reader.mailbox.set(0);
        taken
    }
}

impl Waiting {
    /// Puts actions in; gives how many outcomes had to be dropped.
    fn put(&mut self, decided: &Batch) -> u64 {
        self.at = decided.at;
        self.posts += 1;
        for action in &decided.actions {
            let knob = (action.target, action.knob);
            if let Some(place) = self.places.remove(&knob) {
                self.refuse(place, SUPERSEDED);
            }
            if self.actions.len() >= MOST_KNOBS
                && let Some(oldest) = self.actions.keys().next().copied()
            {
                self.refuse(oldest, NO_ROOM);
            }
            self.places.insert(knob, self.next);
            self.actions.insert(self.next, (self.posts, action.clone()));
            self.next += 1;
        }
        let lost = self.told.len().saturating_sub(MOST_TOLD);
        self.told.drain(..lost);
        lost as u64
    }

    fn refuse(&mut self, place: u64, why: &str) {
        let Some((_, action)) = self.actions.remove(&place) else {
            return;
        };
        let knob = (action.target, action.knob);
        if self.places.get(&knob) == Some(&place) {
            self.places.remove(&knob);
        }
        self.told.push_back(Outcome {
            at: self.at,
            action: action.id,
            target: action.target,
            knob: action.knob,
            fate: Fate::REFUSED,
            why: why.into(),
            ..Outcome::default()
        });
    }

    fn take(&mut self) -> Option<Taken> {
        if self.actions.is_empty() && self.told.is_empty() {
            return None;
        }
        self.places.clear();
        let actions = std::mem::take(&mut self.actions).into_values();
        let mut batch = Batch {
            at: self.at,
            ..Batch::default()
        };
        batch.actions.extend(apart(actions));
        Some(Taken {
            batch,
            superseded: std::mem::take(&mut self.told).into(),
        })
    }
}

/// Sets tie actions of one batch. Those of several batches in one get numbers of their own, so that two sets which
/// happen to have the same number do not become one.
fn apart(actions: impl Iterator<Item = (u64, Action)>) -> impl Iterator<Item = Action> {
    let mut numbers: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    actions.map(move |(post, mut action)| {
        if action.set != 0 {
            let next = numbers.len() as u64 + 1;
            action.set = *numbers.entry((post, action.set)).or_insert(next);
        }
        action
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::Stage;

    fn room() -> (ActionSender, ActionReceiver, Arc<Meter>) {
        let meter = Arc::new(Meter::new("act", "test.act", Stage::ACTUATOR, "act"));
        let (sender, receiver) = actions(Bell::new().unwrap(), meter.clone());
        (sender, receiver, meter)
    }

    fn action(id: u64, target: u32, set: u64) -> Action {
        Action {
            id,
            target: TargetId(target),
            knob: KnobId(1),
            set,
            until: Nanos::FOREVER,
            ..Action::default()
        }
    }

    fn post(sender: &ActionSender, at: u64, actions: Vec<Action>) {
        sender.post(&Batch {
            at: Nanos(at),
            actions: actions.into(),
            ..Batch::default()
        });
    }

    fn ids(taken: &Taken) -> Vec<u64> {
        taken.batch.actions.iter().map(|action| action.id).collect()
    }

    #[test]
    fn the_latest_action_of_a_knob_takes_the_place_of_the_one_before_which_is_told() {
        let (sender, receiver, meter) = room();
        post(&sender, 1, vec![action(1, 7, 0), action(2, 8, 0)]);
        post(&sender, 2, vec![action(3, 7, 0)]);
        assert_eq!(meter.mailbox.get(), 2);
        let taken = receiver.take().unwrap();
        assert_eq!(ids(&taken), [2, 3], "in the order in which they came");
        assert_eq!(taken.batch.at, Nanos(2));
        let [told] = &taken.superseded[..] else {
            panic!("{:?}", taken.superseded)
        };
        assert_eq!((told.action, told.fate, told.target), (1, Fate::REFUSED, TargetId(7)));
        assert_eq!(told.why, SUPERSEDED);
        assert_eq!((receiver.take(), meter.mailbox.get()), (None, 0));
    }

    #[test]
    fn sets_of_two_batches_with_one_number_stay_two() {
        let (sender, receiver, _) = room();
        post(&sender, 1, vec![action(1, 1, 5), action(2, 2, 5)]);
        post(&sender, 2, vec![action(3, 3, 5), action(4, 4, 5), action(5, 5, 0)]);
        let taken = receiver.take().unwrap();
        let sets: Vec<u64> = taken.batch.actions.iter().map(|action| action.set).collect();
        assert_eq!(sets, [1, 1, 2, 2, 0]);
    }

    #[test]
    fn of_a_set_only_what_was_superseded_is_missing() {
        let (sender, receiver, _) = room();
        post(&sender, 1, vec![action(1, 1, 5), action(2, 2, 5), action(3, 3, 5)]);
        post(&sender, 2, vec![action(4, 2, 0)]);
        let taken = receiver.take().unwrap();
        let sets: Vec<(u64, u64)> = taken.batch.actions.iter().map(|a| (a.id, a.set)).collect();
        assert_eq!(sets, [(1, 1), (3, 1), (4, 0)]);
    }

    #[test]
    fn past_the_bound_the_oldest_is_refused_and_told() {
        let (sender, receiver, meter) = room();
        let many = |from: u32| (from..from + MOST_KNOBS as u32).map(|n| action(u64::from(n), n, 0));
        post(&sender, 1, many(0).collect());
        assert_eq!(
            meter.mailbox.get(),
            MOST_KNOBS as u64,
            "at the bound nothing is refused"
        );
        post(&sender, 2, vec![action(99, 70_000, 0)]);
        let taken = receiver.take().unwrap();
        assert_eq!((taken.superseded.len(), taken.batch.actions.len()), (1, MOST_KNOBS));
        assert_eq!(
            (taken.superseded[0].action, taken.superseded[0].why.as_str()),
            (0, NO_ROOM)
        );
    }

    #[test]
    fn outcomes_past_their_bound_are_dropped_and_counted() {
        let (sender, receiver, meter) = room();
        for number in 0..MOST_TOLD as u64 + 3 {
            post(&sender, number, vec![action(number, 1, 0)]);
        }
        let taken = receiver.take().unwrap();
        assert_eq!((taken.superseded.len(), meter.dropped.get()), (MOST_TOLD, 2));
    }
}
