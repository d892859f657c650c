//! Real processes with threads and children that come while they are held, paused and ended.

use super::*;
use crate::fs;
use crate::target::Run;
use crate::target::affinity::given;
use crate::target::members::await_ready;
use pipeline_plugin_api::stage::{Actuates, Provides};
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use rustix::process::{Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A program that makes threads and children when it is told to: `t` a thread, `c` a child, `p` pins its first thread to
/// the first CPU by itself; it answers each with a line.
const PROGRAM: &str = "
import os, subprocess, sys, threading, time
print('ready', flush=True)
for line in sys.stdin:
    if line.strip() == 't':
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    if line.strip() == 'c':
        subprocess.Popen(['sleep', '60'])
    if line.strip() == 'p':
        os.sched_setaffinity(0, {0})
    print('done', flush=True)
";

struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn new() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, input, output };
        program.hear();
        program
    }

    fn tell(&mut self, what: &str) {
        writeln!(self.input, "{what}").unwrap();
        self.hear();
    }

    fn tell_all(&mut self, all: &[&str]) {
        all.iter().for_each(|what| self.tell(what));
    }

    fn hear(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the program ended");
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn target(&self, host: &TestHost, class: Class) -> Target {
        let start_time = fs::proc_stat(Path::new("/proc"), self.pid()).unwrap().start_time;
        host.target(Target {
            name: "it".into(),
            provider: "watch".into(),
            class,
            processes: vec![Process {
                pid: self.pid(),
                start_time,
            }]
            .into(),
            ..Target::default()
        })
    }

    /// Every thread of it and of its children.
    fn threads(&self) -> Vec<u32> {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).unwrap();
        let children = children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
        std::iter::once(self.pid())
            .chain(children)
            .flat_map(crowd::threads)
            .collect()
    }

    /// The CPUs of each, as texts.
    fn cpus(&self) -> Vec<String> {
        let of = |id: u32| given(pid(id)).unwrap().to_string();
        self.threads().into_iter().map(of).collect()
    }

    fn states(&self) -> String {
        let state = |id: u32| char::from(fs::proc_stat(Path::new("/proc"), id).unwrap().state);
        self.threads().into_iter().map(state).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(pid(self.pid()), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).unwrap_or_default();
        for child in children.split_whitespace() {
            let _ = kill_process(pid(child.parse().unwrap()), Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pid(id: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

struct Stand {
    host: TestHost,
    node: TestNode,
    target: Target,
    at: Nanos,
}

impl Stand {
    fn new<E: Actuator>(program: &Program, class: Class, config: &str) -> (Self, Vec<String>) {
        let host = TestHost::new();
        let mut node = host.node::<Actuates<E>>(config).unwrap();
        node.start().unwrap();
        let target = program.target(&host, class);
        let told = node.change(Nanos(1), Change::APPEARED, &target).unwrap();
        let name = |control: &Control| host.world().names.knob_name(control.knob).unwrap().name.to_string();
        let offers = told.controls.iter().map(name).collect();
        let at = Nanos(1);
        (Self { host, node, target, at }, offers)
    }

    fn ask(&mut self, knob: &Knob, value: f64, text: &str) -> Outcome {
        self.at = self.at + Nanos::from_millis(10);
        let mut batch = Batch {
            at: self.at,
            ..Batch::default()
        };
        batch.actions.push(Action {
            at: self.at,
            id: 7,
            target: self.target.id,
            knob: self.host.knob(knob),
            value,
            text: text.into(),
            until: if value < 0.0 { self.at } else { Nanos::from_secs(3600) },
            why: "a test".into(),
            ..Action::default()
        });
        let told = self.node.feed(self.at, &batch).unwrap();
        assert_eq!(told.outcomes.len(), 1, "{told:?}");
        told.outcomes[0].clone()
    }

    fn release(&mut self, knob: &Knob) -> Outcome {
        self.ask(knob, -1.0, "")
    }

    /// The outcomes of one more instant.
    fn tick(&mut self, millis: u64) -> Vec<Outcome> {
        self.at = self.at + Nanos::from_millis(millis);
        self.node.tick(self.at).unwrap().outcomes.into_iter().collect()
    }

    fn gone(&mut self) {
        let target = self.target.clone();
        self.node.change(self.at, Change::GONE, &target).unwrap();
    }

    fn journal(&self) -> Vec<Undo> {
        self.host.world().journal.values().cloned().collect()
    }

    /// The records of single threads and processes, and those of whole processes.
    fn records(&self) -> (Vec<Undo>, Vec<Undo>) {
        self.journal().into_iter().partition(|undo| undo.path.is_empty())
    }

    fn warnings(&self, text: &str) -> usize {
        let world = self.host.world();
        world
            .logs
            .iter()
            .filter(|(level, line)| *level == Level::WARN && line.contains(text))
            .count()
    }
}

/// What this test may use, and its first CPU. Where it has one only nothing can be seen of a pin.
fn cpus_or_skip() -> Option<(String, String)> {
    let all = given(rustix::process::getpid()).unwrap();
    let first = all.iter().next().unwrap().to_string();
    if all.len() < 2 {
        println!("SKIP: this test may use one CPU only");
        return None;
    }
    Some((all.to_string(), first))
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if so() {
            return;
        }
        await_ready([].into_iter(), 10);
    }
    panic!("{what}: it did not happen within 5 s");
}

fn all_are(found: &[String], wanted: &str) -> bool {
    found.iter().all(|cpus| cpus == wanted)
}

const CPUS: Knob = vocabulary::CPU_AFFINITY;
const PAUSED: Knob = vocabulary::PROCESS_PAUSED;
const RUNNING: Knob = vocabulary::PROCESS_RUNNING;

#[test]
fn every_thread_and_child_is_pinned_newcomers_too_and_all_go_back() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let mut program = Program::new();
    program.tell_all(&["t", "t", "c"]);
    let (mut stand, offers) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    assert_eq!(offers, ["cpu.affinity"]);
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::APPLIED, first.as_str()));
    assert_eq!(program.cpus().len(), 4);
    assert!(all_are(&program.cpus(), &first));
    let (threads, processes) = stand.records();
    assert_eq!((threads.len(), processes.len()), (4, 2));
    program.tell_all(&["t", "c"]);
    assert_eq!(stand.tick(100), []);
    let (threads, processes) = stand.records();
    assert_eq!((threads.len(), processes.len()), (6, 3), "newcomers are journalled too");
    let journal = stand.journal();
    let first_of = |pid: u32| journal.iter().find(|undo| undo.pid == pid).unwrap();
    for process in &processes {
        assert_eq!(process.path, format!("/proc/{}/task", process.pid));
        assert_eq!(
            first_of(process.pid),
            process,
            "ahead of its threads, so that it is undone after them"
        );
    }
    let before = all.parse::<pipeline_cgroup_fs::CpuSet>().unwrap();
    let before = before.iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",");
    for undo in journal {
        assert_eq!(undo.kind, UndoKind::SET_AFFINITY);
        assert_eq!(
            (undo.before.as_str(), undo.after.as_str()),
            (before.as_str(), first.as_str())
        );
        assert_eq!(
            fs::proc_stat(Path::new("/proc"), undo.pid).unwrap().start_time,
            undo.start_time
        );
    }
    // These come after the last instant and before the release.
    program.tell_all(&["t", "c"]);
    assert_eq!(stand.release(&CPUS).fate, Fate::UNDONE);
    assert_eq!(program.cpus().len(), 8);
    assert!(all_are(&program.cpus(), &all), "{:?}", program.cpus());
    assert_eq!(stand.journal(), []);
}

