//! What a command started is told of with it, and nothing of it is left when it ends.

use super::*;

#[test]
fn children_are_told_of_and_end_with_it() {
    let mut running = Running::new("children", "(command: \"sh -c 'sleep 60 & sleep 60 & wait'\")");
    let target = running.tick_until(0, Change::APPEARED);
    let target = running.tick_until_three(target);
    running.finish();
    assert!(!target.processes.iter().any(lives), "{:?}", target.processes);
}

#[test]
fn a_grandchild_in_a_session_of_its_own_ends_with_its_group() {
    if !groups_or_skip() {
        return;
    }
    let mut running = Running::new(
        "escape",
        "(command: \"sh -c '(setsid sh -c \\\"trap : TERM; while :; do sleep 1; done\\\" &) ; exit 0'\")",
    );
    let target = running.tick_until(0, Change::APPEARED);
    let list = PathBuf::from(format!("{}/cgroup.procs", target.cgroups[0].path));
    let left = until(|| {
        let ids: Vec<u32> = text_of(&list).lines().filter_map(|line| line.parse().ok()).collect();
        let own = target.processes[0].pid;
        (!ids.is_empty() && !ids.contains(&own)).then_some(ids)
    });
    let left: Vec<Process> = left.into_iter().filter_map(|pid| members::process(pid).ok()).collect();
    assert!(left.iter().any(lives));
    running.tick_until(10, Change::GONE);
    assert!(!left.iter().any(lives));
    assert!(!list.exists());
}

#[test]
fn without_a_group_a_process_group_ends_as_a_whole() {
    let mut running = Running::new(
        "family",
        "(command: \"sh -c 'sleep 60 & sleep 60 & wait'\", cgroup: Never, cpus: \"0\")",
    );
    let target = running.tick_until(0, Change::APPEARED);
    assert!(target.cgroups.is_empty());
    assert_eq!(&target.cpus[..], [0]);
    let target = running.tick_until_three(target);
    running.finish();
    assert!(!target.processes.iter().any(lives));
}
