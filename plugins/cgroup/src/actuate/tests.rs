//! `cgroup.limit` on plain files; `kernel` is the same on groups of this machine.

mod held;
mod kernel;

use super::*;
use crate::bed::Tree;
use pipeline_plugin_api::stage::Actuates;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

const ALL: &str = "(knobs: [Idle, Weight, CpuSet, Quota, Freeze])";

/// A node, its host, and one target that it knows.
struct Stand {
    host: TestHost,
    node: TestNode,
    target: Target,
    controls: Vec<Control>,
    at: u64,
}

impl Stand {
    fn new(config: &str, target: Target) -> Self {
        Self::named("limit", config, target)
    }

    fn named(name: &str, config: &str, target: Target) -> Self {
        let host = TestHost::new();
        host.world().node_names = vec![name.to_owned()];
        let target = host.target(target);
        let mut node = host.node::<Actuates<Limit>>(config).unwrap();
        node.start().unwrap();
        let controls = node
            .change(Nanos(0), Change::APPEARED, &target)
            .unwrap()
            .controls
            .to_vec();
        Self {
            host,
            node,
            target,
            controls,
            at: 0,
        }
    }

    fn ask(&mut self, knob: &vocabulary::Knob, value: f64, text: &str) -> Outcome {
        self.at += 1;
        self.send(knob, value, text, Nanos::FOREVER)
    }

    fn release(&mut self, knob: &vocabulary::Knob) -> Outcome {
        self.at += 1;
        self.send(knob, 0.0, "", Nanos(self.at))
    }

    fn send(&mut self, knob: &vocabulary::Knob, value: f64, text: &str, until: Nanos) -> Outcome {
        let mut batch = Batch::default();
        batch.actions.push(Action {
            at: Nanos(self.at),
            id: self.at,
            target: self.target.id,
            knob: self.host.knob(knob),
            value,
            text: text.into(),
            until,
            why: "a test".into(),
            ..Action::default()
        });
        let out = self.node.feed(Nanos(self.at), &batch).unwrap();
        assert_eq!(out.outcomes.len(), 1, "{out:?}");
        out.outcomes[0].clone()
    }

    /// What the journal would put back, in the order in which it was recorded.
    fn journal(&self) -> Vec<(String, String, String)> {
        let world = self.host.world();
        let line = |undo: &Undo| {
            let file = undo.path.rsplit('/').next().unwrap_or_default().to_owned();
            (file, undo.before.to_string(), undo.after.to_string())
        };
        world.journal.values().map(line).collect()
    }

    fn control(&self, knob: &vocabulary::Knob) -> Option<&Control> {
        let id = self.host.knob(knob);
        self.controls.iter().find(|control| control.knob == id)
    }
}

fn line(file: &str, before: &str, after: &str) -> (String, String, String) {
    (file.into(), before.into(), after.into())
}

fn v2() -> (Tree, Stand) {
    let tree = Tree::v2();
    let stand = Stand::new("", tree.target(&[("unified", "g")]));
    (tree, stand)
}

#[test]
fn a_group_that_holds_one_of_the_latency_class_is_not_turned_unless_that_is_allowed() {
    for (config, fate) in [("", Fate::REFUSED), ("(latency: true)", Fate::APPLIED)] {
        let tree = Tree::v2().with("g/web/cpu.weight", "100\n");
        let mut stand = Stand::new(config, tree.target(&[("unified", "g")]));
        let web = stand.host.target(Target {
            name: "web".into(),
            class: Class::LATENCY,
            ..tree.target(&[("unified", "g/web")])
        });
        stand.node.change(Nanos(1), Change::APPEARED, &web).unwrap();
        let outcome = stand.ask(&vocabulary::CPU_WEIGHT, 10.0, "");
        assert_eq!(outcome.fate, fate, "{outcome:?}");
        if fate == Fate::REFUSED {
            assert!(outcome.why.contains("`web`"), "{}", outcome.why);
            assert_eq!(stand.journal(), []);
            stand.node.change(Nanos(2), Change::GONE, &web).unwrap();
            assert_eq!(stand.ask(&vocabulary::CPU_WEIGHT, 10.0, "").fate, Fate::APPLIED);
        }
    }
}

