//! What is read of targets, from trees of plain files and from real processes.

use super::*;
use pipeline_plugin_api::abi::CgroupDir;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::process::{Child, Command};

/// A `/proc` and a group of plain files.
struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        tree.write("self/schedstat", "1000 10 1\n");
        tree.write(
            "stat",
            "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n",
        );
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A task with its counters: time run and waited for, in milliseconds, and the same for slices, switches and ticks.
    fn task(&self, id: u32, run_ms: u64, delay_ms: u64, count: u64) {
        self.write(
            &format!("{id}/schedstat"),
            &format!("{} {} {count}\n", run_ms * 1_000_000, delay_ms * 1_000_000),
        );
        let status = format!(
            "Name:\tx\nvoluntary_ctxt_switches:\t{count}\nnonvoluntary_ctxt_switches:\t{}\n",
            count * 2
        );
        self.write(&format!("{id}/status"), &status);
        let stat = format!(
            "{id} (x) R 1 {id} 3 0 -1 4 1 2 3 4 {count} {} 0 0 20 0 1 0 77 5\n",
            count * 3
        );
        self.write(&format!("{id}/stat"), &stat);
    }

    fn end(&self, id: u32) {
        std::fs::remove_dir_all(self.folder.path().join(id.to_string())).unwrap();
    }

    fn list(&self, threads: &[u32], processes: &[u32]) {
        let text = |ids: &[u32]| ids.iter().map(|id| format!("{id}\n")).collect::<String>();
        self.write("group/cgroup.threads", &text(threads));
        self.write("group/cgroup.procs", &text(processes));
    }

    /// A target of the group, on those CPUs.
    fn target(&self, host: &TestHost, cpus: &[u32]) -> Target {
        let group = self.folder.path().join("group");
        let dir = CgroupDir {
            controller: "unified".into(),
            path: group.to_str().unwrap().into(),
            inode: 1,
        };
        host.target(Target {
            cgroups: vec![dir].into(),
            cpus: cpus.to_vec().into(),
            ..Target::default()
        })
    }

    fn node(&self, host: &TestHost, config: &str) -> TestNode {
        let config = format!("(proc: \"{}\"{config})", self.folder.path().display());
        let mut node = host.node::<Collects<Stats>>(&config).unwrap();
        node.start().unwrap();
        node
    }
}

const fn s(seconds: u64) -> Nanos {
    Nanos::from_secs(seconds)
}

/// The whole target's reading of a metric.
fn whole(host: &TestHost, batch: &Batch, metric: &Metric) -> Reading {
    let id = host.metric(metric);
    let mut found = batch
        .readings
        .iter()
        .filter(|reading| reading.metric == id && reading.part == Part::WHOLE);
    let reading = *found
        .next()
        .unwrap_or_else(|| panic!("no `{}` in {batch:?}", metric.name));
    assert_eq!(found.next(), None, "`{}` is told twice", metric.name);
    reading
}

fn value(host: &TestHost, batch: &Batch, metric: &Metric) -> Option<f64> {
    whole(host, batch, metric).number()
}

fn why(host: &TestHost, batch: &Batch, metric: &Metric) -> Option<Reason> {
    let reading = whole(host, batch, metric);
    (reading.quality == Quality::UNAVAILABLE).then_some(Reason(reading.detail))
}

#[test]
fn deltas_are_sums_over_threads_since_the_target_appeared() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10, 11], &[10]);
    tree.task(10, 5_000, 500, 100);
    tree.task(11, 7_000, 700, 200);
    let mut node = tree.node(&host, "");
    let target = tree.target(&host, &[]);
    node.change(s(0), Change::APPEARED, &target).unwrap();
    tree.task(10, 5_100, 510, 103);
    tree.task(11, 7_200, 720, 207);
    let batch = node.tick(s(1)).unwrap();
    let of = |metric| value(&host, &batch, metric);
    assert_eq!(of(&vocabulary::CPU_TIME), Some(300e6));
    assert_eq!(of(&vocabulary::CPU_RUN_DELAY), Some(30e6));
    assert_eq!(of(&vocabulary::CPU_SLICES), Some(10.0));
    assert_eq!(of(&vocabulary::CPU_THREADS), Some(2.0));
    assert_eq!(of(&vocabulary::CPU_SWITCHES_VOLUNTARY), Some(10.0));
    assert_eq!(of(&vocabulary::CPU_SWITCHES_INVOLUNTARY), Some(20.0));
    let tick = 1e9 / rustix::param::clock_ticks_per_second() as f64;
    assert_eq!(of(&vocabulary::CPU_USER), Some(3.0 * tick));
    assert_eq!(of(&vocabulary::CPU_SYSTEM), Some(9.0 * tick));
    let reading = whole(&host, &batch, &vocabulary::CPU_TIME);
    assert_eq!(
        (reading.at, reading.span, reading.target, reading.quality),
        (s(1), s(1), target.id, Quality::EXACT)
    );
}

