//! Real targets on this machine, counted in each way, by software events where there is no PMU.

use super::*;
use crate::believable;
use crate::fs::Machine;
use pipeline_cgroup_fs::testing::{Bed, SPIN};
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SECOND: Nanos = Nanos::from_secs(1);

fn node(host: &TestHost, config: &str) -> TestNode {
    let mut node = host.node::<Collects<Counters>>(config).unwrap();
    node.start().unwrap();
    node
}

/// A shell of this test, ended with all that it started.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

fn shell(script: &str) -> Shell {
    let mut command = Command::new("sh");
    let command = command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null());
    Shell(command.process_group(0).spawn().unwrap())
}

fn process(child: &Shell) -> Target {
    let process = Process {
        pid: child.0.id(),
        start_time: 0,
    };
    Target {
        name: "web".into(),
        processes: vec![process].into(),
        ..Target::default()
    }
}

/// Whether this user may count more than itself; says why not.
fn may_count() -> bool {
    let may = rustix::process::geteuid().is_root() || Machine::here().paranoid().is_some_and(|level| level <= 0);
    if !may {
        println!("SKIP: this user may not count others");
    }
    may
}

fn number(batch: &Batch, metric: MetricId, part: Part) -> Option<f64> {
    let mut readings = batch.readings.iter();
    readings.find(|it| it.metric == metric && it.part == part)?.number()
}

