//! What a run is and how it fared, as a recorder keeps it. They cross as JSON; a field that a reader does not know is
//! left out, one that a writer did not know is empty.

use serde::{Deserialize, Serialize};

/// What a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFacts {
    /// The run's id, fit for a directory.
    pub run_id: String,
    /// The version of `pipeline`.
    pub pipeline: String,
    /// The version of the boundary.
    pub abi: String,
    /// The graph's file, as it was named.
    pub graph_file: String,
    /// The text of the graph. Secrets stand in it by the names of their variables only, which the check of graphs holds.
    pub graph: String,
    /// `real`, `virtual` or `timetable`.
    pub clock: String,
    /// Nanoseconds since 1970 at the run's 0.
    pub wall_ns: u64,
    /// Whether it decides and writes nothing.
    pub dry_run: bool,
    /// The machine.
    pub machine: MachineFacts,
    /// The plugins that have its elements.
    pub plugins: Vec<PluginFacts>,
    /// The nodes in file order: their places are the numbers in a tap.
    pub nodes: Vec<NodeFacts>,
}

/// The machine on which a run ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineFacts {
    /// Its name.
    pub host: String,
    /// The CPU's model; empty where the kernel does not tell it.
    pub cpu: String,
    /// Logical CPUs that are online.
    pub cpus: u32,
    /// `x86_64` or `aarch64`.
    pub arch: String,
    /// The kernel's release.
    pub kernel: String,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

/// A plugin of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PluginFacts {
    /// The crate's name.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Its file.
    pub file: String,
    /// The ELF note `NT_GNU_BUILD_ID` in hexadecimal digits; empty where the file has none.
    pub build_id: String,
}

/// A node of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFacts {
    /// Its name in the graph.
    pub name: String,
    /// `targets`, `collectors`, ….
    pub stage: String,
    /// The element that the graph names.
    pub element: String,
    /// The element that stands in for it; empty where none does.
    pub stand_in: String,
    /// The name of its plugin's crate.
    pub plugin: String,
    /// The thread on which it runs.
    pub lane: String,
    /// Its config as RON, as the graph has it.
    pub config: String,
    /// How often it is called, in nanoseconds; 0 for only with input.
    pub every_ns: u64,
    /// What a collector reads: `provider` or `provider/target`.
    pub of: Vec<String>,
    /// The nodes that it reads, by port.
    pub from: Vec<u32>,
    /// The nodes whose output of the instant before it reads, by port.
    pub last: Vec<u32>,
}

/// How a run fared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunSummary {
    /// The run's id.
    pub run_id: String,
    /// How long it has lasted, in nanoseconds of the run's clock.
    pub span_ns: u64,
    /// Why it ended: `time`, `once`, `timetable`, `aborted`, a signal's name; empty while it runs.
    pub ended: String,
    /// A node with `on_error: Abort` failed.
    pub aborted: bool,
    /// Nothing was given up or cut short.
    pub complete: bool,
    /// Instants of all lanes.
    pub instants: u64,
    /// Events that the tap had no room for. Where it is not 0, or `span_ns` is missing, the run cannot be replayed.
    pub lost_events: u64,
    /// The nodes' figures.
    pub nodes: Vec<NodeSummary>,
}

/// Figures of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeSummary {
    /// Its name in the graph.
    pub name: String,
    /// Calls made.
    pub calls: u64,
    /// Instants that were skipped because it or its lane was late.
    pub missed: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Times that it was made anew.
    pub restarts: u64,
    /// Values that its queues dropped.
    pub dropped: u64,
    /// Calls that did not come back.
    pub abandoned: u64,
    /// Whether it was stopped for its failures.
    pub dead: bool,
}