#[test]
fn a_thread_that_began_counts_whole_and_one_that_ended_no_more() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10, 11], &[10]);
    tree.task(10, 1_000, 0, 1);
    tree.task(11, 9_000, 0, 1);
    let mut node = tree.node(&host, "");
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    tree.list(&[10, 12], &[10]);
    tree.end(11);
    tree.task(10, 1_010, 0, 2);
    tree.task(12, 40, 2, 5);
    let batch = node.tick(s(1)).unwrap();
    assert_eq!(value(&host, &batch, &vocabulary::CPU_TIME), Some(50e6));
    assert_eq!(value(&host, &batch, &vocabulary::CPU_SLICES), Some(6.0));
    let batch = node.tick(s(2)).unwrap();
    assert_eq!(value(&host, &batch, &vocabulary::CPU_TIME), Some(0.0));
}

#[test]
fn a_thread_that_came_from_elsewhere_counts_from_then_on() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10], &[10]);
    tree.task(10, 1_000, 0, 1);
    let mut node = tree.node(&host, "");
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    tree.list(&[10, 20], &[10, 20]);
    tree.task(20, 60_000, 5_000, 4_000);
    let batch = node.tick(s(1)).unwrap();
    for metric in [
        &vocabulary::CPU_TIME,
        &vocabulary::CPU_SWITCHES_VOLUNTARY,
        &vocabulary::CPU_USER,
    ] {
        assert_eq!(value(&host, &batch, metric), Some(0.0), "{}", metric.name);
    }
    tree.task(20, 60_030, 5_000, 4_001);
    let batch = node.tick(s(2)).unwrap();
    assert_eq!(value(&host, &batch, &vocabulary::CPU_TIME), Some(30e6));
    assert_eq!(value(&host, &batch, &vocabulary::CPU_SWITCHES_VOLUNTARY), Some(1.0));
}

#[test]
fn an_id_that_was_used_again_makes_no_delta_negative() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10], &[10]);
    tree.task(10, 5_000, 500, 100);
    let mut node = tree.node(&host, ", keep: 0");
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    tree.task(10, 20, 1, 3);
    let batch = node.tick(s(1)).unwrap();
    assert_eq!(value(&host, &batch, &vocabulary::CPU_TIME), Some(20e6));
    assert!(
        batch
            .readings
            .iter()
            .all(|reading| reading.number().is_none_or(|value| value >= 0.0))
    );
}

#[test]
fn one_that_is_listed_and_gone_is_left_out() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10, 11], &[10]);
    tree.task(10, 1_000, 0, 1);
    let mut node = tree.node(&host, "");
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    tree.task(10, 1_005, 0, 1);
    let batch = node.tick(s(1)).unwrap();
    assert_eq!(value(&host, &batch, &vocabulary::CPU_TIME), Some(5e6));
}

#[test]
fn a_target_without_a_task_or_a_group_has_vanished_and_not_used_nothing() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[], &[]);
    let mut node = tree.node(&host, "");
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    let batch = node.tick(s(1)).unwrap();
    assert_eq!(value(&host, &batch, &vocabulary::CPU_THREADS), Some(0.0));
    assert_eq!(why(&host, &batch, &vocabulary::CPU_TIME), Some(Reason::VANISHED));
    let mut without = TestHost::new().target(Target::default());
    without.id = TargetId(99);
    node.change(s(1), Change::APPEARED, &without).unwrap();
    let batch = node.tick(s(2)).unwrap();
    let threads = host.metric(&vocabulary::CPU_THREADS);
    let of_it = batch
        .readings
        .iter()
        .find(|reading| reading.metric == threads && reading.target == without.id)
        .unwrap();
    assert_eq!(
        (of_it.quality, Reason(of_it.detail)),
        (Quality::UNAVAILABLE, Reason::VANISHED)
    );
}

