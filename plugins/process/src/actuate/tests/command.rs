//! A command of this run beside an actuator: ended for a lease, and started again.

use super::stand::{RUNNING, Stand};
use crate::actuate::ControlProcesses;
use crate::target::Run;
use crate::target::members::await_ready;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::{Actuates, Provides};
use pipeline_plugin_api::testkit::{TestHost, TestNode};

/// A command of this run beside an actuator, both in one run.
struct Pair {
    run: TestNode,
    stand: Stand,
}

impl Pair {
    fn new(config: &str) -> Self {
        let host = TestHost::new();
        host.world().node_names = vec!["web".to_owned()];
        let mut run = host.node::<Provides<Run>>(config).unwrap();
        run.start().unwrap();
        let target = run.tick(Nanos(1)).unwrap().changes[0].target.clone();
        let mut node = host.node::<Actuates<ControlProcesses>>("").unwrap();
        node.start().unwrap();
        let told = node.change(Nanos(1), Change::APPEARED, &target).unwrap();
        assert_eq!(told.controls.len(), 2, "it may be ended without being allowed");
        let at = Nanos(1);
        Self {
            run,
            stand: Stand { host, node, target, at },
        }
    }

    /// The changes that its node tells at that second, asked until it tells some if `some`.
    fn look(&mut self, second: u64, some: bool) -> Vec<Change> {
        for _ in 0..6000 {
            let told = self.run.tick(Nanos::from_secs(second)).unwrap().changes;
            if !some || !told.is_empty() {
                return told.iter().map(|change| change.change).collect();
            }
            await_ready([].into_iter(), 10);
        }
        panic!("nothing is told at {second} s: {:?}", self.stand.host.world().logs);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.run.finish();
    }
}

#[test]
fn a_command_of_this_run_is_ended_for_a_lease_and_started_again_after_it() {
    let mut pair = Pair::new("(command: \"sleep 3602.5\", cgroup: Never)");
    let outcome = pair.stand.ask(&RUNNING, 0.0, "");
    assert_eq!((outcome.fate, outcome.value), (Fate::APPLIED, 0.0));
    assert_eq!(pair.look(1, true), [Change::GONE]);
    pair.stand.gone();
    assert_eq!(pair.look(3599, false), []);
    assert_eq!(pair.look(3601, true), [Change::APPEARED]);
}

#[test]
fn a_command_that_is_asked_back_before_its_lease_is_over_starts_again() {
    let mut pair = Pair::new("(command: \"sleep 3602.6\", cgroup: Never)");
    pair.stand.ask(&RUNNING, 0.0, "");
    assert_eq!(pair.stand.release(&RUNNING).fate, Fate::UNDONE);
    assert_eq!(pair.look(2, false), []);
    pair.stand.ask(&RUNNING, 0.0, "");
    assert_eq!(pair.look(3, true), [Change::GONE]);
}

#[test]
fn a_command_is_kept_running_past_its_window() {
    let mut pair = Pair::new("(command: \"sleep 3602.7\", stop: \"10s\", cgroup: Never)");
    pair.stand.ask(&RUNNING, 1.0, "");
    assert_eq!(pair.look(20, false), []);
    pair.stand.release(&RUNNING);
    assert_eq!(pair.look(21, true), [Change::GONE]);
}

#[test]
fn an_operator_ends_and_starts_a_command_by_a_setting() {
    let mut pair = Pair::new("(command: \"sleep 3602.8\", cgroup: Never)");
    let set = |pair: &mut Pair, value: &str| pair.run.raw().control("run".into(), value.into()).into_result();
    set(&mut pair, "Stop").unwrap();
    assert_eq!(pair.look(1, true), [Change::GONE]);
    assert_eq!(pair.look(100, false), []);
    set(&mut pair, "Start").unwrap();
    assert_eq!(pair.look(101, true), [Change::APPEARED]);
    set(&mut pair, "Schedule").unwrap();
    assert_eq!(pair.look(102, false), []);
    let wrong = set(&mut pair, "Perhaps").unwrap_err();
    assert!(wrong.message.contains("`Start`, `Stop` or `Schedule`"), "{wrong}");
}
