//! `cgroup.pressure` on plain files, and on groups of this machine.

use super::*;
use crate::bed::{Bed, SPIN, Tree, soon};
use pipeline_cgroup_fs::{CpuSet, Knob, KnobKind, Setting};
use pipeline_plugin_api::abi::borrow_descriptor;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn node(host: &TestHost, config: &str) -> TestNode {
    let mut node = host.node::<Collects<CgroupPressure>>(config).unwrap();
    node.start().unwrap();
    node
}

fn value(host: &TestHost, batch: &Batch, metric: &Metric) -> Option<f64> {
    let id = host.metric(metric);
    batch.readings.iter().find(|reading| reading.metric == id)?.number()
}

fn line(total: u64) -> String {
    format!("avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n")
}

#[test]
fn totals_in_microseconds_become_what_was_added_in_nanoseconds() {
    let tree = Tree::v2().with("g/cpu.pressure", &format!("some {}full {}", line(100), line(40)));
    let tree = tree.with("g/io.pressure", &format!("some {}", line(5)));
    let host = TestHost::new();
    let mut node = node(&host, "(resources: [Cpu, Io])");
    node.change(
        Nanos(0),
        Change::APPEARED,
        &host.target(tree.target(&[("unified", "g")])),
    )
    .unwrap();
    assert!(
        node.tick(Nanos(100)).unwrap().is_empty(),
        "the first sample only primes"
    );
    tree.write("g/cpu.pressure", &format!("some {}full {}", line(130), line(40)));
    let batch = node.tick(Nanos(200)).unwrap();
    assert_eq!(value(&host, &batch, &vocabulary::PSI_CPU_SOME), Some(30_000.0));
    assert_eq!(value(&host, &batch, &vocabulary::PSI_CPU_FULL), Some(0.0));
    assert_eq!(value(&host, &batch, &vocabulary::PSI_IO_SOME), Some(0.0));
    let full = host.metric(&vocabulary::PSI_IO_FULL);
    let full = batch.readings.iter().find(|reading| reading.metric == full).unwrap();
    assert_eq!(
        Reason(full.detail),
        Reason::UNSUPPORTED,
        "a kernel that does not print it"
    );
    assert!(
        batch
            .readings
            .iter()
            .all(|reading| reading.span == Nanos(100) || reading.number().is_none())
    );
}

#[test]
fn a_target_without_a_version_2_directory_is_told_once_with_the_reason() {
    let tree = Tree::new().with("cpu/g/cgroup.procs", "");
    let host = TestHost::new();
    let mut node = node(&host, "");
    node.change(
        Nanos(0),
        Change::APPEARED,
        &host.target(tree.target(&[("cpu", "cpu/g")])),
    )
    .unwrap();
    let batch = node.tick(Nanos(100)).unwrap();
    assert_eq!(batch.readings.len(), 6);
    assert!(
        batch
            .readings
            .iter()
            .all(|reading| Reason(reading.detail) == Reason::UNSUPPORTED)
    );
    assert!(node.tick(Nanos(200)).unwrap().is_empty());
    assert_eq!(
        host.world()
            .logs
            .iter()
            .filter(|(_, line)| line.contains("psi=1"))
            .count(),
        1
    );
}

#[test]
fn triggers_are_bounded_and_that_is_told_once() {
    let Some(mut bed) = Bed::new() else { return };
    if !std::path::Path::new("/proc/pressure").exists() {
        return println!("SKIP: no pressure here");
    }
    let outer = bed.group.clone();
    let host = TestHost::new();
    let mut node = node(
        &host,
        "(resources: [Cpu], trigger: (some: \"100ms\", window: \"2s\", most: 1))",
    );
    assert!(node.raw().descriptors().is_empty());
    for name in ["a", "b", "c"] {
        let group = bed.leaf(&outer, name);
        node.change(Nanos(0), Change::APPEARED, &host.target(bed.target(&group)))
            .unwrap();
    }
    assert!(node.raw().status().ends_with("reads 3 of 3 targets, 1 with a trigger"));
    assert_eq!(node.raw().descriptors().len(), 1);
    assert_eq!(
        host.world()
            .logs
            .iter()
            .filter(|(_, line)| line.contains("more targets than triggers"))
            .count(),
        1
    );
}

#[test]
fn a_trigger_that_no_kernel_takes_is_refused_with_the_bounds() {
    let refused = |config: &str| TestHost::new().node::<Collects<CgroupPressure>>(config).err().unwrap();
    assert!(refused("(trigger: (window: \"100ms\", some: \"50ms\"))").contains("\"500ms\"` to `\"10s\""));
    assert!(refused("(trigger: (window: \"1s\", full: \"2s\"))").contains("a wait of 2s within 1s"));
    assert!(refused("(trigger: (most: 0))").contains("give 1 to 1024"));
    assert!(refused("(resources: [])").contains("nothing is read"));
}

/// Scenario: two shells spin on one CPU. One of them always waits, the kernel calls ahead of the tick, and when the
/// group is removed the descriptor is given up.
#[test]
fn two_that_share_a_cpu_wait_and_the_kernel_calls() {
    let Some(mut bed) = Bed::new() else { return };
    let outer = bed.group.clone();
    let group = bed.leaf(&outer, "leaf");
    let Ok(cpus) = Knob::open(&group, KnobKind::Cpus) else {
        return println!("SKIP: no cpuset here");
    };
    if !std::path::Path::new("/proc/pressure").exists() {
        return println!("SKIP: no pressure here");
    }
    let first = cpus.effective().unwrap().unwrap().iter().next().unwrap();
    cpus.write(&Setting::Cpus(first.to_string().parse::<CpuSet>().unwrap()))
        .unwrap();
    let host = TestHost::new();
    let mut node = node(&host, "(resources: [Cpu], trigger: (some: \"50ms\", window: \"2s\"))");
    node.change(Nanos(0), Change::APPEARED, &host.target(bed.target(&group)))
        .unwrap();
    let descriptors = node.raw().descriptors();
    assert_eq!(descriptors.len(), 1);
    assert!(node.tick(Nanos::from_millis(1)).unwrap().is_empty());
    let rings = |within: Timespec| {
        let called = borrow_descriptor(descriptors[0]);
        let mut ready = [PollFd::from_borrowed_fd(called, PollFlags::IN | PollFlags::PRI)];
        poll(&mut ready, Some(&within)).unwrap() == 1
    };
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    assert!(!rings(NOW), "nobody waits yet");
    for _ in 0..2 {
        bed.start(&group, SPIN);
    }
    assert!(rings(Timespec { tv_sec: 10, tv_nsec: 0 }));
    assert!(!rings(NOW), "once a window, and not until it is read");
    let (mut at, mut waited) = (1, 0.0);
    assert!(soon(|| {
        at += 1;
        let batch = node.tick(Nanos::from_millis(at)).unwrap();
        waited += value(&host, &batch, &vocabulary::PSI_CPU_SOME).unwrap_or(0.0);
        waited > 50e6
    }));
    bed.end();
    group.remove().unwrap();
    let last = node.tick(Nanos::from_millis(at + 1)).unwrap();
    assert!(
        !last.is_empty()
            && last
                .readings
                .iter()
                .all(|reading| Reason(reading.detail) == Reason::VANISHED)
    );
    assert!(node.raw().descriptors().is_empty());
    assert!(node.tick(Nanos::from_millis(at + 2)).unwrap().is_empty());
}
