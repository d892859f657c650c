//! Scenario: 1,000 control groups and some hundred commands come and go while the real binary reads them. Guaranteed:
//! it holds no more open files, threads and memory in the end than early on. `scripts/chaos churn` does it at length.

use std::process::{Command, Stdio};
use std::time::Duration;
use system_tests::child::Child;
use system_tests::need::{Need, have};

#[test]
fn what_comes_and_goes_leaves_nothing_behind_in_the_pipeline() {
    if !have(&[Need::Root, Need::Cgroup]) {
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_churn"));
    command.arg("1000").stdin(Stdio::null());
    let ended = Child::start(&mut command).end(Duration::from_secs(240)).with(0);
    let figure = |name: &str| {
        let line = ended.stdout.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(figure("churn_rounds "), 10.0);
    assert!(figure("churn_descriptors_most ") > figure("churn_descriptors_last_quarter ") + 100.0);
}