#[test]
fn knobs_are_offered_with_where_they_stand_and_the_gentler_cost_less() {
    let tree = Tree::v2().with("g/cgroup.freeze", "0\n");
    let stand = Stand::new(ALL, tree.target(&[("unified", "g")]));
    let order = [
        vocabulary::CPU_IDLE,
        vocabulary::CPU_WEIGHT,
        vocabulary::CPU_SET,
        vocabulary::CPU_QUOTA,
        vocabulary::FREEZE,
    ];
    let offers: Vec<&Control> = order.iter().map(|knob| stand.control(knob).unwrap()).collect();
    assert!(offers.is_sorted_by(|one, other| one.cost < other.cost));
    assert!(offers.iter().all(|control| control.resource == Resource::CPU_TIME));
    let told = |control: &Control| (control.least, control.most, control.value, control.stricter);
    assert_eq!(told(offers[0]), (0.0, 1.0, 0.0, 1));
    assert_eq!(told(offers[1]), (1.0, 10_000.0, 100.0, -1));
    assert_eq!(told(offers[2]), (1.0, 4.0, 4.0, -1));
    assert_eq!(
        (offers[3].least, offers[3].value, offers[3].stricter),
        (0.01, f64::INFINITY, -1)
    );
    assert!(offers[3].most >= 1.0 && offers[3].most.is_finite());
}

#[test]
fn freezing_is_offered_only_where_the_config_says_so() {
    let tree = Tree::v2().with("g/cgroup.freeze", "0\n");
    let mut stand = Stand::new("", tree.target(&[("unified", "g")]));
    assert_eq!(stand.controls.len(), 4);
    let mut batch = Batch::default();
    let (target, knob) = (stand.target.id, stand.host.knob(&vocabulary::FREEZE));
    batch.actions.push(Action {
        target,
        knob,
        value: 1.0,
        until: Nanos::FOREVER,
        ..Action::default()
    });
    assert!(stand.node.feed(Nanos(1), &batch).unwrap().is_empty());
    assert_eq!(tree.read("g/cgroup.freeze"), "0");
}

/// Scenario: a group of plain files never says that it is frozen.
#[test]
fn a_group_that_does_not_freeze_in_time_goes_on() {
    let tree = Tree::v2().with("g/cgroup.freeze", "0\n");
    let mut stand = Stand::new(ALL, tree.target(&[("unified", "g")]));
    let outcome = stand.ask(&vocabulary::FREEZE, 1.0, "");
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(outcome.why.contains("goes on"), "{}", outcome.why);
    assert_eq!((tree.read("g/cgroup.freeze"), stand.journal().len()), ("0".into(), 0));
}

/// Scenario: a group of plain files says that it is frozen, whatever is asked of it.
#[test]
fn a_thaw_that_comes_late_leaves_the_freeze_and_its_record() {
    let tree = Tree::v2()
        .with("g/cgroup.freeze", "0\n")
        .with("g/cgroup.events", "populated 1\nfrozen 1\n");
    let mut stand = Stand::new(ALL, tree.target(&[("unified", "g")]));
    assert_eq!(stand.ask(&vocabulary::FREEZE, 1.0, "").fate, Fate::APPLIED);
    assert_eq!(stand.ask(&vocabulary::FREEZE, 0.0, "").fate, Fate::REFUSED);
    assert_eq!(tree.read("g/cgroup.freeze"), "1");
    assert_eq!(stand.journal(), [line("cgroup.freeze", "0", "1")]);
    assert_eq!(stand.release(&vocabulary::FREEZE).fate, Fate::UNDONE);
    assert_eq!((tree.read("g/cgroup.freeze"), stand.journal().len()), ("0".into(), 0));
}

