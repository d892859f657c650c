//! Real commands under a virtual clock: where they run, when they run, and that nothing of them is left.

use super::*;
use crate::target::members::await_ready;
use pipeline_plugin_api::stage::Provides;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::path::{Path, PathBuf};

/// A node that is ended however its test ends.
struct Running {
    host: TestHost,
    node: TestNode,
    done: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.node.finish();
        }
    }
}

impl Running {
    fn new(name: &str, config: &str) -> Self {
        let host = TestHost::new();
        host.world().node_names = vec![name.to_owned()];
        let mut node = host.node::<Provides<Run>>(config).unwrap();
        node.start().unwrap();
        Self {
            host,
            node,
            done: false,
        }
    }

    fn tick(&mut self, millis: u64) -> Vec<(Change, Target)> {
        changes(self.node.tick(Nanos::from_millis(millis)).unwrap())
    }

    /// Ticks at that instant until something is told: commands do not heed the virtual clock.
    fn tick_until(&mut self, millis: u64, change: Change) -> Target {
        for _ in 0..200 {
            let told = self.tick(millis);
            if let Some((_, target)) = told.into_iter().find(|(this, _)| *this == change) {
                return target;
            }
            pause();
        }
        panic!("nothing {change} at {millis} ms: {:?}", self.host.world().logs);
    }

    /// Ticks on until three processes of it were told, be it when it appeared.
    fn tick_until_three(&mut self, mut target: Target) -> Target {
        until(|| {
            let now = self.host.world().now.0 / 1_000_000;
            let three = target.processes.len() == 3;
            if !three && let Some((_, told)) = self.tick(now + 500).pop() {
                target = told;
            }
            three.then(|| target.clone())
        })
    }

    fn finish(&mut self) -> Vec<(Change, Target)> {
        self.done = true;
        changes(self.node.finish().unwrap())
    }

    fn logged(&self, level: Level, text: &str) -> bool {
        self.host
            .world()
            .logs
            .iter()
            .any(|(this, line)| *this == level && line.contains(text))
    }

    fn journalled(&self, kind: UndoKind) -> Vec<Undo> {
        self.host
            .world()
            .journal
            .values()
            .filter(|undo| undo.kind == kind)
            .cloned()
            .collect()
    }
}

fn changes(batch: Batch) -> Vec<(Change, Target)> {
    batch
        .changes
        .into_iter()
        .map(|told| (told.change, told.target))
        .collect()
}

fn kinds(told: &[(Change, Target)]) -> Vec<Change> {
    told.iter().map(|(change, _)| *change).collect()
}

fn pause() {
    await_ready([].into_iter(), 10);
}

/// Waits for something that a command does.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = look() {
            return found;
        }
        pause();
    }
    panic!("it did not happen within 5 s");
}

fn lives(process: &Process) -> bool {
    let stat = crate::fs::task_stat(Path::new("/proc"), process.pid);
    stat.is_ok_and(|stat| stat.start_time == process.start_time && stat.state != b'Z')
}

