//! Processes that nobody of the pipeline started: they are found, pinned, paused, and left as they were, whatever
//! becomes of the run.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use rustix::process::Signal;
use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::bed::Bed;
use system_tests::child::Child;
use system_tests::need::{Need, have};

const SOON: Duration = Duration::from_secs(15);

/// Uses a CPU and makes a thread every 10 ms, each of which lives for half a second.
const BUSY: &str = "
import threading, time
print('ready', flush=True)
while True:
    threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()
    until = time.monotonic() + 0.01
    while time.monotonic() < until: pass
";

/// Makes a thread every 5 ms, all of which stay, up to a bound.
const GROWING: &str = "
import threading, time
print('ready', flush=True)
for _ in range(2000):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    time.sleep(0.005)
time.sleep(600)
";

/// Does nothing, and so is never busy.
const IDLE: &str = "import time; print('ready', flush=True); time.sleep(600)";

/// A program that belongs to this test and to no run. It is ended with the test.
struct Outsider(Process);

impl Outsider {
    /// Its command line ends in `mark`, by which it is found.
    fn new(program: &str, mark: &str) -> Self {
        let mut command = Command::new("python3");
        command
            .args(["-c", program, mark])
            // A process group of its own, as a shell has it for a job; else it would be in that of this test.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Its start uses a CPU, whatever it does then.
        let mut line = [0; 6];
        child.stdout.take().unwrap().read_exact(&mut line).unwrap();
        Self(child)
    }

    fn id(&self) -> u32 {
        self.0.id()
    }

    /// What the kernel lets each of its threads use; a thread that ends meanwhile is left out.
    fn cpus(&self) -> BTreeSet<String> {
        let field = |status: String| {
            Some(
                status
                    .split_once("Cpus_allowed_list:")?
                    .1
                    .lines()
                    .next()?
                    .trim()
                    .to_owned(),
            )
        };
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let status = |path: &Path| std::fs::read_to_string(path.join("status")).ok();
        tasks
            .flatten()
            .filter_map(|task| field(status(&task.path())?))
            .collect()
    }

    fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }
}

impl Drop for Outsider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A mark that no other process of the machine has.
fn mark(bed: &Bed) -> String {
    format!("mark-{}", bed.folder().file_name().unwrap().to_string_lossy())
}

/// Watches what bears the mark, and holds `action` on it with an actuator.
fn graph(watch: &str, mark: &str, action: &str, actuator: &str) -> String {
    format!(
        r#"(
    version: 1,
    targets: {{ "old": (plugin: "process.watch", every: "100ms", config: (commands: ["*{mark}"], older_than: "0s", {watch})) }},
    schedulers: {{ "pin": (plugin: "policy.fixed", config: (lease: "1s", actions: [(target: "old/*", {action})])) }},
    actuators: {{ "act": (plugin: "{actuator}", from: ["pin"]) }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["pin", "act"], config: (path: "out.jsonl", flush: "0s")) }},
)"#
    )
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < SOON, "it did not {what} within {SOON:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The names of the targets that the record tells of.
fn targets(bed: &Bed) -> BTreeSet<String> {
    let text = std::fs::read_to_string(bed.path("out.jsonl")).unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let told = lines.filter(|line| line["kind"] == "target");
    told.filter_map(|line| Some(line["name"].as_str()?.to_owned()))
        .collect()
}