#[test]
fn a_knob_is_journalled_written_and_put_back() {
    let (tree, mut stand) = v2();
    let outcome = stand.ask(&vocabulary::CPU_QUOTA, 0.5, "");
    assert_eq!((outcome.fate, outcome.value), (Fate::APPLIED, 0.5));
    assert_eq!(tree.read("g/cpu.max"), "50000 100000");
    assert_eq!(stand.journal(), [line("cpu.max", "max 100000", "50000 100000")]);
    let outcome = stand.release(&vocabulary::CPU_QUOTA);
    assert_eq!((outcome.fate, outcome.value), (Fate::UNDONE, f64::INFINITY));
    assert_eq!(tree.read("g/cpu.max"), "max 100000");
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_changed_value_keeps_what_was_found_first_and_one_record() {
    let (tree, mut stand) = v2();
    tree.write("g/cpu.weight", "250\n");
    for value in [50.0, 10.0, 1.0] {
        assert_eq!(stand.ask(&vocabulary::CPU_WEIGHT, value, "").fate, Fate::APPLIED);
        assert_eq!(stand.journal(), [line("cpu.weight", "250", &value.to_string())]);
        let records: Vec<u64> = stand.host.world().journal.keys().copied().collect();
        assert_eq!(records, [1], "it is amended and not recorded anew");
    }
    stand.release(&vocabulary::CPU_WEIGHT);
    assert_eq!(tree.read("g/cpu.weight"), "250");
}

#[test]
fn the_same_value_is_written_once() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    let when = || std::fs::metadata(tree.at("g/cpu.weight")).unwrap().modified().unwrap();
    let written = when();
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "").fate, Fate::APPLIED);
    assert_eq!(when(), written);
    assert_eq!(
        stand.ask(&vocabulary::CPU_IDLE, 0.0, "").fate,
        Fate::APPLIED,
        "it stands there already"
    );
    assert_eq!(stand.journal().len(), 1);
    assert_eq!(stand.release(&vocabulary::CPU_IDLE).fate, Fate::UNDONE);
}

#[test]
fn what_does_not_fit_is_clamped_and_said() {
    let (tree, mut stand) = v2();
    let outcome = stand.ask(&vocabulary::CPU_QUOTA, 0.0, "");
    assert_eq!((outcome.fate, outcome.value), (Fate::CLAMPED, 0.01));
    assert!(outcome.why.contains("no less than 1 ms"), "{}", outcome.why);
    assert_eq!(tree.read("g/cpu.max"), "1000 100000");
    let outcome = stand.ask(&vocabulary::CPU_SET, 0.0, "3-9");
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::CLAMPED, "3"));
    let outcome = stand.ask(&vocabulary::CPU_SET, 0.0, "8-9");
    assert_eq!(outcome.fate, Fate::REFUSED);
}

#[test]
fn an_unset_cpuset_goes_back_to_unset() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_SET, 0.0, "1-2");
    assert_eq!(tree.read("g/cpuset.cpus"), "1-2");
    assert_eq!(stand.journal(), [line("cpuset.cpus", "", "1-2")]);
    assert_eq!(stand.release(&vocabulary::CPU_SET).fate, Fate::UNDONE);
    assert_eq!(std::fs::read_to_string(tree.at("g/cpuset.cpus")).unwrap(), "\n");
}

#[test]
fn what_somebody_else_changed_is_theirs() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    tree.write("g/cpu.weight", "77\n");
    let outcome = stand.release(&vocabulary::CPU_WEIGHT);
    assert_eq!(outcome.fate, Fate::TAKEN);
    assert_eq!(tree.read("g/cpu.weight"), "77");
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_renewal_that_finds_the_knob_taken_says_so_and_holds_nothing_more() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    tree.write("g/cpu.weight", "77\n");
    let outcome = stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    assert_eq!(outcome.fate, Fate::TAKEN);
    assert!(outcome.why.contains("theirs"), "{}", outcome.why);
    assert_eq!((tree.read("g/cpu.weight"), stand.journal()), ("77".into(), vec![]));
    assert_eq!(stand.node.finish().unwrap().outcomes.len(), 0);
    assert_eq!(tree.read("g/cpu.weight"), "77");
}

