//! Putting all tasks of a workload into a group, until none is missed. Who they are is the caller's business.

use crate::{Error, Group};
use std::collections::BTreeSet;

/// How often the tasks are listed at most: each pass finds only those that were born during the one before.
const MOST_PASSES: u32 = 16;

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// How many were put into the group now.
    pub added: usize,
    /// How often they were listed.
    pub passes: u32,
    /// Whether the last list held nobody new.
    pub is_complete: bool,
}

impl Group {
    /// Puts every task that `list` tells into this group, and lists again until nobody is new: a child that is forked
    /// meanwhile is born in its parent's group, which may be the old one. `known` are those that are in it; afterwards
    /// those of the last list.
    ///
    /// # Errors
    /// The group is gone, or the kernel refuses; tasks that ended meanwhile are no matter.
    pub fn gather(&self, mut list: impl FnMut() -> Vec<u32>, known: &mut BTreeSet<u32>) -> Result<Gathered, Error> {
        let mut gathered = Gathered::default();
        while gathered.passes < MOST_PASSES {
            gathered.passes += 1;
            let listed: BTreeSet<u32> = list().into_iter().collect();
            let new: Vec<u32> = listed.difference(known).copied().collect();
            // An id that is not listed any more may be another task's when it comes again.
            *known = listed.intersection(known).copied().collect();
            if new.is_empty() {
                gathered.is_complete = true;
                break;
            }
            for task in new {
                match self.add(task) {
                    Ok(()) => {
                        gathered.added += 1;
                        known.insert(task);
                    }
                    Err(Error::NoTask { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    #[test]
    fn children_born_meanwhile_are_found_by_the_next_pass() {
        let fake = Fake::new();
        (1..=4).for_each(|task| fake.run(task));
        let group = fake.open().group("quiet");
        group.make().unwrap();
        let mut lists = vec![vec![1, 2, 3, 4], vec![1, 2, 3], vec![1, 2]];
        let mut known = BTreeSet::new();
        let list = || {
            let last = lists.last().cloned().unwrap_or_default();
            if lists.len() > 1 {
                lists.pop();
            }
            last
        };
        let gathered = group.gather(list, &mut known).unwrap();
        assert_eq!((gathered.added, gathered.is_complete), (4, true));
        assert_eq!(group.tasks().unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn who_forks_faster_than_it_is_listed_is_given_up_and_told() {
        let fake = Fake::new();
        (1..=100).for_each(|task| fake.run(task));
        let group = fake.open().group("quiet");
        group.make().unwrap();
        let mut count = 0;
        let list = || {
            count += 1;
            (1..=count).collect()
        };
        let gathered = group.gather(list, &mut BTreeSet::new()).unwrap();
        assert_eq!((gathered.passes, gathered.is_complete), (MOST_PASSES, false));
    }

    #[test]
    fn a_task_that_ended_is_passed_over_and_an_id_that_comes_again_is_somebody_new() {
        let fake = Fake::new();
        fake.run(1);
        let group = fake.open().group("quiet");
        group.make().unwrap();
        let mut known = BTreeSet::from([2]);
        let gathered = group.gather(|| vec![1, 3], &mut known);
        // The third never lives, so it is tried at every pass.
        assert_eq!(gathered.unwrap().added, 1);
        assert_eq!(known, BTreeSet::from([1]));
        fake.run(2);
        group.gather(|| vec![1, 2], &mut known).unwrap();
        assert_eq!(group.tasks().unwrap(), [1, 2]);
    }
}
