//! The order in which the cpusets of a tree can change without a group ever leaving its parent's set.

use super::CpuSet;
use std::path::{Path, PathBuf};

/// What one group's `cpuset.cpus` is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpusetChange {
    /// The group's directory; of two changes the one whose path begins with the other's is its descendant.
    pub directory: PathBuf,
    /// What it has now; empty means all of its parent's, as on version 2. (On version 1 it means none: fill it first.)
    pub before: CpuSet,
    /// What it is to have.
    pub after: CpuSet,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpusetWrite {
    /// The group's directory.
    pub directory: PathBuf,
    /// What to write to `cpuset.cpus`.
    pub cpus: CpuSet,
}

/// Orders changes so that parents are widened before children and narrowed after them.
///
/// Version 1 refuses a child that is not within its parent (`EACCES`) and a parent that no longer holds its child
/// (`EBUSY`); version 2 accepts both and quietly runs the child elsewhere, so the order serves there too. A group
/// that moves is written twice: first old and new CPUs together, then the new ones. Groups that stay as they are
/// get no write. Exclusive sets (`cpuset.cpu_exclusive`, partitions) are not looked at.
pub fn plan_cpuset(changes: &[CpusetChange]) -> Vec<CpusetWrite> {
    let mut sorted: Vec<&CpusetChange> = changes.iter().filter(|change| change.before != change.after).collect();
    sorted.sort_by_key(|change| depth(&change.directory));
    let widened = sorted
        .iter()
        .filter_map(|change| write(change, widest(change), &change.before));
    let narrowed = sorted
        .iter()
        .rev()
        .filter_map(|change| write(change, change.after.clone(), &widest(change)));
    widened.chain(narrowed).collect()
}

/// Both sets together; an empty one is wider than any other.
fn widest(change: &CpusetChange) -> CpuSet {
    if change.before.is_empty() || change.after.is_empty() {
        return CpuSet::default();
    }
    change.before.union(&change.after)
}

fn write(change: &CpusetChange, cpus: CpuSet, standing: &CpuSet) -> Option<CpusetWrite> {
    (cpus != *standing).then(|| CpusetWrite {
        directory: change.directory.clone(),
        cpus,
    })
}

fn depth(directory: &Path) -> usize {
    directory.components().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn change(directory: &str, before: &str, after: &str) -> CpusetChange {
        CpusetChange {
            directory: directory.into(),
            before: before.parse().unwrap(),
            after: after.parse().unwrap(),
        }
    }

    fn lines(changes: &[CpusetChange]) -> Vec<String> {
        plan_cpuset(changes)
            .iter()
            .map(|write| format!("{} {}", write.directory.display(), write.cpus))
            .collect()
    }

    #[test]
    fn parents_are_widened_before_children() {
        assert_eq!(
            lines(&[change("/p/c", "0", "0-1"), change("/p", "0", "0-1")]),
            ["/p 0-1", "/p/c 0-1"]
        );
    }

    #[test]
    fn parents_are_narrowed_after_children() {
        assert_eq!(
            lines(&[change("/p", "0-1", "0"), change("/p/c", "0-1", "0")]),
            ["/p/c 0", "/p 0"]
        );
    }

    #[test]
    fn a_move_passes_through_both_sets() {
        let moved = [change("/p", "0", "1"), change("/p/c", "0", "1")];
        assert_eq!(lines(&moved), ["/p 0-1", "/p/c 0-1", "/p/c 1", "/p 1"]);
    }

    #[test]
    fn what_stays_is_not_written() {
        assert_eq!(lines(&[change("/p", "0-1", "0-1")]), [""; 0]);
    }

    #[test]
    fn empty_means_all_and_is_the_widest() {
        let freed = [change("/p/c", "0", ""), change("/p", "", "1")];
        assert_eq!(lines(&freed), ["/p/c ", "/p 1"]);
    }

    /// Three levels whose sets are cut from the level above, so that both ends are legal.
    fn chain() -> impl Strategy<Value = Vec<CpusetChange>> {
        proptest::collection::vec((1..256_u32, 1..256_u32), 3).prop_map(|masks| {
            let (mut before, mut after) = (255, 255);
            let mut directory = PathBuf::from("/root");
            masks
                .into_iter()
                .enumerate()
                .map(|(level, (old, new))| {
                    before = narrower(before, old);
                    after = narrower(after, new);
                    directory.push(level.to_string());
                    CpusetChange {
                        directory: directory.clone(),
                        before: of_mask(before),
                        after: of_mask(after),
                    }
                })
                .collect()
        })
    }

    fn narrower(outer: u32, mask: u32) -> u32 {
        if outer & mask == 0 { outer } else { outer & mask }
    }

    fn of_mask(mask: u32) -> CpuSet {
        let mut set = CpuSet::default();
        (0..8)
            .filter(|cpu| mask & (1 << cpu) != 0)
            .for_each(|cpu| set.insert(cpu).unwrap());
        set
    }

    proptest! {
        #[test]
        fn no_step_puts_a_child_outside_its_parent(changes in chain()) {
            let mut now: BTreeMap<_, _> =
                changes.iter().map(|change| (change.directory.clone(), change.before.clone())).collect();
            for write in plan_cpuset(&changes) {
                now.insert(write.directory, write.cpus);
                for (directory, cpus) in &now {
                    let parent = directory.parent().and_then(|parent| now.get(parent));
                    prop_assert!(parent.is_none_or(|parent| cpus.is_subset(parent)));
                }
            }
            for change in &changes {
                prop_assert_eq!(&now[&change.directory], &change.after);
            }
        }
    }
}