#[test]
fn threads_that_came_differently_get_back_their_own() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let last = all
        .parse::<pipeline_cgroup_fs::CpuSet>()
        .unwrap()
        .iter()
        .last()
        .unwrap()
        .to_string();
    let mut program = Program::new();
    program.tell_all(&["t", "p"]);
    let before = program.cpus();
    assert_eq!(before, [first, all]);
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    assert_eq!(stand.ask(&CPUS, 0.0, &last).fate, Fate::APPLIED);
    assert!(all_are(&program.cpus(), &last));
    assert_eq!(stand.release(&CPUS).fate, Fate::UNDONE);
    assert_eq!(program.cpus(), before);
}

#[test]
fn where_a_thread_had_the_cpus_anyway_nothing_is_said_of_those_to_come() {
    let Some((_, first)) = cpus_or_skip() else { return };
    let mut program = Program::new();
    program.tell_all(&["t", "p"]);
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
    let (threads, processes) = stand.records();
    assert_eq!((threads.len(), processes), (2, Vec::new()));
}

#[test]
fn a_child_that_is_a_target_of_its_own_is_not_touched_through_its_parent() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let mut program = Program::new();
    program.tell_all(&["c", "c"]);
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", program.pid())).unwrap();
    let child: u32 = children.split_whitespace().next().unwrap().parse().unwrap();
    let start_time = fs::proc_stat(Path::new("/proc"), child).unwrap().start_time;
    let own = |stand: &Stand| Target {
        id: TargetId(4711),
        name: "child".into(),
        class: Class::LATENCY,
        processes: vec![Process { pid: child, start_time }].into(),
        ..stand.target.clone()
    };
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    let target = own(&stand);
    stand.node.change(Nanos(2), Change::APPEARED, &target).unwrap();
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
    let of = |id: u32| given(pid(id)).unwrap().to_string();
    assert_eq!((of(child), of(program.pid())), (all, first.clone()));
    assert_eq!(program.cpus().iter().filter(|cpus| **cpus == first).count(), 2);

    let (mut stand, _) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "(allow_stop: true)");
    let target = own(&stand);
    stand.node.change(Nanos(2), Change::APPEARED, &target).unwrap();
    assert_eq!(stand.ask(&PAUSED, 1.0, "").fate, Fate::APPLIED);
    let state = |id: u32| fs::proc_stat(Path::new("/proc"), id).unwrap().state;
    assert_eq!((state(child), state(program.pid())), (b'S', b'T'));
    assert_eq!(stand.release(&PAUSED).fate, Fate::UNDONE);
    stand.ask(&RUNNING, 0.0, "");
    until("the parent ends", || {
        let ended = fs::proc_stat(Path::new("/proc"), program.pid());
        ended.is_ok_and(|stat| !stat.is_alive())
    });
    assert_eq!(state(child), b'S');
    kill_process(pid(child), Signal::KILL).unwrap();
}

