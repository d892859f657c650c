//! What users may set, one file an element. What a setting becomes is in `collect` and `actuate`.

mod limit;
mod pressure;
mod stats;

pub use limit::LimitConfig;
pub use pressure::{PressureConfig, TriggerConfig};
pub use stats::{Family, StatsConfig};
