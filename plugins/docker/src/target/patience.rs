//! When an engine that is away is tried again, and which of its troubles are told. Pure: instants come in.

use crate::engine::Trouble;
use pipeline_plugin_api::prelude::*;

/// The first pause; each is twice the one before.
const SHORTEST: Nanos = Nanos::from_millis(500);
/// The longest pause.
const LONGEST: Nanos = Nanos::from_secs(30);
/// How long an engine must have been there for its next absence to be another one.
const STEADY: Nanos = Nanos::from_secs(30);

/// One outage after the other.
#[derive(Debug)]
pub struct Patience {
    pause: Nanos,
    /// Since when there is an engine, if there is.
    since: Option<Nanos>,
    /// What was told of this outage, each kind of trouble once.
    told: Vec<Trouble>,
    told_back: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            pause: SHORTEST,
            since: None,
            told: Vec::new(),
            told_back: false,
        }
    }
}

/// What is to be done about an engine that is away.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Lost {
    /// When it is to be tried again.
    pub retry: Nanos,
    /// Whether that is news.
    pub is_news: bool,
}

impl Patience {
    /// The engine is away, or still is.
    pub fn lost(&mut self, at: Nanos, trouble: &Trouble) -> Lost {
        if self.since.take().is_some_and(|since| at - since >= STEADY) {
            *self = Self::default();
        }
        let is_news = !self.told.iter().any(|told| told.is_like(trouble));
        if is_news {
            self.told.push(trouble.clone());
        }
        let retry = at + self.pause;
        self.pause = Nanos((self.pause.0 * 2).min(LONGEST.0));
        Lost { retry, is_news }
    }

    /// There is an engine; `true` if that is news.
    pub fn found(&mut self, at: Nanos) -> bool {
        self.since = Some(at);
        !self.told.is_empty() && !std::mem::replace(&mut self.told_back, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(at: f64) -> Nanos {
        Nanos((at * 1e9) as u64)
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_each_kind_of_trouble_is_told_once() {
        let mut patience = Patience::default();
        let mut at = Nanos::ZERO;
        let mut pauses = Vec::new();
        for turn in 0..9 {
            let lost = patience.lost(at, &Trouble::NoSocket);
            assert_eq!(lost.is_news, turn == 0);
            pauses.push((lost.retry - at).seconds());
            at = lost.retry;
        }
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert!(patience.lost(at, &Trouble::Forbidden).is_news);
        assert!(patience.found(at));
    }

    #[test]
    fn an_engine_that_comes_and_goes_is_one_outage() {
        let mut patience = Patience::default();
        assert!(!patience.found(seconds(0.0)), "it was never away");
        assert!(patience.lost(seconds(1.0), &Trouble::Cut).is_news);
        assert!(patience.found(seconds(2.0)));
        let lost = patience.lost(seconds(3.0), &Trouble::Cut);
        assert_eq!((lost.is_news, lost.retry), (false, seconds(4.0)));
        assert!(!patience.found(seconds(4.0)));
        let lost = patience.lost(seconds(40.0), &Trouble::Cut);
        assert_eq!((lost.is_news, lost.retry), (true, seconds(40.5)));
    }
}