#[test]
fn the_kernel_s_own_threads_stay_where_they_are() {
    let Some((_, first)) = cpus_or_skip() else { return };
    // kthreadd, whose children are all of them.
    let Ok(stat) = fs::proc_stat(Path::new("/proc"), 2) else {
        return;
    };
    if !stat.is_kernel() {
        println!("SKIP: the kernel's threads are not seen here");
        return;
    }
    let program = Program::new();
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    let mut target = stand.target.clone();
    target.processes = vec![Process {
        pid: 2,
        start_time: stat.start_time,
    }]
    .into();
    stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    let before = given(pid(2)).unwrap();
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert_eq!(outcome.fate, Fate::REFUSED);
    assert!(outcome.why.contains("the kernel's own"), "{}", outcome.why);
    assert_eq!((given(pid(2)).unwrap(), stand.journal()), (before, Vec::new()));
}

const STANDS_IN: &str = "PIPELINE_TEST_STANDS_IN";

/// What the next test starts: a child of the program that runs the program, as the guardian does. It waits for the end
/// of its input.
#[test]
fn one_that_stands_in_for_the_guardian() {
    if std::env::var_os(STANDS_IN).is_some() {
        let mut end = String::new();
        assert_eq!(
            std::io::Read::read_to_string(&mut std::io::stdin(), &mut end).unwrap(),
            0
        );
    }
}

#[test]
fn the_guardian_is_neither_pinned_nor_paused_nor_ended() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "actuate::tests::one_that_stands_in_for_the_guardian"])
        .env(STANDS_IN, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let program = Program::new();
    let start_time = fs::proc_stat(Path::new("/proc"), child.id()).unwrap().start_time;
    let before = given(pid(child.id())).unwrap();
    let first = before.iter().next().unwrap().to_string();
    let told = |stand: &Stand| Target {
        processes: vec![Process {
            pid: child.id(),
            start_time,
        }]
        .into(),
        ..stand.target.clone()
    };
    let (mut pin, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    let (mut stop, _) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "(allow_stop: true)");
    for stand in [&mut pin, &mut stop] {
        let target = told(stand);
        stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    }
    let outcomes = [
        pin.ask(&CPUS, 0.0, &first),
        stop.ask(&PAUSED, 1.0, ""),
        stop.ask(&RUNNING, 0.0, ""),
    ];
    let now = fs::proc_stat(Path::new("/proc"), child.id()).unwrap();
    let cpus = given(pid(child.id())).unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    for outcome in outcomes {
        assert_eq!(outcome.fate, Fate::REFUSED, "{outcome:?}");
        assert!(outcome.why.contains("the guardian of this run"), "{}", outcome.why);
    }
    assert!(now.is_alive() && now.state != b'T' && cpus == before, "{now:?}");
}

