//! How a command ends: by itself, asked, killed by somebody else, or because it would not.

use super::*;

#[test]
fn undo_records_stand_while_it_runs_and_are_settled_at_its_end() {
    let mut running = Running::new("journal", "(command: \"sleep 60\")");
    let target = running.tick_until(0, Change::APPEARED);
    let kills = running.journalled(UndoKind::KILL);
    assert_eq!(kills.len(), 1);
    assert_eq!(
        (kills[0].pid, kills[0].start_time),
        (target.processes[0].pid, target.processes[0].start_time)
    );
    let dirs: Vec<String> = running
        .journalled(UndoKind::REMOVE_DIR)
        .iter()
        .map(|undo| undo.path.to_string())
        .collect();
    assert!(
        target.cgroups.iter().all(|dir| dirs.contains(&dir.path.to_string())),
        "{dirs:?}"
    );
    let told = running.finish();
    assert_eq!(kinds(&told), [Change::GONE]);
    assert_eq!(running.journalled(UndoKind::KILL), []);
    for dir in &target.cgroups {
        assert!(!Path::new(dir.path.as_str()).exists(), "{} is left", dir.path);
    }
    assert!(!lives(&target.processes[0]));
    assert!(running.logged(Level::INFO, "exit=signal TERM ended as asked"));
}

#[test]
fn one_that_ignores_its_stop_signal_is_killed_when_its_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ready");
    let script = format!("trap : TERM; touch {}; while :; do sleep 1; done", file.display());
    let config = format!("(command: \"sh -c '{script}'\", stop: \"1s\", stop_timeout: \"100ms\")");
    let mut running = Running::new("stubborn", &config);
    let target = running.tick_until(0, Change::APPEARED);
    until(|| file.exists().then_some(()));
    assert_eq!(kinds(&running.tick(1000)), []);
    assert!(lives(&target.processes[0]));
    assert_eq!(kinds(&running.tick(1100)), [Change::GONE]);
    assert!(!lives(&target.processes[0]));
    assert!(running.logged(Level::WARN, "is killed") && running.logged(Level::INFO, "exit=signal KILL"));
}

/// A command that writes a line to the file whenever it is asked to end, and does not.
fn stubborn(folder: &Path, name: &str, more: &str) -> (Running, PathBuf) {
    let (ready, asked) = (folder.join(format!("{name}-ready")), folder.join(name));
    let script = format!(
        "trap 'echo asked >> {}' TERM; touch {}; while :; do sleep 0.05; done",
        asked.display(),
        ready.display()
    );
    let config = format!("(command: \"sh\", args: [\"-c\", \"{script}\"], stop_timeout: \"20s\", {more})");
    let mut running = Running::new(name, &config);
    running.tick_until(0, Change::APPEARED);
    until(|| ready.exists().then_some(()));
    (running, asked)
}

fn seconds_now() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec
}

#[test]
fn when_a_run_ends_its_commands_are_asked_together_and_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut quick = Running::new("quick", "(command: \"sleep 60\")");
    quick.tick_until(0, Change::APPEARED);
    let (mut slow, asked) = stubborn(folder.path(), "slow", "");
    quick.finish();
    until(|| (text_of(&asked) == "asked\n").then_some(()));

    // Its time counts from when it was asked, so 1 s of it is left.
    slow.host.world().now = Nanos::from_secs(19);
    let began = seconds_now();
    assert_eq!(kinds(&slow.finish()), [Change::GONE]);
    assert!(seconds_now() - began < 15, "it was waited for anew");
    assert_eq!(text_of(&asked), "asked\n");
}

#[test]
fn one_that_its_course_asked_is_not_asked_again_when_the_run_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (mut slow, asked) = stubborn(folder.path(), "once", "stop: \"1s\"");
    assert_eq!(kinds(&slow.tick(1000)), []);
    until(|| (text_of(&asked) == "asked\n").then_some(()));
    // 1 s is left, enough to hear a second signal.
    slow.host.world().now = Nanos::from_secs(20);
    slow.finish();
    assert_eq!(text_of(&asked), "asked\n");
}

#[test]
fn one_that_somebody_else_killed_is_told_with_the_signal() {
    let mut running = Running::new("doomed", "(command: \"sh -c 'kill -SEGV $$'\")");
    assert_eq!(kinds(&running.tick(0)), [Change::APPEARED]);
    running.tick_until(10, Change::GONE);
    let logs = running.host.world().logs.clone();
    let says = |line: &str| line.contains("was ended by signal SEGV, which this run did not send");
    assert!(
        logs.iter().any(|(level, line)| *level == Level::WARN && says(line)),
        "{logs:?}"
    );
}

#[test]
fn one_that_fails_at_once_is_a_warning_with_its_last_words() {
    let mut running = Running::new("failing", "(command: \"sh -c 'echo no such luck >&2; exit 3'\")");
    assert_eq!(kinds(&running.tick(0)), [Change::APPEARED]);
    running.tick_until(10, Change::GONE);
    let logs = running.host.world().logs.clone();
    let line = logs
        .iter()
        .find(|(level, line)| *level == Level::WARN && line.contains("ended by itself"));
    let (_, line) = line.unwrap_or_else(|| panic!("{logs:?}"));
    assert!(
        line.contains("exit=status 3") && line.contains("stderr=no such luck"),
        "{line}"
    );
    assert_eq!(running.tick(10_000), []);
}

#[test]
fn work_that_is_done_is_no_warning() {
    let mut running = Running::new("done", "(command: \"true\")");
    running.tick(0);
    running.tick_until(10, Change::GONE);
    assert!(running.logged(Level::INFO, "exit=status 0"));
    assert!(!running.logged(Level::WARN, "ended"));
}
