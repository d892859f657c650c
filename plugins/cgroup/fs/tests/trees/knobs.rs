//! Knobs as they are read, prepared and written in both versions.

use crate::discover;
use pipeline_cgroup_fs::testing::Tree;
use pipeline_cgroup_fs::{CpusetChange, Error, Group, Knob, KnobKind, Quota, Setting, plan_cpuset};
use std::fs;

#[test]
fn version_2_knobs_are_read_and_prepared() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/web/cpu.max", "max 100000\n")
        .with("sys/fs/cgroup/web/cpu.weight", "250\n")
        .with("sys/fs/cgroup/web/cpu.idle", "0\n")
        .with("sys/fs/cgroup/web/cgroup.freeze", "0\n");
    let group = Group::at(&discover(&tree), "web").unwrap();
    let quota = Knob::open(&group, KnobKind::Quota).unwrap();
    assert_eq!(quota.read().unwrap(), Setting::Quota(Quota::NONE));
    let writes = quota.prepare(&Setting::Quota(Quota::of_cpus(0.5))).unwrap();
    assert_eq!(
        (writes[0].before.as_str(), writes[0].after.as_str()),
        ("max 100000", "50000 100000")
    );
    let written = quota.write(&Setting::Quota(Quota::of_cpus(0.5))).unwrap();
    assert_eq!(written.in_force, Setting::Quota(Quota::of_cpus(0.5)));
    assert!(matches!(
        quota.write(&Setting::Quota(Quota::of_cpus(0.001))),
        Err(Error::OutOfBounds { .. })
    ));
    assert!(matches!(
        quota.write(&Setting::Idle(true)),
        Err(Error::OutOfBounds { .. })
    ));
    assert!(matches!(
        Knob::open(&group, KnobKind::Cpus),
        Err(Error::NoController { .. })
    ));
    let freeze = Knob::open(&group, KnobKind::Freeze).unwrap();
    let late = freeze.write(&Setting::Frozen(true)).unwrap_err();
    assert!(
        matches!(late, Error::FreezeLate { .. }),
        "nothing sets `frozen 1` in a plain file"
    );
    assert_eq!(freeze.read().unwrap(), Setting::Frozen(true), "the request stands");
}

#[test]
fn going_idle_journals_the_weight_that_the_kernel_forgets() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/web/cpu.weight", "250\n")
        .with("sys/fs/cgroup/web/cpu.idle", "0\n");
    let idle = Knob::open(&Group::at(&discover(&tree), "web").unwrap(), KnobKind::Idle).unwrap();
    let writes = idle.prepare(&Setting::Idle(true)).unwrap();
    let texts: Vec<_> = writes
        .iter()
        .map(|write| (write.before.as_str(), write.after.as_str()))
        .collect();
    assert_eq!(texts, [("250", "100"), ("0", "1")]);
    tree.write("sys/fs/cgroup/web/cpu.weight", "100\n");
    assert_eq!(idle.prepare(&Setting::Idle(true)).unwrap().len(), 1);
}

#[test]
fn an_idle_group_of_version_2_reads_the_least_weight() {
    let tree = Tree::v2().with("sys/fs/cgroup/web/cpu.weight", "0\n");
    let weight = Knob::open(&Group::at(&discover(&tree), "web").unwrap(), KnobKind::Weight).unwrap();
    assert_eq!(weight.read().unwrap(), Setting::Weight(1));
}

#[test]
fn version_1_knobs_speak_the_same_values() {
    let tree = Tree::v1()
        .with("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.shares", "1024\n")
        .with("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n")
        .with("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "50000\n");
    let group = Group::at(&discover(&tree), "docker/abc").unwrap();
    let weight = Knob::open(&group, KnobKind::Weight).unwrap();
    assert_eq!(weight.read().unwrap(), Setting::Weight(100));
    assert_eq!(weight.write(&Setting::Weight(1)).unwrap().after, "10");
    let quota = Knob::open(&group, KnobKind::Quota).unwrap();
    let written = quota.write(&Setting::Quota(Quota::of_cpus(0.5))).unwrap();
    assert_eq!(written.after, "25000", "scaled to the period in force");
    assert_eq!(
        tree.read("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us"),
        "50000\n"
    );
}

#[test]
fn a_knob_of_a_group_made_again_is_gone() {
    let tree = Tree::v2().with("sys/fs/cgroup/web/cpu.weight", "100\n");
    let weight = Knob::open(&Group::at(&discover(&tree), "web").unwrap(), KnobKind::Weight).unwrap();
    fs::rename(tree.at("sys/fs/cgroup/web"), tree.at("sys/fs/cgroup/old")).unwrap();
    tree.write("sys/fs/cgroup/web/cpu.weight", "100\n");
    assert!(weight.write(&Setting::Weight(1)).unwrap_err().is_gone());
    assert_eq!(tree.read("sys/fs/cgroup/web/cpu.weight"), "100\n");
}

#[test]
fn a_withdrawn_file_is_not_a_gone_group() {
    let tree = Tree::v2().with("sys/fs/cgroup/web/cpu.weight", "100\n");
    let weight = Knob::open(&Group::at(&discover(&tree), "web").unwrap(), KnobKind::Weight).unwrap();
    fs::remove_file(tree.at("sys/fs/cgroup/web/cpu.weight")).unwrap();
    let error = weight.read().unwrap_err();
    assert!(matches!(error, Error::Withdrawn { .. }) && !error.is_gone(), "{error}");
}

#[test]
fn cpuset_knobs_tell_effective_cpus_and_bounds() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/web/cgroup.controllers", "cpuset\n")
        .with("sys/fs/cgroup/web/cpuset.cpus", "\n")
        .with("sys/fs/cgroup/web/cpuset.cpus.effective", "0-3\n")
        .with("sys/fs/cgroup/cpuset.cpus.effective", "0-3\n");
    let cpus = Knob::open(&Group::at(&discover(&tree), "web").unwrap(), KnobKind::Cpus).unwrap();
    assert_eq!(cpus.effective().unwrap().unwrap().len(), 4);
    assert_eq!(cpus.bounds().unwrap().most, 4);
    let after: Setting = Setting::Cpus("1-2".parse().unwrap());
    assert_eq!(cpus.prepare(&after).unwrap()[0].before, "");
    assert_eq!(cpus.write(&after).unwrap().in_force, after);
    let change = CpusetChange {
        directory: tree.at("sys/fs/cgroup/web"),
        before: "1-2".parse().unwrap(),
        after: "1".parse().unwrap(),
    };
    assert_eq!(plan_cpuset(&[change])[0].cpus.to_string(), "1");
}