#[test]
fn another_value_is_set_on_top_and_what_was_found_comes_back() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let last = all
        .parse::<pipeline_cgroup_fs::CpuSet>()
        .unwrap()
        .iter()
        .last()
        .unwrap()
        .to_string();
    let program = Program::new();
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    stand.ask(&CPUS, 0.0, &first);
    assert_eq!(stand.ask(&CPUS, 0.0, &last).text, last);
    assert_eq!(program.cpus(), [last.as_str()]);
    let journal = stand.journal();
    assert_eq!(
        journal.len(),
        2,
        "recorded once, for the thread and for its process, and amended"
    );
    assert!(journal.iter().all(|undo| undo.after == last.as_str()));
    stand.release(&CPUS);
    assert_eq!(program.cpus(), [all]);
}

#[test]
fn a_thread_that_somebody_else_set_is_left_alone_and_told_once() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let last = all
        .parse::<pipeline_cgroup_fs::CpuSet>()
        .unwrap()
        .iter()
        .last()
        .unwrap()
        .to_string();
    let mut program = Program::new();
    program.tell("t");
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    stand.ask(&CPUS, 0.0, &last);
    program.tell("p");
    assert_eq!(stand.tick(100), []);
    assert_eq!(stand.tick(100), []);
    assert_eq!(stand.warnings("somebody else gave threads other CPUs"), 1);
    let outcome = stand.release(&CPUS);
    assert_eq!(outcome.fate, Fate::TAKEN);
    assert!(outcome.why.contains("1 of 2 threads"), "{}", outcome.why);
    assert_eq!(program.cpus(), [first, all]);
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_target_of_which_all_threads_were_set_by_somebody_else_is_theirs() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let last = all
        .parse::<pipeline_cgroup_fs::CpuSet>()
        .unwrap()
        .iter()
        .last()
        .unwrap()
        .to_string();
    let mut program = Program::new();
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    stand.ask(&CPUS, 0.0, &last);
    program.tell("p");
    let told = stand.tick(100);
    assert_eq!(
        told.iter().map(|outcome| outcome.fate).collect::<Vec<_>>(),
        [Fate::TAKEN]
    );
    assert_eq!(stand.tick(100), [], "once");
    assert_eq!(program.cpus(), [first]);
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_target_that_went_leaves_no_thread_pinned() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let mut program = Program::new();
    program.tell("c");
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    stand.ask(&CPUS, 0.0, &first);
    stand.gone();
    assert!(all_are(&program.cpus(), &all), "{:?}", program.cpus());
    assert_eq!(stand.journal(), []);
}

/// A group with these CPUs, removed with the test.
struct Cpuset(pipeline_cgroup_fs::Group);

impl Cpuset {
    /// None, and a word, where no group can be made here.
    fn new(name: &str, cpus: &str) -> Option<Self> {
        use pipeline_cgroup_fs::{Controller, Group, Hierarchies, Knob, KnobKind, Leaf, Setting};
        let make = || {
            let trees = Hierarchies::discover("/")?;
            let wanted = [Controller::Cpuset].into_iter().collect();
            let name = format!("pipeline-test-{name}-{}", std::process::id());
            let made = Self(Leaf::plan(&Group::at(&trees, "")?, &name, wanted)?.make()?.group);
            Knob::open(&made.0, KnobKind::Cpus)?.write(&Setting::Cpus(cpus.parse().unwrap()))?;
            Ok::<_, pipeline_cgroup_fs::Error>(made)
        };
        match make() {
            Ok(made) => Some(made),
            Err(error) => {
                let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
                assert!(!required.split(',').any(|what| what == "cgroup"), "{error}");
                println!("SKIP: no cpuset can be made here: {error}");
                None
            }
        }
    }

    fn take(&self, program: &Program) {
        self.0.attach(program.pid()).unwrap();
    }
}

impl Drop for Cpuset {
    fn drop(&mut self) {
        // A group that is left over is seen by whoever runs the tests.
        let _ = self.0.remove();
    }
}

