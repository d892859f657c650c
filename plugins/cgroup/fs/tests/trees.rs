//! Discovery, groups, leaves, statistics and knobs against plain files: what is looked for where, in each version.
//!
//! No root and no kernel behaviour here; see `kernel.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests to us, but not to clippy")]

use pipeline_cgroup_fs::testing::Tree;
use pipeline_cgroup_fs::{
    Controller, ControllerSet, CpusetChange, Error, Families, Group, Hierarchies, Knob, KnobKind, Leaf, Limit, Mode,
    PressureFiles, Quota, Setting, StatFiles, Version, plan_cpuset,
};
use std::fs;
use std::path::Path;

fn discover(tree: &Tree) -> Hierarchies {
    Hierarchies::discover(tree.path()).unwrap()
}

#[test]
fn a_version_2_machine_has_one_tree_with_all() {
    let tree = Tree::v2();
    let found = discover(&tree);
    assert_eq!(found.mode(), Mode::V2);
    assert_eq!(found.trees().len(), 1);
    assert!(
        Controller::ALL
            .into_iter()
            .all(|controller| found.tree(controller).is_some())
    );
    assert_eq!(found.pressure().unwrap().point, tree.at("sys/fs/cgroup"));
}

#[test]
fn a_version_1_machine_has_a_tree_for_each_mount_and_ignores_named_ones() {
    let tree = Tree::v1();
    let found = discover(&tree);
    assert_eq!(found.mode(), Mode::V1);
    assert_eq!(found.trees().len(), 3, "systemd and devices are not ours");
    assert_eq!(found.tree(Controller::Cpu), found.tree(Controller::Cpuacct));
    assert_eq!(found.tree(Controller::Io).unwrap().version, Version::V1);
    assert_eq!((found.tree(Controller::Pids), found.pressure()), (None, None));
}

#[test]
fn a_hybrid_machine_leaves_version_2_what_version_1_does_not_hold() {
    let tree = Tree::hybrid();
    let found = discover(&tree);
    assert_eq!(found.mode(), Mode::Hybrid);
    assert_eq!(found.tree(Controller::Freezer).unwrap().version, Version::V1);
    assert_eq!(found.tree(Controller::PerfEvent).unwrap().version, Version::V2);
    assert_eq!(found.pressure().unwrap().point, tree.at("sys/fs/cgroup/unified"));
}

#[test]
fn a_machine_without_control_groups_says_so() {
    let tree = Tree::new("22 27 0:21 / /proc rw - proc proc rw\n");
    assert_eq!(discover(&tree).mode(), Mode::None);
    assert!(matches!(Group::at(&discover(&tree), "web"), Err(Error::NoGroup { .. })));
}

#[test]
fn without_psi_there_is_no_pressure_tree() {
    let tree = Tree::v2();
    fs::remove_dir_all(tree.at("proc/pressure")).unwrap();
    assert_eq!(discover(&tree).pressure(), None);
}

#[test]
fn inside_a_container_paths_are_cut_at_the_mount_root() {
    let tree = Tree::new("40 30 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n")
        .with("proc/77/cgroup", "3:cpu:/docker/abc/inner\n")
        .with("proc/78/cgroup", "3:cpu:/docker/other\n")
        .with("proc/79/cgroup", "3:cpu:/docker/abc/../other\n")
        .with("sys/fs/cgroup/cpu/inner/cpu.stat", "");
    let found = discover(&tree);
    let group = Group::of_pid(&found, 77).unwrap();
    assert_eq!(group.directories()[0].path, tree.at("sys/fs/cgroup/cpu/inner"));
    assert!(matches!(Group::of_pid(&found, 78), Err(Error::NoGroup { .. })));
    assert!(matches!(Group::of_pid(&found, 79), Err(Error::NoGroup { .. })));
}

#[test]
fn the_mount_that_shows_more_of_a_tree_is_taken_and_a_hidden_one_is_not() {
    let tree = Tree::new(
        "40 30 0:28 /part /mnt/part rw - cgroup cgroup rw,cpu\n\
         41 30 0:28 / /mnt/whole rw - cgroup cgroup rw,cpu\n\
         42 30 0:29 / /mnt/memory rw - cgroup cgroup rw,memory\n\
         43 30 0:30 / /mnt/memory rw - cgroup cgroup rw,pids\n",
    );
    let found = discover(&tree);
    assert_eq!(found.tree(Controller::Cpu).unwrap().point, tree.at("mnt/whole"));
    assert_eq!(found.tree(Controller::Memory), None);
    assert_eq!(found.tree(Controller::Pids).unwrap().point, tree.at("mnt/memory"));
}

