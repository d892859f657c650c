//! The names of metrics and knobs with their units, the same for every plugin, the simulator, and
//! whatever stores numbers.
//!
//! Units: `ns`, `bytes`, `bytes/s`, `1` (a count or a share), `1/s`, `cpus`, `ways`, `list`. Deltas cover their
//! reading's span. A plugin may have metrics of its own; those that two plugins share stand here.

use crate::abi::Kind;

/// What names of metrics begin with that tell the truth about a simulated node, as who slows whom. They are for scoring:
/// only sinks may take them, which the graph's check and the host hold.
pub const TRUTH: &str = "truth.";

/// A metric's name, unit and kind.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// `cpu.time`.
    pub name: &'static str,
    /// `ns`.
    pub unit: &'static str,
    /// How its values relate to time.
    pub kind: Kind,
    /// One sentence for people.
    pub doc: &'static str,
}

/// A knob's name and unit.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Knob {
    /// `cpu.weight`.
    pub name: &'static str,
    /// `1`, `cpus`, `list`.
    pub unit: &'static str,
    /// One sentence for people.
    pub doc: &'static str,
}

macro_rules! vocabulary {
    (metrics { $($metric:ident = $name:literal, $unit:literal, $kind:ident, $doc:literal;)+ }
     knobs { $($knob:ident = $knob_name:literal, $knob_unit:literal, $knob_doc:literal;)+ }) => {
        $(#[doc = $doc]
        pub const $metric: Metric = Metric { name: $name, unit: $unit, kind: Kind::$kind, doc: $doc };)+
        $(#[doc = $knob_doc]
        pub const $knob: Knob = Knob { name: $knob_name, unit: $knob_unit, doc: $knob_doc };)+

        /// Every metric of the vocabulary.
        pub const METRICS: &[Metric] = &[$($metric),+];
        /// Every knob of the vocabulary.
        pub const KNOBS: &[Knob] = &[$($knob),+];
    };
}

