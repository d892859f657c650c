//! What the machine around a run does: full disks, readers that leave or stand still, folders that are not there, processes
//! that are killed or stopped.

use crate::rows::Row;
use crate::scene::{Scene, loud, others_ran_until, this_row};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::bed::Bed;
use system_tests::built;
use system_tests::child::Child;
use system_tests::need::{Need, have};
use system_tests::record::Record;

const LONG: Duration = Duration::from_secs(30);

/// The binary started by a shell: `"$@"` stands for it and its arguments.
fn by_shell(bed: &Bed, script: &str, arguments: &[&str]) -> Command {
    let mut command = bed.command([""; 0]);
    let environment: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    command = Command::new("sh");
    command
        .args(["-c", script, "sh"])
        .arg(built::pipeline())
        .args(arguments)
        .current_dir(bed.folder());
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// A sink of that kind on a disk of 64 KiB that its readings fill.
fn fills_a_disk(name: &str, sink: &str) {
    if !have(&[Need::Root, Need::Namespaces]) {
        return;
    }
    let full = format!(r#""full": (plugin: "{sink}", from: ["flood"], config: (path: "full/out"))"#);
    let scene = Scene {
        collectors: r#""flood": (plugin: "fault.collect", every: "20ms", config: (readings: 100))"#,
        sinks: &full,
        ..Scene::default()
    };
    let bed = scene.bed();
    std::fs::create_dir(bed.path("full")).unwrap();
    let script = r#"exec unshare --mount sh -c 'mount -t tmpfs -o size=64k none full && exec "$@"' sh "$@""#;
    let said = Child::start(&mut by_shell(&bed, script, &["run", "graph.ron", "--for", "2s"])).end(LONG);
    Row::held(name, &said);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 1.2);
}

#[test]
fn a_full_disk_under_a_record() {
    fills_a_disk(this_row!(), "file.jsonl");
}

#[test]
fn a_full_disk_under_a_table_of_values() {
    fills_a_disk(this_row!(), "file.csv");
}

/// Standard error is a pipe that nobody empties: log lines are lost and counted, no lane waits for them.
#[test]
fn a_log_that_nobody_reads() {
    let noisy = r#""noisy": (plugin: "fault.collect", every: "1ms")"#;
    let scene = Scene {
        collectors: noisy,
        sinks: r#""s": (plugin: "fault.sink", from: ["noisy"])"#,
        ..Scene::default()
    };
    let bed = scene.bed();
    let mut command = bed.command(["run", "graph.ron", "-vv", "--for", "3s"]);
    let mut run = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        match run.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if begun.elapsed() > LONG => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.is_none() {
        run.kill().unwrap();
        run.wait().unwrap();
    }
    assert_eq!(
        status.and_then(|status| status.code()),
        crate::rows::row(this_row!()).status,
        "it stood still"
    );
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 2.2);
}

/// The reader of a table on standard output leaves (`pipeline run … | head -1`): that sink ends, the others run on.
#[test]
fn a_reader_that_leaves() {
    let table =
        r#""table": (plugin: "file.table", from: ["steady"], on_error: Stop, config: (path: "-", every: "50ms"))"#;
    let bed = Scene {
        sinks: table,
        ..Scene::default()
    }
    .bed();
    let script = r#"{ "$@"; echo "status $?" >&2; } | head -n 1"#;
    let said = Child::start(&mut by_shell(&bed, script, &["run", "graph.ron", "--for", "1500ms"])).end(LONG);
    let status = said
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("status "))
        .map(|code| code.parse().unwrap());
    Row::held(this_row!(), &system_tests::child::Ended { code: status, ..said });
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 0.9);
}

#[test]
fn standard_input_closed() {
    shell(this_row!(), r#"exec "$@" <&-"#);
}

/// Neither input nor output nor error: what is opened next must not be taken for one of them.
#[test]
fn nothing_open_at_all() {
    shell(this_row!(), r#"exec "$@" <&- >&- 2>&-"#);
}

#[track_caller]
fn shell(name: &str, script: &str) {
    let bed = Scene::default().bed();
    let said = Child::start(&mut by_shell(&bed, script, &["run", "graph.ron", "--for", "1s"])).end(LONG);
    Row::held(name, &said);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 0.4);
}

/// The folder in which it was started is no longer there: a relative path cannot be written, everything else runs.
#[test]
fn its_folder_removed() {
    let bed = Scene::default().bed();
    let out = bed.path("out.jsonl").display().to_string();
    bed.write(
        "graph.ron",
        bed.read("graph.ron").replace("\"out.jsonl\"", &format!("{out:?}")),
    );
    let graph = bed.path("graph.ron").display().to_string();
    let script = r#"mkdir gone && cd gone && rmdir ../gone && exec "$@""#;
    let said = Child::start(&mut by_shell(&bed, script, &["run", &graph, "--for", "1s"])).end(LONG);
    Row::held(this_row!(), &said);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 0.4);
}

