//! `cgroup.stats` on plain files of both versions, and on groups of this machine.

use super::*;
use crate::bed::{Bed, SPIN, Tree, soon};
use pipeline_cgroup_fs::{Knob, KnobKind, Quota, Setting};
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

fn node(host: &TestHost, config: &str) -> TestNode {
    let mut node = host.node::<Collects<CgroupStats>>(config).unwrap();
    node.start().unwrap();
    node
}

/// The one reading of the whole.
fn find(host: &TestHost, batch: &Batch, metric: &Metric) -> Option<Reading> {
    let id = host.metric(metric);
    let mut found = batch
        .readings
        .iter()
        .filter(|reading| reading.metric == id && reading.part == Part::WHOLE);
    let first = found.next().copied();
    assert!(found.next().is_none(), "`{}` is told twice", metric.name);
    first
}

fn reason(reading: Option<Reading>) -> Option<Reason> {
    reading
        .filter(|reading| reading.quality == Quality::UNAVAILABLE)
        .map(|reading| Reason(reading.detail))
}

fn cpu_v2(usage_usec: u64) -> String {
    format!("usage_usec {usage_usec}\nuser_usec 7\nsystem_usec 3\nnr_periods 4\nnr_throttled 2\nthrottled_usec 5\n")
}

#[test]
fn the_first_sample_gives_levels_and_primes_and_the_second_gives_what_was_added() {
    let tree = Tree::v2()
        .with("g/cpu.stat", &cpu_v2(1000))
        .with("g/memory.current", "4096\n")
        .with("g/memory.max", "max\n")
        .with("g/memory.stat", "anon 100\nfile 200\npgmajfault 3\n")
        .with("g/memory.swap.current", "0\n")
        .with("g/memory.events", "oom 0\noom_kill 1\n")
        .with("g/io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n")
        .with("g/pids.current", "3\n")
        .with("g/pids.max", "10\n");
    let host = TestHost::new();
    let mut node = node(&host, "");
    let target = host.target(tree.target(&[("unified", "g")]));
    node.change(Nanos(0), Change::APPEARED, &target).unwrap();
    let first = node.tick(Nanos(100)).unwrap();
    assert_eq!(find(&host, &first, &vocabulary::CPU_TIME), None);
    assert_eq!(
        find(&host, &first, &vocabulary::MEMORY_CURRENT).unwrap().number(),
        Some(4096.0)
    );
    assert_eq!(
        reason(find(&host, &first, &vocabulary::MEMORY_LIMIT)),
        Some(Reason::UNSUPPORTED),
        "no limit"
    );
    assert_eq!(
        find(&host, &first, &vocabulary::PIDS_LIMIT).unwrap().number(),
        Some(10.0)
    );
    tree.write("g/cpu.stat", &cpu_v2(1500));
    tree.write("g/memory.stat", "anon 100\nfile 200\npgmajfault 8\n");
    tree.write(
        "g/io.stat",
        "8:0 rbytes=15 wbytes=20 rios=1 wios=2\n8:16 rbytes=7 wbytes=0 rios=1 wios=0\n",
    );
    let second = node.tick(Nanos(350)).unwrap();
    let time = find(&host, &second, &vocabulary::CPU_TIME).unwrap();
    assert_eq!(
        (time.value, time.span, time.at, time.target),
        (500_000.0, Nanos(250), Nanos(350), target.id)
    );
    assert_eq!(
        find(&host, &second, &vocabulary::MEMORY_MAJOR_FAULTS).unwrap().number(),
        Some(5.0)
    );
    assert_eq!(
        find(&host, &second, &vocabulary::MEMORY_OOM_KILLS).unwrap().number(),
        Some(0.0)
    );
    assert_eq!(
        find(&host, &second, &vocabulary::IO_READ).unwrap().number(),
        Some(12.0),
        "of both devices"
    );
    let read = host.metric(&vocabulary::IO_READ);
    assert_eq!(
        second.readings.iter().filter(|reading| reading.metric == read).count(),
        3
    );
}

