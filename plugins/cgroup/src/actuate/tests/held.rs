//! Two nodes that are asked to turn the same knobs of one group of plain files.

use super::*;

fn pair() -> (Tree, Stand, Stand) {
    let tree = Tree::v2();
    let stand = |name| Stand::named(name, "", tree.target(&[("unified", "g")]));
    let (first, second) = (stand("first"), stand("second"));
    (tree, first, second)
}

/// What the second finds is the first one's, which it would put back in the end.
#[test]
fn the_second_is_refused_with_the_name_of_the_first_until_that_lets_go() {
    let (tree, mut first, mut second) = pair();
    first.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    let refused = second.ask(&vocabulary::CPU_WEIGHT, 7.0, "");
    assert_eq!(refused.fate, Fate::REFUSED);
    assert!(
        refused.why.contains("is held by `first` for `batch`"),
        "{}",
        refused.why
    );
    assert_eq!((tree.read("g/cpu.weight"), second.journal()), ("5".into(), vec![]));
    first.release(&vocabulary::CPU_WEIGHT);
    assert_eq!(second.ask(&vocabulary::CPU_WEIGHT, 7.0, "").fate, Fate::APPLIED);
    second.release(&vocabulary::CPU_WEIGHT);
    assert_eq!(tree.read("g/cpu.weight"), "100");
}

#[test]
fn idle_and_weight_belong_together_and_other_knobs_do_not() {
    let (tree, mut first, mut second) = pair();
    first.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    assert_eq!(second.ask(&vocabulary::CPU_IDLE, 1.0, "").fate, Fate::REFUSED);
    assert_eq!(tree.read("g/cpu.idle"), "0");
    assert_eq!(second.ask(&vocabulary::CPU_QUOTA, 0.5, "").fate, Fate::APPLIED);
    assert_eq!(first.ask(&vocabulary::CPU_IDLE, 1.0, "").fate, Fate::APPLIED, "its own");
}

#[test]
fn a_knob_that_stood_there_already_is_held_too() {
    let (_tree, mut first, mut second) = pair();
    assert_eq!(first.ask(&vocabulary::CPU_QUOTA, f64::INFINITY, "").fate, Fate::APPLIED);
    assert_eq!(second.ask(&vocabulary::CPU_QUOTA, 0.5, "").fate, Fate::REFUSED);
}

#[test]
fn a_node_that_is_gone_holds_nothing() {
    let (tree, mut first, mut second) = pair();
    first.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    drop(first);
    tree.write("g/cpu.weight", "100\n");
    assert_eq!(second.ask(&vocabulary::CPU_WEIGHT, 7.0, "").fate, Fate::APPLIED);
}

#[test]
fn what_somebody_else_took_is_held_no_more() {
    let (tree, mut first, mut second) = pair();
    first.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    tree.write("g/cpu.weight", "77\n");
    assert_eq!(first.ask(&vocabulary::CPU_WEIGHT, 5.0, "").fate, Fate::TAKEN);
    assert_eq!(second.ask(&vocabulary::CPU_WEIGHT, 7.0, "").fate, Fate::APPLIED);
}