/// Without a journal nothing is changed; what only watches runs on.
#[test]
fn a_runtime_folder_that_cannot_be_written() {
    let scene = Scene {
        schedulers: r#""guard": (plugin: "fault.command", config: (asks: Good))"#,
        actuators: r#""limit": (plugin: "fault.actuate", from: ["guard"], config: (path: "knob"))"#,
        ..Scene::default()
    };
    let bed = scene.bed();
    let mut command = bed.command(["run", "graph.ron", "--for", "1s"]);
    let said = Child::start(command.env("PIPELINE_RUNTIME_DIR", "/proc/nowhere")).end(LONG);
    Row::held(this_row!(), &said);
    assert_eq!(bed.read("knob"), "0");
}

/// Somebody kills a workload: its end is told, and it is the only one that ends.
#[test]
fn a_workload_killed() {
    let bed = Scene {
        targets: r#""doomed": (plugin: "process.run", config: (command: "sleep 1000.25"))"#,
        collectors: r#""cpu": (plugin: "process.stats", of: ["doomed"], every: "50ms")"#,
        recorded: r#", "cpu""#,
        ..Scene::default()
    }
    .bed();
    let mut run = bed.start(&["--for", "2s"]);
    let told = |bed: &Bed| -> Option<i32> {
        let text = std::fs::read_to_string(bed.path("out.jsonl")).ok()?;
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let target = lines
            .into_iter()
            .find(|line| line["kind"] == "target" && line["name"] == "doomed")?;
        i32::try_from(target["processes"][0]["pid"].as_i64()?).ok()
    };
    run.until(Duration::from_secs(5), "bring `doomed`", |_| told(&bed).is_some());
    let pid = Pid::from_raw(told(&bed).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    let said = run.end(LONG);
    Row::held(this_row!(), &said);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 1.2);
}

/// Stopped and continued, as a suspended machine would be: what was missed is skipped and counted, never bunched.
#[test]
fn a_run_that_was_stopped_and_continued() {
    let bed = Scene::default().bed();
    let mut run = bed.start(&["--for", "4s"]);
    run.until(Duration::from_secs(5), "begin", |_| bed.path("out.jsonl").exists());
    std::thread::sleep(Duration::from_millis(300));
    run.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(1500));
    run.signal(Signal::CONT);
    let said = run.end(LONG);
    Row::held(this_row!(), &said);
    let record = Record::read(&bed.path("out.jsonl"));
    others_ran_until(&record, 3.0);
    let instants: Vec<u64> = record
        .of_kind("reading")
        .filter(|line| line["node"] == "steady" && line["metric"] == "fault.number")
        .filter_map(|line| line["at"].as_u64())
        .collect();
    let steps: Vec<u64> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let gaps = steps.iter().filter(|step| **step > 1_200_000_000).count();
    assert_eq!(gaps, 1, "one gap is what happened: {steps:?}");
    let missed = said.line("steady: calls=");
    assert!(!missed.contains("missed=0"), "{missed}");
    assert!(
        instants.len() < 150,
        "what was missed was made up for: {} instants in 4 s",
        instants.len()
    );
}

/// A plugin that uses up all descriptors fails at it, and those that have theirs run on.
#[test]
fn a_plugin_that_leaks_descriptors() {
    let bed = Scene {
        collectors: r#""leak": (plugin: "fault.babble", every: "20ms", config: (says: LeakDescriptors, many: 20))"#,
        ..Scene::default()
    }
    .bed();
    let script = r#"ulimit -n 128 && exec "$@""#;
    let said = Child::start(&mut by_shell(&bed, script, &["run", "graph.ron", "--for", "1500ms"])).end(LONG);
    Row::held(this_row!(), &said);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 0.9);
}

/// A plugin that keeps memory is not stopped; what the process costs is a reading like any other, and grows.
#[test]
fn a_plugin_that_leaks_memory() {
    let bed = Scene {
        collectors: r#""leak": (plugin: "fault.babble", every: "20ms", config: (says: LeakMemory, many: 1000000))"#,
        ..Scene::default()
    }
    .bed();
    let mut run = bed.start(&["--for", "2s"]);
    run.until(Duration::from_secs(5), "begin", |_| bed.path("out.jsonl").exists());
    let resident = |pid: u32| -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
    };
    let before = resident(run.id());
    run.until(Duration::from_secs(5), "grow", |run| {
        resident(run.id()) > before + 5_000
    });
    let said = run.end(LONG);
    Row::held(this_row!(), &said);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 1.2);
}

/// A second signal while a run ends hurries it, and the host is put back all the same.
#[test]
fn two_signals_in_a_hurry() {
    let bed = Scene {
        schedulers: r#""guard": (plugin: "fault.command", config: (asks: Good))"#,
        actuators: r#""limit": (plugin: "fault.actuate", from: ["guard"], config: (path: "knob"))"#,
        ..Scene::default()
    }
    .bed();
    let mut run = bed.start(&["--for", "20s"]);
    run.until(Duration::from_secs(5), "turn the knob", |_| bed.read("knob") == "1");
    run.signal(Signal::TERM);
    run.signal(Signal::INT);
    let said = run.end(LONG);
    assert_eq!(bed.read("knob"), "0");
    assert!(said.code == Some(0) || loud(&said.stderr).len() == 1, "{}", said.stderr);
}
