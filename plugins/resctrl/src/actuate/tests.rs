//! The actuator on a filesystem in memory: classes made and removed, shared where there are too few, taken by others,
//! and what the kernel refuses.

use super::*;
use crate::bed::Bed;
use pipeline_plugin_api::stage::Actuates;
use pipeline_plugin_api::testkit::TestNode;
use pipeline_resctrl_fs::{Files, Group};
use rustix::io::Errno;
use std::path::Path;

const SECOND: Nanos = Nanos::from_secs(1);

struct Scene {
    bed: Bed,
    node: TestNode,
}

impl Scene {
    fn new(config: &str) -> Self {
        let bed = Bed::new();
        let mut node = bed.host.node::<Actuates<Partition>>(config).unwrap();
        node.start().unwrap();
        Self { bed, node }
    }

    fn target(&mut self, name: &str, class: Class, tasks: &[u32]) -> (Target, Batch) {
        let target = self.bed.target(name, class, tasks);
        let said = self.node.change(SECOND, Change::APPEARED, &target).unwrap();
        (target, said)
    }

    fn ask(&mut self, at: Nanos, target: &Target, knob: &Knob, value: f64, text: &str) -> Outcome {
        let mut batch = Batch::default();
        batch.actions.push(Action {
            at,
            id: 1,
            target: target.id,
            knob: self.bed.host.knob(knob),
            value,
            text: text.into(),
            until: at + Nanos::from_secs(600),
            ..Action::default()
        });
        let said = self.node.feed(at, &batch).unwrap();
        said.outcomes.first().cloned().unwrap()
    }

    fn ways(&mut self, target: &Target, ways: f64) -> Outcome {
        self.ask(SECOND, target, &vocabulary::L3_WAYS, ways, "")
    }

    /// The class of a task and what it may use, in one line.
    fn class(&self, task: u32) -> String {
        let resctrl = self.bed.fake.open();
        let control = resctrl.membership(task).unwrap().control;
        let schemata = resctrl.group(&control).schemata().unwrap().to_string();
        let name = control.rsplit('-').next().unwrap_or_default();
        format!("{name} {}", schemata.trim_end().replace('\n', " "))
    }

    fn groups(&self) -> Vec<Group> {
        self.bed.fake.open().control_groups().unwrap()
    }
}

#[test]
fn a_target_gets_its_ways_and_at_the_end_all_is_as_found() {
    let mut scene = Scene::new("");
    let (web, offered) = scene.target("web", Class::LATENCY, &[7, 8]);
    let controls: Vec<(f64, f64, f64)> = offered.controls.iter().map(|c| (c.least, c.most, c.value)).collect();
    assert_eq!(controls, [(1.0, 11.0, 11.0), (1.0, 11.0, 11.0), (0.1, 1.0, 1.0)]);
    let (batch, _) = scene.target("batch", Class::BEST_EFFORT, &[9]);
    let outcome = scene.ways(&web, 9.0);
    assert_eq!(
        (outcome.fate, outcome.value, outcome.text.as_str()),
        (Fate::APPLIED, 9.0, "0=0x1ff")
    );
    let outcome = scene.ways(&batch, 2.0);
    assert_eq!(
        (outcome.fate, outcome.value, outcome.text.as_str()),
        (Fate::APPLIED, 2.0, "0=0x600")
    );
    assert_eq!(
        (scene.class(7), scene.class(8)),
        ("1 MB:0=100 L3:0=1ff".to_owned(), scene.class(7))
    );
    assert_eq!(scene.class(9), "2 MB:0=100 L3:0=600");
    assert_eq!(scene.bed.host.world().journal.len(), 2, "one record a class");
    scene.node.finish().unwrap();
    assert!(scene.groups().is_empty() && scene.bed.host.world().journal.is_empty());
    assert_eq!(scene.bed.fake.open().default_group().tasks().unwrap(), [7, 8, 9]);
}

#[test]
fn both_knobs_of_a_target_are_of_one_class_and_each_is_put_back_for_itself() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.ways(&batch, 3.0);
    let outcome = scene.ask(SECOND, &batch, &vocabulary::MEMORY_BANDWIDTH_SHARE, 0.25, "");
    assert_eq!((outcome.fate, outcome.value), (Fate::CLAMPED, 0.3));
    assert_eq!(scene.class(7), "1 MB:0=30 L3:0=700");
    let mut release = Batch::default();
    release.actions.push(Action {
        at: SECOND,
        target: batch.id,
        knob: scene.bed.host.knob(&vocabulary::L3_WAYS),
        until: SECOND,
        ..Action::default()
    });
    let outcome = scene.node.feed(SECOND, &release).unwrap().outcomes[0].clone();
    assert_eq!((outcome.fate, outcome.value), (Fate::UNDONE, 11.0));
    assert_eq!(scene.class(7), "1 MB:0=30 L3:0=7ff");
}

