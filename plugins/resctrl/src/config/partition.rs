//! The config of `resctrl.partition`.

use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::MOUNT_POINT;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A knob that may be turned.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KnobName {
    /// `l3.ways`: the ways of the last-level cache that a target may fill.
    Ways,
    /// `l3.part`: the same as a text, such as `25%`, `2MiB` or `0x600`.
    Part,
    /// `memory.bandwidth.share`: its share of the memory bandwidth.
    Bandwidth,
}

/// What `resctrl.partition` may divide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PartitionConfig {
    /// Where the filesystem is mounted. Default `/sys/fs/resctrl`; change it where the host's is seen elsewhere, as in a
    /// container.
    pub mount_point: String,
    /// Whether to mount it there, without options, where it is not mounted. Default false: what is mounted has its options
    /// from whoever did. It is unmounted at the end of the run, or after a crash, unless somebody else made groups meanwhile.
    pub mount: bool,
    /// The knobs that may be turned, from `Ways`, `Part`, `Bandwidth`. Default all; leave out what is somebody else's to
    /// divide. Of `Ways` and `Part` one at a time is held for a target.
    pub knobs: Vec<KnobName>,
    /// The most classes to make, besides those that others made; 0, the default, for all that the hardware can tell
    /// apart. Targets that do not get one of their own share one with others of their class. Lower it to leave some to
    /// others.
    pub most_classes: u32,
}

impl Default for PartitionConfig {
    fn default() -> Self {
        Self {
            mount_point: MOUNT_POINT.to_owned(),
            mount: false,
            knobs: vec![KnobName::Ways, KnobName::Part, KnobName::Bandwidth],
            most_classes: 0,
        }
    }
}

impl Configure for PartitionConfig {
    fn check(&self, faults: &mut Faults) {
        super::check_mount_point(&self.mount_point, faults);
        let help = "name at least one of `Ways`, `Part`, `Bandwidth`";
        faults.require(!self.knobs.is_empty(), "knobs", "nothing may be turned", help);
    }
}

impl KnobName {
    /// Its word in the graph.
    pub fn knob(self) -> Knob {
        match self {
            Self::Ways => vocabulary::L3_WAYS,
            Self::Part => vocabulary::L3_PART,
            Self::Bandwidth => vocabulary::MEMORY_BANDWIDTH_SHARE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MonitorConfig;
    use super::*;
    use pipeline_plugin_api::config::{parse, sample};

    #[test]
    fn samples_are_the_defaults() {
        let partition = parse::<PartitionConfig>(&sample::<PartitionConfig>()).unwrap();
        assert_eq!(partition, PartitionConfig::default());
        let monitor = parse::<MonitorConfig>(&sample::<MonitorConfig>()).unwrap();
        assert_eq!(monitor, MonitorConfig::default());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = parse::<PartitionConfig>("(mount_point: \"resctrl\", knobs: [])").unwrap_err();
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            ["`resctrl` does not begin at the root", "nothing may be turned"]
        );
    }
}