/// Scenario: for a while the file can neither be read nor written, as a link that leads to itself is in its place.
#[test]
fn a_release_that_fails_keeps_what_it_held_and_is_tried_again() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    let (file, aside) = (tree.at("g/cpu.weight"), tree.at("g/aside"));
    std::fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink(&file, &file).unwrap();
    let outcome = stand.release(&vocabulary::CPU_WEIGHT);
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(outcome.why.contains("by hand"), "{}", outcome.why);
    assert_eq!(stand.journal(), [line("cpu.weight", "100", "5")]);
    std::fs::rename(&aside, &file).unwrap();
    let later = Nanos::from_secs(2);
    let out = stand.node.feed(later, &Batch::default()).unwrap();
    let fates: Vec<Fate> = out.outcomes.iter().map(|outcome| outcome.fate).collect();
    assert_eq!(fates, [Fate::UNDONE]);
    assert_eq!((tree.read("g/cpu.weight"), stand.journal()), ("100".into(), vec![]));
}

#[test]
fn a_target_that_becomes_protected_gets_back_what_we_hold_and_that_is_told() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    stand.ask(&vocabulary::CPU_QUOTA, 0.5, "");
    tree.write("g/cpu.max", "70000 100000\n");
    let target = Target {
        class: Class::LATENCY,
        ..stand.target.clone()
    };
    let out = stand.node.change(Nanos(50), Change::CHANGED, &target).unwrap();
    let mut fates: Vec<(Fate, &str)> = out.outcomes.iter().map(|told| (told.fate, told.why.as_str())).collect();
    fates.sort();
    assert_eq!(fates.len(), 2, "{fates:?}");
    assert_eq!(
        (fates[0].0, fates[1]),
        (Fate::TAKEN, (Fate::UNDONE, "the target changed"))
    );
    assert_eq!(
        (tree.read("g/cpu.weight"), tree.read("g/cpu.max")),
        ("100".into(), "70000 100000".into())
    );
    assert_eq!((out.controls.len(), stand.journal()), (0, vec![]));
    let end = stand.node.finish().unwrap();
    assert_eq!(end.outcomes.len(), 0, "nothing is held any more");
}

#[test]
fn a_change_of_labels_alone_leaves_what_we_hold() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    let target = stand.target.clone();
    let out = stand.node.change(Nanos(50), Change::CHANGED, &target).unwrap();
    assert_eq!((out.outcomes.len(), tree.read("g/cpu.weight")), (0, "5".into()));
}

#[test]
fn the_latency_class_is_held_back_only_where_the_config_says_so() {
    let tree = Tree::v2();
    let web = Target {
        class: Class::LATENCY,
        ..tree.target(&[("unified", "g")])
    };
    let mut stand = Stand::new("", web.clone());
    assert!(stand.controls.is_empty());
    let outcome = stand.ask(&vocabulary::CPU_IDLE, 1.0, "");
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(outcome.why.contains("never the Latency class"), "{}", outcome.why);
    assert_eq!(Stand::new("(latency: true)", web).controls.len(), 4);
}

#[test]
fn the_topmost_group_and_our_own_are_never_touched() {
    let tree = Tree::v2()
        .with("cpu.idle", "0\n")
        .with("cpu.weight", "100\n")
        .with("cgroup.controllers", "cpu\n");
    let mut top = Stand::new("", tree.target(&[("unified", "")]));
    assert!(top.controls.is_empty());
    assert!(top.ask(&vocabulary::CPU_IDLE, 1.0, "").why.contains("everybody's"));
    tree.write("g/below/cgroup.procs", &format!("{}\n", std::process::id()));
    let mut ours = Stand::new("", tree.target(&[("unified", "g")]));
    assert!(ours.controls.is_empty());
    assert!(
        ours.ask(&vocabulary::CPU_IDLE, 1.0, "")
            .why
            .contains("the pipeline itself runs")
    );
    assert_eq!(tree.read("g/cpu.idle"), "0");
}