#[test]
fn a_later_value_changes_the_class_and_an_equal_one_writes_nothing() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.ways(&batch, 3.0);
    let writes = scene.bed.fake.writes().len();
    assert_eq!(scene.ways(&batch, 3.0).fate, Fate::APPLIED);
    assert_eq!(scene.bed.fake.writes().len(), writes);
    assert_eq!(scene.ways(&batch, 4.0).value, 4.0);
    assert_eq!(scene.class(7), "1 MB:0=100 L3:0=780");
    assert_eq!(scene.groups().len(), 1);
}

#[test]
fn a_part_is_said_as_a_text_and_is_held_by_one_knob_at_a_time() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    let outcome = scene.ask(SECOND, &batch, &vocabulary::L3_PART, 0.0, "0x3");
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::APPLIED, "0=0x3"));
    let outcome = scene.ways(&batch, 3.0);
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(outcome.why.contains("is held by `l3.part`"), "{}", outcome.why);
    assert_eq!(scene.class(7), "1 MB:0=100 L3:0=3");
}

#[test]
fn more_targets_than_classes_share_them_and_are_told_so() {
    for count in [15, 40] {
        let mut scene = Scene::new("");
        let (web, _) = scene.target("web", Class::LATENCY, &[1000]);
        scene.ways(&web, 4.0);
        for which in 1..count {
            let (batch, _) = scene.target(&format!("batch{which}"), Class::BEST_EFFORT, &[which]);
            let outcome = scene.ways(&batch, 2.0);
            assert!(matches!(outcome.fate, Fate::APPLIED | Fate::CLAMPED), "{outcome:?}");
            if which == count - 1 {
                assert!(outcome.why.contains("it shares a class with"), "{}", outcome.why);
                assert!(
                    outcome
                        .why
                        .contains(&format!("{count} targets want one and the hardware has 7")),
                    "{}",
                    outcome.why
                );
            }
        }
        assert_eq!(scene.groups().len(), 7, "8 classes, one of which is the default group");
        let own = scene.bed.fake.open().membership(1000).unwrap().control;
        assert_eq!(
            scene.bed.fake.open().group(&own).tasks().unwrap(),
            [1000],
            "who is waited for shares with nobody"
        );
        assert!((1..count).all(|task| scene.class(task).contains("MB:0=100 L3:")));
        scene.node.finish().unwrap();
        assert!(scene.groups().is_empty());
    }
}

#[test]
fn classes_of_others_count_against_the_budget_and_stay_as_they_are() {
    let mut scene = Scene::new("");
    let resctrl = scene.bed.fake.open();
    for which in 0..7 {
        resctrl.group(&format!("theirs{which}")).make().unwrap();
    }
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    let outcome = scene.ways(&batch, 2.0);
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(
        outcome.why.contains("all classes of `/sys/fs/resctrl` are taken"),
        "{}",
        outcome.why
    );
    resctrl.group("theirs0").remove().unwrap();
    assert_eq!(scene.ways(&batch, 2.0).fate, Fate::APPLIED);
    scene.node.finish().unwrap();
    assert_eq!(scene.groups().len(), 6);
}

#[test]
fn a_task_in_a_group_of_somebody_else_is_left_there() {
    let mut scene = Scene::new("");
    let theirs = scene.bed.fake.open().group("theirs");
    theirs.make().unwrap();
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    theirs.add(7).unwrap();
    let outcome = scene.ways(&batch, 2.0);
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(
        outcome.why.contains("task 7 is in the group `theirs`"),
        "{}",
        outcome.why
    );
    assert_eq!(theirs.tasks().unwrap(), [7]);
}

#[test]
fn what_somebody_else_changed_is_theirs_and_told_once() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.ways(&batch, 2.0);
    let class = scene.groups().pop().unwrap();
    class.set(&"L3:0=f\n".parse().unwrap()).unwrap();
    let said = scene.node.tick(Nanos::from_secs(2)).unwrap();
    let fates: Vec<Fate> = said.outcomes.iter().map(|outcome| outcome.fate).collect();
    assert_eq!(fates, [Fate::TAKEN]);
    assert!(
        said.outcomes[0].why.contains("somebody else set"),
        "{}",
        said.outcomes[0].why
    );
    assert!(scene.node.tick(Nanos::from_secs(3)).unwrap().outcomes.is_empty());
    assert_eq!(scene.class(7), "1 MB:0=100 L3:0=f");
    assert_eq!(scene.ways(&batch, 2.0).fate, Fate::TAKEN);
}

