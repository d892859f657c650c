//! Groups on a tree in memory, with the refusals that hardware rarely gives.

use super::*;
use crate::testing::Fake;

#[test]
fn what_is_set_is_read_back_and_what_is_not_named_stays() {
    let group = Fake::new().open().group("quiet");
    group.make().unwrap();
    let now = group.set(&"L3:0=3\n".parse().unwrap()).unwrap();
    assert_eq!(now.to_string(), "MB:0=100\nL3:0=3\n");
    let now = group.set(&"MB:0=15\n".parse().unwrap()).unwrap();
    assert_eq!(now.to_string(), "MB:0=20\nL3:0=3\n", "rounded up as the kernel does");
}

#[test]
fn a_refusal_carries_what_the_kernel_says() {
    let group = Fake::new().open().group("quiet");
    group.make().unwrap();
    let error = group.set(&"L3:0=5\n".parse().unwrap()).unwrap_err().sentence();
    assert!(error.contains("cannot write `L3:0=5`"), "{error}");
    assert!(
        error.contains("the kernel says `The mask 5 has non-consecutive 1-bits`"),
        "{error}"
    );
}

#[test]
fn a_refusal_without_a_reason_says_so() {
    let group = Fake::new().open().default_group();
    let error = group.set(&"L3:7=3\n".parse().unwrap()).unwrap_err().sentence();
    assert!(
        error.contains("the kernel gives no reason: Invalid argument"),
        "{error}"
    );
}

#[test]
fn with_no_class_left_the_kernel_is_quoted_and_with_ids_in_limbo_it_may_pass() {
    let fake = Fake::new();
    let resctrl = fake.open();
    for which in 0..7 {
        resctrl.group(&format!("class{which}")).make().unwrap();
    }
    let error = resctrl.group("one-more").make().unwrap_err();
    assert!(
        matches!(error, Error::Exhausted { .. }) && error.to_string().contains("Out of CLOSIDs"),
        "{error}"
    );
    assert!(!error.may_pass());
    fake.fail("make", "mon_groups/web", Errno::BUSY);
    let monitor = resctrl.default_group().monitor("web");
    assert!(monitor.make().unwrap_err().may_pass());
    assert!(monitor.make().is_ok(), "the id is free by then");
}

#[test]
fn a_task_that_ended_is_nobody() {
    let error = Fake::new().open().default_group().add(99).unwrap_err();
    assert!(
        matches!(error, Error::NoTask { task: 99 }) && error.is_gone(),
        "{error}"
    );
}

#[test]
fn a_removed_group_gives_its_tasks_to_the_default_group_and_is_gone() {
    let fake = Fake::new();
    fake.run(7);
    let resctrl = fake.open();
    let group = resctrl.group("quiet");
    group.make().unwrap();
    group.add(7).unwrap();
    group.remove().unwrap();
    assert_eq!(resctrl.default_group().tasks().unwrap(), [7]);
    assert!(group.remove().unwrap_err().is_gone() && group.schemata().unwrap_err().is_gone());
    assert!(group.add(7).unwrap_err().is_gone());
}

#[test]
fn a_monitoring_group_moves_with_its_tasks_where_the_kernel_lets_it() {
    let fake = Fake::new();
    fake.run(7);
    let resctrl = fake.open();
    let quiet = resctrl.group("quiet");
    quiet.make().unwrap();
    let web = resctrl.default_group().monitor("web");
    web.make().unwrap();
    web.add(7).unwrap();
    let error = web.move_to(&quiet).unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    fake.allow_moves();
    let inode = web.inode();
    let there = web.move_to(&quiet).unwrap();
    assert_eq!(there.inode(), inode);
    assert_eq!((there.tasks().unwrap(), quiet.tasks().unwrap()), (vec![7], vec![7]));
    assert_eq!(resctrl.membership(7).unwrap().control, "quiet");
}

#[test]
fn a_file_that_vanishes_while_its_group_lives_is_an_error_and_not_the_groups_end() {
    let fake = Fake::new();
    fake.fail("read", "schemata", Errno::NODEV);
    let group = fake.open_failing_later().default_group();
    assert!(matches!(group.schemata().unwrap_err(), Error::Read { .. }));
}

#[test]
fn what_the_kernel_says_again_and_again_is_told_once() {
    let fake = Fake::new();
    fake.put("info/last_cmd_status", "Out of RMIDs\nOut of RMIDs\n");
    fake.fail("make", "quiet", Errno::NOSPC);
    let error = fake.open().group("quiet").make().unwrap_err();
    assert!(error.to_string().contains("the kernel says `Out of RMIDs`;"), "{error}");
}