#[test]
fn a_move_to_another_cpuset_is_no_change_by_somebody_else_and_the_cpus_are_set_again() {
    let Some((all, first)) = cpus_or_skip() else { return };
    let last = all.parse::<pipeline_cgroup_fs::CpuSet>().unwrap();
    let last = last.iter().last().unwrap().to_string();
    let (Some(wide), Some(narrow)) = (Cpuset::new("wide", &all), Cpuset::new("narrow", &last)) else {
        return;
    };
    let program = Program::new();
    wide.take(&program);
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    assert_eq!(stand.ask(&CPUS, 0.0, &format!("{first},{last}")).fate, Fate::APPLIED);
    narrow.take(&program);
    assert_eq!(stand.tick(100), []);
    assert_eq!(program.cpus(), [last.as_str()]);
    let outcome = stand.ask(&CPUS, 0.0, &format!("{first},{last}"));
    assert_eq!((outcome.fate, outcome.text.as_str()), (Fate::CLAMPED, last.as_str()));
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("none of"),
        "{}",
        outcome.why
    );
    wide.take(&program);
    assert_eq!(stand.tick(100), []);
    assert_eq!(
        program.cpus(),
        [format!("{first},{last}")
            .parse::<pipeline_cgroup_fs::CpuSet>()
            .unwrap()
            .to_string()]
    );
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
    assert_eq!(stand.release(&CPUS).fate, Fate::UNDONE);
    assert_eq!(program.cpus(), [all]);
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let program = Program::new();
    let before = program.cpus();
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    for (text, why) in [("8000", "is online"), ("x", "no CPU list"), ("", "is online")] {
        let outcome = stand.ask(&CPUS, 0.0, text);
        assert_eq!(outcome.fate, Fate::REFUSED);
        assert!(outcome.why.contains(why), "{}", outcome.why);
    }
    assert_eq!(program.cpus(), before);
    assert_eq!(stand.journal(), []);
}

#[test]
fn latency_targets_are_pinned_only_where_that_is_asked_for() {
    let Some((_, first)) = cpus_or_skip() else { return };
    let program = Program::new();
    let (mut stand, offers) = Stand::new::<Affinity>(&program, Class::LATENCY, "");
    assert_eq!(offers, [""; 0]);
    let outcome = stand.ask(&CPUS, 0.0, &first);
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("`latency`"),
        "{}",
        outcome.why
    );
    let (mut stand, offers) = Stand::new::<Affinity>(&program, Class::LATENCY, "(latency: true)");
    assert_eq!(offers, ["cpu.affinity"]);
    assert_eq!(stand.ask(&CPUS, 0.0, &first).fate, Fate::APPLIED);
}

#[test]
fn this_program_is_never_pinned() {
    let program = Program::new();
    let (mut stand, _) = Stand::new::<Affinity>(&program, Class::BATCH, "");
    let own = fs::proc_stat(Path::new("/proc"), std::process::id()).unwrap();
    let own = Process {
        pid: own.pid,
        start_time: own.start_time,
    };
    let target = Target {
        processes: vec![own].into(),
        ..stand.target.clone()
    };
    stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    let outcome = stand.ask(&CPUS, 0.0, "0");
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("this program itself"),
        "{}",
        outcome.why
    );
}

#[test]
fn a_target_with_this_program_is_neither_paused_nor_ended_and_nothing_of_it_is_touched() {
    let program = Program::new();
    let (mut stand, _) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "(allow_stop: true)");
    let mut target = stand.target.clone();
    let own = fs::proc_stat(Path::new("/proc"), std::process::id()).unwrap();
    target.processes.push(Process {
        pid: own.pid,
        start_time: own.start_time,
    });
    stand.node.change(Nanos(2), Change::CHANGED, &target).unwrap();
    for (knob, value) in [(&PAUSED, 1.0), (&RUNNING, 0.0)] {
        let outcome = stand.ask(knob, value, "");
        assert_eq!(outcome.fate, Fate::REFUSED);
        assert!(outcome.why.contains("this program itself"), "{}", outcome.why);
    }
    assert!(!program.states().contains('T'));
    assert_eq!(stand.journal(), []);
}

