//! What puts the host back when a run is killed: its guardian, and where that is killed as well, the next run. And what
//! keeps two runs from acting at once.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use rustix::process::Signal;
use std::process::Command;
use system_tests::bed::Bed;
use system_tests::child::Child;
use system_tests::held::{self, Held, SOON, guardian_of, is_alive, kill_both};
use system_tests::need::{Need, have};

/// A mock actuator that holds the file `knob` at 1, which it found at 0; nothing of it needs root.
fn mock() -> Bed {
    let bed = Bed::with(
        r#"(
    version: 1,
    targets: { "web": (plugin: "fault.target") },
    schedulers: { "pin": (plugin: "policy.fixed", config: (lease: "60s", actions: [(target: "web", knob: "cpu.idle", value: 1.0)])) },
    actuators: { "limit": (plugin: "fault.actuate", from: ["pin"], config: (path: "knob")) },
    sinks: { "out": (plugin: "file.jsonl", from: ["limit"], config: (path: "out.jsonl", flush: "0s", existing: Overwrite)) },
)"#,
    );
    bed.write("knob", "0");
    bed.write(
        "idle.ron",
        r#"(
    version: 1,
    targets: { "web": (plugin: "fault.target") },
    collectors: { "read": (plugin: "fault.collect", of: ["web"]) },
    sinks: { "out": (plugin: "file.jsonl", from: ["read"], config: (path: "idle.jsonl", existing: Overwrite)) },
)"#,
    );
    bed
}

/// Starts it and waits until it holds the knob.
fn turned(bed: &Bed) -> Child {
    let mut run = bed.start(&["--for", "10m"]);
    run.until(SOON, "turn the knob", |_| bed.read("knob") == "1");
    run
}

fn journals(bed: &Bed) -> usize {
    let names = std::fs::read_dir(bed.path("runtime")).unwrap().flatten();
    names
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".journal"))
        .count()
}

/// A run that holds `cpu.idle`, a quota, a cpuset, a weight and a frozen group is killed: its workloads die, its groups
/// and the guardian's go, and it is told as the run would have told it.
#[test]
fn a_killed_run_is_put_back_by_its_guardian() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let held = Held::start(Bed::new());
    let pid = held.run.id();
    held.kill();
    let took = held.gone();
    let (bed, said) = held.ended();
    let line = said.line("what it changed is put back");
    assert!(
        line.contains("WARN") && line.contains(&format!("process {pid}")),
        "{line}"
    );
    assert!(said.count("undone: ") >= 8, "{}", said.stderr);
    assert!(said.line("the host is as it was found").contains("INFO"));
    assert_eq!(
        (said.count("ERROR"), journals(&bed)),
        (0, 0),
        "after {took:?}: {}",
        said.stderr
    );
}

/// It is in a session and in groups of its own, and signals that end a run do nothing to it.
#[test]
fn what_ends_a_run_does_not_end_its_guardian() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let held = Held::start(Bed::new());
    let session = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .nth(3)
            .unwrap()
            .to_owned()
    };
    assert_eq!(session(held.guardian), held.guardian.to_string());
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", held.guardian)).unwrap();
    assert!(
        groups.contains(&format!("/pipeline-guardian-{}", held::id(&held.bed))),
        "{groups}"
    );
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let pid = rustix::process::Pid::from_raw(held.guardian.cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
    held.kill();
    held.gone();
    let (_, said) = held.ended();
    assert!(said.line("the host is as it was found").contains("INFO"));
}

/// A run that ends by itself leaves neither its guardian nor the guardian's groups.
#[test]
fn a_guardian_ends_with_its_run() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let held = Held::start(Bed::new());
    let guardian = held.guardian;
    held.run.signal(Signal::TERM);
    held.gone();
    let (bed, said) = held.ended();
    let said = said.with(0);
    assert!(!is_alive(guardian));
    assert_eq!(
        (said.count("ERROR"), said.count("WARN"), journals(&bed)),
        (0, 0, 0),
        "{}",
        said.stderr
    );
}

/// One that dies is told and replaced, and the new one does what the first would have done.
#[test]
fn a_guardian_that_dies_is_replaced() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let mut held = Held::start(Bed::new());
    held.kill_guardian();
    held.run.says("it is there again", SOON);
    assert_ne!(guardian_of(held.run.id()), Some(held.guardian));
    held.kill();
    held.gone();
    let (_, said) = held.ended();
    assert!(said.line("it ended (signal: 9 (SIGKILL))").contains("WARN"));
    assert!(said.line("the host is as it was found").contains("INFO"));
}

/// Where the guardian is killed as well, the next run undoes what the dead one left before it begins, whatever its graph.
#[test]
fn the_next_run_undoes_what_a_dead_one_left() {
    if !have(&[Need::Cgroup, Need::Cpus]) {
        return;
    }
    let held = Held::start(mock());
    held.kill_both();
    assert!(!held.left().is_empty(), "nobody was there to undo it");
    let dry = held
        .bed
        .tool(["run", "idle.ron", "--for", "100ms", "--dry-run"])
        .with(0);
    assert!(dry.line("put them back with `pipeline restore`").contains("WARN"));
    assert!(!held.left().is_empty(), "a dry run changes nothing");
    let next = held.bed.tool(["run", "idle.ron", "--for", "100ms"]).with(0);
    assert_eq!(held.left(), [""; 0], "{}", next.stderr);
    assert!(next.line("what it changed is put back").contains("WARN"));
    assert_eq!(next.count("ERROR"), 0, "{}", next.stderr);
}

