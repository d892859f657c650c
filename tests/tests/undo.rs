//! The promise that everything goes back: knobs of real groups while a workload runs and after, an
//! actuator that dies with a knob turned, and knobs that somebody else took meanwhile.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::built;
use system_tests::child::{Child, Ended};
use system_tests::need::{Need, have};
use system_tests::record::Record;

const SOON: Duration = Duration::from_secs(20);

/// A busy shell in a group of its own, pinned to the second CPU, on which `actions` are held during `during`.
fn graph(actions: &str, during: &str) -> String {
    format!(
        r#"(
    version: 1,
    targets: {{ "busy": (plugin: "process.run", config: (command: "sh -c 'while :; do :; done'", cpus: "1", class: BestEffort)) }},
    schedulers: {{ "pin": (plugin: "policy.fixed", config: (lease: "400ms", during: {during}, actions: [{actions}])) }},
    actuators: {{ "limit": (plugin: "cgroup.limit", from: ["pin"]) }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["pin", "limit"], config: (path: "out.jsonl", flush: "0s")) }},
)"#
    )
}

const ALWAYS: &str = "(from: \"0s\")";
const AT_FIRST: &str = "(from: \"0s\", to: \"1500ms\")";

/// The directories of the group of `busy`, by controller, as the record tells them.
struct Groups(Vec<(String, PathBuf)>);

impl Groups {
    fn of(bed: &Bed) -> Option<Self> {
        let text = std::fs::read_to_string(bed.path("out.jsonl")).ok()?;
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let told = lines
            .filter(|line| line["kind"] == "target")
            .find(|line| line["change"] == "appeared")?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let dirs = told["cgroups"].as_array()?.iter();
        Some(Self(
            dirs.map(|dir| (text(&dir["controller"]), text(&dir["path"]).into()))
                .collect(),
        ))
    }

    /// The file of a knob: of version 1 or, under another name, of version 2.
    fn file(&self, controller: &str, v1: &str, v2: &str) -> PathBuf {
        let of = |wanted: &str| self.0.iter().find(|(name, _)| name == wanted).map(|(_, path)| path);
        match (of(controller), of("unified")) {
            (Some(path), _) => path.join(v1),
            (None, Some(path)) => path.join(v2),
            (None, None) => panic!("no group with `{controller}` in {:?}", self.0),
        }
    }

    /// `cpu.idle`, the weight, the quota, the cpuset, as they read now.
    fn knobs(&self) -> [String; 4] {
        [
            self.file("cpu", "cpu.idle", "cpu.idle"),
            self.file("cpu", "cpu.shares", "cpu.weight"),
            self.file("cpu", "cpu.cfs_quota_us", "cpu.max"),
            self.file("cpuset", "cpuset.cpus", "cpuset.cpus"),
        ]
        .map(|path| read(&path))
    }

    /// Whether a directory of them is still there.
    fn are_left(&self) -> bool {
        self.0
            .iter()
            .any(|(_, path)| path.exists() || path.parent().is_some_and(|run| is_run(run) && run.exists()))
    }
}

/// Whether a directory is the one of a run's groups.
fn is_run(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with("pipeline-"))
}

/// The id of the run that wrote the record.
fn run_id(bed: &Bed) -> Option<String> {
    let text = std::fs::read_to_string(bed.path("out.jsonl")).ok()?;
    let head: serde_json::Value = serde_json::from_str(text.lines().next()?).ok()?;
    Some(head["run_id"].as_str()?.to_owned())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_else(|error| format!("{error}"))
        .trim()
        .to_owned()
}

/// Starts the graph; gives the run and the groups of `busy` when they are there.
fn start(bed: &Bed, length: &str) -> (Child, Groups) {
    let mut run = bed.start(&["--for", length]);
    run.until(SOON, "bring `busy`", |_| Groups::of(bed).is_some());
    let groups = Groups::of(bed).unwrap();
    (run, groups)
}

fn ended(run: Child) -> Ended {
    let said = run.end(Duration::from_secs(15)).with(0);
    assert!(said.line("the host is as it was found").contains("INFO"));
    said
}

const ALL_BUT_WEIGHT: &str = r#"
    (target: "busy", knob: "cpu.idle", value: 1.0),
    (target: "busy", knob: "cpu.quota", value: 0.25),
    (target: "busy", knob: "cpu.set", text: "0"),
"#;