/// A busy process is found by its command line and its CPU use, and an idle one beside it is not. All its threads are
/// pinned while new ones keep coming, and when the run ends all have what they had, those included that came meanwhile.
#[test]
fn a_busy_process_is_found_and_pinned_while_its_threads_keep_coming() {
    if !have(&[Need::Cpus]) {
        return;
    }
    let bed = Bed::new();
    let mark = mark(&bed);
    let (busy, idle) = (Outsider::new(BUSY, &mark), Outsider::new(IDLE, &mark));
    let before = busy.cpus();
    let watch = "busier_than: 0.1, window: \"500ms\", group_by: Process";
    bed.write(
        "graph.ron",
        graph(watch, &mark, "knob: \"cpu.affinity\", text: \"0\"", "process.affinity"),
    );
    let mut run = bed.start(&["--for", "5m"]);
    let only: BTreeSet<String> = ["0".to_owned()].into();
    run.until(SOON, "pin all threads", |_| busy.cpus() == only);
    for _ in 0..50 {
        assert_eq!(busy.cpus(), only, "every thread that came since is pinned too");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(targets(&bed), [format!("old/{}", busy.id())].into());
    assert_eq!(idle.cpus(), before);
    run.signal(Signal::INT);
    run.end(SOON).with(0).line("the host is as it was found");
    until("get back what it had", || busy.cpus() == before);
}

/// A paused process goes on after the run was killed, without anybody's help.
#[test]
fn a_paused_process_goes_on_when_the_run_is_killed() {
    let bed = Bed::new();
    let mark = mark(&bed);
    let outsider = Outsider::new(IDLE, &mark);
    bed.write(
        "graph.ron",
        graph("", &mark, "knob: \"process.paused\", value: 1.0", "process.control"),
    );
    let mut run = bed.start(&["--for", "5m"]);
    run.until(SOON, "pause it", |_| outsider.state() == 'T');
    run.signal(Signal::KILL);
    until("go on", || outsider.state() != 'T');
    let _ = run.end(SOON);
}

/// The same for CPUs.
#[test]
fn a_pinned_process_has_its_cpus_back_when_the_run_is_killed() {
    if !have(&[Need::Cpus]) {
        return;
    }
    let bed = Bed::new();
    let mark = mark(&bed);
    let outsider = Outsider::new(IDLE, &mark);
    let before = outsider.cpus();
    bed.write(
        "graph.ron",
        graph("", &mark, "knob: \"cpu.affinity\", text: \"0\"", "process.affinity"),
    );
    let mut run = bed.start(&["--for", "5m"]);
    run.until(SOON, "pin it", |_| outsider.cpus() == ["0".to_owned()].into());
    run.signal(Signal::KILL);
    until("get back what it had", || outsider.cpus() == before);
    let _ = run.end(SOON);
}

/// The same for threads that came after the last look, of which nobody knew when the run was killed.
#[test]
fn threads_that_came_right_before_the_run_was_killed_have_their_cpus_back() {
    if !have(&[Need::Cpus]) {
        return;
    }
    let bed = Bed::new();
    let mark = mark(&bed);
    let outsider = Outsider::new(GROWING, &mark);
    let before = outsider.cpus();
    bed.write(
        "graph.ron",
        graph("", &mark, "knob: \"cpu.affinity\", text: \"0\"", "process.affinity"),
    );
    let mut run = bed.start(&["--for", "5m"]);
    run.until(SOON, "pin all", |_| outsider.cpus() == ["0".to_owned()].into());
    run.signal(Signal::KILL);
    until("give all threads back what they had", || outsider.cpus() == before);
    let _ = run.end(SOON);
}

/// A process that ends is told gone, and the run goes on without it.
#[test]
fn a_watched_process_that_ends_is_told_gone() {
    let bed = Bed::new();
    let mark = mark(&bed);
    let outsider = Outsider::new(IDLE, &mark);
    bed.write(
        "graph.ron",
        graph("", &mark, "knob: \"process.paused\", value: 0.0", "process.control"),
    );
    let mut run: Child = bed.start(&["--for", "5m"]);
    let name = format!("old/{}", outsider.id());
    run.until(SOON, "find it", |_| targets(&bed).contains(&name));
    drop(outsider);
    run.until(SOON, "tell that it went", |_| {
        std::fs::read_to_string(bed.path("out.jsonl")).is_ok_and(|text| text.contains("\"gone\""))
    });
    run.signal(Signal::INT);
    run.end(SOON).with(0).line("the host is as it was found");
}
