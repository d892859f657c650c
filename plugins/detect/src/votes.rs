//! Some of the last few: what must persist before it is believed.

use serde::{Deserialize, Serialize};

/// The last votes, at most 64, the latest in the lowest bit.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes(u64);

impl Votes {
    /// Takes a vote in.
    pub fn add(&mut self, vote: bool) {
        self.0 = self.0 << 1 | u64::from(vote);
    }

    /// How many of the last `of` were for it.
    pub fn of_last(self, of: u32) -> u32 {
        let mask = 1_u64.checked_shl(of).map_or(u64::MAX, |bit| bit - 1);
        (self.0 & mask).count_ones()
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_ones_count() {
        let mut votes = Votes::default();
        [true, true, false, true].into_iter().for_each(|vote| votes.add(vote));
        assert_eq!((votes.of_last(2), votes.of_last(3), votes.of_last(64)), (1, 2, 3));
        votes.clear();
        assert_eq!(votes.of_last(64), 0);
    }
}