/// Ticks until a metric reaches a value; a minute at most.
fn until(node: &mut TestNode, metric: MetricId, least: f64) -> Batch {
    let (began, mut at, mut sum) = (Instant::now(), Nanos(1), 0.0);
    loop {
        at = at + SECOND;
        let batch = node.tick(at).unwrap();
        sum += number(&batch, metric, Part::WHOLE).unwrap_or(0.0);
        if sum >= least {
            return batch;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{sum} of {least}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn threads_of_a_process_and_what_it_starts_later_are_counted() {
    if !may_count() {
        return;
    }
    let host = TestHost::new();
    let clock = host.metric(&vocabulary::PERF_TASK_CLOCK);
    let mut node = node(&host, "(events: [\"task-clock\"], by: Process)");
    // Sleeps until it is counted; only what it starts then uses the CPU.
    let child = shell("sleep 0.2; sh -c 'while :; do :; done' & sleep 60; kill $!");
    let target = host.target(process(&child));
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    until(&mut node, clock, 50e6);
}

#[test]
fn a_control_group_is_counted_by_cpu_and_whole() {
    let Some(mut bed) = Bed::new().filter(|_| may_count()) else {
        return;
    };
    let group = bed.group.clone();
    let leaf = bed.leaf(&group, "counted");
    let Some(unified) = leaf.directories().iter().find(|dir| dir.names().contains(&"unified")) else {
        return println!("SKIP: there is no version 2 tree");
    };
    let dir = CgroupDir {
        controller: "unified".into(),
        path: unified.path.to_str().unwrap().into(),
        inode: std::fs::metadata(&unified.path).unwrap().ino(),
    };
    bed.start(&leaf, SPIN);
    let host = TestHost::new();
    let clock = host.metric(&vocabulary::PERF_TASK_CLOCK);
    let mut node = node(&host, "(events: [\"software\"], by: Cgroup, per_cpu: true)");
    let target = host.target(Target {
        name: "batch".into(),
        cgroups: vec![dir.clone()].into(),
        ..Target::default()
    });
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    let batch = until(&mut node, clock, 50e6);
    let cpus = Machine::here().online();
    let parts: f64 = cpus
        .iter()
        .filter_map(|cpu| number(&batch, clock, Part::cpu(*cpu)))
        .sum();
    assert_eq!(Some(parts), number(&batch, clock, Part::WHOLE));

    let other = CgroupDir {
        inode: dir.inode + 1,
        ..dir
    };
    let again = host.target(Target {
        cgroups: vec![other].into(),
        ..Target::default()
    });
    node.change(Nanos(2), Change::APPEARED, &again).unwrap();
    let batch = node.tick(SECOND + SECOND).unwrap();
    let of_it: Vec<&Reading> = batch.readings.iter().filter(|it| it.target == again.id).collect();
    assert!(
        of_it.is_empty() || of_it.iter().all(|it| Reason(it.detail) == Reason::VANISHED),
        "{of_it:?}"
    );
}

#[test]
fn the_machine_is_counted_as_one_and_by_cpu() {
    if !may_count() {
        return;
    }
    let _busy = shell("while :; do :; done");
    for per_cpu in [false, true] {
        let host = TestHost::new();
        let clock = host.metric(&vocabulary::PERF_TASK_CLOCK);
        let mut node = node(
            &host,
            &format!("(events: [\"task-clock\"], by: System, per_cpu: {per_cpu})"),
        );
        let batch = until(&mut node, clock, 50e6);
        assert!(batch.readings.iter().all(|reading| reading.target == TargetId::NONE));
        assert_eq!(number(&batch, clock, Part::cpu(0)).is_some(), per_cpu);
    }
}

#[test]
fn only_cpus_that_a_target_may_use_are_counted_for_it() {
    if !may_count() {
        return;
    }
    let _busy = shell("while :; do :; done");
    let host = TestHost::new();
    let clock = host.metric(&vocabulary::PERF_TASK_CLOCK);
    let mut node = node(&host, "(events: [\"task-clock\"], by: Cpu)");
    assert!(node.tick(SECOND).unwrap().readings.is_empty(), "there is no target yet");
    let target = host.target(Target {
        cpus: vec![0].into(),
        ..Target::default()
    });
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let batch = node.tick(SECOND + SECOND).unwrap();
    let parts: Vec<Part> = batch.readings.iter().map(|reading| reading.part).collect();
    assert_eq!(parts, [Part::cpu(0), Part::WHOLE]);
    assert!(number(&batch, clock, Part::WHOLE).is_some());
}

#[test]
fn without_a_pmu_software_goes_on_and_the_rest_is_unavailable_and_told_once() {
    if !may_count() || believable::tried().is_ok() {
        return println!("SKIP: this machine counts");
    }
    let host = TestHost::new();
    let [clock, cycles, ipc] = [
        vocabulary::PERF_TASK_CLOCK,
        vocabulary::PERF_CYCLES,
        vocabulary::PERF_IPC,
    ]
    .map(|metric| host.metric(&metric));
    let mut node = node(&host, "(events: [\"ipc\", \"software\"], by: Process)");
    let child = shell("while :; do :; done");
    let target = host.target(process(&child));
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    let batch = until(&mut node, clock, 10e6);
    for metric in [cycles, ipc] {
        let reading = batch.readings.iter().find(|it| it.metric == metric).unwrap();
        assert_eq!((reading.number(), Reason(reading.detail)), (None, Reason::UNSUPPORTED));
    }
    let told = host
        .world()
        .logs
        .iter()
        .filter(|(_, line)| line.contains("events=cycles,instructions"))
        .count();
    assert_eq!(told, 1, "{:?}", host.world().logs);
}

#[test]
fn beyond_the_bound_of_descriptors_targets_take_turns_and_that_is_told_once() {
    if !may_count() {
        return;
    }
    let host = TestHost::new();
    let clock = host.metric(&vocabulary::PERF_TASK_CLOCK);
    let mut node = node(
        &host,
        "(events: [\"task-clock\"], by: Process, descriptors: 2, turn: \"1s\")",
    );
    let children: Vec<Shell> = (0..3).map(|_| shell("while :; do :; done")).collect();
    let targets: Vec<Target> = children.iter().map(|child| host.target(process(child))).collect();
    for target in &targets {
        node.change(Nanos(1), Change::APPEARED, target).unwrap();
    }
    let mut counted = std::collections::BTreeSet::new();
    for second in 1..8 {
        std::thread::sleep(Duration::from_millis(20));
        let batch = node.tick(Nanos::from_secs(second)).unwrap();
        let numbers: Vec<TargetId> = batch
            .readings
            .iter()
            .filter(|it| it.metric == clock && it.number().is_some())
            .map(|it| it.target)
            .collect();
        assert!(numbers.len() <= 2, "{numbers:?}");
        counted.extend(numbers);
    }
    assert_eq!(counted.len(), 3, "each has its turn");
    let told = host
        .world()
        .logs
        .iter()
        .filter(|(_, line)| line.contains("take turns of 1s"))
        .count();
    assert_eq!(told, 1, "{:?}", host.world().logs);
}

#[test]
fn a_target_that_is_gone_is_told_once_as_vanished() {
    if !may_count() {
        return;
    }
    let host = TestHost::new();
    let mut node = node(&host, "(events: [\"task-clock\"], by: Process)");
    let child = shell("exit 0");
    let target = process(&child);
    drop(child);
    let target = host.target(target);
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    let readings: Vec<Reading> = (1..4)
        .flat_map(|second| node.tick(Nanos::from_secs(second)).unwrap().readings)
        .collect();
    assert_eq!(readings.len(), 1, "{readings:?}");
    assert_eq!(Reason(readings[0].detail), Reason::VANISHED);
}
