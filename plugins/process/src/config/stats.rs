//! The config of `process.stats`.

use super::check_proc;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What `process.stats` reads, and how much it keeps open for that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StatsConfig {
    /// Reads user and system time apart, a file a process, about 2 µs each. Default true. Turn it off where only
    /// `cpu.time` and `cpu.run_delay` matter.
    pub user_system: bool,
    /// Reads context switches, a file a thread, about 3 µs each and so the dearest of all. Default true. Turn it off
    /// for targets with thousands of threads, or below 100 ms.
    pub switches: bool,
    /// Reads what the hypervisor took from each CPU. Default true. Turn it off where there is none, or where the
    /// numbers of many CPUs for each target are too many.
    pub steal: bool,
    /// Most files kept open between two samples; what is beyond is opened each time. 0 to 65536, default 4096, and
    /// never more than half of what `ulimit -n` allows.
    pub keep: u32,
    /// Where `/proc` is mounted. Default `/proc`; another place in a container that sees the host's.
    pub proc: PathBuf,
}

impl Default for StatsConfig {
    fn default() -> Self {
        Self {
            user_system: true,
            switches: true,
            steal: true,
            keep: 4096,
            proc: Path::new("/proc").into(),
        }
    }
}

impl Configure for StatsConfig {
    fn check(&self, faults: &mut Faults) {
        let too_many = format!("`keep` is {} files", self.keep);
        faults.require(self.keep <= 65_536, "keep", too_many, "give 0 to 65536");
        check_proc(&self.proc, faults);
    }
}