/// Whether groups can be made here; where they cannot, the tests about them say so.
fn groups_or_skip() -> bool {
    let there = probe::probe()
        .iter()
        .any(|probe| probe.what == "a group of its own" && probe.present == 1);
    let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
    assert!(
        there || !required.split(',').any(|what| what == "cgroup"),
        "control groups are required and cannot be made"
    );
    if !there {
        println!("SKIP: no control group can be made here");
    }
    there
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_command_is_in_its_group_and_on_its_cpus_before_it_begins() {
    if !groups_or_skip() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seen");
    let script = format!(
        "cat /proc/self/cgroup /proc/self/status > {0}.new; mv {0}.new {0}; sleep 60",
        file.display()
    );
    let mut running = Running::new("placed", &format!("(command: \"sh -c '{script}'\", cpus: \"0\")"));
    let told = running.tick(0);
    assert_eq!(kinds(&told), [Change::APPEARED]);
    let target = &told[0].1;
    assert_eq!(&target.cpus[..], [0]);
    assert!(!target.cgroups.is_empty());
    let seen = until(|| file.exists().then(|| text_of(&file)));
    assert!(seen.contains("Cpus_allowed_list:\t0\n"), "{seen}");
    for dir in &target.cgroups {
        let line = seen.lines().find(|line| {
            let of = line.split(':').nth(1).unwrap_or_default();
            of.split(',').any(|name| name == dir.controller) || (dir.controller == "unified" && line.starts_with("0::"))
        });
        let line = line.unwrap_or_else(|| panic!("no line for {dir:?} in {seen}"));
        assert!(line.ends_with("/placed-1"), "{line}");
        assert_eq!(
            std::fs::metadata(dir.path.as_str())
                .map(|it| std::os::unix::fs::MetadataExt::ino(&it))
                .unwrap(),
            dir.inode
        );
    }
}

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

#[test]
fn each_restart_waits_longer_and_is_a_new_target() {
    let mut running = Running::new(
        "again",
        "(command: \"false\", restart: OnFailure, backoff: \"1s\", restarts: 2)",
    );
    let first = running.tick_until(0, Change::APPEARED);
    running.tick_until(0, Change::GONE);
    assert_eq!(kinds(&running.tick(999)), []);
    let second = running.tick_until(1000, Change::APPEARED);
    running.tick_until(1000, Change::GONE);
    assert_eq!(kinds(&running.tick(2999)), []);
    let third = running.tick_until(3000, Change::APPEARED);
    running.tick_until(3000, Change::GONE);
    assert_eq!(kinds(&running.tick(1_000_000)), []);
    assert_eq!([first.generation, second.generation, third.generation], [1, 2, 3]);
    assert!(first.id < second.id && second.id < third.id);
    assert!(
        first
            .cgroups
            .iter()
            .all(|dir| second.cgroups.iter().all(|other| other.path != dir.path))
    );
    assert!(running.logged(Level::WARN, "stays down after 2 restarts in a row"));
}

#[test]
fn it_runs_in_its_windows_and_not_between() {
    let mut running = Running::new(
        "windows",
        "(command: \"sleep 60\", start: \"10s\", stop: \"20s\", every: \"30s\")",
    );
    assert_eq!(kinds(&running.tick(0)), []);
    assert_eq!(kinds(&running.tick(9_999)), []);
    running.tick_until(10_000, Change::APPEARED);
    running.tick_until(20_000, Change::GONE);
    assert_eq!(kinds(&running.tick(39_999)), []);
    let second = running.tick_until(40_000, Change::APPEARED);
    assert_eq!(second.generation, 2);
    assert_eq!(kinds(&running.finish()), [Change::GONE]);
}

#[test]
fn the_node_asks_to_be_called_when_its_window_begins() {
    let host = TestHost::new();
    let mut node = host
        .node::<Provides<Run>>("(command: \"sleep 60\", start: \"10s\")")
        .unwrap();
    node.start().unwrap();
    let tick = Tick {
        at: Nanos::ZERO,
        missed: 0,
        ready: abi_stable_slice(),
    };
    let mut out = Batch::default();
    assert_eq!(node.raw().tick(&tick, &mut out).into_result(), Ok(Nanos::from_secs(10)));
}

/// No descriptor was ready.
fn abi_stable_slice<'a>() -> pipeline_plugin_api::abi::__abi_stable::std_types::RSlice<'a, i32> {
    Default::default()
}

#[test]
fn its_end_and_its_words_are_descriptors_only_while_it_lives() {
    let mut running = Running::new("descriptors", "(command: \"sleep 60\", stop: \"1s\")");
    running.tick_until(0, Change::APPEARED);
    assert_eq!(running.node.raw().descriptors().len(), 2);
    running.tick_until(1000, Change::GONE);
    assert_eq!(running.node.raw().descriptors().len(), 0);
}

#[test]
fn one_that_opens_a_port_is_told_of_once_it_does() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut running = Running::new("ready", &format!("(command: \"sleep 60\", ready: Port({port}))"));
    assert_eq!(kinds(&running.tick(0)), []);
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(kinds(&running.tick(20)), [Change::APPEARED]);
    running.finish();
    let mut second = Running::new("ready", &format!("(command: \"sleep 60\", ready: Port({port}))"));
    let refusal = second.node.tick(Nanos::ZERO).unwrap_err();
    assert!(
        refusal
            .message
            .contains(&format!("port {port} accepts connections before `sleep` runs")),
        "{refusal}"
    );
    drop(listener);
}

