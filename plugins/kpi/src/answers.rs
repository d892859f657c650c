//! The questions asked on one connection that have no answer yet, in their order. Pure.
//!
//! Redis answers in order, so the oldest question is the one that the next answer is for. One that
//! waited too long is given up but keeps its place, since its answer may still come.

use pipeline_plugin_api::prelude::Nanos;
use std::collections::VecDeque;

/// Questions without an answer.
#[derive(Debug, Default)]
pub struct Unanswered {
    due: VecDeque<Nanos>,
    /// How many of the oldest were given up.
    given_up: usize,
}

/// What an answer is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// For the question that was due then.
    Question(Nanos),
    /// For one that was given up and counted before.
    GivenUp,
    /// For none.
    Nothing,
}

impl Unanswered {
    /// A question is asked.
    pub fn ask(&mut self, due: Nanos) {
        self.due.push_back(due);
    }

    /// An answer came.
    pub fn answer(&mut self) -> Answered {
        match (self.due.pop_front(), self.given_up) {
            (None, _) => Answered::Nothing,
            (Some(due), 0) => Answered::Question(due),
            (Some(_), _) => {
                self.given_up -= 1;
                Answered::GivenUp
            }
        }
    }

    /// Gives up the next question that was due before that instant, if there is one.
    pub fn give_up(&mut self, before: Nanos) -> Option<Nanos> {
        let due = *self.due.get(self.given_up)?;
        (due < before).then(|| {
            self.given_up += 1;
            due
        })
    }

    /// When the oldest was due, given up or not.
    pub fn oldest(&self) -> Option<Nanos> {
        self.due.front().copied()
    }

    /// How many there are, with those given up.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Forgets all; gives those that were not given up before.
    pub fn abandon(&mut self) -> impl Iterator<Item = Nanos> + use<> {
        let given_up = std::mem::take(&mut self.given_up);
        std::mem::take(&mut self.due).into_iter().skip(given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_for_the_oldest_question() {
        let mut unanswered = Unanswered::default();
        unanswered.ask(Nanos(1));
        unanswered.ask(Nanos(2));
        assert_eq!(unanswered.answer(), Answered::Question(Nanos(1)));
        assert_eq!(unanswered.answer(), Answered::Question(Nanos(2)));
        assert_eq!(unanswered.answer(), Answered::Nothing);
    }

    #[test]
    fn a_late_answer_does_not_take_the_place_of_the_next() {
        let mut unanswered = Unanswered::default();
        unanswered.ask(Nanos(1));
        unanswered.ask(Nanos(5));
        assert_eq!(unanswered.give_up(Nanos(5)), Some(Nanos(1)));
        assert_eq!(unanswered.give_up(Nanos(5)), None);
        assert_eq!(unanswered.answer(), Answered::GivenUp);
        assert_eq!(unanswered.answer(), Answered::Question(Nanos(5)));
    }

    proptest::proptest! {
        #[test]
        fn every_question_is_counted_once(events in proptest::collection::vec(0u8..3, 0..200)) {
            let mut unanswered = Unanswered::default();
            let (mut asked, mut counted) = (0u64, 0u64);
            for event in events {
                match event {
                    0 => { asked += 1; unanswered.ask(Nanos(asked)); }
                    1 => counted += u64::from(matches!(unanswered.answer(), Answered::Question(_))),
                    _ => counted += u64::from(unanswered.give_up(Nanos(asked)).is_some()),
                }
            }
            counted += unanswered.abandon().count() as u64;
            proptest::prop_assert_eq!(counted, asked);
            proptest::prop_assert_eq!(unanswered.len(), 0);
        }
    }
}
