//! The config of `resctrl.monitor`.

use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::MOUNT_POINT;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `resctrl.monitor` counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorConfig {
    /// Where the filesystem is mounted. Default `/sys/fs/resctrl`; change it where the host's is seen elsewhere, as in a
    /// container.
    pub mount_point: String,
    /// Whether to mount it there, without options, where it is not mounted. Default false: what is mounted has its options
    /// from whoever did. It is unmounted at the end of the run, or after a crash, unless somebody else made groups meanwhile.
    pub mount: bool,
    /// Whether each cache is told besides their sum. Default true; on a machine with one socket both are the same, and
    /// false saves half of the readings.
    pub by_cache: bool,
}

impl Default for MonitorConfig {
    fn default() -> Self {
        Self {
            mount_point: MOUNT_POINT.to_owned(),
            mount: false,
            by_cache: true,
        }
    }
}

impl Configure for MonitorConfig {
    fn check(&self, faults: &mut Faults) {
        super::check_mount_point(&self.mount_point, faults);
    }
}
