//! The signals that detectors compute with: which metric carries each, and how its readings add up over a span. What
//! they mean for somebody is not said here.

use pipeline_plugin_api::prelude::*;

/// How the readings of a span become one number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fold {
    /// What was added for each second, times that factor's inverse in nanoseconds: seconds a second.
    Share,
    /// What was added for each second.
    Rate,
    /// The mean of the values.
    Mean,
}

macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident = $metric:ident, $fold:ident;)+) => {
        /// A signal of a target.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Signal { $($(#[$doc])* $name,)+ }

        impl Signal {
            /// All of them, with the metric that carries each.
            pub const ALL: &'static [(Self, Metric, Fold)] =
                &[$((Self::$name, vocabulary::$metric, Fold::$fold),)+];
        }
    };
}

signals! {
    /// CPU time used, in CPUs.
    Cpu = CPU_TIME, Share;
    /// Waiting for a CPU, summed over threads, in seconds a second.
    RunDelay = CPU_RUN_DELAY, Share;
    /// Stopped by the own quota, in seconds a second.
    Throttled = CPU_THROTTLED, Share;
    /// Taken by the hypervisor, in seconds a second; by CPU.
    Steal = CPU_STEAL, Share;
    /// Share of the time in which some task waited for a CPU.
    CpuSome = PSI_CPU_SOME, Share;
    /// Share of the time in which some task waited for a device.
    IoSome = PSI_IO_SOME, Share;
    /// Share of the time in which some task waited for memory.
    MemorySome = PSI_MEMORY_SOME, Share;
    /// Cycles a second.
    Cycles = PERF_CYCLES, Rate;
    /// Instructions a second.
    Instructions = PERF_INSTRUCTIONS, Rate;
    /// Cache references a second.
    References = PERF_CACHE_REFERENCES, Rate;
    /// Cache misses a second.
    Misses = PERF_CACHE_MISSES, Rate;
    /// Loads of the last-level cache a second.
    Loads = PERF_LLC_LOADS, Rate;
    /// Loads that missed it, a second.
    LoadMisses = PERF_LLC_LOAD_MISSES, Rate;
    /// Cycles a second in which nothing was executed while a load that missed the L3 was under way.
    StallsL3 = PERF_STALLS_L3_MISS, Rate;
    /// Instructions per cycle, as a collector computed them.
    Ipc = PERF_IPC, Mean;
    /// Cycles per instruction, as a collector computed them.
    Cpi = PERF_CPI, Mean;
    /// Share of cache references that missed, as a collector computed it.
    MissRate = PERF_CACHE_MISS_RATE, Mean;
    /// Cache misses per 1000 instructions, as a collector computed them.
    Mpki = PERF_CACHE_MPKI, Mean;
    /// Loads that missed the last-level cache per 1000 instructions, as a collector computed them.
    LoadMpki = PERF_LLC_MPKI, Mean;
    /// Share of cycles that were stalled on an L3 miss, as a collector computed it.
    StalledL3 = PERF_STALLED_L3_MISS, Mean;
    /// Last-level cache held, in bytes.
    Occupancy = L3_OCCUPANCY, Mean;
    /// Memory traffic, in bytes a second.
    Bandwidth = MEMORY_BANDWIDTH, Mean;
    /// Bytes read from devices a second.
    Read = IO_READ, Rate;
    /// Bytes written to devices a second.
    Written = IO_WRITTEN, Rate;
    /// Requests answered a second.
    Answered = KPI_RATE, Mean;
    /// Requests due a second.
    Offered = KPI_OFFERED, Mean;
    /// Mean latency, in nanoseconds.
    LatencyMean = KPI_LATENCY_MEAN, Mean;
    /// Median latency, in nanoseconds.
    LatencyP50 = KPI_LATENCY_P50, Mean;
    /// 99th percentile of the latency, in nanoseconds.
    LatencyP99 = KPI_LATENCY_P99, Mean;
}

/// How many signals there are.
pub const COUNT: usize = Signal::ALL.len();

/// The signals by the ids that the host gave their metrics.
#[derive(Clone, Debug)]
pub struct Columns {
    by_id: Vec<Option<(Signal, Fold)>>,
}

impl Columns {
    /// Those of the wanted signals.
    ///
    /// # Errors
    /// Another node means something else by one of the names.
    pub fn new(host: &Host, wanted: impl Fn(Signal) -> bool) -> Result<Self> {
        let mut by_id = Vec::new();
        for (signal, metric, fold) in Signal::ALL.iter().filter(|(signal, ..)| wanted(*signal)) {
            let id = host.metric(metric)?.0 as usize;
            by_id.resize(by_id.len().max(id + 1), None);
            if let Some(place) = by_id.get_mut(id) {
                *place = Some((*signal, *fold));
            }
        }
        Ok(Self { by_id })
    }

    /// The signal that a metric carries, if it is a wanted one.
    pub fn find(&self, metric: MetricId) -> Option<(Signal, Fold)> {
        self.by_id.get(metric.0 as usize).copied().flatten()
    }
}

/// The ports of an element that computes with the wanted signals.
pub fn take(ports: Ports, wanted: impl Fn(Signal) -> bool) -> Ports {
    let taken = Signal::ALL.iter().filter(|(signal, ..)| wanted(*signal));
    taken.fold(ports, |ports, (_, metric, _)| ports.takes(metric))
}
