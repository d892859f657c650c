//! A node that does well and says what no host should trust.

use crate::rows::Row;
use crate::scene::{Scene, last_of, others_ran_until, this_row};
use system_tests::child::Ended;
use system_tests::record::Record;

/// A collector that says something odd at each of its ticks, with all that may be upset by it below: signals, a
/// detector, a policy, an actuator, and a record.
fn babbles(says: &str, every: &str) -> (Ended, Record) {
    let babbler = format!(r#""odd": (plugin: "fault.babble", of: ["web"], every: "{every}", config: (says: {says}))"#);
    let scene = Scene {
        collectors: &babbler,
        transforms: r#"
            "pass": (plugin: "fault.pass", from: ["odd"]),
            "window": (plugin: "signal.window", from: ["odd"], config: (metrics: ["fault.*"])),
            "slow": (plugin: "detect.baseline", from: ["odd"], config: (signal: "fault.number")),
        "#,
        recorded: r#", "odd", "pass", "window", "slow""#,
        sinks: r#""table": (plugin: "file.table", from: ["odd"], config: (path: "table.txt"))"#,
        ..Scene::default()
    };
    scene.run(&["--for", "1500ms"])
}

#[track_caller]
fn held(name: &str, says: &str, every: &str) -> Record {
    let (said, record) = babbles(says, every);
    Row::held(name, &said);
    others_ran_until(&record, 0.8);
    assert!(
        last_of(&record, "odd") > 0.8,
        "what was good of it is not in the record"
    );
    record
}

#[test]
fn a_metric_that_the_ports_do_not_name() {
    let record = held(this_row!(), "Undeclared", "50ms");
    assert!(
        !record
            .of_kind("reading")
            .any(|line| line["metric"] == "fault.undeclared")
    );
}

#[test]
fn a_metric_that_nobody_named() {
    held(this_row!(), "NoSuchMetric", "50ms");
}

#[test]
fn integers_that_nobody_knows() {
    held(this_row!(), "UnknownIntegers", "50ms");
}

/// They are written as absent, never as zero.
#[test]
fn numbers_that_are_none() {
    let record = held(this_row!(), "NotNumbers", "50ms");
    let odd = || record.of_kind("reading").filter(|line| line["node"] == "odd");
    assert!(odd().filter(|line| line["value"].is_null()).count() > 10);
    assert!(odd().filter_map(|line| line["value"].as_f64()).all(f64::is_finite));
}

#[test]
fn a_million_readings_at_once() {
    let odd = r#""odd": (plugin: "fault.babble", every: "500ms", config: (says: Many, many: 1500000))"#;
    let scene = Scene {
        collectors: odd,
        sinks: r#""count": (plugin: "fault.sink", from: ["odd"], queue: (capacity: 2, overflow: DropOldest))"#,
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "2s"]);
    Row::held(this_row!(), &said);
    others_ran_until(&record, 0.8);
}

#[test]
fn instants_at_the_end_of_time() {
    held(this_row!(), "Future", "50ms");
}

#[test]
fn instants_long_past() {
    held(this_row!(), "Past", "50ms");
}

#[test]
fn targets_that_nobody_brought() {
    held(this_row!(), "Strangers", "50ms");
}

#[test]
fn values_of_other_stages() {
    held(this_row!(), "OtherKinds", "50ms");
}

#[test]
fn things_for_a_later_version() {
    held(this_row!(), "Spare", "50ms");
}

/// A provider that tells odd changes beside a good target; a collector, a policy and a record hear of them.
#[track_caller]
fn tells(name: &str, tells: &str) -> Record {
    let crowd = format!(r#""crowd": (plugin: "fault.crowd", every: "50ms", config: (tells: {tells}))"#);
    let scene = Scene {
        targets: &crowd,
        collectors: r#"
            "life": (plugin: "fault.collect", of: ["crowd"], every: "50ms"),
            "cpu": (plugin: "process.stats", of: ["crowd"], every: "50ms"),
        "#,
        schedulers: r#""pin": (plugin: "policy.fixed", config: (actions: [(target: "crowd", knob: "cpu.idle", value: 1.0)]))"#,
        actuators: r#""limit": (plugin: "fault.actuate", from: ["pin"], config: (path: "knob"))"#,
        recorded: r#", "life", "cpu", "pin", "limit""#,
        ..Scene::default()
    };
    let (knob, record) = with_a_knob(name, &scene);
    assert!(
        record
            .values("crowd", "fault.life")
            .last()
            .is_some_and(|(at, _)| at > 0.8),
        "the good target is lost"
    );
    assert_eq!(knob, "0");
    record
}

/// Runs a scene whose actuator turns the knob that is a file, `knob`; gives what the knob is left at, and the record.
#[track_caller]
fn with_a_knob(name: &str, scene: &Scene<'_>) -> (String, Record) {
    let bed = scene.bed();
    let said = bed.run(&["--for", "1500ms"]);
    Row::held(name, &said);
    let record = Record::read(&bed.path("out.jsonl"));
    others_ran_until(&record, 0.8);
    (bed.read("knob"), record)
}

#[test]
fn changes_and_classes_that_nobody_knows() {
    tells(this_row!(), "UnknownIntegers");
}

#[test]
fn a_target_gone_that_never_came() {
    tells(this_row!(), "NeverCame");
}

#[test]
fn a_target_that_comes_and_goes_at_once() {
    tells(this_row!(), "Flicker");
}

#[test]
fn ids_that_the_host_did_not_give() {
    tells(this_row!(), "ForeignIds");
}

/// A name cannot write a line of the log: line breaks and control characters do not pass as they are.
#[test]
fn names_with_line_breaks() {
    tells(this_row!(), "OddNames");
}

#[test]
fn targets_that_hold_each_other() {
    tells(this_row!(), "Loop");
}

/// A scheduler that asks for something odd of an actuator of a file.
#[track_caller]
fn asks(name: &str, asks: &str) -> Record {
    let guard = format!(r#""guard": (plugin: "fault.command", every: "50ms", config: (asks: {asks}))"#);
    let scene = Scene {
        schedulers: &guard,
        actuators: r#""limit": (plugin: "fault.actuate", from: ["guard"], config: (path: "knob"))"#,
        recorded: r#", "limit""#,
        ..Scene::default()
    };
    let (knob, record) = with_a_knob(name, &scene);
    assert_eq!(knob, "0", "the knob was left turned");
    record
}

#[test]
fn actions_for_targets_that_nobody_brought() {
    asks(this_row!(), "Strangers");
}

#[test]
fn actions_on_a_knob_that_nobody_named() {
    asks(this_row!(), "NoSuchKnob");
}

#[test]
fn an_action_whose_value_is_no_number() {
    asks(this_row!(), "NotNumbers");
}

/// A lease without an end ends with the run.
#[test]
fn a_lease_until_the_end_of_time() {
    let record = asks(this_row!(), "Endless");
    let fates = record.fates("web", "cpu.idle");
    assert_eq!(fates.last().map(String::as_str), Some("undone"), "{fates:?}");
}

#[test]
fn a_thousand_actions_for_one_knob() {
    asks(this_row!(), "Many");
}