#[test]
fn the_instant_of_its_appearance_is_warming_up() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10], &[10]);
    tree.task(10, 1_000, 0, 1);
    let mut node = tree.node(&host, "");
    node.change(s(3), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    let batch = node.tick(s(3)).unwrap();
    assert_eq!(why(&host, &batch, &vocabulary::CPU_TIME), Some(Reason::WARMING_UP));
    assert_eq!(value(&host, &batch, &vocabulary::CPU_THREADS), Some(1.0));
}

#[test]
fn without_schedstat_time_is_that_of_processes_and_delay_is_unavailable() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.write("self/schedstat", "0 0 0\n");
    tree.list(&[10], &[10]);
    tree.task(10, 0, 0, 100);
    let mut node = tree.node(&host, ", user_system: false, switches: false, steal: false");
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    tree.task(10, 0, 0, 102);
    let batch = node.tick(s(1)).unwrap();
    let tick = 1e9 / rustix::param::clock_ticks_per_second() as f64;
    assert_eq!(value(&host, &batch, &vocabulary::CPU_TIME), Some(8.0 * tick));
    assert_eq!(
        why(&host, &batch, &vocabulary::CPU_RUN_DELAY),
        Some(Reason::UNSUPPORTED)
    );
    assert_eq!(why(&host, &batch, &vocabulary::CPU_SLICES), Some(Reason::UNSUPPORTED));
    assert_eq!(batch.readings.len(), 4, "what was not chosen is not told");
}

#[test]
fn steal_is_told_of_the_cpus_that_a_target_may_use() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10], &[10]);
    tree.task(10, 1, 0, 1);
    let mut node = tree.node(&host, "");
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[1])).unwrap();
    node.change(s(0), Change::APPEARED, &tree.target(&host, &[])).unwrap();
    tree.write(
        "stat",
        "cpu  0 0 0 0 0 0 0 9 0 0\ncpu0 0 0 0 0 0 0 0 4 0 0\ncpu1 0 0 0 0 0 0 0 5 0 0\n",
    );
    let batch = node.tick(s(1)).unwrap();
    let steal = host.metric(&vocabulary::CPU_STEAL);
    let tick = 1e9 / rustix::param::clock_ticks_per_second() as f64;
    let told: Vec<(u32, Part, f64)> = batch
        .readings
        .iter()
        .filter(|reading| reading.metric == steal)
        .map(|reading| (reading.target.0, reading.part, reading.value / tick))
        .collect();
    let (first, second) = (told[0].0, told[2].0);
    assert_eq!(
        told,
        [
            (first, Part::cpu(1), 5.0),
            (first, Part::WHOLE, 5.0),
            (second, Part::cpu(0), 4.0),
            (second, Part::cpu(1), 5.0),
            (second, Part::WHOLE, 9.0),
        ]
    );
}

#[test]
fn a_target_that_went_is_not_read_and_its_files_are_closed() {
    let (host, tree) = (TestHost::new(), Tree::new());
    tree.list(&[10], &[10]);
    tree.task(10, 1, 0, 1);
    let mut node = tree.node(&host, ", steal: false");
    let target = tree.target(&host, &[]);
    node.change(s(0), Change::APPEARED, &target).unwrap();
    assert_eq!(node.raw().status(), "1 targets, 5 files kept open");
    node.change(s(1), Change::GONE, &target).unwrap();
    assert_eq!(node.tick(s(1)).unwrap().readings.len(), 0);
    assert_eq!(node.raw().status(), "0 targets, 0 files kept open");
}

/// A real process that ends with its test.
struct Real(Child);

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn real(script: &str) -> (Real, Process) {
    let child = Command::new("sh").args(["-c", script]).spawn().unwrap();
    let pid = child.id();
    let start_time = crate::fs::task_stat(Path::new("/proc"), pid).unwrap().start_time;
    (Real(child), Process { pid, start_time })
}

fn pause_ms(millis: u64) {
    let mut nothing: [rustix::event::PollFd<'_>; 0] = [];
    let timeout = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: millis as i64 * 1_000_000,
    };
    rustix::event::poll(&mut nothing, Some(&timeout)).unwrap();
}