#[test]
fn only_the_families_that_are_asked_for_are_read_and_told() {
    let tree = Tree::v2().with("g/cpu.stat", &cpu_v2(1)).with("g/pids.current", "3\n");
    let host = TestHost::new();
    let mut node = node(&host, "(families: [Cpu])");
    let target = host.target(tree.target(&[("unified", "g")]));
    node.change(Nanos(0), Change::APPEARED, &target).unwrap();
    node.tick(Nanos(100)).unwrap();
    assert_eq!(node.tick(Nanos(200)).unwrap().readings.len(), 6);
    let ports = CgroupStats::ports(&StatsConfig {
        families: vec![Family::Cpu],
    })
    .into_abi();
    assert_eq!(ports.gives.len(), 6);
    assert!(
        host.node::<Collects<CgroupStats>>("(families: [])")
            .err()
            .unwrap()
            .contains("nothing is read")
    );
}

#[test]
fn version_1_counts_nanoseconds_and_ticks_and_an_empty_device_list_says_nothing() {
    let tree = Tree::new()
        .with("cpuacct/g/cpuacct.usage", "1000\n")
        .with("cpuacct/g/cpuacct.stat", "user 1\nsystem 2\n")
        .with("cpu/g/cpu.stat", "nr_periods 1\nnr_throttled 0\nthrottled_time 9\n")
        .with("blkio/g/blkio.throttle.io_service_bytes_recursive", "Total 0\n");
    let host = TestHost::new();
    let mut node = node(&host, "(families: [Cpu, Io])");
    let dirs = [
        ("cpuacct", "cpuacct/g"),
        ("cpu", "cpu/g"),
        ("blkio", "blkio/g"),
        ("devices", "cpu/g"),
    ];
    let target = host.target(tree.target(&dirs));
    node.change(Nanos(0), Change::APPEARED, &target).unwrap();
    node.tick(Nanos(100)).unwrap();
    tree.write("cpuacct/g/cpuacct.usage", "1700\n");
    tree.write("cpuacct/g/cpuacct.stat", "user 3\nsystem 2\n");
    tree.write("cpu/g/cpu.stat", "nr_periods 1\nnr_throttled 0\nthrottled_time 20\n");
    let batch = node.tick(Nanos(200)).unwrap();
    let number = |metric| find(&host, &batch, metric).unwrap().number();
    assert_eq!(number(&vocabulary::CPU_TIME), Some(700.0));
    assert_eq!(
        number(&vocabulary::CPU_USER),
        Some(2e9 / rustix::param::clock_ticks_per_second() as f64)
    );
    assert_eq!(number(&vocabulary::CPU_THROTTLED), Some(11.0));
    assert_eq!(
        reason(find(&host, &batch, &vocabulary::IO_READ)),
        Some(Reason::UNSUPPORTED)
    );
}

#[test]
fn a_counter_that_goes_backwards_is_a_reset() {
    let tree = Tree::v2().with("g/cpu.stat", &cpu_v2(1000));
    let host = TestHost::new();
    let mut node = node(&host, "(families: [Cpu])");
    node.change(
        Nanos(0),
        Change::APPEARED,
        &host.target(tree.target(&[("unified", "g")])),
    )
    .unwrap();
    node.tick(Nanos(100)).unwrap();
    tree.write("g/cpu.stat", &cpu_v2(10));
    assert_eq!(
        reason(find(&host, &node.tick(Nanos(200)).unwrap(), &vocabulary::CPU_TIME)),
        Some(Reason::RESET)
    );
    tree.write("g/cpu.stat", &cpu_v2(11));
    let next = node.tick(Nanos(300)).unwrap();
    assert_eq!(
        find(&host, &next, &vocabulary::CPU_TIME).unwrap().number(),
        Some(1000.0)
    );
}

