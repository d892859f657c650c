//! Files of control groups, of both versions; each reader is given each input.

use super::Target;
use crate::corpus;
use crate::mutate::Material;
use pipeline_cgroup_fs::parse::{
    CpuStats, MemoryStats, Operation, blkio, cpu_stat_v1, cpu_stat_v2, cpuacct_stat, cpuacct_usage, freezer_state, ids,
    io_stat, is_frozen, limit_v1, limit_v2, membership, memory_events, memory_stat_v1, memory_stat_v2, mounts, number,
    oom_control, pressure, quota_v1, quota_v2, words,
};

pub(super) const TARGET: Target = Target {
    name: "cgroup",
    about: "files of control groups, pressure, mountinfo",
    material: || Material {
        seeds: seeds(),
        words: WORDS,
        longest: 8 << 10,
    },
    reader: || Box::new(read),
};

const WORDS: &[&str] = &[
    "max",
    "-1",
    "some",
    "full",
    "avg10=",
    "total=",
    "usage_usec ",
    "nr_throttled ",
    "throttled_usec ",
    "user ",
    "system ",
    "anon ",
    "file ",
    "total_rss ",
    "oom_kill ",
    "frozen ",
    "populated ",
    "FROZEN",
    "THAWED",
    "FREEZING",
    "rbytes=",
    "wios=",
    "8:16 ",
    "Read ",
    "Write ",
    "Total ",
    "cgroup",
    "cgroup2",
    " - ",
    "0::/",
    "name=systemd",
    "\\040",
    "\\134",
    "\\9",
    "\n",
    " ",
    "\0",
    "100000",
];

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = corpus::folder("plugins/cgroup/fs/fixtures");
    seeds.extend(corpus::files(&[
        "/proc/self/mountinfo",
        "/proc/self/cgroup",
        "/proc/pressure/cpu",
        "/proc/pressure/memory",
        "/sys/fs/cgroup/cpu.stat",
        "/sys/fs/cgroup/memory.stat",
        "/sys/fs/cgroup/cpu/cpu.stat",
        "/sys/fs/cgroup/memory/memory.stat",
        "/sys/fs/cgroup/blkio/blkio.throttle.io_service_bytes",
    ]));
    seeds.extend(["max 100000", "-1", "FROZEN\n", "1\n2\n3\n", "9223372036854771712\n"].map(|text| text.into()));
    seeds
}

fn read(bytes: &[u8]) {
    let (mut cpu, mut memory, mut devices) = (CpuStats::default(), MemoryStats::default(), Vec::new());
    cpu_stat_v1(bytes, &mut cpu);
    cpu_stat_v2(bytes, &mut cpu);
    cpuacct_usage(bytes, &mut cpu);
    cpuacct_stat(bytes, 100, &mut cpu);
    memory_stat_v1(bytes, &mut memory);
    memory_stat_v2(bytes, &mut memory);
    memory_events(bytes, &mut memory);
    oom_control(bytes, &mut memory);
    io_stat(bytes, &mut devices);
    blkio(bytes, Operation::Bytes, &mut devices);
    blkio(bytes, Operation::Count, &mut devices);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(devices.len() <= 3 * lines, "{} devices in {lines} lines", devices.len());
    assert!(mounts(bytes).len() <= lines && membership(bytes).len() <= lines);
    assert!(ids(bytes).len() <= words(bytes).count());
    let _ = (limit_v1(bytes), limit_v2(bytes), pressure(bytes), number(bytes));
    let _ = (quota_v1(bytes), freezer_state(bytes), is_frozen(bytes));
    assert!(quota_v2(bytes).is_none_or(|(_, period)| period > 0));
}
