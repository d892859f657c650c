//! The metrics that `sim.metrics` gives, and their ids.

use crate::config::{Family, MetricsConfig};
use pipeline_plugin_api::prelude::*;

macro_rules! ids {
    ($($family:ident { $($field:ident = $metric:ident),+ $(,)? })+) => {
        /// The ids of all metrics.
        pub struct Ids { $($(pub $field: MetricId),+),+ }

        impl Ids {
            /// All of them, known to the host.
            ///
            /// # Errors
            /// Another node means something else by such a name.
            pub fn new(host: &Host) -> Result<Self> {
                Ok(Self { $($($field: host.metric(&vocabulary::$metric)?),+),+ })
            }

            /// Those of the families that are read.
            pub fn metrics(config: &MetricsConfig) -> Vec<Metric> {
                let mut metrics = Vec::new();
                $(if config.has(Family::$family) { metrics.extend([$(vocabulary::$metric),+]); })+
                metrics
            }
        }
    };
}

ids! {
    Cpu {
        cpu = CPU_TIME,
        user = CPU_USER,
        system = CPU_SYSTEM,
        run_delay = CPU_RUN_DELAY,
        slices = CPU_SLICES,
        threads = CPU_THREADS,
        voluntary = CPU_SWITCHES_VOLUNTARY,
        involuntary = CPU_SWITCHES_INVOLUNTARY,
    }
    Quota {
        periods = CPU_PERIODS,
        throttled_periods = CPU_THROTTLED_PERIODS,
        throttled = CPU_THROTTLED,
    }
    Steal { steal = CPU_STEAL }
    Topology { core = CPU_CORE }
    Pressure {
        cpu_some = PSI_CPU_SOME,
        cpu_full = PSI_CPU_FULL,
        memory_some = PSI_MEMORY_SOME,
        memory_full = PSI_MEMORY_FULL,
        io_some = PSI_IO_SOME,
        io_full = PSI_IO_FULL,
    }
    Perf {
        cycles = PERF_CYCLES,
        instructions = PERF_INSTRUCTIONS,
        cache_references = PERF_CACHE_REFERENCES,
        cache_misses = PERF_CACHE_MISSES,
        llc_loads = PERF_LLC_LOADS,
        llc_load_misses = PERF_LLC_LOAD_MISSES,
        branches = PERF_BRANCHES,
        branch_misses = PERF_BRANCH_MISSES,
        stalls_total = PERF_STALLS_TOTAL,
        stalls_l3_miss = PERF_STALLS_L3_MISS,
        task_clock = PERF_TASK_CLOCK,
        context_switches = PERF_CONTEXT_SWITCHES,
        ipc = PERF_IPC,
        cpi = PERF_CPI,
        cache_miss_rate = PERF_CACHE_MISS_RATE,
        cache_mpki = PERF_CACHE_MPKI,
        llc_miss_rate = PERF_LLC_MISS_RATE,
        llc_mpki = PERF_LLC_MPKI,
        branch_miss_rate = PERF_BRANCH_MISS_RATE,
        branch_mpki = PERF_BRANCH_MPKI,
        stalled = PERF_STALLED,
        stalled_l3_miss = PERF_STALLED_L3_MISS,
        theoretical_ipc = PERF_THEORETICAL_IPC,
        ipc_efficiency = PERF_IPC_EFFICIENCY,
    }
    Cache {
        occupancy = L3_OCCUPANCY,
        bandwidth = MEMORY_BANDWIDTH,
        bandwidth_local = MEMORY_BANDWIDTH_LOCAL,
    }
    Kpi {
        rate = KPI_RATE,
        offered = KPI_OFFERED,
        errors = KPI_ERRORS,
        mean = KPI_LATENCY_MEAN,
        p50 = KPI_LATENCY_P50,
        p90 = KPI_LATENCY_P90,
        p99 = KPI_LATENCY_P99,
        p999 = KPI_LATENCY_P999,
        max = KPI_LATENCY_MAX,
        bucket = KPI_LATENCY_BUCKET,
    }
    Memory {
        memory = MEMORY_CURRENT,
        anon = MEMORY_ANON,
        file = MEMORY_FILE,
        swap = MEMORY_SWAP,
        major_faults = MEMORY_MAJOR_FAULTS,
        pids = PIDS_CURRENT,
    }
    Io {
        read = IO_READ,
        written = IO_WRITTEN,
        reads = IO_READS,
        writes = IO_WRITES,
    }
}
