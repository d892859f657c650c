//! `cgroup.watch` on plain files of both versions, and on groups of this machine.

mod kernel;

use super::*;
use pipeline_cgroup_fs::testing::Tree;
use pipeline_plugin_api::stage::Provides;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::cell::RefCell;
use std::fs;

thread_local! {
    static ROOT: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// The folder that stands for `/` in the test of this thread.
pub fn root() -> Option<PathBuf> {
    ROOT.with_borrow(Clone::clone)
}

struct Watched {
    host: TestHost,
    node: TestNode,
    at: Nanos,
}

impl Watched {
    /// A node that watches a tree of plain files.
    fn of(tree: &Tree, config: &str) -> Self {
        ROOT.with_borrow_mut(|root| *root = Some(tree.path().into()));
        Self::here(config)
    }

    /// A node that watches this machine, unless a tree was named before.
    fn here(config: &str) -> Self {
        let host = TestHost::new();
        host.world().node_names = vec!["groups".into()];
        let mut node = host.node::<Provides<CgroupWatch>>(config).unwrap();
        node.start().unwrap();
        Self {
            host,
            node,
            at: Nanos::from_secs(1),
        }
    }

    /// What is told after that many milliseconds.
    fn after(&mut self, millis: u64) -> Vec<TargetChange> {
        self.at = self.at + Nanos::from_millis(millis);
        self.node.tick(self.at).unwrap().changes.to_vec()
    }

    /// What is told after that many milliseconds, as kinds and names.
    fn told(&mut self, millis: u64) -> Vec<(Change, String)> {
        let name = |change: TargetChange| (change.change, change.target.name.replace("groups/", ""));
        self.after(millis).into_iter().map(name).collect()
    }

    fn lines(&self, text: &str) -> usize {
        self.host
            .world()
            .logs
            .iter()
            .filter(|(_, line)| line.contains(text))
            .count()
    }
}

fn appeared(name: &str) -> (Change, String) {
    (Change::APPEARED, name.into())
}

fn gone(name: &str) -> (Change, String) {
    (Change::GONE, name.into())
}

/// Two services, and another group beside them.
fn services() -> Tree {
    Tree::v2()
        .with("sys/fs/cgroup/system.slice/a.service/cgroup.events", "populated 1\n")
        .with("sys/fs/cgroup/system.slice/b.service/cgroup.events", "populated 0\n")
        .with("sys/fs/cgroup/system.slice/boot.mount/cgroup.events", "populated 1\n")
}

#[test]
fn services_are_there_at_once_and_are_told_as_they_come_and_go() {
    let tree = services();
    let mut watched = Watched::of(&tree, "");
    assert_eq!(watched.told(0), [appeared("a.service"), appeared("b.service")]);
    assert_eq!(watched.told(10), []);
    let folder = tree.at("sys/fs/cgroup/system.slice/c.service");
    fs::create_dir(&folder).unwrap();
    fs::create_dir(tree.at("sys/fs/cgroup/system.slice/c.mount")).unwrap();
    assert_eq!(watched.told(1), [appeared("c.service")]);
    fs::remove_dir(&folder).unwrap();
    assert_eq!(watched.told(1), [gone("c.service")]);
}

#[test]
fn a_group_made_again_under_its_name_is_the_next_life_with_another_inode() {
    let tree = services();
    let mut watched = Watched::of(&tree, "(groups: [\"/system.slice/x.service\"])");
    assert_eq!(watched.told(0), []);
    let folder = tree.at("sys/fs/cgroup/system.slice/x.service");
    let other = tree.at("sys/fs/cgroup/system.slice/y");
    fs::create_dir(&folder).unwrap();
    let first = watched.after(1).remove(0).target;
    // Renamed over, since a file system of files may give the inode of what was removed to what is made next.
    fs::create_dir(&other).unwrap();
    fs::rename(&other, &folder).unwrap();
    let changes = watched.after(1);
    let [ended, began] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!((ended.change, ended.target.id), (Change::GONE, first.id));
    assert_eq!((began.change, began.target.generation), (Change::APPEARED, 2));
    assert_ne!(began.target.cgroups[0].inode, first.cgroups[0].inode);
}

#[test]
fn one_target_joins_the_same_path_of_all_trees() {
    let tree = Tree::v1().with("sys/fs/cgroup/blkio/docker/abc/cgroup.procs", "");
    let mut watched = Watched::of(&tree, "(groups: [\"/docker/*\"])");
    let found = watched.after(0);
    assert_eq!(found.len(), 1);
    let mut told: Vec<(&str, bool)> = Vec::new();
    for dir in &found[0].target.cgroups {
        told.push((&dir.controller, dir.path.ends_with("/docker/abc") && dir.inode > 0));
    }
    told.sort();
    assert_eq!(
        told,
        [("blkio", true), ("cpu", true), ("cpuacct", true), ("memory", true)]
    );
    let folder = tree.at("sys/fs/cgroup/memory/docker/late");
    fs::create_dir(&folder).unwrap();
    assert_eq!(watched.told(1), [], "the other trees may get it in a moment");
    assert_eq!(watched.told(20), [appeared("late")]);
    fs::create_dir(tree.at("sys/fs/cgroup/blkio/docker/late")).unwrap();
    let grown = watched.after(1);
    assert_eq!((grown[0].change, grown[0].target.cgroups.len()), (Change::CHANGED, 2));
    fs::remove_dir(&folder).unwrap();
    assert_eq!(watched.told(1), [gone("late")], "with the first of its directories");
    assert_eq!(watched.told(100), []);
    fs::remove_dir(tree.at("sys/fs/cgroup/blkio/docker/late")).unwrap();
    assert_eq!(watched.told(5000), []);
}

#[test]
fn new_groups_are_followed_as_deep_as_the_pattern_reaches_and_know_their_parents() {
    let tree = Tree::v2();
    let mut watched = Watched::of(&tree, "(groups: [\"/kube/**\"], name: Path)");
    assert_eq!(watched.told(0), []);
    fs::create_dir_all(tree.at("sys/fs/cgroup/kube/pod/container")).unwrap();
    fs::create_dir_all(tree.at("sys/fs/cgroup/web/other")).unwrap();
    let changes = watched.after(1);
    let names: Vec<&str> = changes.iter().map(|change| change.target.name.as_str()).collect();
    assert_eq!(names, ["groups/kube/pod", "groups/kube/pod/container"]);
    assert_eq!(changes[1].target.parent, changes[0].target.id);
    assert_eq!(watched.node.raw().status(), "2 groups, 4 directories watched");
    fs::remove_dir_all(tree.at("sys/fs/cgroup/kube")).unwrap();
    assert_eq!(watched.told(1), [gone("kube/pod/container"), gone("kube/pod")]);
    assert_eq!(watched.node.raw().status(), "0 groups, 1 directories watched");
}

#[test]
fn rules_say_what_is_known_and_a_taken_name_is_the_whole_path() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/a/web-1/cgroup.procs", "")
        .with("sys/fs/cgroup/b/web-1/cgroup.procs", "");
    let config = "(groups: [\"/*/web-*\"], rules: [
        (groups: \"/a/*\", class: Latency, priority: 7, labels: {\"team\": \"x\"},
            goals: [(metric: \"psi.cpu.some\", at_most: 5.0)]),
        (groups: \"/**\", class: BestEffort),
    ])";
    let mut watched = Watched::of(&tree, config);
    let changes = watched.after(0);
    let (first, second) = (&changes[0].target, &changes[1].target);
    assert_eq!(
        (first.name.as_str(), second.name.as_str()),
        ("groups/web-1", "groups/b/web-1")
    );
    assert_eq!(
        (first.class, first.priority, second.class),
        (Class::LATENCY, 7, Class::BEST_EFFORT)
    );
    let labels: Vec<(&str, &str)> = first
        .labels
        .iter()
        .map(|it| (it.name.as_str(), it.value.as_str()))
        .collect();
    assert_eq!(labels, [("team", "x"), ("cgroup", "/a/web-1")]);
    assert_eq!(
        (first.goals.len(), second.goals.len(), first.provider.as_str()),
        (1, 0, "groups")
    );
    let captured = Watched::of(&tree, "(groups: [\"/*/web-*\"], name: Captured)").told(0);
    assert_eq!(captured, [appeared("a/1"), appeared("b/1")]);
}

#[test]
fn only_populated_groups_are_brought_as_long_as_they_are() {
    let tree = services();
    let mut watched = Watched::of(&tree, "(only_populated: true)");
    assert_eq!(watched.told(0), [appeared("a.service")]);
    tree.write("sys/fs/cgroup/system.slice/b.service/cgroup.events", "populated 1\n");
    assert_eq!(watched.told(1), [appeared("b.service")]);
    tree.write("sys/fs/cgroup/system.slice/a.service/cgroup.events", "populated 0\n");
    assert_eq!(watched.told(1), [gone("a.service")]);
    assert_eq!(watched.told(5000), []);
}

#[test]
fn more_groups_than_targets_are_told_once_and_one_that_goes_makes_room() {
    let tree = services();
    let mut watched = Watched::of(&tree, "(most: 1, rescan: \"1s\")");
    assert_eq!(watched.told(0), [appeared("a.service")]);
    watched.told(1000);
    assert_eq!(watched.lines("raise `most`"), 1);
    fs::remove_dir_all(tree.at("sys/fs/cgroup/system.slice/a.service")).unwrap();
    assert_eq!(watched.told(1), [gone("a.service")]);
    assert_eq!(watched.told(1000), [appeared("b.service")]);
}

#[test]
fn a_look_at_everything_finds_what_was_not_told() {
    let tree = services();
    let mut watched = Watched::of(&tree, "(rescan: \"10s\")");
    watched.told(0);
    // A folder brought in whole is told, what is in it is not.
    fs::create_dir_all(tree.at("elsewhere/d.service")).unwrap();
    fs::remove_dir_all(tree.at("sys/fs/cgroup/system.slice")).unwrap();
    assert_eq!(watched.told(1), [gone("b.service"), gone("a.service")]);
    fs::rename(tree.at("elsewhere"), tree.at("sys/fs/cgroup/system.slice")).unwrap();
    assert_eq!(watched.told(1), [appeared("d.service")]);
    assert_eq!(watched.told(10_000), []);
}

#[test]
fn without_any_tree_the_node_does_not_start() {
    let tree = Tree::new("");
    ROOT.with_borrow_mut(|root| *root = Some(tree.path().into()));
    let mut node = TestHost::new().node::<Provides<CgroupWatch>>("").unwrap();
    let failure = node.start().unwrap_err();
    assert_eq!(failure.kind, FailureKind::FATAL);
    assert!(failure.message.contains("no control group tree is mounted"));
}
