//! The events that have a name of their own: generic, cache, software, and some of Intel's.

use super::{Event, Source, metric, normal};
use crate::code::Code;

/// Names of one event, the canonical first, and `config` of its type (perf_event_open(2)).
const HARDWARE: &[(&[&str], u64)] = &[
    (&["cycles", "cpu-cycles"], 0),
    (&["instructions"], 1),
    (&["cache-references"], 2),
    (&["cache-misses"], 3),
    (&["branches", "branch-instructions"], 4),
    (&["branch-misses"], 5),
    (&["bus-cycles"], 6),
    (&["stalled-cycles-frontend", "idle-cycles-frontend"], 7),
    (&["stalled-cycles-backend", "idle-cycles-backend"], 8),
    (&["ref-cycles"], 9),
];

const SOFTWARE: &[(&[&str], u64)] = &[
    (&["cpu-clock"], 0),
    (&["task-clock"], 1),
    (&["page-faults", "faults"], 2),
    (&["context-switches", "cs"], 3),
    (&["cpu-migrations", "migrations"], 4),
    (&["minor-faults"], 5),
    (&["major-faults"], 6),
    (&["alignment-faults"], 7),
    (&["emulation-faults"], 8),
    (&["cgroup-switches"], 11),
];

/// Raw codes: execution stalls by what was waited for, with counter masks, and loads that the L2 did not hold (Intel, since
/// Skylake).
const INTEL: &[(&str, u64)] = &[
    ("stalls-total", 0x040_004a3),
    ("stalls-l3-miss", 0x060_006a3),
    ("stalls-l2-miss", 0x050_005a3),
    ("stalls-l1d-miss", 0x0c0_00ca3),
    ("stalls-mem-any", 0x140_014a3),
    ("resource-stalls-sb", 0x8a2),
    ("resource-stalls-scoreboard", 0x2a2),
    ("l2-load-misses", 0x10d1),
];

/// Caches with their number in a cache event's lowest byte.
const CACHES: &[(&str, u64)] = &[
    ("l1-dcache", 0),
    ("l1-icache", 1),
    ("llc", 2),
    ("dtlb", 3),
    ("itlb", 4),
    ("node", 6),
];

/// What is done to a cache, with operation and result in the two bytes above.
const OPERATIONS: &[(&str, u64)] = &[
    ("loads", 0),
    ("load-misses", 0x1_0000),
    ("stores", 0x100),
    ("store-misses", 0x1_0100),
    ("prefetches", 0x200),
    ("prefetch-misses", 0x1_0200),
];

/// The event of that name.
pub fn of(text: &str) -> Option<Event> {
    let wanted = normal(text);
    let in_table = |table: &'static [(&[&str], u64)]| {
        let (names, config) = table.iter().find(|(names, _)| names.contains(&wanted.as_str()))?;
        Some((*names.first()?, *config))
    };
    if let Some((name, config)) = in_table(HARDWARE) {
        return Some(event(name, Source::Code(Code::hardware(config))));
    }
    if let Some((name, config)) = in_table(SOFTWARE) {
        return Some(event(name, Source::Code(Code::software(config))));
    }
    if let Some((name, code)) = INTEL.iter().find(|(name, _)| *name == wanted) {
        return Some(event(name, Source::Intel(*code)));
    }
    let (cache, operation) = CACHES.iter().find_map(|(cache, number)| {
        let rest = wanted.strip_prefix(cache)?.strip_prefix('-')?;
        let (_, bits) = OPERATIONS.iter().find(|(name, _)| *name == rest)?;
        Some((*number, *bits))
    })?;
    Some(event(&wanted, Source::Code(Code::cache(cache | operation))))
}

/// All canonical names.
pub fn names() -> Vec<String> {
    let first = |table: &'static [(&[&'static str], u64)]| table.iter().filter_map(|(names, _)| names.first().copied());
    let caches = CACHES.iter().flat_map(|(cache, _)| {
        OPERATIONS
            .iter()
            .map(move |(operation, _)| format!("{cache}-{operation}"))
    });
    first(HARDWARE)
        .chain(first(SOFTWARE))
        .chain(INTEL.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .chain(caches)
        .collect()
}

fn event(name: &str, source: Source) -> Event {
    Event {
        name: name.to_owned(),
        metric: metric(name),
        unit: if name.ends_with("-clock") { "ns" } else { "1" },
        source,
    }
}
