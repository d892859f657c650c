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

use pipeline_plugin_api::prelude::*;
use std::path::Path;

/// The field `proc`: where `/proc` is mounted.
fn check_proc(proc: &Path, faults: &mut Faults) {
    faults.require(
        proc.is_dir(),
        "proc",
        format!("there is no folder `{}`", proc.display()),
        "give the folder where `/proc` is mounted",
    );
}
