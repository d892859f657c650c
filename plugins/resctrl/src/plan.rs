//! Who shares a class with whom, where there are more targets than the hardware can tell apart. Pure.
//!
//! Each target has a class of its own as long as there are enough. Then two join that lose least by it: those of the
//! same class of service before others, those who answer nobody before those who are waited for, those who want the
//! same before those who do not. A class that several share gets what the largest of them asked for.

use crate::demand::{Want, Wants};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// What a target wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Who.
    pub target: TargetId,
    /// What it is for.
    pub class: Class,
    /// Higher goes first.
    pub priority: i32,
    /// Of the last-level cache; nothing for all of it.
    pub ways: Option<Wants>,
    /// Of the memory bandwidth, in the kernel's number; nothing for all of it.
    pub bandwidth: Option<u64>,
}

/// Targets that share a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Who, in the order of ids.
    pub members: Vec<TargetId>,
    /// What most of it is for: that of those who are waited for, if there is one.
    pub class: Class,
    /// The highest of its members.
    pub priority: i32,
    /// What the largest of them wants.
    pub ways: Option<Wants>,
    /// What the largest of them wants.
    pub bandwidth: Option<u64>,
}

impl Group {
    fn of(wish: &Wish) -> Self {
        Self {
            members: vec![wish.target],
            class: wish.class,
            priority: wish.priority,
            ways: wish.ways.clone(),
            bandwidth: wish.bandwidth,
        }
    }

    /// Whether somebody in it is waited for.
    pub fn is_protected(&self) -> bool {
        self.class == Class::LATENCY
    }

    fn join(&mut self, other: Self) {
        if other.is_protected() {
            self.class = other.class;
        }
        self.members.extend(other.members);
        self.members.sort_unstable();
        self.priority = self.priority.max(other.priority);
        self.ways = match (self.ways.take(), other.ways) {
            (Some(one), Some(other)) => Some(merged(one, &other)),
            _ => None,
        };
        self.bandwidth = match (self.bandwidth, other.bandwidth) {
            (Some(one), Some(other)) => Some(one.max(other)),
            _ => None,
        };
    }

    /// What is lost if these two share.
    fn distance(&self, other: &Self) -> (u32, u64, usize) {
        let rank = match (self.is_protected(), other.is_protected()) {
            (false, false) if self.class == other.class => 0,
            (false, false) => 1,
            (true, true) => 2,
            _ => 3,
        };
        let ways = |group: &Self| {
            group
                .ways
                .as_ref()
                .map_or(64, |wants| wants.values().map(|want| want.ways()).max().unwrap_or(0))
        };
        let ways = u64::from(ways(self).abs_diff(ways(other)));
        let bandwidth = match (self.bandwidth, other.bandwidth) {
            (Some(one), Some(other)) => one.abs_diff(other),
            (None, None) => 0,
            _ => 100,
        };
        let differs = u64::from(self.ways != other.ways);
        (
            rank,
            10 * ways + bandwidth + differs,
            self.members.len() + other.members.len(),
        )
    }
}

/// Puts targets into at most `most` classes; none at all where there is no class to have.
pub fn plan(wishes: &[Wish], most: usize) -> Vec<Group> {
    if most == 0 {
        return Vec::new();
    }
    let mut groups: Vec<Group> = wishes.iter().map(Group::of).collect();
    join_alike(&mut groups, most);
    while groups.len() > most {
        let Some((one, other)) = nearest(&groups) else { break };
        let joined = groups.remove(other);
        groups[one].join(joined);
    }
    groups
}

/// Joins those that answer nobody and lose nothing by it, the smallest first: the bulk of many, without a look at all
/// pairs.
fn join_alike(groups: &mut Vec<Group>, most: usize) {
    let mut at = groups.len();
    while groups.len() > most && at > 1 {
        at -= 1;
        let group = &groups[at];
        let same = |known: &&usize| {
            let known = &groups[**known];
            !group.is_protected()
                && known.class == group.class
                && known.ways == group.ways
                && known.bandwidth == group.bandwidth
        };
        let before: Vec<usize> = (0..at).collect();
        let smallest = before
            .iter()
            .filter(same)
            .min_by_key(|known| groups[**known].members.len());
        if let Some(&into) = smallest {
            let joined = groups.remove(at);
            groups[into].join(joined);
        }
    }
}