#[test]
fn a_process_has_a_directory_in_each_tree() {
    let tree = Tree::v1();
    let group = Group::of_pid(&discover(&tree), 77).unwrap();
    assert_eq!(group.path(), Path::new("docker/abc"));
    assert_eq!(group.directories().len(), 3);
    assert_eq!(
        group.directory(Controller::Io).unwrap().path,
        tree.at("sys/fs/cgroup/blkio")
    );
    assert_eq!(
        group.processes().unwrap(),
        [77],
        "only this one is in all three directories"
    );
}

#[test]
fn hybrid_paths_differ_between_trees() {
    let tree = Tree::hybrid();
    let group = Group::of_pid(&discover(&tree), 77).unwrap();
    assert_eq!(
        group.directory(Controller::Memory).unwrap().path,
        tree.at("sys/fs/cgroup/memory/batch/one")
    );
    assert_eq!(
        group.directory(Controller::Cpu).unwrap().path,
        tree.at("sys/fs/cgroup/cpu")
    );
    assert_eq!(group.processes().unwrap(), [77]);
}

#[test]
fn a_process_that_is_not_there_is_told_apart() {
    let tree = Tree::v2();
    let error = Group::of_pid(&discover(&tree), 4_000_000).unwrap_err();
    assert!(error.is_gone());
    assert_eq!(error.to_string(), "there is no process `4000000`");
}

#[test]
fn a_group_may_exist_in_some_trees_only() {
    let tree = Tree::v1();
    let group = Group::at(&discover(&tree), "/docker/abc/").unwrap();
    assert_eq!(group.directories().len(), 2);
    assert!(!group.controllers().contains(Controller::Io));
    assert!(matches!(Group::at(&discover(&tree), "../etc"), Err(Error::Name { .. })));
}

#[test]
fn version_2_controllers_are_those_on_in_the_group() {
    let tree = Tree::v2();
    let group = Group::at(&discover(&tree), "web").unwrap();
    let on: Vec<_> = group.controllers().iter().collect();
    use Controller::{Cpu, Cpuacct, Freezer, Memory, PerfEvent};
    assert_eq!(on, [Cpu, Cpuacct, Memory, Freezer, PerfEvent]);
}

#[test]
fn patterns_find_groups_in_any_tree_once() {
    let tree = Tree::v1()
        .with("sys/fs/cgroup/blkio/docker/def/cgroup.procs", "")
        .with("sys/fs/cgroup/memory/docker/file.stat", "");
    let found = Group::glob(&discover(&tree), "docker/*").unwrap();
    let paths: Vec<_> = found.iter().map(|group| group.path().to_path_buf()).collect();
    assert_eq!(paths, [Path::new("docker/abc"), Path::new("docker/def")]);
    assert!(matches!(
        Group::glob(&discover(&tree), "docker/[a"),
        Err(Error::Pattern { .. })
    ));
    assert!(matches!(Group::glob(&discover(&tree), "../*"), Err(Error::Name { .. })));
}

#[test]
fn a_group_made_again_under_the_same_name_is_another_one() {
    let tree = Tree::v2();
    let group = Group::at(&discover(&tree), "web").unwrap();
    group.check().unwrap();
    fs::rename(tree.at("sys/fs/cgroup/web"), tree.at("sys/fs/cgroup/old")).unwrap();
    assert!(group.check().unwrap_err().is_gone());
    fs::create_dir(tree.at("sys/fs/cgroup/web")).unwrap();
    assert!(group.check().unwrap_err().is_gone());
    assert!(StatFiles::open(&group, Families::ALL).unwrap_err().is_gone());
    assert!(group.attach(77).unwrap_err().is_gone());
}

#[test]
fn a_leaf_switches_on_only_what_is_missing_and_tells_how_to_undo_it() {
    let tree = Tree::v2();
    let wanted = [Controller::Cpu, Controller::Pids, Controller::Io, Controller::Freezer]
        .into_iter()
        .collect();
    let leaf = Leaf::plan(&Group::at(&discover(&tree), "").unwrap(), "leaf", wanted).unwrap();
    let changes = leaf.subtree_changes().to_vec();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].path, tree.at("sys/fs/cgroup/cgroup.subtree_control"));
    assert_eq!(
        (changes[0].before.as_str(), changes[0].text().as_str()),
        ("cpu memory", "+io +pids")
    );
    assert!(leaf.refused().is_empty());
    assert!(!tree.at("sys/fs/cgroup/leaf").exists(), "a plan writes nothing");
    let made = leaf.make().unwrap();
    assert_eq!(made.changes, changes);
    assert_eq!(made.group.path(), Path::new("leaf"));
    made.group.remove().unwrap();
    changes[0].undo().unwrap();
    assert_eq!(tree.read("sys/fs/cgroup/cgroup.subtree_control"), "-io -pids\n");
    assert!(!tree.at("sys/fs/cgroup/leaf").exists());
}

