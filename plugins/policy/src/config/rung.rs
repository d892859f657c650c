//! The remedies that `policy.throttle` has, each by the knob that it turns and the resources that it is for; and how strictly
//! it takes what a finding says of resource and culprits.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A remedy, by the knob that it turns.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Rung {
    /// `cpu.idle`: the culprit runs only when nobody else wants the CPU.
    Idle,
    /// `cpu.weight`: the least share under contention. Left out where `Idle` was tried and did not help.
    Weight,
    /// `cpu.set`: the culprit moves to CPUs that the victim does not use, nor its sibling threads where those do the harm.
    CpuSet,
    /// `cpu.quota`: the culprit gets a small part of the CPU time that it had.
    Quota,
    /// `l3.ways`: the culprit fills a small part of the last-level cache.
    Ways,
    /// `memory.bandwidth.share`: the culprit gets a small part of the memory bandwidth.
    Bandwidth,
    /// `freeze`, on and off: the culprit runs for a part of each period only.
    Duty,
    /// `process.paused`: the culprit's processes stop, until the harm is over.
    Pause,
    /// `freeze`: the culprit stops.
    Freeze,
}

/// Against which harm a remedy is used.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Against {
    /// Harm through a resource that the remedy is for.
    #[default]
    Fitting,
    /// Whatever a finding is about, and be it nothing that is known.
    Any,
}

/// Who answers for a finding.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Whom {
    /// Those whom it blames.
    #[default]
    Named,
    /// All who may be restrained for the victim's sake, whomever it blames.
    Everybody,
}

impl Rung {
    /// The knob that it turns.
    pub fn knob(self) -> &'static Knob {
        match self {
            Self::Idle => &vocabulary::CPU_IDLE,
            Self::Weight => &vocabulary::CPU_WEIGHT,
            Self::CpuSet => &vocabulary::CPU_SET,
            Self::Quota => &vocabulary::CPU_QUOTA,
            Self::Ways => &vocabulary::L3_WAYS,
            Self::Bandwidth => &vocabulary::MEMORY_BANDWIDTH_SHARE,
            Self::Pause => &vocabulary::PROCESS_PAUSED,
            Self::Duty | Self::Freeze => &vocabulary::FREEZE,
        }
    }

    /// Whether it can help where that resource is fought for. Who is stopped disturbs nobody in any way.
    pub fn fits(self, resource: Resource) -> bool {
        match self {
            Self::Idle | Self::Weight | Self::Quota => resource == Resource::CPU_TIME,
            Self::CpuSet => matches!(resource, Resource::CPU_TIME | Resource::SMT),
            Self::Ways => resource == Resource::L3,
            Self::Bandwidth => matches!(resource, Resource::L3 | Resource::MEMORY_BANDWIDTH),
            Self::Duty | Self::Pause | Self::Freeze => matches!(
                resource,
                Resource::CPU_TIME | Resource::L3 | Resource::MEMORY_BANDWIDTH | Resource::SMT | Resource::IO
            ),
        }
    }

    /// Whether it can be taken back little by little.
    pub fn graded(self) -> bool {
        matches!(self, Self::Weight | Self::Quota | Self::Ways | Self::Bandwidth)
    }
}
