//! What users may set, one file an element. What a setting becomes is in `target`, `watch`, `collect` and `actuate`.

mod affinity;
mod control;
mod run;
mod stats;
mod watch;

pub use affinity::AffinityConfig;
pub use control::ControlConfig;
pub use run::{Cgroup, Output, Ready, Restart, RunConfig, RunOrder};
pub use stats::StatsConfig;
pub use watch::{GroupBy, WatchConfig};