#[test]
fn a_real_process_that_spins_uses_time_and_one_whose_id_is_anothers_does_not() {
    let host = TestHost::new();
    let (_busy, process) = real("while :; do :; done");
    let stale = Process {
        start_time: process.start_time - 1,
        ..process
    };
    let busy = host.target(Target {
        processes: vec![process].into(),
        ..Target::default()
    });
    let other = host.target(Target {
        processes: vec![stale].into(),
        ..Target::default()
    });
    let mut node = host.node::<Collects<Stats>>("").unwrap();
    node.start().unwrap();
    node.change(s(0), Change::APPEARED, &busy).unwrap();
    node.change(s(0), Change::APPEARED, &other).unwrap();
    pause_ms(300);
    let batch = node.tick(Nanos::from_millis(300)).unwrap();
    let of = |target: &Target, metric: &Metric| {
        let id = host.metric(metric);
        let found = batch
            .readings
            .iter()
            .find(|reading| reading.target == target.id && reading.metric == id);
        found.unwrap().number()
    };
    let (time, delay) = (
        of(&busy, &vocabulary::CPU_TIME).unwrap(),
        of(&busy, &vocabulary::CPU_RUN_DELAY).unwrap(),
    );
    assert!(time > 5e6 && time + delay < 2e9, "{time} ns run, {delay} ns waited");
    assert_eq!(of(&busy, &vocabulary::CPU_THREADS), Some(1.0));
    assert_eq!(of(&other, &vocabulary::CPU_TIME), None);
}

/// CPU time that the kernel counted for a whole group, in nanoseconds.
fn group_usage_ns(target: &Target) -> Option<f64> {
    let read = |controller: &str, file: &str| {
        let dir = target.cgroups.iter().find(|dir| dir.controller == controller)?;
        std::fs::read_to_string(Path::new(dir.path.as_str()).join(file)).ok()
    };
    let v1 = || read("cpuacct", "cpuacct.usage")?.trim().parse().ok();
    let v2 = || {
        let text = read("unified", "cpu.stat")?;
        let micros: f64 = text.lines().next()?.strip_prefix("usage_usec ")?.parse().ok()?;
        Some(micros * 1e3)
    };
    v1().or_else(v2)
}

#[test]
fn the_sum_over_threads_of_a_started_command_is_what_its_group_counted() {
    use crate::target::Run;
    use pipeline_plugin_api::stage::Provides;
    let host = TestHost::new();
    host.world().node_names = vec!["spins".to_owned()];
    let mut run = host
        .node::<Provides<Run>>("(command: \"sh -c 'for i in 1 2 3; do while :; do :; done & done; wait'\")")
        .unwrap();
    run.start().unwrap();
    let target = run.tick(s(0)).unwrap().changes[0].target.clone();
    let mut stats = host.node::<Collects<Stats>>("(steal: false)").unwrap();
    stats.start().unwrap();
    stats.change(s(0), Change::APPEARED, &target).unwrap();
    pause_ms(200);
    let (before, first) = (group_usage_ns(&target), stats.tick(Nanos::from_millis(200)).unwrap());
    pause_ms(500);
    let (batch, after) = (stats.tick(Nanos::from_millis(700)).unwrap(), group_usage_ns(&target));
    run.finish().unwrap();
    let (Some(before), Some(after)) = (before, after) else {
        println!("SKIP: no control group counts CPU time here");
        return;
    };
    assert!(value(&host, &first, &vocabulary::CPU_TIME).unwrap() > 0.0);
    assert_eq!(value(&host, &batch, &vocabulary::CPU_THREADS), Some(4.0));
    let told = value(&host, &batch, &vocabulary::CPU_TIME).unwrap();
    // The kernel brings a running thread's time up to date at ticks of up to 10 ms.
    assert!(
        (told - (after - before)).abs() < 60e6,
        "{told} ns told, {} ns counted by the group",
        after - before
    );
}

#[test]
fn the_bound_of_kept_files_is_half_of_what_may_be_opened_at_most() {
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .unwrap_or(u64::MAX);
    let tree = Tree::new();
    let mut io = Io::new(tree.folder.path(), 65_536);
    let taken = (0..70_000).filter(|_| io.take_room()).count() as u64;
    assert_eq!(taken, 65_536.min(allowed / 2));
}
