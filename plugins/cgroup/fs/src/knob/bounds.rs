//! How far a knob turns, for those who choose a value.

use super::{Knob, KnobKind, Quota, weight};
use crate::{CpuSet, Error, Version, fs};

/// The largest quota that the kernel takes, in microseconds a period: 2^44 - 1 on 64-bit machines.
const MOST_QUOTA_US: u64 = (1 << 44) - 1;

/// The values a knob takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// The distance between values.
    pub step: u64,
    /// What the kernel starts with; `None` for no quota and for all of the parent's CPUs.
    pub default: Option<u64>,
    /// What a value counts: `switch` (0 or 1), `weight`, `us per period`, `cpus`.
    pub unit: &'static str,
}

impl Knob {
    /// How far this knob turns: the kernel's bounds, and for CPUs how many the parent has.
    ///
    /// # Errors
    /// As [`Knob::read`].
    pub fn bounds(&self) -> Result<Bounds, Error> {
        Ok(match self.kind {
            KnobKind::Idle | KnobKind::Freeze => Bounds {
                least: 0,
                most: 1,
                step: 1,
                default: Some(0),
                unit: "switch",
            },
            KnobKind::Weight => Bounds {
                least: weight::LEAST,
                most: weight::MOST,
                step: 1,
                default: Some(weight::DEFAULT),
                unit: "weight",
            },
            KnobKind::Quota => Bounds {
                least: Quota::LEAST_US,
                most: MOST_QUOTA_US,
                step: 1,
                default: None,
                unit: "us per period",
            },
            KnobKind::Cpus => Bounds {
                least: 1,
                most: self.cpus_of_parent()?.len() as u64,
                step: 1,
                default: None,
                unit: "cpus",
            },
        })
    }

    /// The CPUs that the group above may use, beyond which none of its children gets any.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::CpuSet`].
    pub fn cpus_of_parent(&self) -> Result<CpuSet, Error> {
        let parent = self.directory.path.parent().unwrap_or(&self.directory.path);
        let path = parent.join(match self.directory.version {
            Version::V1 => "cpuset.effective_cpus",
            Version::V2 => "cpuset.cpus.effective",
        });
        super::cpu_set(&path, &fs::read(&path)?)
    }
}
