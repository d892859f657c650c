//! Stretches of time, and how they lie to each other.

use pipeline_plugin_api::abi::Nanos;

/// From an instant, which belongs to it, to another, which does not.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Its first instant.
    pub from: Nanos,
    /// The first instant after it.
    pub to: Nanos,
}

impl Stretch {
    /// From one instant to another.
    pub const fn new(from: Nanos, to: Nanos) -> Self {
        Self { from, to }
    }

    /// How long it is.
    pub fn length(self) -> Nanos {
        self.to.since(self.from)
    }

    /// What both have in common; none where that is nothing.
    pub fn common(self, other: Self) -> Option<Self> {
        let common = Self::new(self.from.max(other.from), self.to.min(other.to));
        (common.from < common.to).then_some(common)
    }

    /// Whether they have an instant in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.common(other).is_some()
    }

    /// Whether an instant belongs to it.
    pub fn holds(self, at: Nanos) -> bool {
        self.from <= at && at < self.to
    }
}

/// The stretches in order, those put together that overlap or have a gap of at most `gap` between them.
pub fn bridged(mut stretches: Vec<Stretch>, gap: Nanos) -> Vec<Stretch> {
    stretches.sort_unstable();
    let mut joined: Vec<Stretch> = Vec::with_capacity(stretches.len());
    for next in stretches {
        match joined.last_mut() {
            Some(last) if next.from.since(last.to) <= gap => last.to = last.to.max(next.to),
            _ => joined.push(next),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(from: u64, to: u64) -> Stretch {
        Stretch::new(Nanos(from), Nanos(to))
    }

    #[test]
    fn stretches_that_only_touch_have_nothing_in_common() {
        assert!(!stretch(1, 3).overlaps(stretch(3, 5)));
        assert!(stretch(1, 4).overlaps(stretch(3, 5)));
        assert_eq!(stretch(1, 4).common(stretch(3, 5)), Some(stretch(3, 4)));
        assert!(!stretch(3, 3).overlaps(stretch(1, 5)), "no time at all is in nothing");
    }

    #[test]
    fn gaps_are_bridged_up_to_their_length() {
        let given = vec![stretch(6, 8), stretch(1, 3), stretch(5, 6), stretch(20, 21)];
        assert_eq!(
            bridged(given.clone(), Nanos(1)),
            [stretch(1, 3), stretch(5, 8), stretch(20, 21)]
        );
        assert_eq!(bridged(given, Nanos(2)), [stretch(1, 8), stretch(20, 21)]);
        assert_eq!(bridged(vec![stretch(1, 9), stretch(2, 3)], Nanos(0)), [stretch(1, 9)]);
    }

    proptest! {
        #[test]
        fn what_is_bridged_is_in_order_and_apart(ends in prop::collection::vec((0_u64..100, 0_u64..10), 0..20), gap in 0_u64..5) {
            let given = ends.iter().map(|(from, length)| stretch(*from, from + length)).collect();
            let joined = bridged(given, Nanos(gap));
            for pair in joined.windows(2) {
                prop_assert!(pair[0].to.0 + gap < pair[1].from.0);
            }
        }
    }
}
