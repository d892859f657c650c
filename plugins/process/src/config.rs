//! What users may set, one file an element. What a setting becomes is in `target` and `collect`.

mod run;
mod stats;

pub use run::{Cgroup, GoalConfig, Output, Ready, Restart, RunConfig};
pub use stats::StatsConfig;
