//! The same calls against this machine's kernel, whatever version it runs: groups are made, used and removed.
//!
//! Needs root; a test prints `SKIP: why` otherwise, and fails under `PIPELINE_REQUIRE=cgroup`.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests to us, but not to clippy")]

use pipeline_cgroup_fs::testing::{Bed, SPIN, soon};
use pipeline_cgroup_fs::{
    Controller, CpuSet, CpusetChange, Error, Families, Group, Knob, KnobKind, PressureFiles, Quota, Resource, Setting,
    StallKind, StatFiles, Trigger, Version, plan_cpuset,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

fn version_of(group: &Group, controller: Controller) -> Option<Version> {
    group.directory(controller).map(|directory| directory.version)
}

#[test]
fn a_process_is_in_the_leaf_it_was_attached_to_and_nowhere_else() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    let pid = bed.start(&group, "exec sleep 60");
    assert_eq!(group.processes().unwrap(), [pid]);
    assert_eq!(group.threads().unwrap(), [pid]);
    let found = Group::of_pid(&bed.hierarchies, pid).unwrap();
    for directory in group.directories() {
        assert!(
            found
                .directories()
                .iter()
                .any(|other| other.inode == directory.inode && other.path == directory.path)
        );
    }
    let named = Group::glob(&bed.hierarchies, &format!("{}*", group.path().display())).unwrap();
    assert_eq!(named[0].path(), group.path());
    assert!(matches!(group.attach(4_194_304), Err(Error::NoProcess { .. })));
}

#[test]
fn a_busy_leaf_is_not_removed_and_a_removed_one_reads_as_gone() {
    let Some(mut bed) = Bed::new() else { return };
    let root = bed.group.clone();
    let group = bed.leaf(&root, "leaf");
    let mut files = StatFiles::open(&group, Families::ALL).unwrap();
    let mut pressure = PressureFiles::open(&group).unwrap();
    bed.start(&group, "exec sleep 60");
    let error = group.remove().unwrap_err();
    assert!(matches!(error, Error::Remove { tries: 50, .. }), "{error}");
    files.read().unwrap();
    bed.end();
    group.remove().unwrap();
    assert!(files.read().unwrap_err().is_gone());
    if pressure.descriptors() > 0 {
        assert!(pressure.read().unwrap_err().is_gone());
    }
    assert!(group.processes().unwrap_err().is_gone());
    let again = bed.leaf(&root, "leaf");
    assert_ne!(again.directories()[0].inode, group.directories()[0].inode);
    assert!(
        files.read().unwrap_err().is_gone(),
        "the new group of that name is another one"
    );
    group.remove().unwrap();
    again.check().unwrap();
}

#[test]
fn statistics_count_what_a_process_does() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    let mut files = StatFiles::open(&group, Families::ALL).unwrap();
    let before = files.read().unwrap().clone();
    bed.start(&group, "sleep 0.1; exec dd if=/dev/zero of=/dev/null bs=8M status=none");
    assert!(soon(
        || files.read().unwrap().cpu.usage_ns > before.cpu.usage_ns.map(|usage| usage + 50_000_000)
    ));
    let stats = files.read().unwrap();
    if version_of(&group, Controller::Pids).is_some() {
        assert_eq!(stats.pids.current, Some(1));
    }
    if version_of(&group, Controller::Memory).is_some() {
        assert!(soon(|| files.read().unwrap().memory.current_bytes > Some(8_000_000)));
        let stats = files.read().unwrap();
        assert!(stats.memory.anon_bytes.is_some() && stats.memory.limit.is_some());
        assert_eq!(stats.memory.oom_kills, Some(0));
    }
    if version_of(&group, Controller::Io).is_some() {
        assert!(files.read().unwrap().io.is_some());
    }
}

#[test]
fn a_quota_throttles_and_is_counted() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    let Ok(quota) = Knob::open(&group, KnobKind::Quota) else {
        return println!("SKIP: no quota here");
    };
    assert_eq!(quota.read().unwrap(), Setting::Quota(Quota::NONE));
    let prepared = quota.prepare(&Setting::Quota(Quota::of_cpus(0.05))).unwrap();
    let written = quota.write(&Setting::Quota(Quota::of_cpus(0.05))).unwrap();
    assert_eq!(written.in_force, Setting::Quota(Quota::of_cpus(0.05)));
    assert_eq!(written.after, prepared[0].after);
    bed.start(&group, SPIN);
    let mut files = StatFiles::open(&group, Families::CPU).unwrap();
    assert!(soon(|| files.read().unwrap().cpu.throttled_ns > Some(50_000_000)));
    let cpu = files.read().unwrap().cpu;
    assert!(cpu.throttled_periods > Some(0) && cpu.throttled_periods <= cpu.periods);
    assert_eq!(
        quota.write(&written.before).unwrap().in_force,
        Setting::Quota(Quota::NONE)
    );
    let least = Quota {
        quota_us: Some(quota.bounds().unwrap().least),
        ..Quota::NONE
    };
    assert_eq!(
        quota.write(&Setting::Quota(least)).unwrap().in_force,
        Setting::Quota(least)
    );
}

