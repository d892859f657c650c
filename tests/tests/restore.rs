//! `pipeline restore`: what runs left that were killed together with their guardians, put back by hand.

use rustix::process::Signal;
use serde_json::Value;
use system_tests::bed::Bed;
use system_tests::held::Held;
use system_tests::need::{Need, have};

/// It lists without changing anything, then puts back every kind of knob, ends the workloads and removes all groups, the
/// guardian's included; a second time there is nothing to do.
#[test]
fn what_a_run_and_its_guardian_left_is_put_back() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let held = Held::start(Bed::new());
    held.kill_both();
    let list = held.bed.tool(["restore", "--list"]).with(0);
    assert!(
        list.stdout.contains("cpu.idle, `1` → `0`: to be put back"),
        "{}",
        list.stdout
    );
    assert!(!held.left().is_empty());
    let done = held.bed.tool(["restore"]).with(0);
    held.gone();
    for outcome in [
        "cpu.idle, `1` → `0`: restored",
        "limit: thaw ",
        "guardian: remove directory ",
    ] {
        assert!(done.stdout.contains(outcome), "no `{outcome}` in:\n{}", done.stdout);
    }
    let again = held.bed.tool(["restore"]).with(0);
    assert_eq!(again.stdout, "no run left anything\n");
}

/// What somebody else changed is theirs, unless it is asked for by force; programs are told the same as people.
#[test]
fn what_somebody_else_changed_goes_back_by_force_only() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let held = Held::start(Bed::new());
    held.kill_both();
    let knob = held.knob("light", &["cpu.shares", "cpu.weight"]);
    std::fs::write(&knob, "77").unwrap();
    let said = held.bed.tool(["restore", "--format", "json"]).with(0);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    let records = told["runs"][0]["records"].as_array().unwrap();
    let outcome = |at: &str| records.iter().find(|record| record["at"] == at).unwrap()["outcome"].clone();
    assert_eq!(outcome(knob.to_str().unwrap()), "taken");
    assert!(records.iter().any(|record| record["outcome"] == "restored"), "{told}");
    held.gone();
}

/// A run that lives puts everything back itself when it is stopped, and nobody else does.
#[test]
fn a_run_that_lives_is_left_alone() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let held = Held::start(Bed::new());
    let idle = held.knob("busy", &["cpu.idle"]);
    let said = held.bed.tool(["restore", "--force"]).with(1);
    assert!(
        said.stdout.contains(&format!("`kill -TERM {}`", held.run.id())),
        "{}",
        said.stdout
    );
    assert_eq!(std::fs::read_to_string(idle).unwrap().trim(), "1");
    held.run.signal(Signal::TERM);
    held.gone();
    let (bed, said) = held.ended();
    said.with(0);
    assert_eq!(bed.tool(["restore"]).with(0).stdout, "no run left anything\n");
}
