//! What takes the whole process along, whatever a guard does: the host is put back by another process, and it says so.

use crate::rows::Row;
use crate::scene::{Scene, this_row};
use std::time::{Duration, Instant};
use system_tests::bed::Bed;
use system_tests::child::Ended;

/// An actuator turns a knob, and then a collector ends the process.
fn scene(what: &str) -> Bed {
    let deadly = format!(
        r#""deadly": (plugin: "fault.collect", every: "20ms", config: (trouble: (what: {what}, call: Work, after: 20)))"#
    );
    let scene = Scene {
        collectors: &deadly,
        schedulers: r#""guard": (plugin: "fault.command", config: (asks: Good))"#,
        actuators: r#""limit": (plugin: "fault.actuate", from: ["guard"], config: (path: "knob"))"#,
        ..Scene::default()
    };
    scene.bed()
}

/// The knob was turned, the process ended, and the knob goes back within a second or so, told in one sentence.
#[track_caller]
fn puts_back(name: &str, what: &str) {
    let bed = scene(what);
    let mut run = bed.start(&["--for", "10s"]);
    run.until(Duration::from_secs(5), "turn the knob", |_| bed.read("knob") == "1");
    let said: Ended = run.end(Duration::from_secs(10));
    let ended = Instant::now();
    while bed.read("knob") != "0" {
        assert!(
            ended.elapsed() < Duration::from_secs(5),
            "the knob was left turned:\n{}",
            said.stderr
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    Row::held(name, &said);
}

#[test]
fn a_stack_overflow() {
    puts_back(this_row!(), "Overflow");
}

#[test]
fn an_abort() {
    puts_back(this_row!(), "Abort");
}

/// A plugin that ends the process as if all were well: the status tells that nothing was well.
#[test]
fn an_exit() {
    puts_back(this_row!(), "Exit");
}
