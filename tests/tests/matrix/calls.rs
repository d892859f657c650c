//! A node whose calls panic or fail: told in one sentence with its name, and nobody else suffers.

use crate::rows::Row;
use crate::scene::{Scene, last_of, others_ran_until, this_row};
use abi_stable::std_types::{RSlice, RStr};
use pipeline::plugin::Catalog;
use pipeline_plugin_api::abi::{Batch, FailureKind, Nanos, NodeBox};
use pipeline_plugin_api::testkit::TestHost;
use system_tests::bed::Bed;
use system_tests::built;

/// A collector beside the steady one with that trouble.
fn shaky(what: &str, call: &str, more: &str) -> String {
    format!(
        r#""shaky": (plugin: "fault.collect", of: ["web"], every: "20ms", on_error: Stop, config: (trouble: (what: {what}, call: {call}, {more})))"#
    )
}

/// The trouble comes while all runs: the node is stopped, the others run on.
#[track_caller]
fn within_a_run(name: &str, what: &str, call: &str, more: &str) {
    let shaky = shaky(what, call, more);
    let scene = Scene {
        collectors: &shaky,
        recorded: ", \"shaky\"",
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "2s"]);
    Row::held(name, &said);
    others_ran_until(&record, 1.2);
    assert!(last_of(&record, "shaky") < 1.2, "it ran on");
}

/// The trouble comes before anything runs: nothing is begun.
#[track_caller]
fn before_a_run(name: &str, what: &str, call: &str) {
    let shaky = shaky(what, call, "");
    let bed = Scene {
        collectors: &shaky,
        ..Scene::default()
    }
    .bed();
    let said = bed.run(&["--for", "5s"]);
    Row::held(name, &said);
    let begun = bed.path("out.jsonl").exists() && bed.read("out.jsonl").contains("\"reading\"");
    assert!(!begun, "the rest ran");
}

/// The trouble comes at the end: the others end in order, and what they had to say is all there.
#[track_caller]
fn at_the_end(name: &str, what: &str, call: &str) {
    let shaky = shaky(what, call, "");
    let scene = Scene {
        collectors: &shaky,
        recorded: ", \"shaky\"",
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "1s"]);
    Row::held(name, &said);
    others_ran_until(&record, 0.5);
}

#[test]
fn a_panic_in_check() {
    before_a_run(this_row!(), "Panic", "Check");
}

#[test]
fn a_panic_in_ports() {
    before_a_run(this_row!(), "Panic", "Ports");
}

#[test]
fn a_panic_in_create() {
    before_a_run(this_row!(), "Panic", "Create");
}

#[test]
fn a_panic_in_start() {
    before_a_run(this_row!(), "Panic", "Start");
}

#[test]
fn a_panic_in_a_tick() {
    within_a_run(this_row!(), "Panic", "Work", "after: 5");
}

#[test]
fn a_panic_on_a_change_of_targets() {
    within_a_run(this_row!(), "Panic", "Target", "");
}

#[test]
fn a_panic_whose_payload_panics_in_turn() {
    within_a_run(this_row!(), "PanicTwice", "Work", "after: 5");
}

#[test]
fn a_panic_in_stop() {
    at_the_end(this_row!(), "Panic", "End");
}

/// There is nobody left to tell, and nothing was lost: the node had its end before.
#[test]
fn a_panic_in_drop() {
    at_the_end(this_row!(), "Panic", "Drop");
}

/// What it waits for is asked after each tick; one that cannot tell waits for nothing.
#[test]
fn a_panic_in_descriptors() {
    at_the_end(this_row!(), "Panic", "Descriptors");
}

#[test]
fn a_panic_in_an_input() {
    let pass = r#""shaky": (plugin: "fault.pass", from: ["steady"], on_error: Stop, config: (trouble: (what: Panic, call: Work, after: 5)))"#;
    let scene = Scene {
        transforms: pass,
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "2s"]);
    Row::held(this_row!(), &said);
    others_ran_until(&record, 1.2);
}

#[test]
fn a_panic_in_an_actuators_release() {
    let bed = acting("(what: Panic, call: Release, lives: 1)").bed();
    let said = bed.run(&["--for", "2s"]);
    Row::held(this_row!(), &said);
    assert_eq!(bed.read("knob"), "0", "the knob was left turned");
}

#[test]
fn a_panic_in_flush() {
    let sink = r#""shaky": (plugin: "fault.sink", from: ["steady"], config: (trouble: (what: Panic, call: End)))"#;
    let scene = Scene {
        sinks: sink,
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "1s"]);
    Row::held(this_row!(), &said);
    others_ran_until(&record, 0.5);
}