/// `cpu.idle`, a quota and a cpuset are in force in the kernel's files while they are wanted, and read
/// as they were found as soon as they are not, with the workload running on; at the end no group is left.
#[test]
fn knobs_are_in_force_while_wanted_and_go_back_while_the_workload_runs() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let bed = Bed::with(&graph(ALL_BUT_WEIGHT, AT_FIRST));
    let (mut run, groups) = start(&bed, "3s");
    run.until(SOON, "turn three knobs", |child| {
        child.stderr().matches("fate=applied").count() >= 3
    });
    let [idle, _, quota, set] = groups.knobs();
    assert_eq!((idle.as_str(), set.as_str()), ("1", "0"));
    assert!(quota == "25000" || quota == "25000 100000", "{quota}");
    run.until(SOON, "put them back", |_| groups.knobs()[0] == "0");
    std::thread::sleep(Duration::from_millis(100));
    let [idle, weight, quota, set] = groups.knobs();
    assert_eq!((idle.as_str(), set.as_str()), ("0", "1"));
    assert!(quota == "-1" || quota == "max 100000", "{quota}");
    assert!(weight == "1024" || weight == "100", "{weight}");
    ended(run);
    assert!(!groups.are_left(), "{:?}", groups.0);
    let record = Record::read(&bed.path("out.jsonl"));
    for knob in ["cpu.idle", "cpu.quota", "cpu.set"] {
        let fates = record.fates("busy", knob);
        assert_eq!(fates.first().map(String::as_str), Some("applied"), "{knob}: {fates:?}");
        let undone = fates.iter().filter(|fate| *fate == "undone").count();
        assert_eq!(
            (undone, fates.last().map(String::as_str)),
            (1, Some("undone")),
            "{knob}: {fates:?}"
        );
    }
}

/// The same for a weight, and for a workload that is ended with the knob still held: nothing is left.
#[test]
fn a_weight_is_in_force_until_the_run_ends() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let bed = Bed::with(&graph("(target: \"busy\", knob: \"cpu.weight\", value: 10.0)", ALWAYS));
    let (mut run, groups) = start(&bed, "1s");
    run.until(SOON, "turn the weight", |_| {
        groups.knobs()[1] == "102" || groups.knobs()[1] == "10"
    });
    ended(run);
    assert!(!groups.are_left(), "{:?}", groups.0);
    let fates = Record::read(&bed.path("out.jsonl")).fates("busy", "cpu.weight");
    assert_eq!(fates.last().map(String::as_str), Some("undone"), "{fates:?}");
}

/// A lister that shares no code with the pipeline finds after a run what it found before: no group, no
/// knob, no affinity and no scheduling policy of a task is another.
#[test]
fn a_lister_of_knobs_finds_the_host_as_it_was() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let script = built::repository().join("scripts/host-knobs");
    let bed = Bed::with(&graph(ALL_BUT_WEIGHT, ALWAYS));
    let list = |file: &str| {
        let said = Child::start(&mut Command::new(&script))
            .end(Duration::from_secs(60))
            .with(0);
        // Groups that another pipeline makes meanwhile are its own to put back.
        let own = run_id(&bed);
        let others = |line: &&str| line.contains("/pipeline-") && !own.as_ref().is_some_and(|own| line.contains(own));
        let kept: Vec<&str> = said.stdout.lines().filter(|line| !others(line)).collect();
        bed.write(file, kept.join("\n") + "\n")
    };
    let before = list("before");
    let (mut run, groups) = start(&bed, "5m");
    run.until(SOON, "turn a knob", |_| groups.knobs()[0] == "1");
    let during = list("during");
    run.signal(Signal::INT);
    ended(run);
    let after = list("after");
    let compare = |one: &Path, other: &Path| {
        let mut command = Command::new(&script);
        command.arg("--compare").args([one, other]);
        Child::start(&mut command).end(Duration::from_secs(60))
    };
    assert!(
        compare(&before, &during).with(1).stdout.contains("cpu.idle 1"),
        "the lister sees nothing"
    );
    compare(&before, &after).with(0);
}