#[test]
fn one_that_never_opens_its_port_is_stopped_as_failed_and_never_told_of() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut running = Running::new(
        "late",
        &format!("(command: \"sleep 60\", ready: Port({port}), ready_timeout: \"1s\")"),
    );
    for millis in [0, 999, 1000, 1001] {
        assert_eq!(kinds(&running.tick(millis)), []);
    }
    assert!(running.logged(Level::WARN, "is not ready in time"));
    assert!(running.logged(Level::WARN, "was stopped, before it was ready"));
    assert_eq!(running.journalled(UndoKind::KILL), []);
}

#[test]
fn output_is_appended_to_files_and_the_environment_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    std::fs::write(&file, "before\n").unwrap();
    let config = format!(
        "(command: \"sh -c 'echo $GREETING; pwd; echo err >&2'\", env: {{\"GREETING\": \"hello\"}}, folder: \"/\",
          stdout: File(\"{0}\"), stderr: File(\"{0}\"))",
        file.display()
    );
    let mut running = Running::new("output", &config);
    running.tick(0);
    running.tick_until(10, Change::GONE);
    assert_eq!(text_of(&file), "before\nhello\n/\nerr\n");
}

#[test]
fn another_user_has_its_group_and_no_supplementary_ones() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP: only root may become another user");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let config = format!(
        "(command: \"sh -c 'id -u; id -G'\", user: \"65534\", stdout: File(\"{}\"))",
        file.display()
    );
    let mut running = Running::new("user", &config);
    running.tick(0);
    running.tick_until(10, Change::GONE);
    assert_eq!(text_of(&file), "65534\n65534\n");
}

#[test]
fn a_command_that_vanished_before_its_start_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("work");
    std::fs::copy("/bin/true", &file).unwrap();
    let mut running = Running::new("vanished", &format!("(command: \"{}\")", file.display()));
    std::fs::remove_file(&file).unwrap();
    let failure = running.node.tick(Nanos::ZERO).unwrap_err();
    assert!(
        failure
            .message
            .contains(&format!("there is no command `{}`", file.display())),
        "{failure}"
    );
}

#[test]
fn what_the_config_says_of_a_target_is_told() {
    let mut running = Running::new(
        "described",
        "(command: \"sleep 60\", class: BestEffort, priority: 3, labels: {\"app\": \"web\"},
          goals: [(metric: \"kpi.latency.p99\", at_most: 1e6), (metric: \"kpi.rate\", at_least: 10.0)])",
    );
    let target = running.tick_until(0, Change::APPEARED);
    assert_eq!(
        (target.name.as_str(), target.class, target.priority),
        ("described", Class::BEST_EFFORT, 3)
    );
    assert_eq!(
        (target.labels[0].name.as_str(), target.labels[0].value.as_str()),
        ("app", "web")
    );
    let goals: Vec<_> = target
        .goals
        .iter()
        .map(|goal| (goal.metric, goal.comparison, goal.value))
        .collect();
    let metric = |metric| running.host.metric(metric);
    assert_eq!(
        goals,
        [
            (metric(&vocabulary::KPI_LATENCY_P99), Comparison::AT_MOST, 1e6),
            (metric(&vocabulary::KPI_RATE), Comparison::AT_LEAST, 10.0),
        ]
    );
}

#[test]
fn a_dry_run_runs_its_commands_all_the_same() {
    let mut running = Running::new("dry", "(command: \"sleep 60\")");
    running.host.world().dry_run = true;
    running.tick_until(0, Change::APPEARED);
}