#[test]
fn a_target_without_a_group_is_told_once_and_then_silent_until_it_has_one() {
    let tree = Tree::v2().with("g/cpu.stat", &cpu_v2(1000));
    let host = TestHost::new();
    let mut node = node(&host, "(families: [Cpu])");
    let bare = host.target(Target {
        name: "batch".into(),
        ..Target::default()
    });
    node.change(Nanos(0), Change::APPEARED, &bare).unwrap();
    let first = node.tick(Nanos(100)).unwrap();
    assert_eq!(first.readings.len(), 6);
    assert!(
        first
            .readings
            .iter()
            .all(|reading| reason(Some(*reading)) == Some(Reason::UNSUPPORTED))
    );
    assert!(node.tick(Nanos(200)).unwrap().is_empty());
    let told = host
        .world()
        .logs
        .iter()
        .filter(|(level, line)| *level == Level::INFO && line.contains("no control group"))
        .count();
    assert_eq!(told, 1);
    let grouped = Target {
        cgroups: tree.target(&[("unified", "g")]).cgroups,
        ..bare
    };
    node.change(Nanos(250), Change::CHANGED, &grouped).unwrap();
    node.tick(Nanos(300)).unwrap();
    assert_eq!(node.tick(Nanos(400)).unwrap().readings.len(), 6);
}

#[test]
fn a_change_that_leaves_the_group_keeps_what_was_counted() {
    let tree = Tree::v2().with("g/cpu.stat", &cpu_v2(1000));
    let host = TestHost::new();
    let mut node = node(&host, "(families: [Cpu])");
    let target = host.target(tree.target(&[("unified", "g")]));
    node.change(Nanos(0), Change::APPEARED, &target).unwrap();
    node.tick(Nanos(100)).unwrap();
    node.change(
        Nanos(150),
        Change::CHANGED,
        &Target {
            priority: 5,
            ..target.clone()
        },
    )
    .unwrap();
    assert_eq!(node.tick(Nanos(200)).unwrap().readings.len(), 6);
    node.change(Nanos(250), Change::GONE, &target).unwrap();
    assert!(node.tick(Nanos(300)).unwrap().is_empty());
}

#[test]
fn a_directory_that_is_not_the_one_that_was_told_is_not_read() {
    let tree = Tree::v2().with("g/cpu.stat", &cpu_v2(1000));
    let host = TestHost::new();
    let mut node = node(&host, "(families: [Cpu])");
    let mut target = host.target(tree.target(&[("unified", "g")]));
    target.cgroups[0].inode += 1;
    node.change(Nanos(0), Change::APPEARED, &target).unwrap();
    let batch = node.tick(Nanos(100)).unwrap();
    assert!(
        batch
            .readings
            .iter()
            .all(|reading| reason(Some(*reading)) == Some(Reason::VANISHED))
    );
    assert!(node.tick(Nanos(200)).unwrap().is_empty());
}

/// Scenario: a shell that spins under a quota of 5 %. Its CPU time advances no faster than the quota, it is seen to be
/// throttled, and when its group is removed that is told once.
#[test]
fn a_throttled_group_is_seen_and_a_vanished_one_is_told_once() {
    let Some(mut bed) = Bed::new() else { return };
    let outer = bed.group.clone();
    let group = bed.leaf(&outer, "leaf");
    let Ok(quota) = Knob::open(&group, KnobKind::Quota) else {
        return println!("SKIP: no quota here");
    };
    quota.write(&Setting::Quota(Quota::of_cpus(0.05))).unwrap();
    let host = TestHost::new();
    let mut node = node(&host, "");
    node.change(Nanos(0), Change::APPEARED, &host.target(bed.target(&group)))
        .unwrap();
    bed.start(&group, SPIN);
    let (mut at, mut used, mut throttled, mut tasks) = (0, 0.0, 0.0, 0.0);
    assert!(soon(|| {
        at += 1;
        let batch = node.tick(Nanos::from_millis(at)).unwrap();
        let number = |metric| {
            find(&host, &batch, metric)
                .and_then(|reading| reading.number())
                .unwrap_or(0.0)
        };
        used += number(&vocabulary::CPU_TIME);
        throttled += number(&vocabulary::CPU_THROTTLED);
        tasks = number(&vocabulary::PIDS_CURRENT);
        used > 20e6 && throttled > 100e6
    }));
    assert!(tasks <= 1.0);
    bed.end();
    group.remove().unwrap();
    let last = node.tick(Nanos::from_millis(at + 1)).unwrap();
    assert_eq!(last.readings.len(), 6 + 7 + 4 + 2);
    assert!(
        last.readings
            .iter()
            .all(|reading| reason(Some(*reading)) == Some(Reason::VANISHED))
    );
    assert!(node.tick(Nanos::from_millis(at + 2)).unwrap().is_empty());
}
