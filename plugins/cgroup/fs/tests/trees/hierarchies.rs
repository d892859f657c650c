//! Which trees a machine has, and where they are mounted.

use crate::discover;
use pipeline_cgroup_fs::testing::Tree;
use pipeline_cgroup_fs::{Controller, Error, Group, Mode, Version};
use std::fs;

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
