//! The config of `sim.metrics`.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Metrics that belong together, as a real plugin has them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Family {
    /// CPU time, waiting, switches, as `process.stats` tells them.
    Cpu,
    /// Quota periods and throttling, as `cgroup.stats` tells them.
    Quota,
    /// What the hypervisor took, by CPU, as `process.stats` tells it.
    Steal,
    /// Pressure, as `cgroup.pressure` tells it.
    Pressure,
    /// Hardware counters and their ratios, as `perf.counters` tells them.
    Perf,
    /// Last-level cache and memory bandwidth, as `resctrl.monitor` tells them.
    Cache,
    /// What users of a service feel, as `kpi.redis` tells it.
    Kpi,
    /// Memory and tasks, as `cgroup.stats` tells them.
    Memory,
    /// Block devices, as `cgroup.stats` tells them.
    Io,
    /// Which CPUs are threads of one core.
    Topology,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Cpu,
        Self::Quota,
        Self::Steal,
        Self::Pressure,
        Self::Perf,
        Self::Cache,
        Self::Kpi,
        Self::Memory,
        Self::Io,
        Self::Topology,
    ];
}

/// Config of `sim.metrics`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// What is read, from `Cpu`, `Quota`, `Steal`, `Pressure`, `Perf`, `Cache`, `Kpi`, `Memory`, `Io`, `Topology`. Default
    /// all. Leave out what the machine that is meant has not, such as `Perf` and `Cache` of a virtual one.
    pub families: Vec<Family>,
    /// Whether `kpi.latency.bucket` is given too. Default false.
    pub histogram: bool,
    /// The share of the time in which hardware counters ran, as where there are more events than counters; below 1 their
    /// readings are scaled. 0.01 to 1, default 1.
    pub counted: f64,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            families: Family::ALL.to_vec(),
            histogram: false,
            counted: 1.0,
        }
    }
}

impl Configure for MetricsConfig {
    fn check(&self, faults: &mut Faults) {
        let help = "name at least one of `Cpu`, `Quota`, `Steal`, `Pressure`, `Perf`, `Cache`, `Kpi`, `Memory`, `Io`, `Topology`";
        faults.require(!self.families.is_empty(), "families", "nothing is read", help);
        let good = (0.01..=1.0).contains(&self.counted);
        faults.require(
            good,
            "counted",
            format!("`counted` is {}", self.counted),
            "give 0.01 to 1",
        );
    }
}

impl MetricsConfig {
    /// Whether that family is read.
    pub fn has(&self, family: Family) -> bool {
        self.families.contains(&family)
    }
}
