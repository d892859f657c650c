//! A neighbour that goes with what a victim suffers.

use super::lines::Use;
use crate::caps::Caps;
use crate::roster::Roster;
use pipeline_plugin_api::prelude::*;

/// A neighbour, and how much it goes with what a victim suffers.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Who.
    pub target: TargetId,
    /// -1..=1.
    pub score: f64,
    /// By which use.
    pub used: Use,
}

impl Suspect {
    /// As a finding names it.
    pub fn culprit(&self) -> Culprit {
        Culprit {
            target: self.target,
            score: self.score.clamp(0.0, 1.0),
        }
    }

    /// Through what: CPU time only where both run on the same CPUs.
    pub fn resource(&self, victim: TargetId, roster: &Roster, caps: &Caps) -> Resource {
        match self.used {
            Use::Cpu if roster.overlap(victim, self.target, caps).is_some() => Resource::CPU_TIME,
            Use::Cpu => Resource::UNKNOWN,
            Use::Cache => Resource::L3,
            Use::Memory => Resource::MEMORY_BANDWIDTH,
            Use::Io => Resource::IO,
        }
    }
}
