//! What groups use, and the pressure they are under.

use crate::discover;
use pipeline_cgroup_fs::testing::Tree;
use pipeline_cgroup_fs::{Families, Group, Limit, PressureFiles, StatFiles};

#[test]
fn version_2_statistics_are_read_and_what_is_missing_is_absent() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/web/cpu.stat", include_str!("../../fixtures/v2/cpu.stat"))
        .with(
            "sys/fs/cgroup/web/memory.stat",
            include_str!("../../fixtures/v2/memory.stat"),
        )
        .with("sys/fs/cgroup/web/memory.max", "max\n")
        .with("sys/fs/cgroup/web/memory.current", "4096\n");
    let group = Group::at(&discover(&tree), "web").unwrap();
    let mut files = StatFiles::open(&group, Families::ALL).unwrap();
    assert_eq!(files.descriptors(), 4);
    let stats = files.read().unwrap().clone();
    assert_eq!(stats.cpu.usage_ns, Some(1_517_364_123_000));
    assert_eq!(
        (stats.memory.current_bytes, stats.memory.limit),
        (Some(4096), Some(Limit::Max))
    );
    assert_eq!((stats.memory.oom_kills, stats.memory.swap_bytes), (None, None));
    assert_eq!((stats.io, stats.pids.current), (None, None));
    tree.write("sys/fs/cgroup/web/cpu.stat", "user_usec 7\n");
    let cpu = files.read().unwrap().cpu;
    assert_eq!(
        (cpu.usage_ns, cpu.user_ns),
        (None, Some(7000)),
        "nothing of the last sample is left"
    );
}

#[test]
fn only_the_chosen_families_are_open() {
    let tree = Tree::v2()
        .with("sys/fs/cgroup/web/cpu.stat", include_str!("../../fixtures/v2/cpu.stat"))
        .with("sys/fs/cgroup/web/memory.current", "4096\n");
    let group = Group::at(&discover(&tree), "web").unwrap();
    let mut files = StatFiles::open(&group, Families::CPU).unwrap();
    assert_eq!(files.descriptors(), 1);
    assert_eq!(files.read().unwrap().memory.current_bytes, None);
}

#[test]
fn version_1_statistics_are_joined_over_trees() {
    let bytes = include_str!("../../fixtures/v1/blkio.throttle.io_service_bytes");
    let tree = Tree::v1()
        .with(
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.stat",
            include_str!("../../fixtures/v1/cpu.stat"),
        )
        .with(
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpuacct.usage",
            include_str!("../../fixtures/v1/cpuacct.usage"),
        )
        .with(
            "sys/fs/cgroup/memory/docker/abc/memory.stat",
            include_str!("../../fixtures/v1/memory.stat"),
        )
        .with("sys/fs/cgroup/blkio/docker/abc/blkio.throttle.io_service_bytes", bytes);
    let group = Group::at(&discover(&tree), "docker/abc").unwrap();
    let mut files = StatFiles::open(&group, Families::ALL).unwrap();
    for _ in 0..2 {
        let stats = files.read().unwrap();
        assert_eq!(
            (stats.cpu.usage_ns, stats.cpu.throttled_periods),
            (Some(32_286_201_642), Some(13))
        );
        assert_eq!(stats.memory.anon_bytes, Some(7_122_944));
        let devices = stats.io.as_ref().unwrap();
        assert_eq!(devices.len(), 1, "a second sample does not add to the first");
        assert_eq!((devices[0].read_bytes, devices[0].reads), (Some(1_556_480), None));
    }
}

#[test]
fn pressure_is_read_for_groups_and_the_system() {
    let tree = Tree::v2().with(
        "sys/fs/cgroup/web/memory.pressure",
        include_str!("../../fixtures/v2/memory.pressure"),
    );
    let found = discover(&tree);
    let mut files = PressureFiles::open(&Group::at(&found, "web").unwrap()).unwrap();
    assert_eq!(files.descriptors(), 1);
    let read = files.read().unwrap();
    assert_eq!(read.memory.unwrap().some.unwrap().total_us, 5_238_620);
    assert_eq!(read.cpu, None);
    let system = PressureFiles::system(&found).unwrap().read().unwrap();
    assert_eq!(system.cpu.unwrap().some.unwrap().total_us, 5);
}