/// A knob that somebody else changes while it is held is theirs: it is not written again, not put back,
/// and that is told once, as a warning and as an outcome.
#[test]
fn a_knob_that_somebody_else_took_is_left_alone() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let bed = Bed::with(&graph(
        "(target: \"busy\", knob: \"cpu.weight\", value: 10.0)",
        "(from: \"0s\", to: \"1500ms\")",
    ));
    let (mut run, groups) = start(&bed, "2500ms");
    // Only after the actuator has read back what it wrote is what is found there somebody else's.
    run.says("fate=applied", SOON);
    let file = groups.file("cpu", "cpu.shares", "cpu.weight");
    std::fs::write(&file, "77").unwrap();
    run.until(SOON, "run past its window", |child| {
        child.stderr().contains("fate=taken")
    });
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(read(&file), "77", "it was fought over");
    let said = ended(run);
    let line = said.line("fate=taken");
    assert!(line.contains("WARN") && line.contains("somebody else set"), "{line}");
    let fates = Record::read(&bed.path("out.jsonl")).fates("busy", "cpu.weight");
    assert!(
        fates.contains(&"taken".to_owned()) && !fates.contains(&"undone".to_owned()),
        "{fates:?}"
    );
}

/// A workload that ends by itself while its knobs are held takes them along; the run goes on and ends well.
#[test]
fn a_workload_that_ends_by_itself_leaves_nothing() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let bed = Bed::with(&graph(ALL_BUT_WEIGHT, ALWAYS).replace("sh -c 'while :; do :; done'", "sleep 0.7"));
    let (mut run, groups) = start(&bed, "1500ms");
    run.until(SOON, "turn a knob", |_| groups.knobs()[0] == "1");
    run.until(SOON, "notice the end", |_| !groups.are_left());
    let said = ended(run);
    assert_eq!(said.count("ERROR"), 0, "{}", said.stderr);
    assert_eq!(said.count("fate=taken"), 0, "{}", said.stderr);
}

/// A graph whose mock actuator has turned the file `knob` and dies at the renewal of its lease.
fn dying(more: &str) -> Bed {
    let bed = Bed::with(&format!(
        r#"(
    version: 1,
    targets: {{ "web": (plugin: "fault.target") }},
    schedulers: {{ "pin": (plugin: "policy.fixed", config: (lease: "1s", retry: "1s", actions: [(target: "web", knob: "cpu.idle", value: 1.0)])) }},
    actuators: {{ "limit": (plugin: "fault.actuate", from: ["pin"], {more}, config: (
        path: "knob", trouble: (what: Panic, call: Work, after: 1, lives: 1),
    )) }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["pin", "limit"], config: (path: "out.jsonl", flush: "0s")) }},
)"#
    ));
    bed.write("knob", "0");
    bed
}

/// An actuator that panics with a knob turned does not take the way back with it: the host puts the knob
/// back from its record at once, in the midst of the run, without calling the plugin.
#[test]
fn the_host_puts_back_what_a_dead_actuator_turned() {
    let bed = dying("on_error: Stop");
    let mut run = bed.start(&["--for", "3s"]);
    run.until(SOON, "turn the knob", |_| bed.read("knob") == "1");
    run.until(SOON, "put it back", |_| bed.read("knob") == "0");
    let said = ended(run);
    assert!(said.took >= Duration::from_secs(3), "the rest did not run on");
    assert!(said.line("undone: `knob`").contains("limit"));
    assert!(
        said.line("panic in `input`")
            .contains("the node is stopped, the rest runs on")
    );
}

/// One that is made anew takes the knob again, and puts it back itself at the end.
#[test]
fn an_actuator_that_is_made_anew_takes_over() {
    let bed = dying("on_error: Restart");
    let said = bed.run(&["--for", "2500ms"]).with(0);
    assert_eq!(said.count("the node is made anew"), 1, "{}", said.stderr);
    assert_eq!(bed.read("knob"), "0");
    let fates = Record::read(&bed.path("out.jsonl")).fates("web", "cpu.idle");
    assert!(fates.iter().filter(|fate| *fate == "applied").count() >= 2, "{fates:?}");
    assert_eq!(fates.last().map(String::as_str), Some("undone"), "{fates:?}");
}

/// A knob that somebody else changed before its actuator died stays as they left it, and that is told.
#[test]
fn what_somebody_else_changed_before_an_actuator_died_stays() {
    let bed = dying("on_error: Stop");
    let mut run = bed.start(&["--for", "2s"]);
    run.until(SOON, "turn the knob", |_| bed.read("knob") == "1");
    bed.write("knob", "7");
    run.says("the node is stopped", SOON);
    let said = ended(run);
    assert_eq!(bed.read("knob"), "7");
    let line = said.line("left alone, someone else changed it");
    assert!(
        line.contains("WARN") && line.contains("`knob` reads `7` and not `1`"),
        "{line}"
    );
}