#[test]
fn a_pause_stops_all_and_the_release_lets_all_go_on() {
    let mut program = Program::new();
    program.tell_all(&["c", "c"]);
    let (mut stand, offers) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "");
    assert_eq!(offers, ["process.paused"], "it may not be ended");
    let outcome = stand.ask(&PAUSED, 1.0, "");
    assert_eq!((outcome.fate, outcome.value), (Fate::APPLIED, 1.0));
    assert_eq!(program.states(), "TTT");
    let journal = stand.journal();
    assert_eq!(journal.len(), 3);
    assert!(
        journal
            .iter()
            .all(|undo| undo.kind == UndoKind::CONTINUE && undo.start_time > 0)
    );
    assert_eq!(stand.release(&PAUSED).fate, Fate::UNDONE);
    until("they go on", || !program.states().contains('T'));
    program.tell("t");
    assert_eq!(stand.journal(), []);
}

#[test]
fn one_that_stood_still_already_stays_so() {
    let mut program = Program::new();
    program.tell("c");
    program.signal(Signal::STOP);
    until("it stops", || program.states().starts_with('T'));
    let (mut stand, _) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "");
    stand.ask(&PAUSED, 1.0, "");
    assert_eq!(program.states(), "TT");
    assert_eq!(stand.journal().len(), 1);
    stand.release(&PAUSED);
    until("the child goes on", || program.states() != "TT");
    assert!(program.states().starts_with('T'));
    program.signal(Signal::CONT);
}

#[test]
fn a_pause_that_somebody_else_ended_is_theirs() {
    let program = Program::new();
    let (mut stand, _) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "");
    stand.ask(&PAUSED, 1.0, "");
    program.signal(Signal::CONT);
    until("it goes on", || program.states() != "T");
    assert_eq!(stand.tick(100).first().map(|outcome| outcome.fate), Some(Fate::TAKEN));
    assert_eq!(stand.tick(100), []);
    assert_eq!(stand.journal(), []);
}

#[test]
fn latency_targets_are_not_paused_and_never_ended() {
    let program = Program::new();
    let (mut stand, offers) = Stand::new::<ControlProcesses>(&program, Class::LATENCY, "(allow_stop: true)");
    assert_eq!(offers, [""; 0]);
    for knob in [&PAUSED, &RUNNING] {
        let outcome = stand.ask(knob, f64::from(u8::from(knob.name == PAUSED.name)), "");
        assert!(
            outcome.fate == Fate::REFUSED && outcome.why.contains("Latency"),
            "{}",
            outcome.why
        );
    }
    assert!(!program.states().contains('T'));
}

#[test]
fn ending_what_this_run_did_not_start_must_be_allowed() {
    let program = Program::new();
    let (mut stand, _) = Stand::new::<ControlProcesses>(&program, Class::BATCH, "");
    let outcome = stand.ask(&RUNNING, 0.0, "");
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("`allow_stop`"),
        "{}",
        outcome.why
    );
    let outcome = stand.ask(&RUNNING, 1.0, "");
    assert!(
        outcome.fate == Fate::REFUSED && outcome.why.contains("did not start"),
        "{}",
        outcome.why
    );
    assert!(!program.states().contains('T'));
}

#[test]
fn a_target_is_asked_to_end_then_killed_and_told_that_there_is_no_way_back() {
    let mut program = Program::new();
    let stubborn = Command::new("sh")
        .args(["-c", "trap '' TERM; while :; do sleep 0.05; done"])
        .spawn()
        .unwrap();
    let (mut stand, offers) =
        Stand::new::<ControlProcesses>(&program, Class::BATCH, "(allow_stop: true, stop_timeout: \"1s\")");
    assert_eq!(offers, ["process.paused", "process.running"]);
    let start_time = fs::proc_stat(Path::new("/proc"), stubborn.id()).unwrap().start_time;
    let process = Process {
        pid: stubborn.id(),
        start_time,
    };
    let mut target = stand.target.clone();
    target.processes.push(process);
    let mut stubborn = stubborn;
    await_ready([].into_iter(), 100);
    stand.node.change(stand.at, Change::CHANGED, &target).unwrap();
    let outcome = stand.ask(&RUNNING, 0.0, "");
    assert_eq!(outcome.fate, Fate::CLAMPED);
    assert!(outcome.why.contains("cannot be undone"), "{}", outcome.why);
    assert!(!program.child.wait().unwrap().success());
    stand.tick(500);
    assert_eq!(stubborn.try_wait().unwrap(), None, "its time is not over");
    stand.tick(600);
    assert!(!stubborn.wait().unwrap().success());
    assert_eq!(stand.warnings("is killed"), 1);
}

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
        for _ in 0..500 {
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
