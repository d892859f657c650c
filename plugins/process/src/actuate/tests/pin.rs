//! Threads and children are pinned, those that come later too, and get back what they had.

use super::program::{Program, stat};
use super::stand::{CPUS, Cpus, Stand, all_are};
use crate::actuate::Affinity;
use pipeline_plugin_api::prelude::*;

#[test]
fn every_thread_and_child_is_pinned_newcomers_too_and_all_go_back() {
    let Some(Cpus { all, first, .. }) = Cpus::or_skip() else {
        return;
    };
    let mut program = Program::new();
    program.tell_all(&["t", "t", "c"]);
    let (mut stand, offers) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    assert_eq!(offers, ["cpu.affinity"]);
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::APPLIED, first.as_str()));
    assert_eq!(program.cpus().len(), 4);
    assert!(all_are(&program.cpus(), &first));
    let (threads, processes) = stand.records();
    assert_eq!((threads.len(), processes.len()), (4, 2));
    program.tell_all(&["t", "c"]);
    assert_eq!(stand.tick(100), []);
    let (threads, processes) = stand.records();
    assert_eq!((threads.len(), processes.len()), (6, 3), "newcomers are journalled too");
    let journal = stand.journal();
    let first_of = |pid: u32| journal.iter().find(|undo| undo.pid == pid).unwrap();
    for process in &processes {
        assert_eq!(process.path, format!("/proc/{}/task", process.pid));
        assert_eq!(
            first_of(process.pid),
            process,
            "ahead of its threads, so that it is undone after them"
        );
    }
    let before = all.parse::<pipeline_cgroup_fs::CpuSet>().unwrap();
    let before = before.iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",");
    for undo in journal {
        assert_eq!(undo.kind, UndoKind::SET_AFFINITY);
        assert_eq!(
            (undo.before.as_str(), undo.after.as_str()),
            (before.as_str(), first.as_str())
        );
        assert_eq!(stat(undo.pid).start_time, undo.start_time);
    }
    // These come after the last instant and before the release.
    program.tell_all(&["t", "c"]);
    assert_eq!(stand.release(&CPUS).fate, Fate::UNDONE);
    assert_eq!(program.cpus().len(), 8);
    assert!(all_are(&program.cpus(), &all), "{:?}", program.cpus());
    assert_eq!(stand.journal(), []);
}

#[test]
fn threads_that_came_differently_get_back_their_own() {
    let Some(Cpus { all, first, last }) = Cpus::or_skip() else {
        return;
    };
    let mut program = Program::new();
    program.tell_all(&["t", "p"]);
    let before = program.cpus();
    assert_eq!(before, [first, all]);
    let mut stand = Stand::of_affinity(&program);
    assert_eq!(stand.ask(&CPUS, 0.0, &last).fate, Fate::APPLIED);
    assert!(all_are(&program.cpus(), &last));
    assert_eq!(stand.release(&CPUS).fate, Fate::UNDONE);
    assert_eq!(program.cpus(), before);
}

#[test]
fn where_a_thread_had_the_cpus_anyway_nothing_is_said_of_those_to_come() {
    let Some(Cpus { first, .. }) = Cpus::or_skip() else {
        return;
    };
    let mut program = Program::new();
    program.tell_all(&["t", "p"]);
    let mut stand = Stand::of_affinity(&program);
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
    let (threads, processes) = stand.records();
    assert_eq!((threads.len(), processes), (2, Vec::new()));
}

#[test]
fn another_value_is_set_on_top_and_what_was_found_comes_back() {
    let Some(Cpus { all, first, last }) = Cpus::or_skip() else {
        return;
    };
    let program = Program::new();
    let mut stand = Stand::of_affinity(&program);
    stand.ask(&CPUS, 0.0, &first);
    assert_eq!(stand.ask(&CPUS, 0.0, &last).text, last);
    assert_eq!(program.cpus(), [last.as_str()]);
    let journal = stand.journal();
    assert_eq!(
        journal.len(),
        2,
        "recorded once, for the thread and for its process, and amended"
    );
    assert!(journal.iter().all(|undo| undo.after == last.as_str()));
    stand.release(&CPUS);
    assert_eq!(program.cpus(), [all]);
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let program = Program::new();
    let before = program.cpus();
    let mut stand = Stand::of_affinity(&program);
    for (text, why) in [("8000", "is online"), ("x", "no CPU list"), ("", "is online")] {
        let outcome = stand.ask(&CPUS, 0.0, text);
        assert_eq!(outcome.fate, Fate::REFUSED);
        assert!(outcome.why.contains(why), "{}", outcome.why);
    }
    assert_eq!(program.cpus(), before);
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_target_that_went_leaves_no_thread_pinned() {
    let Some(Cpus { all, first, .. }) = Cpus::or_skip() else {
        return;
    };
    let mut program = Program::new();
    program.tell("c");
    let mut stand = Stand::of_affinity(&program);
    stand.ask(&CPUS, 0.0, &first);
    stand.gone();
    assert!(all_are(&program.cpus(), &all), "{:?}", program.cpus());
    assert_eq!(stand.journal(), []);
}