/// A thread of the plugin's own is no call: it prints its panic, and the run goes on.
#[test]
fn a_panic_in_a_thread_of_the_plugins_own() {
    let shaky = shaky("PanicInThread", "Start", "");
    let scene = Scene {
        collectors: &shaky,
        recorded: ", \"shaky\"",
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "1s"]);
    Row::held(this_row!(), &said);
    let printed = said
        .stderr
        .lines()
        .filter(|line| line.contains("this mock panics in a thread of Start"));
    assert_eq!(printed.count(), 1, "{}", said.stderr);
    others_ran_until(&record, 0.5);
    assert!(last_of(&record, "shaky") > 0.5, "the node suffered from its thread");
}

/// A failure that may mend is told once in a while, not at each of the 35 ticks.
#[test]
fn a_call_that_fails_for_now() {
    stays(this_row!(), "Retry");
}

/// A kind of failure that this version does not know is one that may mend.
#[test]
fn a_failure_of_an_unknown_kind() {
    stays(this_row!(), "Strange");
}

fn stays(name: &str, what: &str) {
    let shaky = shaky(what, "Work", "after: 5");
    let scene = Scene {
        collectors: &shaky,
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "2s"]);
    Row::held(name, &said);
    others_ran_until(&record, 1.2);
}

#[test]
fn a_node_that_cannot_go_on() {
    within_a_run(this_row!(), "Fatal", "Work", "after: 5");
}

/// Three lives within ten seconds, each told, and then the end of the node.
#[test]
fn a_node_that_panics_again_and_again() {
    let shaky = shaky("Panic", "Work", "").replace("on_error: Stop, ", "");
    let scene = Scene {
        collectors: &shaky,
        ..Scene::default()
    };
    let (said, record) = scene.run(&["--for", "2s"]);
    assert_eq!(said.count("the node is made anew"), 3, "{}", said.stderr);
    let without_lives: Vec<&str> = said
        .stderr
        .lines()
        .filter(|line| !line.contains("the node is made anew"))
        .collect();
    Row::held(
        this_row!(),
        &system_tests::child::Ended {
            stderr: without_lives.join("\n"),
            ..said
        },
    );
    others_ran_until(&record, 1.2);
}

/// The calls that no run makes of itself, across the boundary of the real file: a panic comes back as a failure with
/// its text, and the node can be called again.
#[test]
fn a_panic_in_control_status_save_or_load() {
    for call in ["Control", "Status", "Save", "Load", "Drop"] {
        let mut node = loaded(call);
        let name = call.to_lowercase();
        let told = match call {
            "Control" => failure(
                node.control(RStr::from_str("echo"), RStr::from_str("1"))
                    .into_result()
                    .map(drop),
            ),
            "Status" => node.status().to_string(),
            "Save" => failure(node.save().into_result().map(drop)),
            "Load" => failure(node.load(1, RSlice::from_slice(&[1])).into_result().map(drop)),
            _ => String::new(),
        };
        if call != "Drop" {
            let sentence = format!("panic in `{name}`: this mock panics in {call}, as it was told");
            assert!(told.contains(&sentence), "{call}: {told}");
        }
        assert!(node.drain(Nanos(1), &mut Batch::default()).into_result().is_ok());
        drop(node);
    }
    let row = crate::rows::row(this_row!());
    assert!(row.says[0].contains("this mock panics in Control"));
}

#[track_caller]
fn failure(result: Result<(), pipeline_plugin_api::abi::Failure>) -> String {
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::PANIC);
    failure.message.to_string()
}

/// A collector of the real file that panics in that call.
fn loaded(call: &str) -> NodeBox {
    let catalog = Catalog::scan(&[built::folder()]);
    let element = catalog.open("fault.collect").unwrap();
    let config = format!("(trouble: (what: Panic, call: {call}))");
    let made = element.create()(RStr::from_str(&config), TestHost::new().handle());
    made.into_result().unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// A scheduler that asks for `cpu.idle` of each target, and an actuator of a file with that trouble.
fn acting(trouble: &str) -> Scene<'static> {
    let actuator = format!(
        r#""limit": (plugin: "fault.actuate", from: ["guard"], on_error: Stop, config: (path: "knob", trouble: {trouble}))"#
    );
    Scene {
        schedulers: r#""guard": (plugin: "fault.command", config: (asks: Good))"#,
        actuators: actuator.leak(),
        ..Scene::default()
    }
}

/// An actuator that panics with a knob turned: the knob goes back from the journal, without the plugin.
#[test]
fn a_panic_in_an_actuator_with_a_knob_turned() {
    let bed: Bed = acting("(what: Panic, call: Work, after: 3)").bed();
    let said = bed.run(&["--for", "2s"]);
    Row::held(this_row!(), &said);
    assert_eq!(bed.read("knob"), "0", "the knob was left turned");
}