#[test]
fn a_task_that_somebody_else_moves_away_is_theirs_and_one_that_is_born_outside_is_brought() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.ways(&batch, 2.0);
    scene.bed.fake.run(8);
    scene.bed.list("batch", &[7, 8]);
    scene.node.tick(Nanos::from_secs(2)).unwrap();
    assert_eq!(scene.class(8), scene.class(7));
    let theirs = scene.bed.fake.open().group("theirs");
    theirs.make().unwrap();
    theirs.add(7).unwrap();
    let said = scene.node.tick(Nanos::from_secs(3)).unwrap();
    assert_eq!(said.outcomes[0].fate, Fate::TAKEN);
    scene.node.finish().unwrap();
    assert_eq!(theirs.tasks().unwrap(), [7]);
}

#[test]
fn a_refused_write_is_told_with_the_kernels_words_and_leaves_no_class() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.bed.fake.fail("write", "schemata", Errno::INVAL);
    let outcome = scene.ways(&batch, 2.0);
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(outcome.why.contains("cannot write `L3:0=600`"), "{}", outcome.why);
    assert!(scene.groups().is_empty() && scene.bed.host.world().journal.is_empty());
    assert_eq!(scene.ways(&batch, 2.0).fate, Fate::APPLIED);
}

#[test]
fn a_class_that_cannot_be_made_is_not_recorded_and_one_that_cannot_be_removed_is() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.bed.fake.fail("make", "class", Errno::BUSY);
    assert_eq!(scene.ways(&batch, 2.0).fate, Fate::REFUSED);
    assert!(scene.bed.host.world().journal.is_empty());
    assert_eq!(scene.ways(&batch, 2.0).fate, Fate::APPLIED);
    for _ in 0..2 {
        scene.bed.fake.fail("remove", "class", Errno::BUSY);
    }
    assert!(scene.node.finish().is_err());
    assert_eq!(scene.bed.host.world().journal.len(), 1);
}

#[test]
fn a_target_that_goes_takes_its_class_along() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.ways(&batch, 2.0);
    scene.bed.fake.end(7);
    scene.bed.list("batch", &[]);
    scene.node.change(Nanos::from_secs(2), Change::GONE, &batch).unwrap();
    assert!(scene.groups().is_empty() && scene.bed.host.world().journal.is_empty());
}

#[test]
fn while_somebody_else_divides_it_waits_and_then_refuses() {
    let mut scene = Scene::new("");
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    scene.bed.fake.lock_elsewhere(true);
    let outcome = scene.ways(&batch, 2.0);
    assert!(outcome.why.contains("holds its lock"), "{}", outcome.why);
    scene.bed.fake.lock_elsewhere(false);
    assert_eq!(scene.ways(&batch, 2.0).fate, Fate::APPLIED);
}

#[test]
fn a_monitoring_group_of_this_run_moves_along_where_the_kernel_lets_it() {
    let mut scene = Scene::new("");
    scene.bed.fake.allow_moves();
    let (batch, _) = scene.target("batch", Class::BATCH, &[7]);
    let monitor = scene
        .bed
        .fake
        .open()
        .default_group()
        .monitor("pipeline-test-llc-1-batch");
    monitor.make().unwrap();
    monitor.add(7).unwrap();
    scene.ways(&batch, 2.0);
    let found = scene.bed.fake.open().membership(7).unwrap();
    assert_eq!(found.monitor, "pipeline-test-llc-1-batch");
    assert!(found.control.ends_with("class-1"));
    scene.node.finish().unwrap();
    assert_eq!(
        scene.bed.fake.open().default_group().monitors().unwrap().len(),
        1,
        "it goes home too"
    );
}

#[test]
fn without_the_filesystem_no_knob_is_offered_and_an_action_says_why() {
    let mut scene = Scene::new("");
    scene.bed.fake.vanish("schemata");
    scene.bed.fake.fail("read", "schemata", Errno::NOENT);
    scene.node = scene.bed.host.node::<Actuates<Partition>>("").unwrap();
    scene.node.start().unwrap();
    let (batch, offered) = scene.target("batch", Class::BATCH, &[7]);
    assert!(offered.controls.is_empty());
    let outcome = scene.ways(&batch, 2.0);
    assert!(outcome.why.contains("mount -t resctrl resctrl"), "{}", outcome.why);
    assert!(scene.bed.fake.read(Path::new("/sys/fs/resctrl/tasks")).is_ok());
}
