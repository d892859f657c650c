//! A pause stops all, and the release lets go on what went before.

use super::program::Program;
use super::stand::{PAUSED, Stand, until};
use crate::actuate::ControlProcesses;
use pipeline_plugin_api::prelude::*;
use rustix::process::Signal;

#[test]
fn a_pause_stops_all_and_the_release_lets_all_go_on() {
    let mut program = Program::new();
    program.tell_all(&["c", "c"]);
    let (mut stand, offers) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "");
    assert_eq!(offers, ["process.paused"], "it may not be ended");
    let outcome = stand.ask(&PAUSED, 1.0, "");
    assert_eq!((outcome.fate, outcome.value), (Fate::APPLIED, 1.0));
    assert_eq!(program.states(), "TTT");
    let journal = stand.journal();
    assert_eq!(journal.len(), 3);
    assert!(
        journal
            .iter()
            .all(|undo| undo.kind == UndoKind::CONTINUE && undo.start_time > 0)
    );
    assert_eq!(stand.release(&PAUSED).fate, Fate::UNDONE);
    until("they go on", || !program.states().contains('T'));
    program.tell("t");
    assert_eq!(stand.journal(), []);
}

#[test]
fn one_that_stood_still_already_stays_so() {
    let mut program = Program::new();
    program.tell("c");
    program.signal(Signal::STOP);
    until("it stops", || program.states().starts_with('T'));
    let mut stand = Stand::of_control(&program, "");
    stand.ask(&PAUSED, 1.0, "");
    assert_eq!(program.states(), "TT");
    assert_eq!(stand.journal().len(), 1);
    stand.release(&PAUSED);
    until("the child goes on", || program.states() != "TT");
    assert!(program.states().starts_with('T'));
    program.signal(Signal::CONT);
}

#[test]
fn a_pause_that_somebody_else_ended_is_theirs() {
    let program = Program::new();
    let mut stand = Stand::of_control(&program, "");
    stand.ask(&PAUSED, 1.0, "");
    program.signal(Signal::CONT);
    until("it goes on", || program.states() != "T");
    assert_eq!(stand.tick(100).first().map(|outcome| outcome.fate), Some(Fate::TAKEN));
    assert_eq!(stand.tick(100), []);
    assert_eq!(stand.journal(), []);
}
