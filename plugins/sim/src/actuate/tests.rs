//! Knobs that are turned on a node.

use super::*;
use crate::testing::Bed;
use pipeline_plugin_api::stage::Actuates;
use pipeline_plugin_api::testkit::TestNode;

const NODE: &str = "(scenario: Inline((
    machine: (ways: 12, classes: 3, bandwidth_step: 0.1),
    workloads: {
        \"web\": (kind: Service(rate: 6000.0, demand: \"20us\"), cpus: \"0\", class: Latency),
        \"batch\": (cpus: \"0\", threads: 3),
        \"other\": (cpus: \"1\"),
    },
    takers: [(at: \"5s\", target: \"batch\", knob: \"cpu.weight\", value: 7.0)],
)))";

struct Try {
    bed: Bed,
    node: TestNode,
    controls: Vec<Control>,
}

fn bed(name: &str, config: &str) -> Try {
    let mut bed = Bed::new(name, NODE);
    let mut node = bed.node::<Actuates<Knobs>>("knobs", config);
    let controls = bed.tell_targets(&mut node, Nanos::ZERO).controls.to_vec();
    Try { bed, node, controls }
}

impl Try {
    fn action(&self, target: &str, knob: Knob, value: f64, text: &str) -> Action {
        let at = self.bed.host.world().now;
        Action {
            at,
            id: 1,
            target: self.bed.target_named(target),
            knob: self.bed.host.knob(&knob),
            value,
            text: text.into(),
            until: Nanos::FOREVER,
            ..Action::default()
        }
    }

    fn act(&mut self, at: u64, action: Action) -> Outcome {
        let mut batch = Batch::default();
        batch.actions.push(Action {
            at: Nanos::from_secs(at),
            ..action
        });
        let out = self.node.feed(Nanos::from_secs(at), &batch).unwrap();
        out.outcomes.last().cloned().unwrap()
    }

    fn turn(&mut self, at: u64, target: &str, knob: Knob, value: f64) -> Outcome {
        self.act(at, self.action(target, knob, value, ""))
    }
}

#[test]
fn values_are_clamped_and_rounded_as_on_hardware() {
    let mut bed = bed("clamped", "");
    for (knob, asked, got, fate) in [
        (vocabulary::CPU_WEIGHT, 20_000.0, 10_000.0, Fate::CLAMPED),
        (vocabulary::CPU_QUOTA, 0.001, 0.01, Fate::CLAMPED),
        (vocabulary::CPU_QUOTA, 0.5, 0.5, Fate::APPLIED),
        (vocabulary::L3_WAYS, 40.0, 12.0, Fate::CLAMPED),
        (vocabulary::MEMORY_BANDWIDTH_SHARE, 0.33, 0.4, Fate::CLAMPED),
        (vocabulary::MEMORY_BANDWIDTH_SHARE, 0.3, 0.3, Fate::APPLIED),
        (vocabulary::CPU_IDLE, 1.0, 1.0, Fate::APPLIED),
    ] {
        let outcome = bed.turn(1, "batch", knob, asked);
        assert_eq!(
            (outcome.fate, outcome.value),
            (fate, got),
            "{} {asked}: {}",
            knob.name,
            outcome.why
        );
    }
    let refused = bed.turn(1, "batch", vocabulary::L3_WAYS, 1.5);
    assert_eq!(refused.fate, Fate::REFUSED);
}

#[test]
fn a_lists_cpus_are_those_of_the_machine() {
    let mut bed = bed("lists", "");
    let outcome = bed.act(1, bed.action("batch", vocabulary::CPU_SET, 0.0, "2-9"));
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::CLAMPED, "2-7"));
    let outcome = bed.act(1, bed.action("batch", vocabulary::CPU_SET, 0.0, "9"));
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("none of `9`"),
        "{}",
        outcome.why
    );
}

