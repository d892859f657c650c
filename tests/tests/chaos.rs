//! A few rounds of `scripts/chaos kill`: a run that is killed at random moments while it turns every kind of knob, alone
//! and together with its guardian. The whole series is for machines that have the time.

use std::process::Command;
use std::time::Duration;
use system_tests::child::{Child, Ended};
use system_tests::need::{Need, have};

/// Rounds in which what is wrong often is seen; a seed of its own each time, which the output tells.
const ROUNDS: &str = "10";
/// Generous, as tests share the machine: that it is within a second is for the whole series to show.
const WITHIN_MS: &str = "8000";

fn series(more: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.args([ROUNDS, "--shared", "--within", WITHIN_MS]).args(more);
    Child::start(&mut command).end(Duration::from_secs(240)).with(0)
}

/// Whenever it is killed, its guardian ends its workloads, removes their groups and puts every knob back.
#[test]
fn a_run_that_is_killed_leaves_the_host_as_it_was() {
    if !have(&[Need::Cgroup]) {
        return;
    }
    let said = series(&[]);
    assert!(said.stdout.contains("chaos_kill: 10 of 10 as found"), "{}", said.stdout);
}

/// Where the guardian is killed as well, `pipeline restore` does it.
#[test]
fn what_a_run_and_its_guardian_left_is_restored() {
    if !have(&[Need::Cgroup]) {
        return;
    }
    let said = series(&["--guardian"]);
    assert!(
        said.stdout.contains("chaos_restore: 10 of 10 as found"),
        "{}",
        said.stdout
    );
}
