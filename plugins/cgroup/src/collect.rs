//! The collectors, one file each, and what both do with their targets: `roster`. Nothing here writes to a group.

mod bell;
mod devices;
mod pressure;
mod roster;
mod shortage;
mod stats;
#[cfg(test)]
mod tests;

pub use pressure::CgroupPressure;
pub use stats::CgroupStats;

use pipeline_plugin_api::prelude::*;

/// What a collector was given when it was started.
fn started(system: Option<&System>) -> Result<&System> {
    system.ok_or_else(|| Failure::fatal("read before it was started"))
}
