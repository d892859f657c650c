//! Ending what this run did not start.

use super::program::{Program, process};
use super::stand::{RUNNING, Stand};
use crate::actuate::ControlProcesses;
use crate::target::members::await_ready;
use pipeline_plugin_api::prelude::*;
use std::process::Command;

#[test]
fn ending_what_this_run_did_not_start_must_be_allowed() {
    let program = Program::new();
    let mut stand = Stand::of_control(&program, "");
    let outcome = stand.ask(&RUNNING, 0.0, "");
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("`allow_stop`"),
        "{}",
        outcome.why
    );
    let outcome = stand.ask(&RUNNING, 1.0, "");
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("did not start"),
        "{}",
        outcome.why
    );
    assert!(!program.states().contains('T'));
}

#[test]
fn a_target_is_asked_to_end_then_killed_and_told_that_there_is_no_way_back() {
    let mut program = Program::new();
    let stubborn = Command::new("sh")
        .args(["-c", "trap '' TERM; while :; do sleep 0.05; done"])
        .spawn()
        .unwrap();
    let (mut stand, offers) =
        Stand::new::<ControlProcesses>(&program, Class::BATCH, "(allow_stop: true, stop_timeout: \"1s\")");
    assert_eq!(offers, ["process.paused", "process.running"]);
    let mut target = stand.target.clone();
    target.processes.push(process(stubborn.id()));
    let mut stubborn = stubborn;
    await_ready([].into_iter(), 100);
    stand.node.change(stand.at, Change::CHANGED, &target).unwrap();
    let outcome = stand.ask(&RUNNING, 0.0, "");
    assert_eq!(outcome.fate, Fate::CLAMPED);
    assert!(outcome.why.contains("cannot be undone"), "{}", outcome.why);
    assert!(!program.child.wait().unwrap().success());
    stand.tick(500);
    assert_eq!(stubborn.try_wait().unwrap(), None, "its time is not over");
    stand.tick(600);
    assert!(!stubborn.wait().unwrap().success());
    assert_eq!(stand.warnings("is killed"), 1);
}