#[test]
fn who_is_protected_is_not_held_back_but_may_have_cache() {
    let mut bed = bed("protected", "");
    let web = bed.bed.target_named("web");
    let offered: Vec<KnobId> = bed
        .controls
        .iter()
        .filter(|c| c.target == web)
        .map(|c| c.knob)
        .collect();
    let allowed = [vocabulary::L3_WAYS, vocabulary::MEMORY_BANDWIDTH_SHARE].map(|knob| bed.bed.host.knob(&knob));
    assert_eq!(offered, allowed);
    assert_eq!(bed.turn(1, "web", vocabulary::CPU_IDLE, 1.0).fate, Fate::REFUSED);
    let outcome = bed.turn(1, "web", vocabulary::L3_WAYS, 9.0);
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::APPLIED, "0=0xff8"));
    assert_eq!(bed.turn(1, "batch", vocabulary::L3_WAYS, 3.0).text, "0=0x7");
    let third = bed.turn(1, "other", vocabulary::L3_WAYS, 2.0);
    assert!(
        third.fate == Fate::REFUSED && third.why.contains("has 2 classes"),
        "{}",
        third.why
    );
}

#[test]
fn what_is_released_stands_as_it_was_found() {
    let mut bed = bed("released", "");
    let web = bed.bed.target_named("web");
    assert_eq!(bed.turn(1, "batch", vocabulary::CPU_WEIGHT, 1.0).fate, Fate::APPLIED);
    let mut release = bed.action("batch", vocabulary::CPU_WEIGHT, 0.0, "");
    release.until = Nanos::ZERO;
    let outcome = bed.act(2, release);
    assert_eq!((outcome.fate, outcome.value), (Fate::UNDONE, 100.0));
    assert_ne!(outcome.target, web);
}

#[test]
fn what_somebody_else_set_is_theirs() {
    let mut bed = bed("taken", "");
    assert_eq!(bed.turn(1, "batch", vocabulary::CPU_WEIGHT, 1.0).fate, Fate::APPLIED);
    bed.bed.advance(Nanos::from_secs(6));
    let out = bed.node.tick(Nanos::from_secs(6)).unwrap();
    assert_eq!(out.outcomes[0].fate, Fate::TAKEN);
    assert!(
        out.outcomes[0].why.contains("set `cpu.weight` to 7"),
        "{}",
        out.outcomes[0].why
    );
}

#[test]
fn two_nodes_never_hold_the_same_knob() {
    let mut first = bed("two", "");
    assert_eq!(first.turn(1, "batch", vocabulary::CPU_IDLE, 1.0).fate, Fate::APPLIED);
    let mut second = first.bed.node::<Actuates<Knobs>>("second", "");
    for change in first.bed.changes.clone() {
        second
            .change(Nanos::from_secs(1), change.change, &change.target)
            .unwrap();
    }
    // The test's host has one name for all nodes; the hold is another's all the same.
    first.bed.host.world().node_names = vec!["second".to_owned()];
    let mut batch = Batch::default();
    batch.actions.push(first.action("batch", vocabulary::CPU_IDLE, 1.0, ""));
    let out = second.feed(Nanos::from_secs(1), &batch).unwrap();
    assert_eq!(out.outcomes[0].fate, Fate::REFUSED);
}

#[test]
fn a_dry_run_turns_nothing() {
    let mut bed = Bed::new("dry", NODE);
    bed.host.world().dry_run = true;
    let mut node = bed.node::<Actuates<Knobs>>("knobs", "");
    bed.tell_targets(&mut node, Nanos::ZERO);
    let mut batch = Batch::default();
    batch.actions.push(Action {
        target: bed.target_named("batch"),
        knob: bed.host.knob(&vocabulary::CPU_IDLE),
        value: 1.0,
        until: Nanos::FOREVER,
        ..Action::default()
    });
    let out = node.feed(Nanos::from_secs(1), &batch).unwrap();
    assert_eq!(out.outcomes[0].fate, Fate::PLANNED);
    let shared = crate::registry::find("test", "dry").unwrap();
    let ground = shared.lock();
    let place = ground.simulation.place("batch").unwrap();
    assert!(!ground.simulation.settings(place).idle);
}
