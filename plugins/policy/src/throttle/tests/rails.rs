//! Guard rails: whom it never touches, when it may not act, how often, and what it makes of a no.

use super::*;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::TestHost;
use proptest::prelude::*;

const BEST: Class = Class::BEST_EFFORT;

#[test]
fn nobody_of_class_latency_is_touched_nor_the_victim_nor_one_who_is_spared() {
    let mut toy = Toy::new(
        "(spare: [\"kept/*\"])",
        &[
            ("api", Class::LATENCY, &[0]),
            ("kept/x", BEST, &[0]),
            ("batch", BEST, &[0]),
        ],
    );
    toy.blamed = vec![(WEB, 0.5), (BATCH, 0.5), (BATCH + 1, 0.5), (99, 0.5)];
    toy.disturbed = true;
    toy.seconds(60);
    assert_eq!(toy.actions, []);
    toy.blamed.push((BATCH + 2, 0.5));
    toy.seconds(1);
    assert_eq!(toy.story(), ["batch cpu.idle 1.00"]);
}

#[test]
fn a_culprit_that_becomes_protected_is_let_go() {
    let mut toy = Toy::new("", &[("batch", BEST, &[0])]);
    toy.disturbed = true;
    toy.seconds(5);
    assert!(toy.holds(BATCH, "cpu.idle"));
    toy.protect(BATCH);
    toy.seconds(1);
    assert!(!toy.holds(BATCH, "cpu.idle"));
}

#[test]
fn only_sure_findings_about_cpu_time_that_name_somebody_are_acted_on() {
    for resource in [Resource::SELF, Resource::HYPERVISOR, Resource::UNKNOWN, Resource::L3] {
        let mut toy = Toy::new("", &[("batch", BEST, &[0])]);
        toy.resource = resource;
        toy.disturbed = true;
        toy.seconds(20);
        assert_eq!(toy.actions, [], "{resource}");
    }
    let mut toy = Toy::new("(least_confidence: 0.95)", &[("batch", BEST, &[0])]);
    toy.disturbed = true;
    toy.seconds(20);
    assert_eq!(toy.actions, []);
    let mut toy = Toy::new("", &[("batch", BEST, &[0])]);
    toy.blamed = vec![(BATCH, 0.04)];
    toy.disturbed = true;
    toy.seconds(20);
    assert_eq!(toy.actions, []);
}

#[test]
fn a_refused_knob_is_left_alone_and_the_next_one_tried_at_once() {
    let mut toy = Toy::new("", &[("batch", BEST, &[0, 1])]);
    toy.refused = vec!["cpu.idle"];
    toy.helps = vec!["cpu.weight"];
    toy.disturbed = true;
    toy.seconds(40);
    let idle = toy
        .actions
        .iter()
        .filter(|action| toy.describe(action).contains("cpu.idle"))
        .count();
    assert_eq!(idle, 1);
    let second = toy.changes()[1].clone();
    assert_eq!(toy.describe(&second), "batch cpu.set 1");
    assert!(second.at.since(toy.changes()[0].at) <= Nanos::from_millis(400));
}

#[test]
fn a_knob_that_someone_took_is_theirs() {
    let mut toy = Toy::new("(cooldown: \"1s\", hold: \"10m\")", &[("batch", BEST, &[0, 1])]);
    toy.helps = vec!["cpu.idle", "cpu.set"];
    toy.disturbed = true;
    toy.seconds(10);
    toy.seize(BATCH, "cpu.idle");
    toy.seconds(15);
    toy.refused = vec!["cpu.set", "cpu.weight", "cpu.quota"];
    toy.seconds(100);
    toy.refused.clear();
    // What was refused counts among the changes of the last minute.
    toy.seconds(75);
    let after: Vec<String> = toy.story().split_off(1);
    assert!(!after.iter().any(|line| line.contains("cpu.idle")), "{after:?}");
    assert!(
        toy.holds(BATCH, "cpu.set") || toy.holds(BATCH, "cpu.weight"),
        "{after:?}"
    );
}

#[test]
fn no_more_than_so_many_changes_a_minute() {
    let mut toy = Toy::new("(most_changes: 4, cooldown: \"1s\")", &[("batch", BEST, &[0, 1])]);
    toy.helps = vec![];
    toy.disturbed = true;
    toy.seconds(300);
    let changes = toy.changes();
    assert!(changes.len() > 10, "{}", changes.len());
    for (i, action) in changes.iter().enumerate().filter(|(_, action)| !action.is_release()) {
        let since = Nanos(action.at.0.saturating_sub(59_999_999_999));
        let within = changes[..=i].iter().filter(|earlier| earlier.at >= since).count();
        assert!(within <= 4, "{within} changes in the minute before {}", action.at);
    }
    assert!(toy.logged("changes a minute are used up") >= 1);
}