#[test]
fn every_group_on_the_way_down_passes_a_controller_on() {
    let tree = Tree::v2();
    tree.write("sys/fs/cgroup/web/cgroup.procs", "");
    let leaf = Leaf::plan(
        &Group::at(&discover(&tree), "web").unwrap(),
        "leaf",
        [Controller::Pids].into_iter().collect(),
    )
    .unwrap();
    let paths: Vec<_> = leaf
        .subtree_changes()
        .iter()
        .map(|change| change.path.clone())
        .collect();
    assert_eq!(
        paths,
        [
            tree.at("sys/fs/cgroup/cgroup.subtree_control"),
            tree.at("sys/fs/cgroup/web/cgroup.subtree_control")
        ]
    );
}

#[test]
fn a_group_with_processes_passes_nothing_on() {
    let tree = Tree::v2();
    let leaf = Leaf::plan(
        &Group::at(&discover(&tree), "web").unwrap(),
        "leaf",
        [Controller::Cpu].into_iter().collect(),
    )
    .unwrap();
    assert_eq!(leaf.subtree_changes(), []);
    let (controller, why) = &leaf.refused()[0];
    assert_eq!(*controller, Controller::Cpu);
    assert!(why.contains("holds 2 processes itself"), "{why}");
    assert_eq!(leaf.directories().count(), 1, "pressure and freeze need no controller");
}

#[test]
fn a_threaded_parent_takes_no_leaf() {
    let tree = Tree::v2();
    tree.write("sys/fs/cgroup/web/cgroup.type", "domain threaded\n");
    let leaf = Leaf::plan(
        &Group::at(&discover(&tree), "web").unwrap(),
        "leaf",
        [Controller::Cpu].into_iter().collect(),
    )
    .unwrap();
    assert!(leaf.refused()[0].1.contains("`domain threaded`"));
    assert_eq!(leaf.directories().count(), 0);
    assert!(matches!(leaf.make(), Err(Error::NoGroup { .. })));
}

#[test]
fn a_controller_that_the_machine_lacks_is_refused_by_name() {
    let tree = Tree::v2();
    tree.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
    let leaf = Leaf::plan(
        &Group::at(&discover(&tree), "").unwrap(),
        "leaf",
        [Controller::Io].into_iter().collect(),
    )
    .unwrap();
    assert!(leaf.refused()[0].1.ends_with("cgroup.controllers` does not offer `io`"));
}

#[test]
fn a_taken_name_is_never_used_and_all_is_taken_back() {
    let tree = Tree::v2().with("sys/fs/cgroup/leaf/cgroup.procs", "5\n");
    let root = Group::at(&discover(&tree), "").unwrap();
    let error = Leaf::plan(&root, "leaf", ControllerSet::ALL)
        .unwrap()
        .make()
        .unwrap_err();
    assert!(matches!(error, Error::Make { .. }));
    assert!(tree.at("sys/fs/cgroup/leaf/cgroup.procs").exists());
    assert!(
        tree.read("sys/fs/cgroup/cgroup.subtree_control").starts_with('-'),
        "switched off again"
    );
}

#[test]
fn a_version_1_leaf_stands_in_the_wanted_trees_only() {
    let tree = Tree::v1();
    let root = Group::at(&discover(&tree), "").unwrap();
    let wanted = [Controller::Cpuacct, Controller::Pids].into_iter().collect();
    let made = Leaf::plan(&root, "leaf", wanted).unwrap().make().unwrap();
    assert!(tree.at("sys/fs/cgroup/cpu,cpuacct/leaf").is_dir());
    assert!(!tree.at("sys/fs/cgroup/memory/leaf").exists());
    assert_eq!(made.refused.len(), 1);
    assert_eq!(made.refused[0].0, Controller::Pids);
    made.group.remove().unwrap();
    made.group.remove().unwrap();
    assert!(!tree.at("sys/fs/cgroup/cpu,cpuacct/leaf").exists());
}

#[test]
fn what_was_not_made_here_is_not_removed() {
    let tree = Tree::v1();
    let group = Group::at(&discover(&tree), "docker/abc").unwrap();
    assert!(matches!(group.remove(), Err(Error::NotOurs { .. })));
}

