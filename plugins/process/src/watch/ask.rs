//! Targets that come only once somebody acknowledges them: who waits for that, since when, and what was said. Pure.

use super::herd::Key;
use pipeline_plugin_api::prelude::Nanos;
use std::collections::BTreeMap;
use std::fmt;

/// Where a candidate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It was announced then and waits.
    Waiting(Nanos),
    /// It becomes a target.
    Acknowledged,
    /// It does not, unless somebody acknowledges it after all.
    Refused,
}

/// A candidate: its key, and the process that stood for it when it was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    start_time: u64,
    stand: Stand,
}

/// The candidates that there are.
#[derive(Debug, Default)]
pub struct Ask {
    candidates: BTreeMap<Key, Candidate>,
}

impl Ask {
    /// Where a candidate stands; one that is new begins to wait, and `true` is given with it.
    pub fn stand(&mut self, at: Nanos, key: Key, start_time: u64) -> (Stand, bool) {
        let known = self.candidates.get(&key).filter(|known| known.start_time == start_time);
        if let Some(known) = known {
            return (known.stand, false);
        }
        let stand = Stand::Waiting(at);
        self.candidates.insert(key, Candidate { start_time, stand });
        (stand, true)
    }

    /// Counts those that have waited for that long as refused, and gives them.
    pub fn time_out(&mut self, at: Nanos, after: Nanos) -> Vec<Key> {
        let mut over = Vec::new();
        for (key, candidate) in &mut self.candidates {
            if matches!(candidate.stand, Stand::Waiting(since) if at - since >= after) {
                candidate.stand = Stand::Refused;
                over.push(*key);
            }
        }
        over
    }

    /// Says of the candidate with that id what becomes of it; `false` if there is none.
    pub fn answer(&mut self, id: &str, stand: Stand) -> bool {
        let found = self.candidates.iter_mut().find(|(key, _)| key.to_string() == id);
        match found {
            Some((_, candidate)) => {
                candidate.stand = stand;
                true
            }
            None => false,
        }
    }

    /// Counts that process as refused without its having been announced.
    pub fn refuse(&mut self, key: Key, start_time: u64) {
        let stand = Stand::Refused;
        self.candidates.insert(key, Candidate { start_time, stand });
    }

    /// Another process stands for it now: what was said holds for that one, since it is the same group or name.
    pub fn carry(&mut self, key: &Key, start_time: u64) {
        if let Some(candidate) = self.candidates.get_mut(key) {
            candidate.start_time = start_time;
        }
    }

    /// Whether somebody refused it.
    pub fn is_refused(&self, key: &Key, start_time: u64) -> bool {
        let known = self.candidates.get(key).filter(|known| known.start_time == start_time);
        known.is_some_and(|known| known.stand == Stand::Refused)
    }

    /// Keeps only those that are still there.
    pub fn keep(&mut self, is_there: impl Fn(&Key) -> bool) {
        self.candidates.retain(|key, _| is_there(key));
    }

    /// The ids of those that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Key> {
        let waits = |candidate: &Candidate| matches!(candidate.stand, Stand::Waiting(_));
        self.candidates
            .iter()
            .filter(move |(_, candidate)| waits(candidate))
            .map(|(key, _)| key)
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Most ids in one line.
        const MOST: usize = 8;
        let ids: Vec<String> = self.waiting().take(MOST).map(Key::to_string).collect();
        let more = self.waiting().count().saturating_sub(MOST);
        f.write_str(&ids.join(", "))?;
        match more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Nanos {
        Nanos::from_secs(seconds)
    }

    #[test]
    fn a_candidate_is_announced_once_and_waits() {
        let mut ask = Ask::default();
        assert_eq!(ask.stand(s(1), Key::Id(7), 55), (Stand::Waiting(s(1)), true));
        assert_eq!(ask.stand(s(2), Key::Id(7), 55), (Stand::Waiting(s(1)), false));
        assert_eq!(ask.to_string(), "7");
    }

    #[test]
    fn an_answer_holds_for_that_process_and_not_for_the_next_of_its_id() {
        let mut ask = Ask::default();
        ask.stand(s(1), Key::Id(7), 55);
        assert!(ask.answer("7", Stand::Acknowledged) && !ask.answer("8", Stand::Acknowledged));
        assert_eq!(ask.stand(s(2), Key::Id(7), 55).0, Stand::Acknowledged);
        assert_eq!(ask.stand(s(3), Key::Id(7), 99), (Stand::Waiting(s(3)), true));
    }

    #[test]
    fn one_that_nobody_answers_is_refused_once_and_may_still_be_acknowledged() {
        let mut ask = Ask::default();
        ask.stand(s(1), Key::Id(7), 55);
        assert_eq!(ask.time_out(s(10), s(10)), []);
        assert_eq!(ask.time_out(s(11), s(10)), [Key::Id(7)]);
        assert_eq!(ask.time_out(s(12), s(10)), []);
        assert!(ask.answer("7", Stand::Acknowledged));
        assert_eq!(ask.stand(s(13), Key::Id(7), 55).0, Stand::Acknowledged);
    }

    #[test]
    fn those_that_went_are_forgotten() {
        let mut ask = Ask::default();
        for id in 1..12 {
            ask.stand(s(1), Key::Id(id), 55);
        }
        assert!(ask.to_string().ends_with("8 and 3 more"));
        ask.keep(|key| *key == Key::Id(3));
        assert_eq!(ask.waiting().collect::<Vec<_>>(), [&Key::Id(3)]);
    }
}