#[test]
fn a_group_that_comes_to_hold_us_is_not_written_to() {
    let (tree, mut stand) = v2();
    tree.write("g/cgroup.procs", &format!("{}\n", std::process::id()));
    assert!(
        stand
            .ask(&vocabulary::CPU_IDLE, 1.0, "")
            .why
            .contains("the pipeline itself runs")
    );
    assert_eq!(tree.read("g/cpu.idle"), "0");
}

#[test]
fn a_target_that_goes_gets_back_what_we_hold() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    stand.ask(&vocabulary::CPU_QUOTA, 0.5, "");
    let target = stand.target.clone();
    stand.node.change(Nanos(50), Change::GONE, &target).unwrap();
    assert_eq!(
        (tree.read("g/cpu.weight"), tree.read("g/cpu.max")),
        ("100".into(), "max 100000".into())
    );
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_group_that_is_gone_needs_no_undo() {
    let (tree, mut stand) = v2();
    stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "");
    std::fs::remove_dir_all(tree.at("g")).unwrap();
    let outcome = stand.release(&vocabulary::CPU_WEIGHT);
    assert_eq!(outcome.fate, Fate::UNDONE);
    assert!(outcome.why.contains("the target went"), "{}", outcome.why);
    assert_eq!(stand.journal(), []);
    assert_eq!(stand.ask(&vocabulary::CPU_WEIGHT, 5.0, "").fate, Fate::REFUSED);
}

#[test]
fn a_target_without_a_group_is_refused_with_the_way_out() {
    let mut stand = Stand::new("", Target::default());
    assert!(stand.controls.is_empty());
    assert!(
        stand
            .ask(&vocabulary::CPU_IDLE, 1.0, "")
            .why
            .contains("process.affinity")
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let tree = Tree::v2();
    let host = TestHost::new();
    host.world().dry_run = true;
    let target = host.target(tree.target(&[("unified", "g")]));
    let mut node = host.node::<Actuates<Limit>>("").unwrap();
    node.start().unwrap();
    let controls = node
        .change(Nanos(0), Change::APPEARED, &target)
        .unwrap()
        .controls
        .to_vec();
    let mut stand = Stand {
        host,
        node,
        target,
        controls,
        at: 0,
    };
    assert_eq!(stand.ask(&vocabulary::CPU_IDLE, 1.0, "").fate, Fate::PLANNED);
    assert_eq!((tree.read("g/cpu.idle"), stand.journal().len()), ("0".into(), 0));
}

#[test]
fn a_set_of_which_one_is_refused_is_put_back() {
    let (tree, mut stand) = v2();
    let mut batch = Batch::default();
    let (target, host) = (stand.target.id, stand.host.clone());
    let action = |id, knob, text: &str| Action {
        id,
        target,
        knob: host.knob(knob),
        value: 5.0,
        text: text.into(),
        until: Nanos::FOREVER,
        set: 9,
        ..Action::default()
    };
    batch.actions.push(action(1, &vocabulary::CPU_WEIGHT, ""));
    batch.actions.push(action(2, &vocabulary::CPU_SET, "9"));
    let out = stand.node.feed(Nanos(1), &batch).unwrap();
    let fates: Vec<Fate> = out.outcomes.iter().map(|outcome| outcome.fate).collect();
    assert_eq!(fates, [Fate::APPLIED, Fate::REFUSED, Fate::UNDONE]);
    assert_eq!((tree.read("g/cpu.weight"), stand.journal().len()), ("100".into(), 0));
}
