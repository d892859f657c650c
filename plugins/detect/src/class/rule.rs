//! The two rules of Micro-Container, with its constants: `profiler` and `test_classification_fixed`.

use crate::config::ClassRule;
use crate::seen::Seen;
use serde::{Deserialize, Serialize};

/// What limits a target.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Computing.
    Compute,
    /// Some of both.
    #[default]
    Mixed,
    /// Memory.
    Memory,
}

impl Kind {
    /// As a reading: 0, 1, 2.
    pub fn number(self) -> f64 {
        match self {
            Self::Compute => 0.0,
            Self::Mixed => 1.0,
            Self::Memory => 2.0,
        }
    }
}

/// What IPC and miss rate suggest of a target.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Traits {
    /// How close the IPC is to that of dense matrix products, 0..=1.
    pub saturation: f64,
    /// Operations for each byte of memory.
    pub intensity: f64,
}

/// What IPC and miss rate suggest; `None` without both.
pub fn traits(seen: &Seen) -> Option<Traits> {
    let (ipc, misses) = (seen.ipc()?, seen.miss_rate()?);
    let saturation = if ipc > 2.0 { ((ipc - 2.0) / 2.0).min(1.0) } else { 0.0 };
    let intensity = if misses < 0.01 && ipc > 1.5 {
        10.0 + 5.0 * ipc
    } else if misses > 0.1 {
        1.0 / (misses * 10.0)
    } else {
        5.0
    };
    Some(Traits { saturation, intensity })
}

/// The class by that rule.
pub fn kind(traits: Traits, seen: &Seen, rule: ClassRule) -> Kind {
    let misses = seen.miss_rate().unwrap_or(0.0);
    let (compute, memory) = match rule {
        ClassRule::Intensity => (
            traits.saturation > 0.5 || traits.intensity > 10.0,
            misses > 0.05 || traits.intensity < 2.0,
        ),
        ClassRule::Ipc => {
            let slow = seen.ipc().is_some_and(|ipc| ipc < 0.5);
            (!slow && misses < 0.001, slow)
        }
    };
    match (compute, memory) {
        (true, _) => Kind::Compute,
        (false, true) => Kind::Memory,
        (false, false) => Kind::Mixed,
    }
}