#[test]
fn a_successor_keeps_to_what_is_left_of_the_minute() {
    let config = "(most_changes: 4, cooldown: \"1s\")";
    let mut toy = Toy::new(config, &[("batch", BEST, &[0, 1])]);
    toy.helps = vec![];
    toy.disturbed = true;
    toy.seconds(30);
    let made = toy.story();
    assert!(made.len() >= 4, "{made:?}");
    toy.succeed(config);
    toy.seconds(20);
    assert_eq!(toy.story(), made, "nothing is left of it");
    toy.seconds(60);
    assert!(toy.story().len() > made.len(), "the minute is over");
}

#[test]
fn outside_its_window_it_holds_nothing_and_says_so() {
    let mut toy = Toy::new(
        "(during: (from: \"10s\", to: \"20s\", every: \"40s\"))",
        &[("batch", BEST, &[0])],
    );
    toy.disturbed = true;
    toy.seconds(70);
    for action in &toy.actions {
        let phase = action.at.seconds() % 40.0;
        let inside = (10.0..20.0).contains(&phase);
        assert!(inside || action.is_release() && phase == 20.0, "{action:?}");
    }
    assert_eq!(toy.story().len(), 4, "twice on, twice undone: {:?}", toy.story());
    let active = toy.told(&vocabulary::POLICY_ACTIVE);
    assert!(active.len() >= 70, "told each second, {}", active.len());
    for (at, value) in &active {
        let inside = (10.0..20.0).contains(&(at % 40.0));
        assert_eq!(*value == 1.0, inside, "at {at}");
    }
    let held = toy.told(&vocabulary::POLICY_HELD);
    assert!(held.contains(&(20.0, 0.0)) && held.iter().any(|(_, value)| *value == 1.0));
}

#[test]
fn what_went_is_forgotten() {
    for target in [WEB, BATCH] {
        let mut toy = Toy::new("", &[("batch", BEST, &[0])]);
        toy.disturbed = true;
        toy.seconds(10);
        assert!(toy.holds(BATCH, "cpu.idle"));
        toy.gone(target);
        toy.disturbed = false;
        toy.seconds(2);
        assert!(!toy.holds(BATCH, "cpu.idle"));
        let undone = toy.actions.iter().any(Action::is_release);
        assert_eq!(
            undone,
            target == WEB,
            "a knob that went with its target is not put back"
        );
    }
}

/// What happens at one instant: a kind of event, a target, a knob or phase, a number.
type Event = (u8, u32, u32, f64);

fn said(events: &[Event]) -> Vec<Batch> {
    let host = TestHost::new();
    let config = "(ladder: [Idle, Weight, CpuSet, Quota, Freeze], settle: \"0s\", proof: \"200ms\", cooldown: \"1s\")";
    let mut node = host.node::<Schedules<Throttle>>(config).unwrap();
    let knobs: Vec<KnobId> = vocabulary::KNOBS.iter().map(|knob| host.knob(knob)).collect();
    let ratio = host.metric(&vocabulary::DETECT_RATIO);
    let told = events.iter().enumerate().map(|(i, (kind, target, which, number))| {
        let at = Nanos(i as u64 * 100_000_000);
        let id = TargetId(*target);
        let knob = knobs[*which as usize % knobs.len()];
        let mut batch = Batch::default();
        match kind {
            0 => batch.changes.push(TargetChange {
                at,
                change: Change(*which % 3),
                target: Target {
                    id,
                    class: if *target < 3 { Class::LATENCY } else { BEST },
                    parent: TargetId(*which),
                    cpus: vec![*target % 2].into(),
                    ..Target::default()
                },
            }),
            1 => batch.controls.push(Control {
                target: id,
                knob,
                most: *number,
                value: f64::NAN,
                stricter: 1,
                ..Control::default()
            }),
            2 => batch.outcomes.push(Outcome {
                action: u64::from(*which),
                target: id,
                knob,
                fate: Fate(*which % 7),
                ..Outcome::default()
            }),
            3 => batch.readings.push(Reading::gauge(at, id, ratio, *number)),
            _ => batch.findings.push(Finding {
                at,
                id: u64::from(*which % 2),
                phase: Phase(*which % 3),
                victim: TargetId(*target % 4),
                resource: Resource::CPU_TIME,
                severity: *number,
                confidence: 1.0,
                culprits: (0..6)
                    .map(|target| Culprit {
                        target: TargetId(target),
                        score: 0.5,
                    })
                    .collect(),
                ..Finding::default()
            }),
        }
        node.feed(at, &batch).expect("no failure, no panic")
    });
    told.collect()
}

fn event() -> impl Strategy<Value = Event> {
    let number = prop_oneof![Just(1.0), 0.0..30.0_f64, Just(f64::NAN), Just(f64::INFINITY)];
    (0_u8..8, 0_u32..6, 0_u32..12, number)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_input_makes_it_panic_or_touch_a_protected_target(events in prop::collection::vec(event(), 0..200)) {
        let once = said(&events);
        prop_assert_eq!(format!("{:?}", once), format!("{:?}", said(&events)));
        let mut ids = std::collections::BTreeSet::new();
        for action in once.iter().flat_map(|batch| &batch.actions) {
            prop_assert!(action.target.0 >= 3, "{action:?}");
            prop_assert!(ids.insert(action.id) && !action.why.is_empty());
        }
    }
}
