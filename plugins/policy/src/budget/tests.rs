//! What passes, waits and is refused; what is told to the policy before it.

use super::*;
use pipeline_plugin_api::abi::OUTCOMES_PORT;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

struct Scene {
    host: TestHost,
    node: TestNode,
    last_id: u64,
}

/// Targets: 1 is protected; 2, 3 and 4 are not.
const WEB: u32 = 1;

impl Scene {
    fn new(config: &str) -> Self {
        let host = TestHost::new();
        let node = host.node::<Schedules<Budget>>(config).unwrap();
        let mut scene = Self { host, node, last_id: 0 };
        for (name, class) in [
            ("web", Class::LATENCY),
            ("a", Class::BATCH),
            ("b", Class::BEST_EFFORT),
            ("c", Class::UNSET),
        ] {
            scene.appear(name, class);
        }
        scene
    }

    fn appear(&mut self, name: &str, class: Class) {
        let target = self.host.target(Target {
            name: name.into(),
            class,
            ..Target::default()
        });
        self.node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
        let mut batch = Batch::default();
        batch.controls.push(Control {
            target: target.id,
            knob: self.knob(),
            least: 1.0,
            most: 11.0,
            value: 11.0,
            stricter: -1,
            cost: 0.9,
            ..Control::default()
        });
        let said = self.node.feed_ports(Nanos::ZERO, &[(OUTCOMES_PORT, &batch)]).unwrap();
        assert_eq!(said.controls, batch.controls, "the policy is told of the knob");
    }

    fn knob(&self) -> KnobId {
        self.host.knob(&vocabulary::L3_WAYS)
    }

    fn action(&mut self, target: u32, value: Option<f64>, at: u64) -> Action {
        self.last_id += 1;
        let at = Nanos::from_millis(at);
        Action {
            at,
            id: self.last_id,
            target: TargetId(target),
            knob: self.knob(),
            value: value.unwrap_or(0.0),
            until: if value.is_some() { at + Nanos::from_secs(5) } else { at },
            why: "because".into(),
            ..Action::default()
        }
    }

    /// The policy asks; gives what passed and what was refused, by target.
    fn ask(&mut self, at: u64, wanted: &[(u32, Option<f64>)]) -> (Vec<u32>, Vec<u32>) {
        let actions: Vec<Action> = wanted
            .iter()
            .map(|(target, value)| self.action(*target, *value, at))
            .collect();
        let batch = Batch {
            actions: actions.into(),
            ..Batch::default()
        };
        let said = self.node.feed(Nanos::from_millis(at), &batch).unwrap();
        told(&said)
    }

    fn wait(&mut self, at: u64) -> (Vec<u32>, Vec<u32>) {
        told(&self.node.feed(Nanos::from_millis(at), &Batch::default()).unwrap())
    }
}

fn told(said: &Batch) -> (Vec<u32>, Vec<u32>) {
    let refused = said.outcomes.iter().filter(|outcome| outcome.fate == Fate::REFUSED);
    (
        said.actions.iter().map(|action| action.target.0).collect(),
        refused.map(|outcome| outcome.target.0).collect(),
    )
}

const NONE: Vec<u32> = Vec::new();

#[test]
fn no_more_than_so_many_changes_a_minute_pass_and_renewals_and_releases_always_do() {
    let mut scene = Scene::new("(most_changes: 2, most_taken: 1.0)");
    assert_eq!(scene.ask(0, &[(2, Some(5.0)), (3, Some(5.0))]), (vec![2, 3], NONE));
    assert_eq!(scene.ask(100, &[(4, Some(5.0))]), (NONE, NONE), "it waits");
    assert_eq!(scene.wait(1000), (NONE, NONE));
    assert_eq!(scene.wait(1100), (NONE, vec![4]), "patience is over");
    assert_eq!(
        scene.ask(2000, &[(2, Some(5.0)), (3, Some(5.0))]),
        (vec![2, 3], NONE),
        "renewed"
    );
    assert_eq!(
        scene.ask(3000, &[(2, Some(8.0)), (3, None)]),
        (vec![2, 3], NONE),
        "loosened, put back"
    );
    assert_eq!(
        scene.ask(60_500, &[(3, Some(4.0))]),
        (NONE, NONE),
        "what was loosened counts as well"
    );
    assert_eq!(scene.wait(61_500), (NONE, vec![3]));
    assert_eq!(scene.ask(62_500, &[(3, Some(4.0))]), (NONE, NONE));
    assert_eq!(scene.wait(63_000), (vec![3], NONE), "there is room in time");
}

