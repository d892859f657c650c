//! The config of `sim.knobs`.

use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::Dial;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A knob that may be turned.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum KnobName {
    /// `cpu.idle`, as of `cgroup.limit`.
    Idle,
    /// `cpu.weight`, likewise.
    Weight,
    /// `cpu.set`, likewise.
    CpuSet,
    /// `cpu.quota`, likewise.
    Quota,
    /// `freeze`, likewise.
    Freeze,
    /// `cpu.affinity`, as of `process.affinity`.
    Affinity,
    /// `process.paused`, as of `process.control`.
    Paused,
    /// `l3.ways`, as of `resctrl.partition`.
    Ways,
    /// `memory.bandwidth.share`, likewise.
    Bandwidth,
}

/// Config of `sim.knobs`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KnobsConfig {
    /// What may be turned, from `Idle`, `Weight`, `CpuSet`, `Quota`, `Freeze`, `Affinity`, `Paused`, `Ways`, `Bandwidth`.
    /// Default `[Idle, Weight, CpuSet, Quota, Ways, Bandwidth]`.
    pub knobs: Vec<KnobName>,
    /// Whether targets of class `Latency` are held back too; ways and bandwidth of theirs can be turned in any case.
    /// Default false.
    pub latency: bool,
}

impl Default for KnobsConfig {
    fn default() -> Self {
        Self {
            knobs: vec![
                KnobName::Idle,
                KnobName::Weight,
                KnobName::CpuSet,
                KnobName::Quota,
                KnobName::Ways,
                KnobName::Bandwidth,
            ],
            latency: false,
        }
    }
}

impl Configure for KnobsConfig {
    fn check(&self, faults: &mut Faults) {
        let help = "name at least one, such as `Idle`";
        faults.require(!self.knobs.is_empty(), "knobs", "nothing may be turned", help);
    }
}

impl KnobsConfig {
    /// Each of the knobs once, in the order of their names here.
    pub fn dials(&self) -> Vec<Dial> {
        let mut knobs = self.knobs.clone();
        knobs.sort_unstable();
        knobs.dedup();
        knobs.into_iter().map(KnobName::dial).collect()
    }
}

impl KnobName {
    const fn dial(self) -> Dial {
        match self {
            Self::Idle => Dial::Idle,
            Self::Weight => Dial::Weight,
            Self::CpuSet => Dial::Cpus,
            Self::Quota => Dial::Quota,
            Self::Freeze => Dial::Frozen,
            Self::Affinity => Dial::Affinity,
            Self::Paused => Dial::Paused,
            Self::Ways => Dial::Ways,
            Self::Bandwidth => Dial::Bandwidth,
        }
    }
}
