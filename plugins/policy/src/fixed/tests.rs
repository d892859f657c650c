//! End states as configured: when they are asked for, renewed, given up.

use super::*;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

const PIN: &str = "(actions: [(target: \"pods/*\", knob: \"cpu.set\", text: \"1\"), (target: \"batch\", knob: \"cpu.idle\", value: 1.0)])";

struct Scene {
    host: TestHost,
    node: TestNode,
}

impl Scene {
    fn new(config: &str) -> Self {
        let host = TestHost::new();
        let node = host.node::<Schedules<Fixed>>(config).unwrap();
        Self { host, node }
    }

    /// A target appears, and its actuator offers that knob of it.
    fn appear(&mut self, name: &str, knob: &Knob) -> Vec<Action> {
        let target = self.host.target(Target {
            name: name.into(),
            ..Target::default()
        });
        self.node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
        let mut batch = Batch::default();
        batch.controls.push(Control {
            target: target.id,
            knob: self.host.knob(knob),
            most: 1.0,
            ..Control::default()
        });
        self.node.feed(Nanos::ZERO, &batch).unwrap().actions.into()
    }

    fn at(&mut self, millis: u64) -> Batch {
        self.node.feed(Nanos::from_millis(millis), &Batch::default()).unwrap()
    }

    fn outcome(&mut self, millis: u64, action: &Action, fate: Fate) -> Vec<Action> {
        let mut batch = Batch::default();
        batch.outcomes.push(Outcome {
            action: action.id,
            target: action.target,
            knob: action.knob,
            fate,
            ..Outcome::default()
        });
        self.node
            .feed(Nanos::from_millis(millis), &batch)
            .unwrap()
            .actions
            .into()
    }
}

#[test]
fn with_no_actions_it_only_observes() {
    let mut scene = Scene::new("");
    assert_eq!(scene.appear("batch", &vocabulary::CPU_IDLE), []);
    let said = scene.at(5000);
    assert_eq!((said.actions.len(), said.readings.len()), (0, 2));
}

#[test]
fn an_end_state_is_asked_for_once_its_target_and_its_knob_are_there() {
    let mut scene = Scene::new(PIN);
    assert_eq!(scene.appear("other", &vocabulary::CPU_SET), []);
    assert_eq!(scene.appear("pods/a", &vocabulary::CPU_IDLE), []);
    let pinned = scene.appear("pods/b", &vocabulary::CPU_SET);
    assert_eq!((pinned[0].text.as_str(), pinned[0].until), ("1", Nanos::from_secs(5)));
    let idle = scene.appear("batch", &vocabulary::CPU_IDLE);
    assert_eq!((idle.len(), idle[0].value), (1, 1.0));
}

#[test]
fn it_is_renewed_before_half_of_the_lease_is_over() {
    let mut scene = Scene::new(PIN);
    scene.appear("batch", &vocabulary::CPU_IDLE);
    assert!(scene.at(1900).actions.is_empty());
    let renewed = scene.at(2000).actions;
    assert_eq!(renewed[0].until, Nanos::from_secs(7));
}

#[test]
fn it_is_wanted_in_its_window_only() {
    let window = "during: (from: \"1s\", to: \"2s\")";
    let mut scene = Scene::new(&PIN.replace("])", &format!("], {window})")));
    assert_eq!(scene.appear("batch", &vocabulary::CPU_IDLE), []);
    assert_eq!(scene.at(1000).actions.len(), 1);
    let over = scene.at(2000).actions;
    assert!(over[0].is_release());
    assert!(over[0].why.contains("window"), "{}", over[0].why);
}

#[test]
fn what_was_refused_is_tried_again_and_what_was_taken_is_not() {
    for (fate, again) in [(Fate::REFUSED, 1), (Fate::TAKEN, 0)] {
        let mut scene = Scene::new(PIN);
        let action = scene.appear("batch", &vocabulary::CPU_IDLE)[0].clone();
        assert_eq!(scene.outcome(100, &action, fate), []);
        assert_eq!(scene.at(10_000).actions.len(), 0);
        assert_eq!(scene.at(10_100).actions.len(), again, "{fate}");
    }
}

#[test]
fn a_knob_that_a_renewal_found_taken_is_left_alone_for_good() {
    let mut scene = Scene::new(PIN);
    scene.appear("batch", &vocabulary::CPU_IDLE);
    let renewal = scene.at(2000).actions[0].clone();
    assert_eq!(scene.outcome(2001, &renewal, Fate::TAKEN), []);
    let mut offered = Batch::default();
    offered.controls.push(Control {
        target: renewal.target,
        knob: renewal.knob,
        most: 1.0,
        ..Control::default()
    });
    assert_eq!(
        scene.node.feed(Nanos::from_secs(60), &offered).unwrap().actions.len(),
        0
    );
    assert_eq!(scene.at(365 * 86_400_000).actions.len(), 0);
}

#[test]
fn a_knob_that_nobody_offers_is_told_once_with_those_that_are_offered() {
    let mut scene = Scene::new(PIN);
    scene.appear("pods/a", &vocabulary::CPU_IDLE);
    scene.appear("pods/b", &vocabulary::CPU_IDLE);
    scene.appear("batch", &vocabulary::CPU_IDLE);
    scene.appear("other", &vocabulary::CPU_IDLE);
    let warned = |scene: &Scene| {
        let lines = scene.host.world().logs.clone().into_iter();
        lines.filter(|(level, _)| *level == Level::WARN).collect::<Vec<_>>()
    };
    scene.at(1999);
    assert_eq!(warned(&scene), []);
    scene.at(2000);
    let told = warned(&scene);
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["cpu.set", "pods/a", "others=1", "cpu.idle", "no actuator offers"] {
        assert!(told[0].1.contains(part), "{part}: {told:?}");
    }
    scene.at(600_000);
    assert_eq!(warned(&scene).len(), 1);
}

#[test]
fn its_ports_name_each_knob_once() {
    let config = FixedConfig {
        actions: vec![
            EndState {
                target: "a".to_owned(),
                knob: "cpu.idle".to_owned(),
                value: 1.0,
                ..EndState::default()
            };
            2
        ],
        ..FixedConfig::default()
    };
    let gives = Fixed::ports(&config).into_abi().gives;
    assert_eq!(gives.iter().filter(|port| port.name == "cpu.idle").count(), 1);
}

#[test]
fn a_successor_renews_what_its_predecessor_held_and_puts_back_what_is_no_longer_asked_for() {
    for (config, releases) in [(PIN, false), ("", true)] {
        let mut scene = Scene::new(PIN);
        scene.appear("batch", &vocabulary::CPU_IDLE);
        let state = scene.node.raw().save().into_result().unwrap();
        let mut next = Scene::new(config);
        next.appear("batch", &vocabulary::CPU_IDLE);
        next.node.raw().load(1, state.as_slice().into()).into_result().unwrap();
        let actions = next.at(2000).actions;
        assert_eq!((actions.len(), actions[0].is_release()), (1, releases));
    }
}
