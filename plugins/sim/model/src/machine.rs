//! A machine as the equations need it: plain numbers by CPU and cache.

use crate::scenario::{self, Siblings};

/// Bytes of a cache line, which is what a miss moves.
pub const LINE: f64 = 64.0;

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Logical CPUs.
    pub cpus: usize,
    /// The other thread of a CPU's core.
    pub sibling: Vec<Option<usize>>,
    /// The last-level cache of a CPU.
    pub cache_of: Vec<usize>,
    /// Last-level caches.
    pub caches: usize,
    /// Ways of each.
    pub ways: usize,
    /// Bytes of a way.
    pub way_bytes: f64,
    /// Cycles in a nanosecond.
    pub ghz: f64,
    /// Bytes a second of one memory controller.
    pub bandwidth: f64,
    /// Bytes a second that one core can ask for.
    pub core_bandwidth: f64,
    /// How long memory takes when nobody else asks, in ns.
    pub memory_ns: f64,
    /// The scheduler's slice, in ns.
    pub slice_ns: f64,
    /// Bytes a second of the block device.
    pub device: f64,
    /// How long it takes when nobody else asks, in ns.
    pub device_ns: f64,
}

impl Machine {
    /// The machine of a scenario.
    pub fn of(machine: &scenario::Machine) -> Self {
        let cores = machine.cores.max(1) as usize;
        let threads = machine.threads.max(1) as usize;
        let cpus = cores * threads;
        let core_of = |cpu: usize| match machine.siblings {
            Siblings::Split => cpu % cores,
            Siblings::Adjacent => cpu / threads,
        };
        let sibling = |cpu: usize| (0..cpus).find(|other| *other != cpu && core_of(*other) == core_of(cpu));
        let caches = (machine.caches.max(1) as usize).min(cores);
        let ways = machine.ways.clamp(1, 32) as usize;
        Self {
            cpus,
            sibling: (0..cpus).map(sibling).collect(),
            cache_of: (0..cpus).map(|cpu| core_of(cpu) * caches / cores).collect(),
            caches,
            ways,
            way_bytes: machine.cache.0 as f64 / ways as f64,
            ghz: machine.ghz,
            bandwidth: machine.bandwidth.0 as f64,
            core_bandwidth: machine.core_bandwidth.0 as f64,
            memory_ns: machine.memory_ns,
            slice_ns: machine.slice.nanos().0 as f64,
            device: machine.device.0 as f64,
            device_ns: machine.device_latency.nanos().0 as f64,
        }
    }

    /// The mask of all ways.
    pub fn all_ways(&self) -> u32 {
        u32::MAX >> (32 - self.ways as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_and_caches_follow_the_numbering() {
        let spec = |siblings| scenario::Machine {
            cores: 4,
            caches: 2,
            siblings,
            ..scenario::Machine::default()
        };
        let split = Machine::of(&spec(Siblings::Split));
        assert_eq!((split.sibling[1], split.sibling[5]), (Some(5), Some(1)));
        assert_eq!(split.cache_of, [0, 0, 1, 1, 0, 0, 1, 1]);
        let adjacent = Machine::of(&spec(Siblings::Adjacent));
        assert_eq!((adjacent.sibling[2], adjacent.sibling[3]), (Some(3), Some(2)));
        assert_eq!(adjacent.cache_of, [0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(split.all_ways(), (1 << 20) - 1);
    }
}