#[test]
fn no_more_work_is_taken_than_stated_and_there_is_room_again_after_a_release() {
    // At one way 0.9 of the work of one of three.
    let mut scene = Scene::new("(most_taken: 0.61)");
    assert_eq!(scene.ask(0, &[(2, Some(1.0)), (3, Some(1.0))]), (vec![2, 3], NONE));
    assert_eq!(scene.ask(100, &[(4, Some(1.0))]), (NONE, NONE));
    assert_eq!(scene.ask(200, &[(2, None)]), (vec![2, 4], NONE));
    assert_eq!(scene.ask(300, &[(2, Some(10.9))]).0, [2], "a little more of another");
}

#[test]
fn who_is_protected_or_spared_is_never_touched_unless_told_so() {
    for (config, passed, refused) in [
        ("(spare: [\"b\"])", vec![], vec![WEB, 3, 99]),
        ("(protect: false, most_taken: 1.0)", vec![WEB, 3], vec![99]),
    ] {
        let mut scene = Scene::new(config);
        let asked = [(WEB, Some(1.0)), (3, Some(1.0)), (99, Some(1.0))];
        assert_eq!(scene.ask(0, &asked), (passed, refused), "{config}");
        assert_eq!(scene.ask(1, &[(WEB, None)]).0, [WEB], "a release always passes");
    }
}

#[test]
fn a_knob_cools_down_before_it_is_tightened_again() {
    let mut scene = Scene::new("(cooldown: \"2s\", patience: \"5s\", most_taken: 1.0)");
    scene.ask(0, &[(2, Some(5.0))]);
    assert_eq!(scene.ask(500, &[(2, Some(3.0))]), (NONE, NONE));
    assert_eq!(scene.wait(1999), (NONE, NONE));
    assert_eq!(scene.wait(2000), (vec![2], NONE));
}

#[test]
fn the_actions_of_a_set_pass_together_or_not_at_all() {
    let mut scene = Scene::new("(most_changes: 3, patience: \"0s\", most_taken: 1.0)");
    scene.ask(0, &[(2, Some(5.0)), (3, Some(5.0))]);
    let mut batch = Batch::default();
    for target in [3, 4] {
        let action = scene.action(target, Some(2.0), 10);
        batch.actions.push(Action { set: 7, ..action });
    }
    let said = scene.node.feed(Nanos::from_millis(10), &batch).unwrap();
    assert_eq!(told(&said), (NONE, vec![3, 4]));
    assert!(
        said.outcomes[0].why.contains("3 changes a minute"),
        "{}",
        said.outcomes[0].why
    );
}

#[test]
fn what_became_of_actions_goes_back_and_what_somebody_took_is_left_alone() {
    let mut scene = Scene::new("(most_taken: 1.0)");
    scene.ask(0, &[(2, Some(5.0))]);
    let mut batch = Batch::default();
    batch.outcomes.push(Outcome {
        action: 1,
        target: TargetId(2),
        knob: scene.knob(),
        fate: Fate::TAKEN,
        why: "somebody wrote 3".into(),
        ..Outcome::default()
    });
    let said = scene.node.feed_ports(Nanos(10), &[(OUTCOMES_PORT, &batch)]).unwrap();
    assert_eq!(said.outcomes, batch.outcomes);
    assert_eq!(scene.ask(100, &[(2, Some(4.0))]), (NONE, vec![2]));
}

#[test]
fn a_successor_keeps_to_the_same_limit() {
    let mut scene = Scene::new("(most_changes: 2, patience: \"0s\", most_taken: 1.0)");
    scene.ask(0, &[(2, Some(5.0)), (3, Some(5.0))]);
    let state = scene.node.raw().save().into_result().unwrap();
    let mut node = scene
        .host
        .node::<Schedules<Budget>>("(most_changes: 2, patience: \"0s\", most_taken: 1.0)")
        .unwrap();
    node.raw().load(1, state.as_slice().into()).into_result().unwrap();
    scene.node = node;
    assert_eq!(scene.ask(100, &[(2, Some(5.0)), (4, Some(5.0))]), (vec![2], vec![4]));
}

#[test]
fn what_waits_is_forgotten_when_it_is_not_wanted_any_more_or_its_target_went() {
    let mut scene = Scene::new("(most_changes: 1, patience: \"10s\", most_taken: 1.0)");
    scene.ask(0, &[(2, Some(5.0))]);
    scene.ask(59_000, &[(3, Some(5.0)), (4, Some(5.0))]);
    scene.ask(59_100, &[(3, None)]);
    let target = scene.host.world().targets[&TargetId(4)].clone();
    scene
        .node
        .change(Nanos::from_millis(59_200), Change::GONE, &target)
        .unwrap();
    assert_eq!(scene.wait(61_000), (NONE, NONE));
}

#[test]
fn it_stands_before_one_policy() {
    let host = TestHost::new();
    host.world().node_names = vec!["budget".into(), "one".into(), "two".into()];
    let refused = host.node::<Schedules<Budget>>("").err().unwrap();
    assert!(refused.contains("`one`, `two`"), "{refused}");
}