/// What somebody else changed before the run was killed is theirs: left alone, told once by the guardian, and by no later
/// run again.
#[test]
fn what_somebody_else_changed_is_left_alone_and_told_once() {
    let bed = mock();
    let run = turned(&bed);
    bed.write("knob", "7");
    run.signal(Signal::KILL);
    let said = run.end(SOON);
    let line = said.line("left alone, someone else changed it");
    assert!(
        line.contains("WARN") && line.contains("/knob` reads `7` and not `1`"),
        "{line}"
    );
    assert!(said.line("the host is as it was found").contains("INFO"));
    let next = bed.tool(["run", "idle.ron", "--for", "100ms"]).with(0);
    assert_eq!(
        (bed.read("knob").as_str(), next.count("left alone")),
        ("7", 0),
        "{}",
        next.stderr
    );
}

/// The undos of another boot are worthless: what stands under the same names now is somebody else's.
#[test]
fn nothing_of_another_boot_is_undone() {
    let bed = mock();
    let run = turned(&bed);
    kill_both(&run);
    drop(run.end(SOON));
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let journal = format!("runtime/{}.journal", held::id(&bed));
    let text = bed
        .read(&journal)
        .replace(boot.trim(), "00000000-0000-0000-0000-000000000000");
    bed.write(&journal, text);
    let next = bed.tool(["run", "idle.ron", "--for", "100ms"]).with(0);
    assert!(next.line("ran before this machine was booted").contains("INFO"));
    assert_eq!((bed.read("knob").as_str(), journals(&bed)), ("1", 0));
    // The guardian's groups are as real as ever; they are the test's own to remove.
    let id = journal
        .trim_start_matches("runtime/")
        .trim_end_matches(".journal")
        .to_owned();
    for group in held::groups_of(&id) {
        std::fs::remove_dir(group).unwrap();
    }
}

/// Two runs that turn the same knobs would each take the other for somebody else.
#[test]
fn only_one_run_acts_at_a_time() {
    let bed = mock();
    let first = turned(&bed);
    let second = bed.run(&["--for", "100ms"]).with(75);
    let line = second.line("is acting on this host");
    let pid = first.id();
    assert!(
        line.contains(&format!("(process {pid}, `graph.ron`, since 2"))
            && line.contains(&format!("`kill -TERM {pid}`")),
        "{line}"
    );
    bed.run(&["--for", "100ms", "--dry-run"]).with(0);
    bed.tool(["run", "idle.ron", "--for", "100ms"]).with(0);
    first.signal(Signal::TERM);
    first.end(SOON).with(0);
    assert_eq!(bed.read("knob"), "0");
    bed.run(&["--for", "100ms"]).with(0);
}

/// Whoever may write the folder of the journals could have us write whatever they like.
#[test]
fn a_folder_that_others_may_write_holds_no_journal() {
    use std::os::unix::fs::PermissionsExt;
    let bed = mock();
    bed.write("runtime/unrelated", "");
    std::fs::set_permissions(bed.path("runtime"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let said = bed.run(&["--for", "100ms"]).with(1);
    let line = said.line("did not run");
    assert!(
        line.contains("may be written by others (mode 777); run `chmod go-w "),
        "{line}"
    );
    assert_eq!(bed.read("knob"), "0");
}

/// A tiny file system that is mounted as long as this exists.
struct Tiny<'a>(&'a Bed);

impl<'a> Tiny<'a> {
    fn full(bed: &'a Bed) -> Self {
        std::fs::create_dir(bed.path("runtime")).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs"])
            .arg(bed.path("runtime"));
        Child::start(&mut mount).end(SOON).with(0);
        let tiny = Self(bed);
        let filler = std::fs::write(bed.path("runtime/filler"), vec![0; 1 << 20]);
        assert!(filler.is_err(), "it is not full");
        tiny
    }
}

impl Drop for Tiny<'_> {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        umount.arg(self.0.path("runtime"));
        drop(Child::start(&mut umount).end(SOON));
    }
}

/// Without a line in the journal nothing is changed: the action is refused with the reason, and the run goes on.
#[test]
fn an_action_that_cannot_be_journalled_is_refused_and_the_run_goes_on() {
    if !have(&[Need::Root]) {
        return;
    }
    let bed = mock();
    let _tiny = Tiny::full(&bed);
    let mut run = bed.start(&["--for", "10m"]);
    run.says("nothing is changed without it", SOON);
    assert_eq!(bed.read("knob"), "0");
    std::fs::remove_file(bed.path("runtime/filler")).unwrap();
    run.until(SOON, "act when there is room again", |_| bed.read("knob") == "1");
    run.signal(Signal::TERM);
    let said = run.end(SOON);
    assert!(said.stderr.contains("No space left on device"), "{}", said.stderr);
    assert!(said.line("the host is as it was found").contains("INFO"));
    assert_eq!(bed.read("knob"), "0");
}
