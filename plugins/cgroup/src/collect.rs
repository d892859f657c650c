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