#[test]
fn version_2_statistics_are_read_and_what_is_missing_is_absent() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/web/cpu.stat", include_str!("../fixtures/v2/cpu.stat"))
        .with(
            "sys/fs/cgroup/web/memory.stat",
            include_str!("../fixtures/v2/memory.stat"),
        )
        .with("sys/fs/cgroup/web/memory.max", "max\n")
        .with("sys/fs/cgroup/web/memory.current", "4096\n");
    let group = Group::at(&discover(&tree), "web").unwrap();
    let mut files = StatFiles::open(&group, Families::ALL).unwrap();
    assert_eq!(files.descriptors(), 4);
    let stats = files.read().unwrap().clone();
    assert_eq!(stats.cpu.usage_ns, Some(1_517_364_123_000));
    assert_eq!(
        (stats.memory.current_bytes, stats.memory.limit),
        (Some(4096), Some(Limit::Max))
    );
    assert_eq!((stats.memory.oom_kills, stats.memory.swap_bytes), (None, None));
    assert_eq!((stats.io, stats.pids.current), (None, None));
    tree.write("sys/fs/cgroup/web/cpu.stat", "user_usec 7\n");
    let cpu = files.read().unwrap().cpu;
    assert_eq!(
        (cpu.usage_ns, cpu.user_ns),
        (None, Some(7000)),
        "nothing of the last sample is left"
    );
}

#[test]
fn only_the_chosen_families_are_open() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/web/cpu.stat", include_str!("../fixtures/v2/cpu.stat"))
        .with("sys/fs/cgroup/web/memory.current", "4096\n");
    let group = Group::at(&discover(&tree), "web").unwrap();
    let mut files = StatFiles::open(&group, Families::CPU).unwrap();
    assert_eq!(files.descriptors(), 1);
    assert_eq!(files.read().unwrap().memory.current_bytes, None);
}

#[test]
fn version_1_statistics_are_joined_over_trees() {
    let bytes = include_str!("../fixtures/v1/blkio.throttle.io_service_bytes");
    let tree = Tree::v1()
        .with(
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.stat",
            include_str!("../fixtures/v1/cpu.stat"),
        )
        .with(
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpuacct.usage",
            include_str!("../fixtures/v1/cpuacct.usage"),
        )
        .with(
            "sys/fs/cgroup/memory/docker/abc/memory.stat",
            include_str!("../fixtures/v1/memory.stat"),
        )
        .with("sys/fs/cgroup/blkio/docker/abc/blkio.throttle.io_service_bytes", bytes);
    let group = Group::at(&discover(&tree), "docker/abc").unwrap();
    let mut files = StatFiles::open(&group, Families::ALL).unwrap();
    for _ in 0..2 {
        let stats = files.read().unwrap();
        assert_eq!(
            (stats.cpu.usage_ns, stats.cpu.throttled_periods),
            (Some(32_286_201_642), Some(13))
        );
        assert_eq!(stats.memory.anon_bytes, Some(7_122_944));
        let devices = stats.io.as_ref().unwrap();
        assert_eq!(devices.len(), 1, "a second sample does not add to the first");
        assert_eq!((devices[0].read_bytes, devices[0].reads), (Some(1_556_480), None));
    }
}

#[test]
fn pressure_is_read_for_groups_and_the_system() {
    let tree = Tree::v2().with(
        "sys/fs/cgroup/web/memory.pressure",
        include_str!("../fixtures/v2/memory.pressure"),
    );
    let found = discover(&tree);
    let mut files = PressureFiles::open(&Group::at(&found, "web").unwrap()).unwrap();
    assert_eq!(files.descriptors(), 1);
    let read = files.read().unwrap();
    assert_eq!(read.memory.unwrap().some.unwrap().total_us, 5_238_620);
    assert_eq!(read.cpu, None);
    let system = PressureFiles::system(&found).unwrap().read().unwrap();
    assert_eq!(system.cpu.unwrap().some.unwrap().total_us, 5);
}

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

#[test]
fn a_tree_that_refuses_is_told_and_leaves_nothing_behind() {
    let tree = Tree::new(
        "40 30 0:28 / /cpu rw - cgroup cgroup rw,cpu\n\
         41 30 0:29 / /cpuset rw - cgroup cgroup rw,cpuset\n",
    )
    .with("cpu/cgroup.procs", "")
    .with("cpuset/cpuset.cpus", "\n");
    let root = Group::at(&discover(&tree), "").unwrap();
    let wanted = [Controller::Cpu, Controller::Cpuset].into_iter().collect();
    let made = Leaf::plan(&root, "leaf", wanted).unwrap().make().unwrap();
    assert_eq!(made.refused.len(), 1);
    assert!(made.refused[0].1.contains("write it first"), "{}", made.refused[0].1);
    assert!(!tree.at("cpuset/leaf").exists());
    assert_eq!(made.group.controllers(), [Controller::Cpu].into_iter().collect());
}
