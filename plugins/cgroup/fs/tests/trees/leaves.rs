//! Groups that are made and removed, the controllers that they need, and what is refused.

use crate::discover;
use pipeline_cgroup_fs::testing::Tree;
use pipeline_cgroup_fs::{Controller, ControllerSet, Error, Group, Leaf};
use std::path::Path;

/// A leaf that is planned in a group, for one controller.
fn leaf_for(tree: &Tree, parent: &str, controller: Controller) -> Leaf {
    let parent = Group::at(&discover(tree), parent).unwrap();
    Leaf::plan(&parent, "leaf", [controller].into_iter().collect()).unwrap()
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
    let leaf = leaf_for(&tree, "web", Controller::Pids);
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
    let leaf = leaf_for(&tree, "web", Controller::Cpu);
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
    let leaf = leaf_for(&tree, "web", Controller::Cpu);
    assert!(leaf.refused()[0].1.contains("`domain threaded`"));
    assert_eq!(leaf.directories().count(), 0);
    assert!(matches!(leaf.make(), Err(Error::NoGroup { .. })));
}

#[test]
fn a_controller_that_the_machine_lacks_is_refused_by_name() {
    let tree = Tree::v2();
    tree.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
    let leaf = leaf_for(&tree, "", Controller::Io);
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

#[test]
fn what_was_not_made_here_is_not_removed() {
    let tree = Tree::v1();
    let group = Group::at(&discover(&tree), "docker/abc").unwrap();
    assert!(matches!(group.remove(), Err(Error::NotOurs { .. })));
}
