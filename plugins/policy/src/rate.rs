//! The rate limit: so many changes of knobs in a minute and no more. Undoing counts, but is never
//! held back.

use pipeline_plugin_api::prelude::*;
use std::collections::VecDeque;

const MINUTE: Nanos = Nanos::from_secs(60);

/// See the file.
#[derive(Clone, Debug)]
pub struct Rate {
    most: usize,
    changes: VecDeque<Nanos>,
}

impl Rate {
    /// That many a minute.
    pub fn new(most: u32) -> Self {
        Self {
            most: most as usize,
            changes: VecDeque::new(),
        }
    }

    /// Takes as many of the wanted changes as are left, and gives how many.
    pub fn take(&mut self, at: Nanos, wanted: usize) -> usize {
        let granted = wanted.min(self.left(at));
        self.note(at, granted);
        granted
    }

    /// How many changes are left.
    pub fn left(&mut self, at: Nanos) -> usize {
        while self.changes.front().is_some_and(|when| *when + MINUTE <= at) {
            self.changes.pop_front();
        }
        self.most.saturating_sub(self.changes.len())
    }

    /// Changes that were made without asking. No more are remembered than the limit.
    pub fn note(&mut self, at: Nanos, count: usize) {
        for _ in 0..count.min(self.most) {
            if self.changes.len() == self.most {
                self.changes.pop_front();
            }
            self.changes.push_back(at);
        }
    }

    /// When the changes that count now were made.
    pub fn changes(&self) -> impl Iterator<Item = Nanos> {
        self.changes.iter().copied()
    }

    /// When one more is possible.
    pub fn next(&self, at: Nanos) -> Nanos {
        let oldest = self.changes.front().filter(|_| self.changes.len() >= self.most);
        oldest.map_or(at, |when| *when + MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_at_its_bound_and_frees_after_a_minute() {
        let mut rate = Rate::new(3);
        let second = Nanos::from_secs;
        assert_eq!(rate.take(second(0), 2), 2);
        assert_eq!(rate.take(second(10), 2), 1);
        assert_eq!((rate.take(second(59), 1), rate.next(second(59))), (0, second(60)));
        assert_eq!(rate.take(second(60), 5), 2);
        rate.note(second(60), 1000);
        assert_eq!((rate.left(second(60)), rate.changes.len()), (0, 3));
    }
}
