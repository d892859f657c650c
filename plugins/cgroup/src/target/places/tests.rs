//! Lives of groups from what is seen in the trees, one step after the other.

use super::*;
use proptest::prelude::*;

const START: Nanos = Nanos::from_secs(1);

fn inodes(list: &[u64]) -> Inodes {
    list.into()
}

fn later(millis: u64) -> Nanos {
    START + Nanos::from_millis(millis)
}

/// Two trees, and a group `a` that was told with inodes 1 and 2.
fn living() -> Places {
    let mut places = Places::new(2);
    assert!(places.see(0, "a", 1, START) && places.see(1, "a", 2, START));
    assert_eq!(places.judge("a", START), Verdict::There(inodes(&[1, 2])));
    places.told("a", inodes(&[1, 2]));
    assert_eq!(places.judge("a", START), Verdict::Same);
    places
}

#[test]
fn a_group_is_there_when_all_trees_have_it_or_a_moment_passed() {
    let mut places = Places::new(2);
    places.see(0, "a", 1, START);
    assert_eq!(places.judge("a", START), Verdict::Ask(START + SETTLE));
    assert_eq!(places.judge("a", START + SETTLE), Verdict::There(inodes(&[1, 0])));
    places.told("a", inodes(&[1, 0]));
    places.see(1, "a", 2, later(500));
    assert_eq!(places.judge("a", later(500)), Verdict::Grown(inodes(&[1, 2])));
    places.told("a", inodes(&[1, 2]));
    assert_eq!(places.judge("a", later(501)), Verdict::Same);
}

#[test]
fn a_life_ends_with_its_first_directory_and_the_rest_is_no_new_life() {
    let mut places = living();
    places.see(0, "a", 0, later(1));
    assert_eq!(places.judge("a", later(1)), Verdict::Ended);
    assert_eq!(places.judge("a", later(100)), Verdict::Ask(later(1) + LEFT_OVER));
    places.see(1, "a", 0, later(101));
    assert_eq!(places.judge("a", later(101)), Verdict::Same);
    assert!(places.places.is_empty(), "nothing is kept of a group that is gone");
}

#[test]
fn what_stays_of_a_life_is_a_group_of_its_own_in_the_end() {
    let mut places = living();
    places.see(0, "a", 0, START);
    assert_eq!(places.judge("a", START), Verdict::Ended);
    assert_eq!(places.judge("a", START + LEFT_OVER), Verdict::There(inodes(&[0, 2])));
}

#[test]
fn a_directory_made_again_under_the_same_name_is_another_life() {
    let mut places = living();
    places.see(0, "a", 8, later(1));
    assert_eq!(places.judge("a", later(1)), Verdict::Ended);
    assert_eq!(places.judge("a", later(1)), Verdict::Ask(later(1) + SETTLE));
    places.see(1, "a", 9, later(2));
    assert_eq!(places.judge("a", later(2)), Verdict::There(inodes(&[8, 9])));
}

#[test]
fn a_group_that_goes_takes_those_below_it_along() {
    let mut places = Places::new(1);
    for (path, inode) in [("a", 1), ("a/b", 2), ("a/b/c", 3), ("a-b", 4)] {
        places.see(0, path, inode, START);
        places.told(path, inodes(&[inode]));
    }
    assert_eq!(places.children(0, "a"), ["a/b"]);
    assert_eq!(places.children(0, ""), ["a", "a-b"]);
    places.take_touched();
    places.see(0, "a", 0, START);
    let touched: Vec<String> = places.take_touched().into_iter().collect();
    assert_eq!(touched, ["a", "a/b", "a/b/c"]);
    assert_eq!(places.judge("a/b/c", START), Verdict::Ended);
    assert_eq!(places.judge("a-b", START), Verdict::Same);
}

#[test]
fn what_was_never_seen_leaves_no_trace() {
    let mut places = Places::new(2);
    assert!(!places.see(0, "a", 0, START));
    assert_eq!(places.judge("a", START), Verdict::Same);
    assert!(places.places.is_empty() && places.take_touched().is_empty());
    assert_eq!((places.trees_of("").len(), places.trees_of("a").len()), (2, 0));
}

proptest! {
    /// Whatever is seen in whatever order: who is told there was not there before, who is told gone was there, no
    /// directory is in two lives, and when everything is gone nothing is kept.
    #[test]
    fn lives_begin_and_end_in_turn(steps in proptest::collection::vec((0_usize..3, 0_u64..4, 0_u64..3000), 1..60)) {
        let mut places = Places::new(3);
        let (mut at, mut lives) = (START, false);
        let mut told_before: BTreeSet<u64> = BTreeSet::new();
        for (number, (tree, kind, wait)) in steps.into_iter().enumerate() {
            at = at + Nanos::from_millis(wait);
            // A directory made now has an inode that none had before.
            let inode = if kind == 0 { 0 } else { 1000 + number as u64 };
            places.see(tree, "a", inode, at);
            loop {
                match places.judge("a", at) {
                    Verdict::There(dirs) => {
                        prop_assert!(!lives);
                        lives = true;
                        told_before.extend(dirs.iter());
                        places.told("a", dirs);
                    }
                    Verdict::Grown(dirs) => {
                        prop_assert!(lives);
                        places.told("a", dirs);
                    }
                    Verdict::Ended => {
                        prop_assert!(std::mem::replace(&mut lives, false));
                    }
                    Verdict::Ask(then) => {
                        prop_assert!(!lives && then > at);
                        break;
                    }
                    Verdict::Same => break,
                }
            }
        }
        for tree in 0..3 {
            places.see(tree, "a", 0, at);
        }
        while places.judge("a", at) == Verdict::Ended {}
        prop_assert!(places.places.is_empty());
    }
}
