//! The config of `cgroup.stats`.

use pipeline_cgroup_fs::Families;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A family of statistics.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Family {
    /// CPU time and throttling: 1 file a target on version 2, 3 on version 1.
    Cpu,
    /// Memory: 5 files on version 2, 4 on version 1, of which `memory.stat` is the dearest of all.
    Memory,
    /// Block devices: 1 file on version 2, 2 on version 1.
    Io,
    /// Tasks: 2 files.
    Pids,
}

/// What `cgroup.stats` reads of each target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StatsConfig {
    /// The families to read, from `Cpu`, `Memory`, `Io`, `Pids`; each costs its files, some 3 µs a file. Default all.
    /// `[Cpu]` is enough for most policies, and cheap enough for hundreds of targets every 100 ms.
    pub families: Vec<Family>,
}

impl Default for StatsConfig {
    fn default() -> Self {
        Self {
            families: vec![Family::Cpu, Family::Memory, Family::Io, Family::Pids],
        }
    }
}

impl Configure for StatsConfig {
    fn check(&self, faults: &mut Faults) {
        let some = !self.families.is_empty();
        faults.require(
            some,
            "families",
            "nothing is read",
            "name at least one of `Cpu`, `Memory`, `Io`, `Pids`",
        );
    }
}

impl StatsConfig {
    /// As the reader of files takes them.
    pub fn families(&self) -> Families {
        let has = |family| self.families.contains(&family);
        Families {
            cpu: has(Family::Cpu),
            memory: has(Family::Memory),
            io: has(Family::Io),
            pids: has(Family::Pids),
        }
    }
}
