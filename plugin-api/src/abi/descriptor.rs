//! What a plugin says of itself when it is loaded: its elements, and what each takes, gives and
//! needs. Prefix types, which later versions extend at their end.

use super::host::HostRef;
use super::integers::{PortKind, Stage};
use super::node::NodeBox;
use super::values::{Nanos, Spare};
use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RResult, RStr, RString, RVec};

/// Something wrong in an element's config, placed in the config's text.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Fault {
    /// From 1; 0 where the fault has no place of its own.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    pub message: RString,
    /// How to mend it; may be empty.
    pub help: RString,
}

/// One kind of value that an element takes or gives under its config.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Port {
    pub kind: PortKind,
    /// The metric or the knob; `*` for any; empty for findings and outcomes.
    pub name: RString,
    pub unit: RString,
    /// 1 where the element cannot work without it.
    pub required: u32,
    /// One sentence for people.
    pub doc: RString,
}

/// What an element takes and gives under its config.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Ports {
    pub takes: RVec<Port>,
    pub gives: RVec<Port>,
    pub spare: RVec<Spare>,
}

/// One thing that an element needs of the machine, and whether it is there.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Probe {
    /// `cgroup v2`, `perf events`, …
    pub what: RString,
    /// 1 if it is there, 0 if not.
    pub present: u32,
    /// 1 if the element does nothing without it.
    pub required: u32,
    /// What was seen.
    pub detail: RString,
    /// The command that mends what is missing; empty where none does.
    pub mend: RString,
}

impl Probe {
    /// Something that the element is better for and can do without. `mend` is told only where it is missing.
    pub fn optional(what: &str, present: bool, detail: &str, mend: &str) -> Self {
        Self {
            what: what.into(),
            present: u32::from(present),
            required: 0,
            detail: detail.into(),
            mend: if present { "" } else { mend }.into(),
        }
    }

    /// Something without which the element does nothing.
    pub fn required(what: &str, present: bool, detail: &str, mend: &str) -> Self {
        Self {
            required: 1,
            ..Self::optional(what, present, detail, mend)
        }
    }
}

/// One element of a plugin.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ElementRef)))]
pub struct ElementDescriptor {
    /// `signal.rate`: subject, dot, element.
    pub name: RStr<'static>,
    pub stage: Stage,
    /// One sentence for people.
    pub summary: RStr<'static>,
    /// The version of what `save` gives.
    pub state_version: u32,
    /// 1 if its calls may block, so that it wants a lane of its own.
    pub blocking: u32,
    /// How often it is called where the graph does not say; 0 for only when there is input.
    pub every: Nanos,
    /// The config as a JSON Schema, from the struct that parses it.
    pub schema: extern "C" fn() -> RString,
    /// The default config as RON, one field a line.
    pub sample: extern "C" fn() -> RString,
    /// All that is wrong with a config, at once.
    pub check: extern "C" fn(RStr<'_>) -> RVec<Fault>,
    /// What the element takes and gives under a config that has no faults.
    pub ports: extern "C" fn(RStr<'_>) -> RResult<Ports, RVec<Fault>>,
    /// What this machine offers of what the element needs.
    pub probe: extern "C" fn() -> RVec<Probe>,
    /// Makes a node. Has no effect on the world; that begins with `start`.
    pub create: extern "C" fn(RStr<'_>, HostRef) -> RResult<NodeBox, RVec<Fault>>,
    /// 1 if a target provider, collector or actuator works in virtual time, touching nothing of the real machine.
    #[sabi(last_prefix_field)]
    pub virtual_time: u32,
}

/// The root of a plugin.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRef)))]
pub struct PluginModule {
    /// Called once after loading, before anything else.
    pub init: extern "C" fn(),
    /// The elements, in the order of the manifest.
    #[sabi(last_prefix_field)]
    pub elements: extern "C" fn() -> RVec<ElementRef>,
}

impl RootModule for PluginRef {
    abi_stable::declare_root_module_statics! {PluginRef}
    const BASE_NAME: &'static str = "pipeline_plugin";
    const NAME: &'static str = "pipeline plugin";
    // The boundary's version, not the crate's; the manifest's `abi` is compared before anything is opened.
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("0.3.0");
}
