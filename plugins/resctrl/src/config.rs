//! What users may set, one file an element. What a setting becomes is in `collect` and `actuate`.

mod monitor;
mod partition;

pub use monitor::MonitorConfig;
pub use partition::{KnobName, PartitionConfig};

use pipeline_plugin_api::config::Faults;
use std::path::Path;

fn check_mount_point(mount_point: &str, faults: &mut Faults) {
    faults.require(
        Path::new(mount_point).is_absolute(),
        "mount_point",
        format!("`{mount_point}` does not begin at the root"),
        "give the whole path, as \"/sys/fs/resctrl\"",
    );
}
