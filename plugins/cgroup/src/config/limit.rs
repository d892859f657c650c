//! The config of `cgroup.limit`.

use pipeline_cgroup_fs::KnobKind;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A knob that may be turned.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KnobName {
    /// `cpu.idle`: runs only when nobody else wants the CPU.
    Idle,
    /// `cpu.weight`: the share of the CPU under contention.
    Weight,
    /// `cpu.set`: the CPUs it may use.
    CpuSet,
    /// `cpu.quota`: the most CPU time.
    Quota,
    /// `freeze`: stopped or not.
    Freeze,
}

/// What `cgroup.limit` may do, and to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitConfig {
    /// The knobs that may be turned, from `Idle`, `Weight`, `CpuSet`, `Quota`, `Freeze`. Default all but `Freeze`, since
    /// a frozen workload answers nobody and misses its health checks: add it where work may stand still.
    pub knobs: Vec<KnobName>,
    /// Whether targets of class `Latency` are offered too. Default false: they are who is to be protected. Set it for
    /// experiments, or where latency workloads of low priority must yield.
    pub latency: bool,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            knobs: vec![KnobName::Idle, KnobName::Weight, KnobName::CpuSet, KnobName::Quota],
            latency: false,
        }
    }
}

impl Configure for LimitConfig {
    fn check(&self, faults: &mut Faults) {
        let some = !self.knobs.is_empty();
        let help = "name at least one of `Idle`, `Weight`, `CpuSet`, `Quota`, `Freeze`";
        faults.require(some, "knobs", "nothing may be turned", help);
    }
}

impl LimitConfig {
    /// Each of the knobs once, the gentlest first.
    pub fn kinds(&self) -> Vec<KnobKind> {
        const ORDER: [KnobName; 5] = [
            KnobName::Idle,
            KnobName::Weight,
            KnobName::CpuSet,
            KnobName::Quota,
            KnobName::Freeze,
        ];
        ORDER
            .into_iter()
            .filter(|name| self.knobs.contains(name))
            .map(Into::into)
            .collect()
    }
}

impl From<KnobName> for KnobKind {
    fn from(name: KnobName) -> Self {
        match name {
            KnobName::Idle => Self::Idle,
            KnobName::Weight => Self::Weight,
            KnobName::CpuSet => Self::Cpus,
            KnobName::Quota => Self::Quota,
            KnobName::Freeze => Self::Freeze,
        }
    }
}
