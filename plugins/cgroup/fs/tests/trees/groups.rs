//! Groups by process, by path and by pattern, and one that is made again under the same name.

use crate::discover;
use pipeline_cgroup_fs::testing::Tree;
use pipeline_cgroup_fs::{Controller, Error, Families, Group, StatFiles};
use std::fs;
use std::path::Path;

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
