//! The config of `cgroup.pressure`.

use pipeline_cgroup_fs::{Resource, StallKind};
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What tasks can wait for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ResourceName {
    /// A CPU.
    #[default]
    Cpu,
    /// Memory: reclaim, swap, refaults.
    Memory,
    /// A block device.
    Io,
}

/// When the kernel is to call the node between two ticks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TriggerConfig {
    /// What is waited for: `Cpu`, `Memory` or `Io`. Default `Cpu`.
    pub resource: ResourceName,
    /// At least one task waited that long within the window. 1 ms to the window, default `"150ms"`. Lower it to be
    /// called sooner, and more often.
    pub some: Span,
    /// All tasks waited that long within the window; where it is given, `some` is not looked at. 1 ms to the window,
    /// default none.
    pub full: Option<Span>,
    /// The window, looked at ten times, so that 500 ms is seen 50 ms late. `"500ms"` to `"10s"`, default `"2s"`;
    /// without CAP_SYS_RESOURCE a multiple of 2 s.
    pub window: Span,
    /// Most targets that get a trigger, those told first; each costs the kernel a thread. 1 to 1024, default 64. The
    /// others are read at ticks only.
    pub most: u32,
}

/// What `cgroup.pressure` reads of each target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PressureConfig {
    /// Which pressures to read, from `Cpu`, `Memory`, `Io`; each is a file a target. Default all.
    pub resources: Vec<ResourceName>,
    /// Has the kernel call the node when a target waited too long, ahead of the next tick; all targets are read then.
    /// Default none. Set it where a tick is too late.
    pub trigger: Option<TriggerConfig>,
}

impl Default for TriggerConfig {
    fn default() -> Self {
        Self {
            resource: ResourceName::Cpu,
            some: Span::millis(150),
            full: None,
            window: Span::secs(2),
            most: 64,
        }
    }
}

impl Default for PressureConfig {
    fn default() -> Self {
        Self {
            resources: vec![ResourceName::Cpu, ResourceName::Memory, ResourceName::Io],
            trigger: None,
        }
    }
}

impl Configure for PressureConfig {
    fn check(&self, faults: &mut Faults) {
        let some = !self.resources.is_empty();
        let help = "name at least one of `Cpu`, `Memory`, `Io`";
        faults.require(some, "resources", "nothing is read", help);
        if let Some(trigger) = &self.trigger {
            trigger.check(faults);
        }
    }
}

impl TriggerConfig {
    fn check(&self, faults: &mut Faults) {
        let window = (Span::millis(500)..=Span::secs(10)).contains(&self.window);
        let wrong = format!("the window is {}", self.window);
        faults.require(
            window,
            "trigger",
            wrong,
            "give `\"500ms\"` to `\"10s\"` (accounting/psi.rst)",
        );
        let (_, stall) = self.stall();
        let fits = (Span::millis(1)..=self.window).contains(&stall);
        let wrong = format!("a wait of {stall} within {}", self.window);
        faults.require(fits, "trigger", wrong, "give `\"1ms\"` to the window");
        let bounded = (1..=1024).contains(&self.most);
        faults.require(bounded, "trigger", format!("`most` is {}", self.most), "give 1 to 1024");
    }

    /// Whose wait counts, and how long a one.
    pub fn stall(&self) -> (StallKind, Span) {
        match self.full {
            Some(full) => (StallKind::Full, full),
            None => (StallKind::Some, self.some),
        }
    }
}

impl PressureConfig {
    /// Each of the resources once, in the order of [`Resource::ALL`].
    pub fn resources(&self) -> Vec<Resource> {
        let wanted: Vec<Resource> = self.resources.iter().map(|&resource| resource.into()).collect();
        Resource::ALL
            .into_iter()
            .filter(|resource| wanted.contains(resource))
            .collect()
    }
}

impl From<ResourceName> for Resource {
    fn from(name: ResourceName) -> Self {
        match name {
            ResourceName::Cpu => Self::Cpu,
            ResourceName::Memory => Self::Memory,
            ResourceName::Io => Self::Io,
        }
    }
}
