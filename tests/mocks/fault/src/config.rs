//! What the mock elements can be told, but for those that say odd things (`odd`).

use crate::trouble::reach_check;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum What {
    /// Nothing does.
    Nothing,
    /// The call panics.
    Panic,
    /// The call says that the node cannot go on.
    Fatal,
    /// The call fails, and the next may do better.
    Retry,
    /// The call never comes back.
    Hang,
    /// The call fails with a kind that nobody knows.
    Strange,
    /// The call panics, and so does the end of what it panicked with.
    PanicTwice,
    /// A thread of the plugin's own panics; the call does well.
    PanicInThread,
    /// The call calls itself until the stack is used up.
    Overflow,
    /// The call ends the process as `abort` does.
    Abort,
    /// The call ends the process as if all were well.
    Exit,
}

/// The call in which it goes wrong.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Call {
    /// Telling what it takes and gives.
    Ports,
    /// Being made.
    Create,
    /// Being started.
    Start,
    /// Being told of a target.
    Target,
    /// Its work: a tick, an input, an action.
    Work,
    /// Putting a knob back.
    Release,
    /// The end of a run.
    End,
    /// Its config being looked at.
    Check,
    /// Telling what it waits for; target providers and collectors only.
    Descriptors,
    /// Being given a setting.
    Control,
    /// Telling how it fares.
    Status,
    /// Telling its state.
    Save,
    /// Taking a state over.
    Load,
    /// Being thrown away.
    Drop,
}

/// One trouble.
#[derive(Copy, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Trouble {
    /// What goes wrong; nothing by default.
    pub what: What,
    /// The call in which it goes wrong; `Work` by default.
    pub call: Call,
    /// How many of these calls go well before, in each life. 0 or more; default 0.
    pub after: u32,
    /// In how many lives of the node, from the first; default 0: in all.
    pub lives: u32,
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            what: What::Nothing,
            call: Call::Work,
            after: 0,
            lives: 0,
        }
    }
}

/// Config of `fault.pass`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PassConfig {
    /// What goes wrong; nothing by default.
    pub trouble: Trouble,
}

impl Configure for PassConfig {
    fn check(&self, _: &mut Faults) {
        reach_check(self.trouble);
    }
}

/// Config of `fault.target`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TargetConfig {
    /// What goes wrong; nothing by default.
    pub trouble: Trouble,
}

/// Config of `fault.collect`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CollectConfig {
    /// What goes wrong; nothing by default.
    pub trouble: Trouble,
    /// How many running numbers it gives a tick. 0 to 10000; default 1.
    pub readings: u32,
}

impl Default for CollectConfig {
    fn default() -> Self {
        Self {
            trouble: Trouble::default(),
            readings: 1,
        }
    }
}

/// Config of `fault.actuate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ActuateConfig {
    /// What goes wrong; nothing by default.
    pub trouble: Trouble,
    /// The file into which values are written. Must be given.
    pub path: String,
}

/// Config of `fault.sink`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SinkConfig {
    /// What goes wrong; nothing by default.
    pub trouble: Trouble,
    /// How long a write takes. Default 0 s.
    pub each: Span,
}

impl Configure for TargetConfig {
    fn check(&self, _: &mut Faults) {
        reach_check(self.trouble);
    }
}

impl Configure for CollectConfig {
    fn check(&self, faults: &mut Faults) {
        let good = self.readings <= 10_000;
        faults.require(good, "readings", "must be at most 10000", "give 0 to 10000");
        reach_check(self.trouble);
    }
}

impl Configure for ActuateConfig {
    fn check(&self, _: &mut Faults) {
        reach_check(self.trouble);
    }
}

impl Configure for SinkConfig {
    fn check(&self, _: &mut Faults) {
        reach_check(self.trouble);
    }
}
