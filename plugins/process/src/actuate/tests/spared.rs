//! What is never touched: targets of others, the kernel, this program and its guardian, and targets of class Latency.

use super::program::{Program, pid, process, stat};
use super::stand::{CPUS, Cpus, PAUSED, RUNNING, Stand, until};
use crate::actuate::{Affinity, ControlProcesses};
use crate::fs;
use crate::target::affinity::given;
use pipeline_plugin_api::prelude::*;
use rustix::process::{Signal, kill_process};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_child_that_is_a_target_of_its_own_is_not_touched_through_its_parent() {
    let Some(Cpus { all, first, .. }) = Cpus::or_skip() else {
        return;
    };
    let mut program = Program::new();
    program.tell_all(&["c", "c"]);
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", program.pid())).unwrap();
    let child: u32 = children.split_whitespace().next().unwrap().parse().unwrap();
    let own = |stand: &Stand| Target {
        id: TargetId(4711),
        name: "child".into(),
        class: Class::LATENCY,
        processes: vec![process(child)].into(),
        ..stand.target.clone()
    };
    let mut stand = Stand::of_affinity(&program);
    let target = own(&stand);
    stand.node.change(Nanos(2), Change::APPEARED, &target).unwrap();
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
    let of = |id: u32| given(pid(id)).unwrap().to_string();
    assert_eq!((of(child), of(program.pid())), (all, first.clone()));
    assert_eq!(program.cpus().iter().filter(|cpus| **cpus == first).count(), 2);

    let mut stand = Stand::of_control(&program, "(allow_stop: true)");
    let target = own(&stand);
    stand.node.change(Nanos(2), Change::APPEARED, &target).unwrap();
    assert_eq!(stand.ask(&PAUSED, 1.0, "").fate, Fate::APPLIED);
    let state = |id: u32| stat(id).state;
    assert_eq!((state(child), state(program.pid())), (b'S', b'T'));
    assert_eq!(stand.release(&PAUSED).fate, Fate::UNDONE);
    stand.ask(&RUNNING, 0.0, "");
    until("the parent ends", || {
        let ended = fs::proc_stat(Path::new("/proc"), program.pid());
        ended.is_ok_and(|stat| !stat.is_alive())
    });
    assert_eq!(state(child), b'S');
    kill_process(pid(child), Signal::KILL).unwrap();
}

#[test]
fn the_kernel_s_own_threads_stay_where_they_are() {
    let Some(Cpus { first, .. }) = Cpus::or_skip() else {
        return;
    };
    // kthreadd, whose children are all of them.
    let Ok(stat) = fs::proc_stat(Path::new("/proc"), 2) else {
        return;
    };
    if !stat.is_kernel() {
        println!("SKIP: the kernel's threads are not seen here");
        return;
    }
    let program = Program::new();
    let mut stand = Stand::of_affinity(&program);
    let mut target = stand.target.clone();
    target.processes = vec![process(2)].into();
    stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    let before = given(pid(2)).unwrap();
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(outcome.why.contains("the kernel's own"), "{}", outcome.why);
    assert_eq!((given(pid(2)).unwrap(), stand.journal()), (before, Vec::new()));
}

const STANDS_IN: &str = "PIPELINE_TEST_STANDS_IN";

/// What the next test starts: a child of the program that runs the program, as the guardian does. It waits for the end
/// of its input.
#[test]
fn one_that_stands_in_for_the_guardian() {
    if std::env::var_os(STANDS_IN).is_some() {
        let mut end = String::new();
        assert_eq!(
            std::io::Read::read_to_string(&mut std::io::stdin(), &mut end).unwrap(),
            0
        );
    }
}

#[test]
fn the_guardian_is_neither_pinned_nor_paused_nor_ended() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "actuate::tests::spared::one_that_stands_in_for_the_guardian"])
        .env(STANDS_IN, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let program = Program::new();
    let before = given(pid(child.id())).unwrap();
    let first = before.iter().next().unwrap().to_string();
    let told = |stand: &Stand| Target {
        processes: vec![process(child.id())].into(),
        ..stand.target.clone()
    };
    let mut pin = Stand::of_affinity(&program);
    let mut stop = Stand::of_control(&program, "(allow_stop: true)");
    for stand in [&mut pin, &mut stop] {
        let target = told(stand);
        stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    }
    let outcomes = [
        pin.ask(&CPUS, 0.0, &first),
        stop.ask(&PAUSED, 1.0, ""),
        stop.ask(&RUNNING, 0.0, ""),
    ];
    let now = stat(child.id());
    let cpus = given(pid(child.id())).unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    for outcome in outcomes {
        assert_eq!(outcome.fate, Fate::REFUSED, "{outcome:?}");
        assert!(outcome.why.contains("the guardian of this run"), "{}", outcome.why);
    }
    assert!(now.is_alive() && now.state != b'T' && cpus == before, "{now:?}");
}

#[test]
fn latency_targets_are_pinned_only_where_that_is_asked_for() {
    let Some(Cpus { first, .. }) = Cpus::or_skip() else {
        return;
    };
    let program = Program::new();
    let (mut stand, offers) = Stand::new::<Affinity>(&program, Class::LATENCY, "");
    assert_eq!(offers, [""; 0]);
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("`latency`"),
        "{}",
        outcome.why
    );
    let (mut stand, offers) = Stand::new::<Affinity>(&program, Class::LATENCY, "(latency: true)");
    assert_eq!(offers, ["cpu.affinity"]);
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
}

#[test]
fn this_program_is_never_pinned() {
    let program = Program::new();
    let mut stand = Stand::of_affinity(&program);
    let target = Target {
        processes: vec![process(std::process::id())].into(),
        ..stand.target.clone()
    };
    stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    let outcome = stand.ask(&CPUS, 0.0, "0");
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("this program itself"),
        "{}",
        outcome.why
    );
}

#[test]
fn a_target_with_this_program_is_neither_paused_nor_ended_and_nothing_of_it_is_touched() {
    let program = Program::new();
    let mut stand = Stand::of_control(&program, "(allow_stop: true)");
    let mut target = stand.target.clone();
    target.processes.push(process(std::process::id()));
    stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    for (knob, value) in [(&PAUSED, 1.0), (&RUNNING, 0.0)] {
        let outcome = stand.ask(knob, value, "");
        assert_eq!(outcome.fate, Fate::REFUSED);
        assert!(outcome.why.contains("this program itself"), "{}", outcome.why);
    }
    assert!(!program.states().contains('T'));
    assert_eq!(stand.journal(), []);
}

#[test]
fn latency_targets_are_not_paused_and_never_ended() {
    let program = Program::new();
    let (mut stand, offers) = Stand::new::<ControlProcesses>(&program, Class::LATENCY, "(allow_stop: true)");
    assert_eq!(offers, [""; 0]);
    for knob in [&PAUSED, &RUNNING] {
        let outcome = stand.ask(knob, f64::from(u8::from(knob.name == PAUSED.name)), "");
        assert!(
            outcome.fate == Fate::REFUSED && outcome.why.contains("Latency"),
            "{}",
            outcome.why
        );
    }
    assert!(!program.states().contains('T'));
}
