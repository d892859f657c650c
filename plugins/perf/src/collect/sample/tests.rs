//! Sampling of real threads on this machine, by time on the CPU where there are no counters.

use super::*;
use crate::believable;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::TestHost;
use rustix::event::{PollFd, PollFlags, poll};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Busy(Child);

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn busy() -> (Busy, Target) {
    let mut command = Command::new("sh");
    let child = command
        .args(["-c", "while :; do :; done"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process {
        pid: child.id(),
        start_time: 0,
    };
    let target = Target {
        name: "web".into(),
        processes: vec![process].into(),
        ..Target::default()
    };
    (Busy(child), target)
}

/// Whether this user may sample others; says why not.
fn may() -> bool {
    let may = rustix::process::geteuid().is_root();
    if !may {
        println!("SKIP: this user may not sample others");
    }
    may
}

/// Whether the bell rings in that time.
fn rings(bell: &Bell, millis: i64) -> bool {
    let timeout = rustix::time::Timespec {
        tv_sec: millis / 1000,
        tv_nsec: millis % 1000 * 1_000_000,
    };
    poll(&mut [PollFd::new(bell, PollFlags::IN)], Some(&timeout)).unwrap() > 0
}

#[test]
fn a_target_that_works_rings_and_what_it_did_is_told() {
    if !may() {
        return;
    }
    let host = TestHost::new();
    let metric = host.metric(&vocabulary::PERF_OVERFLOWS);
    let (_busy, target) = busy();
    let target = host.target(target);
    let config = "(event: \"cpu-clock\", period: 500000, with: [\"page-faults\"])";
    let mut node = host.node::<Collects<Sample>>(config).unwrap();
    node.start().unwrap();
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    let (began, mut at, mut overflows) = (Instant::now(), Nanos(1), 0.0);
    while overflows < 20.0 {
        at = at + Nanos::from_millis(10);
        std::thread::sleep(Duration::from_millis(10));
        let batch = node.tick(at).unwrap();
        overflows += batch
            .readings
            .iter()
            .filter(|it| it.metric == metric)
            .map(|it| it.value)
            .sum::<f64>();
        assert!(began.elapsed() < Duration::from_secs(60), "{overflows}");
    }
    assert_eq!(node.raw().descriptors().len(), 1);
}

#[test]
fn a_ring_rings_its_bell_and_one_whose_thread_has_ended_is_told() {
    if !may() {
        return;
    }
    let (busy, target) = busy();
    let rules = Rules::default();
    let place = Place::Thread(target.processes[0].pid);
    let mut ring = Ring::open(&[Code::software(0)], 500_000, place, rules).unwrap();
    let bell = Bell::new().unwrap();
    bell.listen(ring.descriptor(), 7).unwrap();
    assert!(rings(&bell, 20_000), "it works, and so comes to its period");
    assert!(ring.overflows() > 0);
    drop(busy);
    let began = Instant::now();
    while bell.hung_up() != [7] {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    bell.silence(ring.descriptor());
    assert!(!rings(&bell, 0));
}

#[test]
fn without_counters_time_on_the_cpu_takes_their_place() {
    if !may() || believable::tried().is_ok() {
        return println!("SKIP: this machine counts");
    }
    let host = TestHost::new();
    let [cycles, overflows] = [vocabulary::PERF_CYCLES, vocabulary::PERF_OVERFLOWS].map(|metric| host.metric(&metric));
    let (_busy, target) = busy();
    let target = host.target(target);
    let mut node = host.node::<Collects<Sample>>("").unwrap();
    node.start().unwrap();
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let batch = node.tick(Nanos::from_secs(1)).unwrap();
    let of = |metric| batch.readings.iter().find(|it| it.metric == metric).unwrap();
    assert_eq!(
        (of(cycles).number(), Reason(of(cycles).detail)),
        (None, Reason::UNSUPPORTED)
    );
    assert!(of(overflows).value > 0.0);
    assert!(
        node.raw().status().contains("time on the CPU"),
        "{}",
        node.raw().status()
    );
}

#[test]
fn beyond_the_bound_of_descriptors_a_target_is_unavailable_and_told() {
    if !may() {
        return;
    }
    let host = TestHost::new();
    let (_busy, target) = busy();
    let target = host.target(target);
    let mut node = host
        .node::<Collects<Sample>>("(event: \"cpu-clock\", with: [], descriptors: 1)")
        .unwrap();
    node.start().unwrap();
    node.change(Nanos(1), Change::APPEARED, &target).unwrap();
    let batch = node.tick(Nanos::from_secs(1)).unwrap();
    assert!(batch.readings.iter().all(|it| it.number().is_none()) && !batch.readings.is_empty());
    let logs = &host.world().logs;
    assert!(
        logs.iter().any(|(_, line)| line.contains("raise `descriptors`")),
        "{logs:?}"
    );
}
