//! What users may set, one file an element. What a setting becomes is in `target`, `collect` and `actuate`.

mod limit;
mod pressure;
mod stats;
mod watch;

pub use limit::LimitConfig;
pub use pressure::{PressureConfig, TriggerConfig};
pub use stats::{Family, StatsConfig};
pub use watch::{NameFrom, RuleConfig, WatchConfig};