vocabulary! {
    metrics {
        CPU_TIME = "cpu.time", "ns", DELTA, "CPU time used, by all threads";
        CPU_USER = "cpu.user", "ns", DELTA, "CPU time used in user mode";
        CPU_SYSTEM = "cpu.system", "ns", DELTA, "CPU time used in the kernel";
        CPU_RUN_DELAY = "cpu.run_delay", "ns", DELTA, "time that threads were ready to run and waited for a CPU";
        CPU_SLICES = "cpu.slices", "1", DELTA, "times that a thread was put on a CPU";
        CPU_STEAL = "cpu.steal", "ns", DELTA, "time that the hypervisor took from the CPUs that the target may use; by CPU";
        HICCUP_TIME = "hiccup.time", "ns", DELTA, "time in which nobody could run on a CPU, whatever its scheduler says; by CPU";
        HICCUP_MAX = "hiccup.max", "ns", GAUGE, "how late, at most, what goes ahead of all others woke up; by CPU";
        CPU_CORE = "cpu.core", "1", GAUGE, "the number of the core that a CPU is a thread of; by CPU, of any target or of none";
        CPU_THREADS = "cpu.threads", "1", GAUGE, "threads there are";
        CPU_SWITCHES_VOLUNTARY = "cpu.switches_voluntary", "1", DELTA, "times that a thread gave up its CPU to wait";
        CPU_SWITCHES_INVOLUNTARY = "cpu.switches_involuntary", "1", DELTA, "times that a thread was taken off its CPU";
        CPU_PERIODS = "cpu.periods", "1", DELTA, "enforcement periods of the CPU quota that passed";
        CPU_THROTTLED_PERIODS = "cpu.throttled_periods", "1", DELTA, "enforcement periods in which the quota ran out";
        CPU_THROTTLED = "cpu.throttled", "ns", DELTA, "time that the target's own CPU quota kept it from running";
        MEMORY_CURRENT = "memory.current", "bytes", GAUGE, "memory charged to the target";
        MEMORY_LIMIT = "memory.limit", "bytes", GAUGE, "most that it may be charged; unavailable where unlimited";
        MEMORY_ANON = "memory.anon", "bytes", GAUGE, "anonymous memory";
        MEMORY_FILE = "memory.file", "bytes", GAUGE, "page cache";
        MEMORY_SWAP = "memory.swap", "bytes", GAUGE, "memory on swap";
        MEMORY_MAJOR_FAULTS = "memory.major_faults", "1", DELTA, "page faults that had to wait for a device";
        MEMORY_OOM_KILLS = "memory.oom_kills", "1", DELTA, "processes killed for want of memory";
        IO_READ = "io.read", "bytes", DELTA, "bytes read from block devices; by device";
        IO_WRITTEN = "io.written", "bytes", DELTA, "bytes written to block devices; by device";
        IO_READS = "io.reads", "1", DELTA, "reads from block devices; by device";
        IO_WRITES = "io.writes", "1", DELTA, "writes to block devices; by device";
        L3_OCCUPANCY = "l3.occupancy", "bytes", GAUGE, "last-level cache that the target's accesses filled; by cache";
        MEMORY_BANDWIDTH = "memory.bandwidth", "bytes/s", GAUGE, "traffic between the last-level cache and memory; by cache";
        MEMORY_BANDWIDTH_LOCAL = "memory.bandwidth.local", "bytes/s", GAUGE, "the same, with the memory of the cache's own node; by cache";
        PIDS_CURRENT = "pids.current", "1", GAUGE, "tasks there are";
        PIDS_LIMIT = "pids.limit", "1", GAUGE, "most tasks that there may be; unavailable where unlimited";
        PSI_CPU_SOME = "psi.cpu.some", "ns", DELTA, "time in which at least one task waited for a CPU";
        PSI_CPU_FULL = "psi.cpu.full", "ns", DELTA, "time in which all tasks that were not idle waited for a CPU";
        PSI_MEMORY_SOME = "psi.memory.some", "ns", DELTA, "time in which at least one task waited for memory";
        PSI_MEMORY_FULL = "psi.memory.full", "ns", DELTA, "time in which all tasks that were not idle waited for memory";
        PSI_IO_SOME = "psi.io.some", "ns", DELTA, "time in which at least one task waited for a device";
        PSI_IO_FULL = "psi.io.full", "ns", DELTA, "time in which all tasks that were not idle waited for a device";
        PERF_CYCLES = "perf.cycles", "1", DELTA, "CPU cycles";
        PERF_INSTRUCTIONS = "perf.instructions", "1", DELTA, "instructions retired";
        PERF_CACHE_REFERENCES = "perf.cache_references", "1", DELTA, "accesses to the last-level cache, as the CPU defines them";
        PERF_CACHE_MISSES = "perf.cache_misses", "1", DELTA, "accesses that missed the last-level cache, as the CPU defines them";
        PERF_LLC_LOADS = "perf.llc_loads", "1", DELTA, "loads that reached the last-level cache";
        PERF_LLC_LOAD_MISSES = "perf.llc_load_misses", "1", DELTA, "loads that missed the last-level cache";
        PERF_BRANCHES = "perf.branches", "1", DELTA, "branches retired";
        PERF_BRANCH_MISSES = "perf.branch_misses", "1", DELTA, "branches that were predicted wrongly";
        PERF_STALLS_TOTAL = "perf.stalls_total", "1", DELTA, "cycles in which nothing was executed";
        PERF_STALLS_L3_MISS = "perf.stalls_l3_miss", "1", DELTA, "cycles in which nothing was executed while a load that missed the L3 was under way";
        PERF_TASK_CLOCK = "perf.task_clock", "ns", DELTA, "time on a CPU, as perf_event counts it";
        PERF_CONTEXT_SWITCHES = "perf.context_switches", "1", DELTA, "switches from one thread to another";
        PERF_CPU_MIGRATIONS = "perf.cpu_migrations", "1", DELTA, "moves of a thread to another CPU";
        PERF_PAGE_FAULTS = "perf.page_faults", "1", DELTA, "page faults";
        PERF_IPC = "perf.ipc", "1", GAUGE, "instructions per cycle";
        PERF_CPI = "perf.cpi", "1", GAUGE, "cycles per instruction";
        PERF_CACHE_MISS_RATE = "perf.cache_miss_rate", "1", GAUGE, "share of cache references that missed";
        PERF_CACHE_MPKI = "perf.cache_mpki", "1", GAUGE, "cache misses per 1000 instructions";
        PERF_LLC_MISS_RATE = "perf.llc_miss_rate", "1", GAUGE, "share of loads of the last-level cache that missed";
        PERF_LLC_MPKI = "perf.llc_mpki", "1", GAUGE, "loads that missed the last-level cache per 1000 instructions";
        PERF_BRANCH_MISS_RATE = "perf.branch_miss_rate", "1", GAUGE, "share of branches that were predicted wrongly";
        PERF_BRANCH_MPKI = "perf.branch_mpki", "1", GAUGE, "branches predicted wrongly per 1000 instructions";
        PERF_STALLED = "perf.stalled", "1", GAUGE, "share of cycles in which nothing was executed";
        PERF_STALLED_L3_MISS = "perf.stalled_l3_miss", "1", GAUGE, "share of cycles in which nothing was executed while a load that missed the L3 was under way";
        PERF_THEORETICAL_IPC = "perf.theoretical_ipc", "1", GAUGE, "instructions per cycle that was not stalled: the IPC that there would be without stalls";
        PERF_IPC_EFFICIENCY = "perf.ipc_efficiency", "1", GAUGE, "IPC as a share of the theoretical IPC";
        PERF_OVERFLOWS = "perf.overflows", "1", DELTA, "times that the sampled event came to its period";
        KPI_RATE = "kpi.rate", "1/s", GAUGE, "requests answered a second";
        KPI_OFFERED = "kpi.offered", "1/s", GAUGE, "requests that were due a second, answered or not";
        KPI_ERRORS = "kpi.errors", "1", DELTA, "requests that failed";
        KPI_LATENCY_MEAN = "kpi.latency.mean", "ns", GAUGE, "mean time from when a request was due to its answer";
        KPI_LATENCY_P50 = "kpi.latency.p50", "ns", GAUGE, "the same, median";
        KPI_LATENCY_P90 = "kpi.latency.p90", "ns", GAUGE, "the same, 90th percentile";
        KPI_LATENCY_P99 = "kpi.latency.p99", "ns", GAUGE, "the same, 99th percentile";
        KPI_LATENCY_P999 = "kpi.latency.p999", "ns", GAUGE, "the same, 99.9th percentile";
        KPI_LATENCY_MAX = "kpi.latency.max", "ns", GAUGE, "the same, longest";
        KPI_LATENCY_BUCKET = "kpi.latency.bucket", "1", DELTA, "requests whose time fell into a bucket of the histogram; by bucket";
        DETECT_BASELINE = "detect.baseline", "1", GAUGE, "the signal's value when nothing disturbs, in the signal's unit";
        DETECT_RATIO = "detect.ratio", "1", GAUGE, "how many times worse than its baseline the signal is";
        DETECT_LOSS = "detect.loss", "1", GAUGE, "time that a target loses for each second of its work, beyond the usual; by resource";
        DETECT_SCORE = "detect.score", "1", GAUGE, "how far a target is from interference by a rule of thumb: 1 is free of it";
        DETECT_CLASS = "detect.class", "1", GAUGE, "what limits a target: 0 computing, 1 some of both, 2 memory";
        DETECT_INTENSITY = "detect.intensity", "1", GAUGE, "operations for each byte of memory, as estimated from IPC and misses";
        DETECT_SATURATION = "detect.saturation", "1", GAUGE, "how close the IPC is to that of dense matrix products, 0 to 1";
        POLICY_ACTIVE = "policy.active", "1", GAUGE, "1 while the policy may act, 0 while it only watches";
        POLICY_HELD = "policy.held", "1", GAUGE, "knobs that the policy holds";
        PIPELINE_NODE_BUSY = "pipeline.node.busy", "ns", DELTA, "time that a node of this run spent in calls; by node";
        PIPELINE_NODE_CALLS = "pipeline.node.calls", "1", DELTA, "calls with input, and ticks; by node";
        PIPELINE_NODE_LATE = "pipeline.node.late", "1", DELTA, "instants that began more than 1 ms after they were due; by node";
        PIPELINE_NODE_WORST_LATE = "pipeline.node.worst_late", "ns", GAUGE, "how late, at most, an instant began since the run did; by node";
        PIPELINE_NODE_MISSED = "pipeline.node.missed", "1", DELTA, "instants that were skipped; by node";
        PIPELINE_NODE_DROPPED = "pipeline.node.dropped", "1", DELTA, "values that were lost on their way to a node; by node";
        PIPELINE_NODE_FAILURES = "pipeline.node.failures", "1", DELTA, "calls that failed; by node";
        PIPELINE_NODE_RESTARTS = "pipeline.node.restarts", "1", DELTA, "times that a node was made anew; by node";
        PIPELINE_NODE_ABANDONED = "pipeline.node.abandoned", "1", DELTA, "calls that did not come back; by node";
    }
    knobs {
        CPU_IDLE = "cpu.idle", "1", "1 lets the target run only when nobody else wants the CPU (SCHED_IDLE)";
        CPU_WEIGHT = "cpu.weight", "1", "share of the CPU under contention, 1 to 10000, 100 by default";
        CPU_QUOTA = "cpu.quota", "cpus", "most CPU time a second, in CPUs; infinity for no limit";
        CPU_SET = "cpu.set", "list", "the CPUs that the target may use, as `0-3,8`";
        CPU_AFFINITY = "cpu.affinity", "list", "the CPUs that every thread of the target may use, as `0-3,8`";
        L3_WAYS = "l3.ways", "ways", "ways of the last-level cache that the target may fill";
        L3_PART = "l3.part", "list", "the same as a text: `3`, `25%`, `2MiB`, `0x600`, or by cache `0=3;1=0x600`";
        MEMORY_BANDWIDTH_SHARE = "memory.bandwidth.share", "1", "share of the memory bandwidth that the target may use, 0 to 1";
        FREEZE = "freeze", "1", "1 stops every task of the target";
        PROCESS_PAUSED = "process.paused", "1", "1 stops every process of the target by a signal (SIGSTOP)";
        PROCESS_RUNNING = "process.running", "1", "0 ends the target's processes, 1 keeps its command running";
    }
}

/// The metric of that name.
pub fn metric(name: &str) -> Option<Metric> {
    METRICS.iter().copied().find(|metric| metric.name == name)
}

/// The knob of that name.
pub fn knob(name: &str) -> Option<Knob> {
    KNOBS.iter().copied().find(|knob| knob.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_is_used_twice() {
        let names: BTreeSet<&str> = METRICS
            .iter()
            .map(|m| m.name)
            .chain(KNOBS.iter().map(|k| k.name))
            .collect();
        assert_eq!(names.len(), METRICS.len() + KNOBS.len());
    }

    #[test]
    fn names_are_found() {
        assert_eq!(metric("cpu.time"), Some(CPU_TIME));
        assert_eq!(knob("cpu.idle"), Some(CPU_IDLE));
        assert_eq!(metric("cpu.tme"), None);
    }
}