#[test]
fn a_childs_quota_above_its_parents_is_refused_on_version_1_with_the_reason() {
    let Some(mut bed) = Bed::new() else { return };
    let parent = bed.group.clone();
    let child = bed.leaf(&parent, "child");
    let (Ok(outer), Ok(inner)) = (
        Knob::open(&parent, KnobKind::Quota),
        Knob::open(&child, KnobKind::Quota),
    ) else {
        return println!("SKIP: no quota here");
    };
    outer.write(&Setting::Quota(Quota::of_cpus(0.5))).unwrap();
    let wide = inner.write(&Setting::Quota(Quota::of_cpus(1.0)));
    match version_of(&child, Controller::Cpu) {
        Some(Version::V1) => assert!(wide.unwrap_err().to_string().contains("widen the parent first")),
        _ => assert_eq!(wide.unwrap().in_force, Setting::Quota(Quota::of_cpus(1.0))),
    }
}

#[test]
fn every_weight_that_is_written_reads_back() {
    let Some(bed) = Bed::new() else { return };
    let Ok(weight) = Knob::open(&bed.group, KnobKind::Weight) else {
        return println!("SKIP: no weight here");
    };
    let bounds = weight.bounds().unwrap();
    assert_eq!(weight.read().unwrap(), Setting::Weight(100), "the kernel's default");
    for asked in [bounds.least, 2, 99, 101, bounds.most] {
        assert_eq!(
            weight.write(&Setting::Weight(asked)).unwrap().in_force,
            Setting::Weight(asked)
        );
    }
    assert!(matches!(
        weight.write(&Setting::Weight(bounds.most + 1)),
        Err(Error::OutOfBounds { .. })
    ));
}

#[test]
fn idle_overrides_the_weight_and_forgets_it_and_the_journal_brings_it_back() {
    let Some(bed) = Bed::new() else { return };
    let (Ok(idle), Ok(weight)) = (
        Knob::open(&bed.group, KnobKind::Idle),
        Knob::open(&bed.group, KnobKind::Weight),
    ) else {
        return println!("SKIP: no `cpu.idle` here");
    };
    weight.write(&Setting::Weight(250)).unwrap();
    let journal = idle.prepare(&Setting::Idle(true)).unwrap();
    assert_eq!(idle.write(&Setting::Idle(true)).unwrap().in_force, Setting::Idle(true));
    assert_eq!(weight.read().unwrap(), Setting::Weight(weight.bounds().unwrap().least));
    let refused = weight.write(&Setting::Weight(100)).unwrap_err();
    assert!(refused.to_string().contains("an idle group has no weight"), "{refused}");
    assert_eq!(journal.len(), 2);
    for write in journal.iter().rev() {
        assert_eq!(
            fs::read_to_string(&write.path).unwrap().trim(),
            write.after,
            "ours until it is undone"
        );
        fs::write(&write.path, format!("{}\n", write.before)).unwrap();
    }
    assert_eq!(idle.read().unwrap(), Setting::Idle(false));
    assert_eq!(weight.read().unwrap(), Setting::Weight(250));
}

#[test]
fn a_frozen_group_uses_no_cpu_until_it_is_thawed() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    let Ok(freeze) = Knob::open(&group, KnobKind::Freeze) else {
        return println!("SKIP: no freezer here");
    };
    bed.start(&group, SPIN);
    let mut files = StatFiles::open(&group, Families::CPU).unwrap();
    assert!(soon(|| files.read().unwrap().cpu.usage_ns > Some(10_000_000)));
    assert_eq!(
        freeze.write(&Setting::Frozen(true)).unwrap().in_force,
        Setting::Frozen(true)
    );
    let stopped = files.read().unwrap().cpu.usage_ns;
    sleep(Duration::from_millis(100));
    let later = files.read().unwrap().cpu.usage_ns;
    assert!(later < stopped.map(|usage| usage + 5_000_000), "{stopped:?} {later:?}");
    assert_eq!(
        freeze.write(&Setting::Frozen(false)).unwrap().in_force,
        Setting::Frozen(false)
    );
    assert!(soon(
        || files.read().unwrap().cpu.usage_ns > later.map(|usage| usage + 20_000_000)
    ));
}

