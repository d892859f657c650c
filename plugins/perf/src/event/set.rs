//! Lists of events under one name.

use super::normal;

/// Sets by name. `rdt4nn` is what that driver's `perf stat` counted, `stalls` what container-bench's IPC efficiency
/// comes from, `pcm` what KubeMarla read from Intel's PCM: IPC, misses of the L2 and of the L3, sleep, reads and writes of memory.
const SETS: &[(&str, &[&str])] = &[
    ("ipc", &["cycles", "instructions"]),
    ("cache", &["instructions", "cache-references", "cache-misses"]),
    ("llc", &["instructions", "llc-loads", "llc-load-misses"]),
    ("branch", &["instructions", "branches", "branch-misses"]),
    (
        "stalls",
        &[
            "cycles",
            "instructions",
            "stalls-total",
            "stalls-l3-miss",
            "stalls-l2-miss",
            "stalls-l1d-miss",
            "stalls-mem-any",
            "resource-stalls-sb",
            "resource-stalls-scoreboard",
        ],
    ),
    (
        "pcm",
        &[
            "cycles",
            "instructions",
            "cache-references",
            "cache-misses",
            "l2-load-misses",
            "msr/tsc/",
            "msr/mperf/",
            "cstate_core/c1-residency/",
            "cstate_core/c6-residency/",
            "uncore_imc/cas_count_read/",
            "uncore_imc/cas_count_write/",
        ],
    ),
    (
        "software",
        &["task-clock", "context-switches", "cpu-migrations", "page-faults"],
    ),
    (
        "rdt4nn",
        &[
            "cycles",
            "instructions",
            "cache-misses",
            "cache-references",
            "branches",
            "branch-misses",
            "bus-cycles",
            "ref-cycles",
            "stalled-cycles-frontend",
            "task-clock",
            "context-switches",
            "cpu-migrations",
            "page-faults",
            "major-faults",
            "minor-faults",
            "alignment-faults",
            "l1-dcache-loads",
            "l1-dcache-load-misses",
            "l1-dcache-stores",
            "l1-dcache-store-misses",
            "l1-icache-load-misses",
            "llc-loads",
            "llc-load-misses",
            "llc-stores",
            "llc-store-misses",
            "llc-prefetches",
            "llc-prefetch-misses",
            "l1-dcache-prefetch-misses",
        ],
    ),
];

/// The events of a set.
pub fn of(text: &str) -> Option<&'static [&'static str]> {
    let wanted = normal(text);
    SETS.iter().find(|(name, _)| *name == wanted).map(|(_, events)| *events)
}

/// The names of all sets.
pub fn names() -> impl Iterator<Item = &'static str> {
    SETS.iter().map(|(name, _)| *name)
}
