//! The memory files of both versions, in bytes. Hierarchical numbers throughout: a group with its descendants.

use super::{number, pairs};

/// The largest page-aligned `long` with 64 KiB pages: version 1 prints no limit as a number at or above it.
const UNLIMITED_V1: u64 = 0x7FFF_FFFF_FFFF_0000;

/// A limit that may be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit (`max`).
    Max,
    /// The limit, in the unit of what it limits.
    At(u64),
}

/// Memory use of one group and its descendants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// All memory charged now, page cache included.
    pub current_bytes: Option<u64>,
    /// The hard limit.
    pub limit: Option<Limit>,
    /// Anonymous memory.
    pub anon_bytes: Option<u64>,
    /// Page cache, shared memory and tmpfs included.
    pub file_bytes: Option<u64>,
    /// Swap used; absent where swap is not accounted.
    pub swap_bytes: Option<u64>,
    /// Page faults that waited for a device, since the group was made.
    pub major_faults: Option<u64>,
    /// Processes the out-of-memory killer ended here; version 1 counts this group only, without descendants.
    pub oom_kills: Option<u64>,
}

/// Takes `memory.stat` of version 2 (cgroup-v2.rst, "Memory Interface Files").
pub fn memory_stat_v2(bytes: &[u8], into: &mut MemoryStats) {
    for (key, value) in pairs(bytes) {
        match key {
            b"anon" => into.anon_bytes = number(value),
            b"file" => into.file_bytes = number(value),
            b"pgmajfault" => into.major_faults = number(value),
            _ => {}
        }
    }
}

/// Takes `memory.stat` of version 1, of which the `total_` lines include descendants (cgroup-v1/memory.rst, 5.2).
pub fn memory_stat_v1(bytes: &[u8], into: &mut MemoryStats) {
    for (key, value) in pairs(bytes) {
        match key {
            b"total_rss" => into.anon_bytes = number(value),
            b"total_cache" => into.file_bytes = number(value),
            b"total_swap" => into.swap_bytes = number(value),
            b"total_pgmajfault" => into.major_faults = number(value),
            _ => {}
        }
    }
}

/// Takes `memory.events` of version 2.
pub fn memory_events(bytes: &[u8], into: &mut MemoryStats) {
    into.oom_kills = value_of(bytes, b"oom_kill");
}

/// Takes `memory.oom_control` of version 1.
pub fn oom_control(bytes: &[u8], into: &mut MemoryStats) {
    into.oom_kills = value_of(bytes, b"oom_kill");
}

/// A limit file of version 2: a number or `max`.
pub fn limit_v2(bytes: &[u8]) -> Option<Limit> {
    match bytes.trim_ascii() {
        b"max" => Some(Limit::Max),
        digits => number(digits).map(Limit::At),
    }
}

/// A limit file of version 1: a number, near the largest `long` where there is no limit.
pub fn limit_v1(bytes: &[u8]) -> Option<Limit> {
    number(bytes).map(|bytes| {
        if bytes >= UNLIMITED_V1 {
            Limit::Max
        } else {
            Limit::At(bytes)
        }
    })
}

fn value_of(bytes: &[u8], wanted: &[u8]) -> Option<u64> {
    pairs(bytes)
        .find(|(key, _)| *key == wanted)
        .and_then(|(_, value)| number(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn version_2_text_is_read() {
        let mut stats = MemoryStats::default();
        memory_stat_v2(include_bytes!("../../fixtures/v2/memory.stat"), &mut stats);
        memory_events(include_bytes!("../../fixtures/v2/memory.events"), &mut stats);
        assert_eq!(
            (stats.anon_bytes, stats.file_bytes),
            (Some(185_315_328), Some(1_409_253_376))
        );
        assert_eq!((stats.major_faults, stats.oom_kills), (Some(1_894), Some(2)));
        assert_eq!(stats.swap_bytes, None);
    }

    #[test]
    fn version_1_takes_the_hierarchical_lines() {
        let mut stats = MemoryStats::default();
        memory_stat_v1(include_bytes!("../../fixtures/v1/memory.stat"), &mut stats);
        oom_control(include_bytes!("../../fixtures/v1/memory.oom_control"), &mut stats);
        assert_eq!(
            (stats.anon_bytes, stats.file_bytes),
            (Some(7_122_944), Some(136_249_344))
        );
        assert_eq!(
            (stats.major_faults, stats.swap_bytes, stats.oom_kills),
            (Some(897), Some(0), Some(0))
        );
    }

    #[test]
    fn no_limit_is_not_a_number() {
        assert_eq!(limit_v2(b"max\n"), Some(Limit::Max));
        assert_eq!(
            limit_v1(include_bytes!("../../fixtures/v1/memory.limit_in_bytes")),
            Some(Limit::Max)
        );
        assert_eq!(limit_v1(b"1048576\n"), Some(Limit::At(1 << 20)));
        assert_eq!(limit_v2(b"-1\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_memory_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut stats = MemoryStats::default();
            memory_stat_v2(&bytes, &mut stats);
            memory_stat_v1(&bytes, &mut stats);
            memory_events(&bytes, &mut stats);
            oom_control(&bytes, &mut stats);
            let _ = (limit_v1(&bytes), limit_v2(&bytes));
        }
    }
}