#[test]
fn cpusets_of_parent_and_child_move_in_the_planned_order() {
    let Some(mut bed) = Bed::new() else { return };
    let parent = bed.group.clone();
    let child = bed.leaf(&parent, "child");
    let (Ok(outer), Ok(inner)) = (Knob::open(&parent, KnobKind::Cpus), Knob::open(&child, KnobKind::Cpus)) else {
        return println!("SKIP: no cpuset here");
    };
    let all = outer.effective().unwrap().unwrap();
    let ends = [all.iter().next(), all.iter().last()].map(|cpu| only(cpu.unwrap()));
    if ends[0] == ends[1] {
        return println!("SKIP: one CPU only");
    }
    bed.start(&child, "exec sleep 60");
    for knob in [&inner, &outer] {
        knob.write(&Setting::Cpus(ends[0].clone())).unwrap();
    }
    if version_of(&child, Controller::Cpuset) == Some(Version::V1) {
        let outside = inner.write(&Setting::Cpus(all.clone())).unwrap_err();
        assert!(
            outside.to_string().contains("the parent's `cpuset.cpus` must hold it"),
            "{outside}"
        );
    }
    let changes: Vec<_> = [&inner, &outer].map(|knob| change(knob, &ends)).into();
    for write in plan_cpuset(&changes) {
        let knob = if outer.path().starts_with(&write.directory) {
            &outer
        } else {
            &inner
        };
        assert_eq!(
            knob.write(&Setting::Cpus(write.cpus.clone())).unwrap().in_force,
            Setting::Cpus(write.cpus)
        );
    }
    for knob in [&outer, &inner] {
        assert_eq!(knob.read().unwrap(), Setting::Cpus(ends[1].clone()));
        assert_eq!(knob.effective().unwrap().as_ref(), Some(&ends[1]));
    }
}

fn only(cpu: u32) -> CpuSet {
    cpu.to_string().parse().unwrap()
}

fn change(knob: &Knob, ends: &[CpuSet; 2]) -> CpusetChange {
    let directory = knob.path().parent().unwrap().to_path_buf();
    CpusetChange {
        directory,
        before: ends[0].clone(),
        after: ends[1].clone(),
    }
}

#[test]
fn two_spinners_on_one_cpu_make_pressure_and_fire_a_trigger() {
    let Some(mut bed) = Bed::new() else { return };
    let group = bed.group.clone();
    if bed.hierarchies.pressure().is_none() {
        return println!("SKIP: no pressure here");
    }
    let Ok(cpus) = Knob::open(&group, KnobKind::Cpus) else {
        return println!("SKIP: no cpuset here");
    };
    cpus.write(&Setting::Cpus(only(
        cpus.effective().unwrap().unwrap().iter().next().unwrap(),
    )))
    .unwrap();
    let (stall, window) = (Duration::from_millis(50), Duration::from_secs(2));
    let trigger = Trigger::group(&group, Resource::Cpu, StallKind::Some, stall, window).unwrap();
    let mut files = PressureFiles::open(&group).unwrap();
    assert_eq!(files.descriptors(), 3);
    let stalled_us = |files: &mut PressureFiles| files.read().unwrap().cpu.unwrap().some.unwrap().total_us;
    let before = stalled_us(&mut files);
    (0..2).for_each(|_| _ = bed.start(&group, SPIN));
    let mut ready = [PollFd::new(&trigger, PollFlags::PRI)];
    assert_eq!(poll(&mut ready, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })).unwrap(), 1);
    assert!(ready[0].revents().contains(PollFlags::PRI), "{:?}", ready[0].revents());
    assert!(stalled_us(&mut files) > before + 10_000);
    bed.end();
    group.remove().unwrap();
    assert!(soon(
        || poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(1)
    ));
    assert!(
        ready[0].revents().contains(PollFlags::ERR),
        "a gone group wakes its trigger"
    );
}

#[test]
fn a_window_out_of_bounds_is_explained() {
    let Some(bed) = Bed::new() else { return };
    if bed.hierarchies.pressure().is_none() {
        return println!("SKIP: no pressure here");
    }
    let long = Duration::from_secs(11);
    let error = Trigger::group(&bed.group, Resource::Cpu, StallKind::Some, long, long).unwrap_err();
    assert!(error.to_string().contains("500 ms to 10 s"), "{error}");
    let error = Trigger::system(&bed.hierarchies, Resource::Memory, StallKind::Full, long, long).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`full 11000000 11000000` to `/proc/pressure/memory`"),
        "{error}"
    );
}

/// Scenario: the version 2 tree alone, which on a hybrid machine has no controllers. What is part of its core works
/// all the same: membership, CPU time, freezing, identity, removal.
#[test]
fn the_core_of_version_2_needs_no_controller() {
    let Some(mut bed) = Bed::only_v2() else { return };
    let group = bed.group.clone();
    assert_eq!(group.directories().len(), 1);
    let mut files = StatFiles::open(&group, Families::CPU).unwrap();
    assert_eq!(files.descriptors(), 1);
    let pid = bed.start(&group, SPIN);
    assert_eq!(group.processes().unwrap(), [pid]);
    assert!(soon(|| files.read().unwrap().cpu.usage_ns > Some(20_000_000)));
    let freeze = Knob::open(&group, KnobKind::Freeze).unwrap();
    assert_eq!(freeze.write(&Setting::Frozen(true)).unwrap().after, "1");
    let stopped = files.read().unwrap().cpu.usage_ns;
    sleep(Duration::from_millis(100));
    assert!(files.read().unwrap().cpu.usage_ns < stopped.map(|usage| usage + 5_000_000));
    assert_eq!(
        freeze.write(&Setting::Frozen(false)).unwrap().in_force,
        Setting::Frozen(false)
    );
    bed.end();
    group.remove().unwrap();
    assert!(files.read().unwrap_err().is_gone());
    assert!(freeze.read().unwrap_err().is_gone());
}