/// The two that lose least, by their places; the first of several.
fn nearest(groups: &[Group]) -> Option<(usize, usize)> {
    let pairs = (0..groups.len()).flat_map(|one| (one + 1..groups.len()).map(move |other| (one, other)));
    pairs.min_by_key(|(one, other)| groups[*one].distance(&groups[*other]))
}

fn merged(mut one: Wants, other: &Wants) -> Wants {
    // Where one of them wants all of a cache, so do both.
    one.retain(|id, _| other.contains_key(id));
    let larger = |(id, want): (u32, Want)| (id, other.get(&id).map_or(want, |other| want.merged(*other)));
    one.into_iter().map(larger).collect::<BTreeMap<_, _>>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wish(target: u32, class: Class, ways: u32) -> Wish {
        Wish {
            target: TargetId(target),
            class,
            priority: 0,
            ways: Some(Wants::from([(0, Want::Ways(ways))])),
            bandwidth: None,
        }
    }

    fn members(groups: &[Group]) -> Vec<Vec<u32>> {
        groups
            .iter()
            .map(|group| group.members.iter().map(|id| id.0).collect())
            .collect()
    }

    #[test]
    fn each_has_its_own_as_long_as_there_are_enough() {
        let wishes = [
            wish(1, Class::LATENCY, 4),
            wish(2, Class::BATCH, 2),
            wish(3, Class::BATCH, 2),
        ];
        assert_eq!(members(&plan(&wishes, 3)), [[1], [2], [3]]);
    }

    #[test]
    fn those_of_the_same_class_that_answer_nobody_share_first() {
        let wishes = [
            wish(1, Class::LATENCY, 4),
            wish(2, Class::BATCH, 2),
            wish(3, Class::LATENCY, 4),
            wish(4, Class::BEST_EFFORT, 2),
            wish(5, Class::BATCH, 3),
        ];
        assert_eq!(members(&plan(&wishes, 4)), [vec![1], vec![2, 5], vec![3], vec![4]]);
        let three = plan(&wishes, 3);
        assert_eq!(members(&three), [vec![1], vec![2, 4, 5], vec![3]]);
        assert_eq!(
            three[1].ways,
            Some(Wants::from([(0, Want::Ways(3))])),
            "the largest of them"
        );
        assert_eq!(members(&plan(&wishes, 1)), [[1, 2, 3, 4, 5]]);
    }

    #[test]
    fn who_wants_all_of_it_leaves_the_class_undivided() {
        let all = Wish {
            ways: None,
            bandwidth: Some(50),
            ..wish(2, Class::BATCH, 0)
        };
        let joined = plan(&[wish(1, Class::BATCH, 2), all], 1);
        assert_eq!((joined[0].ways.clone(), joined[0].bandwidth), (None, None));
    }

    #[test]
    fn without_a_class_there_is_no_group() {
        assert_eq!(plan(&[wish(1, Class::BATCH, 2)], 0), []);
    }

    proptest! {
        #[test]
        fn everybody_is_in_one_class_and_there_are_no_more_than_may_be(
            wants in proptest::collection::vec((0_u32..4, 1_u32..12), 0..100),
            most in 1_usize..16,
        ) {
            let wishes: Vec<Wish> = wants.iter().zip(1..).map(|((class, ways), id)| wish(id, Class(*class), *ways)).collect();
            let groups = plan(&wishes, most);
            prop_assert!(groups.len() <= most);
            let mut all: Vec<TargetId> = groups.iter().flat_map(|group| group.members.clone()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, wishes.iter().map(|wish| wish.target).collect::<Vec<_>>());
            for group in &groups {
                for wish in wishes.iter().filter(|wish| group.members.contains(&wish.target)) {
                    let of = |wants: &Option<Wants>| wants.as_ref().map_or(11, |wants| wants[&0].ways());
                    prop_assert!(of(&group.ways) >= of(&wish.ways), "nobody gets less than it asked for");
                }
            }
        }
    }
}
