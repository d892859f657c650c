//! A node whose calls do not come back: it loses its thread, and the others run on.

use crate::rows::Row;
use crate::scene::{Scene, gaps_until, others_ran_until, this_row};
use std::time::Duration;
use system_tests::record::Record;

/// Longest that any of these may take; the end of a run has 10 s.
const LONG: Duration = Duration::from_secs(60);

fn shaky(call: &str, more: &str) -> String {
    format!(
        r#""shaky": (plugin: "fault.collect", of: ["web"], every: "20ms", on_error: Stop, config: (trouble: (what: Hang, call: {call}, {more})))"#
    )
}

/// In the control lane, beside the steady collector: that must go on all the same, with one gap of at most the budget.
#[track_caller]
fn within_a_run(name: &str, scene: &Scene<'_>) {
    let bed = scene.bed();
    let said = bed.start(&["--for", "4s", "--drain", "4s"]).end(LONG);
    Row::held(name, &said);
    let record = Record::read(&bed.path("out.jsonl"));
    let gaps = gaps_until(&record, 3.0);
    assert!(gaps <= 1, "more than the instant of the hang is lost: {gaps}");
}

#[test]
fn a_hang_in_a_tick() {
    within_a_run(
        this_row!(),
        &Scene {
            collectors: &shaky("Work", "after: 5"),
            ..Scene::default()
        },
    );
}

#[test]
fn a_hang_on_a_change_of_targets() {
    within_a_run(
        this_row!(),
        &Scene {
            collectors: &shaky("Target", ""),
            ..Scene::default()
        },
    );
}

#[test]
fn a_hang_in_an_input() {
    let pass = r#""shaky": (plugin: "fault.pass", from: ["steady"], on_error: Stop, config: (trouble: (what: Hang, call: Work, after: 5)))"#;
    within_a_run(
        this_row!(),
        &Scene {
            transforms: pass,
            ..Scene::default()
        },
    );
}

/// Its knob goes back from the journal while the call still hangs.
#[test]
fn a_hang_in_an_actuator_with_a_knob_turned() {
    let actuator = r#""limit": (plugin: "fault.actuate", from: ["guard"], on_error: Stop, config: (path: "knob", trouble: (what: Hang, call: Work, after: 3)))"#;
    let scene = Scene {
        schedulers: r#""guard": (plugin: "fault.command", config: (asks: Good))"#,
        actuators: actuator,
        ..Scene::default()
    };
    let bed = scene.bed();
    let mut run = bed.start(&["--for", "4s", "--drain", "4s"]);
    run.until(Duration::from_secs(3), "turn the knob", |_| bed.read("knob") == "1");
    run.until(Duration::from_secs(10), "put the knob back", |_| {
        bed.read("knob") == "0"
    });
    let said = run.end(LONG);
    Row::held(this_row!(), &said);
    assert!(gaps_until(&Record::read(&bed.path("out.jsonl")), 3.0) <= 1);
}

#[test]
fn a_hang_in_create() {
    before_a_run(this_row!(), "Create");
}

#[test]
fn a_hang_in_start() {
    before_a_run(this_row!(), "Start");
}

#[track_caller]
fn before_a_run(name: &str, call: &str) {
    let bed = Scene {
        collectors: &shaky(call, ""),
        ..Scene::default()
    }
    .bed();
    let said = bed.start(&["--for", "1s", "--drain", "2s"]).end(LONG);
    Row::held(name, &said);
}

/// The end has a bound for each node, and the others end in order: the record is whole.
#[test]
fn a_hang_in_stop() {
    let collectors = shaky("End", "");
    at_the_end(
        this_row!(),
        &Scene {
            collectors: &collectors,
            ..Scene::default()
        },
    );
}

#[test]
fn a_hang_in_flush() {
    let sink = r#""shaky": (plugin: "fault.sink", from: ["steady"], config: (trouble: (what: Hang, call: End)))"#;
    at_the_end(
        this_row!(),
        &Scene {
            sinks: sink,
            ..Scene::default()
        },
    );
}

#[test]
fn a_hang_in_drop() {
    let collectors = shaky("Drop", "");
    at_the_end(
        this_row!(),
        &Scene {
            collectors: &collectors,
            ..Scene::default()
        },
    );
}

#[track_caller]
fn at_the_end(name: &str, scene: &Scene<'_>) {
    let bed = scene.bed();
    let said = bed.start(&["--for", "1s", "--drain", "4s"]).end(LONG);
    Row::held(name, &said);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 0.4);
}
