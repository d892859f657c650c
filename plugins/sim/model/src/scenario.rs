//! What a scenario says: a machine, the workloads on it, and what happens to them. Version 1 of the format; what is
//! added later has a default, so that a file of today is read tomorrow.
//!
//! Texts are in `text`, what types cannot say in `check`.

mod check;
mod text;

pub use text::{Fault, parse, print};

use crate::curve::Curve;
use pipeline_plugin_api::prelude::{Bytes, Span, Window};
use pipeline_plugin_api::purpose::{ClassConfig, GoalConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the format.
pub const VERSION: u32 = 1;

/// A node and what happens on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The version of the format: 1.
    pub version: u32,
    /// What it shows, for people. Default nothing.
    pub about: String,
    /// Of all noise. Default 1.
    pub seed: u64,
    /// How long it is meant to be run. Default `"2m"`.
    pub span: Span,
    /// What it runs on.
    pub machine: Machine,
    /// What runs, by name. Default a web server and batch work that comes onto its CPU after a minute.
    pub workloads: BTreeMap<String, Workload>,
    /// When the hypervisor takes CPUs away. Default never.
    pub steal: Vec<Steal>,
    /// When somebody else turns a knob. Default never.
    pub takers: Vec<Taker>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Machine {
    /// Physical cores. 1 to 256, default 4.
    pub cores: u32,
    /// Threads of a core, 1 or 2. Default 2.
    pub threads: u32,
    /// How logical CPUs are numbered. Default `Split`.
    pub siblings: Siblings,
    /// Clock of the cores, in GHz. 0.1 to 10, default 2.4.
    pub ghz: f64,
    /// Last-level caches, each with its own memory controller; cores are divided evenly. 1 to 16, default 1.
    pub caches: u32,
    /// Size of one last-level cache. 64 KiB to 4 GiB, default `"20MiB"`.
    pub cache: Bytes,
    /// Ways of it, into which it can be divided. 1 to 32, default 20.
    pub ways: u32,
    /// The fewest ways that a class may have. 1 to `ways`, default 1.
    pub least_ways: u32,
    /// Classes of service that the hardware can tell apart, the default one included. 1 to 128, default 16.
    pub classes: u32,
    /// Bytes a second that one memory controller can move. 100 MB to 10 TB, default `"20GB"`.
    pub bandwidth: Bytes,
    /// Bytes a second that one core can ask for, of which a bandwidth share is a share. Default `"8GB"`.
    pub core_bandwidth: Bytes,
    /// Steps of the bandwidth share. 0.01 to 1, default 0.1.
    pub bandwidth_step: f64,
    /// How long memory takes to answer when nobody else asks, in ns. 10 to 1000, default 85.
    pub memory_ns: f64,
    /// How long the scheduler lets a thread run before another of the same weight gets its turn. 100us to 100ms,
    /// default `"2600us"`, as measured on a kernel 6.x.
    pub slice: Span,
    /// Bytes a second that the block device can move. Default `"500MB"`.
    pub device: Bytes,
    /// How long it takes to answer when nobody else asks. Default `"100us"`.
    pub device_latency: Span,
}

/// How the two threads of a core are numbered.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Siblings {
    /// CPU n and CPU n + cores.
    #[default]
    Split,
    /// CPU 2n and CPU 2n + 1.
    Adjacent,
}

/// Something that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Workload {
    /// What it does. Default `Batch()`.
    pub kind: Work,
    /// What it is for: `Latency`, `Batch` or `BestEffort`. Default not said.
    pub class: Option<ClassConfig>,
    /// Among targets of a class, higher goes first. Default 0.
    pub priority: i32,
    /// What other nodes can go by. Default none.
    pub labels: BTreeMap<String, String>,
    /// What is wanted of it: `[(metric: "kpi.latency.p99", at_most: 1e6)]`. Default nothing.
    pub goals: Vec<GoalConfig>,
    /// The CPUs it may use, as `"0-1,3"`. Default all.
    pub cpus: Option<String>,
    /// Its threads. 1 to 4096, default 1.
    pub threads: u32,
    /// When it is there. Default always.
    pub during: Window,
    /// How its instructions behave.
    pub nature: Nature,
    /// When it does more, or something else. Those that hold at an instant multiply. Default never.
    pub phases: Vec<Phase>,
    /// Its own weight for CPU time, 1 to 10000. Default 100.
    pub weight: u32,
    /// Whether it runs only when nobody else wants the CPU. Default no.
    pub idle: bool,
    /// Its own limit, in CPUs. Default none.
    pub quota: Option<f64>,
    /// By how much its instructions take longer or shorter from moment to moment: standard deviation, as a share. 0 to
    /// 0.5, default 0.01.
    pub noise: f64,
    /// By how much its load varies from moment to moment, likewise. 0 to 0.5, default 0.02.
    pub burst: f64,
}

/// What a workload does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Work {
    /// Answers requests that come whether or not it keeps up.
    Service {
        /// Requests a second. 0 to 10 million, default 1000.
        #[serde(default = "default_rate")]
        rate: f64,
        /// CPU time that one takes when nothing disturbs. 1us to 10s, default `"100us"`.
        #[serde(default = "default_demand")]
        demand: Span,
        /// Time that one takes besides, for network and client. Default `"50us"`.
        #[serde(default = "default_floor")]
        floor: Span,
        /// How much CPU times differ: standard deviation as a share of the mean. 0 to 1, default 0.5.
        #[serde(default = "default_spread")]
        spread: f64,
        /// Bytes that a request reads from the block device. Default none.
        #[serde(default)]
        io: Bytes,
        /// How long somebody waits for an answer before it counts as an error. Default `"5s"`.
        #[serde(default = "default_timeout")]
        timeout: Span,
    },
    /// Computes as long as it is there.
    Batch {
        /// The share of the time in which each thread wants a CPU. 0 to 1, default 1.
        #[serde(default = "default_load")]
        load: f64,
        /// Bytes a second that it reads from and writes to the block device, half of each. Default none.
        #[serde(default)]
        io: Bytes,
    },
}

const fn default_rate() -> f64 {
    1000.0
}
const fn default_demand() -> Span {
    Span(pipeline_plugin_api::abi::Nanos(100_000))
}
const fn default_floor() -> Span {
    Span(pipeline_plugin_api::abi::Nanos(50_000))
}
const fn default_spread() -> f64 {
    0.5
}
const fn default_timeout() -> Span {
    Span::secs(5)
}
const fn default_load() -> f64 {
    1.0
}

impl Default for Work {
    fn default() -> Self {
        Self::Batch {
            load: 1.0,
            io: Bytes(0),
        }
    }
}

/// How the instructions of a workload behave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nature {
    /// Instructions per cycle with a core of its own and all its data in the last-level cache. 0.05 to 8, default 1.6.
    pub ipc: f64,
    /// Accesses to the last-level cache per 1000 instructions. Default 5.
    pub accesses: f64,
    /// Misses of it per 1000 instructions, at most `accesses`.
    pub misses: Curve,
    /// How many misses are under way at a time, those that prefetchers hide included, so that each is waited for that much
    /// shorter. 1 to 1000, default 4.
    pub overlap: f64,
    /// Bytes written back for each byte that is fetched. 0 to 2, default 0.3.
    pub writes: f64,
    /// The share of its speed that it loses to a sibling thread of pressure 1 that runs all the time. 0 to 0.9, default 0.4.
    pub sensitivity: f64,
    /// How much it takes from a sibling thread. 0 to 2, default 1.
    pub pressure: f64,
    /// Memory that it uses. Default `"100MiB"`.
    pub memory: Bytes,
    /// The share of its CPU time that it spends in the kernel. 0 to 1, default 0.1.
    pub system: f64,
}

/// Something that a workload does differently for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Phase {
    /// When, from the run's start.
    pub during: Window,
    /// Requests, or the share of the time in which threads want a CPU, this many times. 0 to 100, default 1.
    pub load: f64,
    /// Instructions for each request, this many times. Default 1.
    pub work: f64,
    /// Data, this many times: the cache holds so much less of it. Default 1.
    pub footprint: f64,
    /// Instructions per cycle, this many times. Default 1.
    pub ipc: f64,
    /// Accesses and misses, this many times. Default 1.
    pub misses: f64,
    /// Bytes from and to the block device, this many times. Default 1.
    pub io: f64,
}

/// The hypervisor takes CPUs away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Steal {
    /// When. Default always.
    pub during: Window,
    /// Which. Default all.
    pub cpus: Option<String>,
    /// The share of their time. 0 to 0.95, default 0.2.
    pub share: f64,
    /// How long it keeps a CPU at a time. Default `"8ms"`.
    pub stall: Span,
}

/// Somebody else turns a knob of a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Taker {
    /// When, from the run's start. Default `"1m"`.
    pub at: Span,
    /// Whose.
    pub target: String,
    /// Which: `cpu.idle`, `cpu.weight`, `cpu.quota`, `cpu.set`, `freeze`, `l3.ways` or `memory.bandwidth.share`. Default
    /// `cpu.weight`.
    pub knob: String,
    /// To what, in the knob's unit. Default 100.
    pub value: f64,
    /// To what, for knobs that are not numbers.
    pub text: String,
}

impl Default for Scenario {
    fn default() -> Self {
        let web = Workload {
            kind: Work::Service {
                rate: 3000.0,
                demand: default_demand(),
                floor: default_floor(),
                spread: default_spread(),
                io: Bytes(0),
                timeout: default_timeout(),
            },
            class: Some(ClassConfig::Latency),
            cpus: Some("0".to_owned()),
            ..Workload::default()
        };
        let batch = Workload {
            class: Some(ClassConfig::BestEffort),
            cpus: Some("0".to_owned()),
            during: Window {
                from: Span::secs(60),
                ..Window::default()
            },
            ..Workload::default()
        };
        Self {
            version: VERSION,
            about: String::new(),
            seed: 1,
            span: Span::secs(120),
            machine: Machine::default(),
            workloads: [("web".to_owned(), web), ("batch".to_owned(), batch)].into(),
            steal: Vec::new(),
            takers: Vec::new(),
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            cores: 4,
            threads: 2,
            siblings: Siblings::Split,
            ghz: 2.4,
            caches: 1,
            cache: Bytes(20 << 20),
            ways: 20,
            least_ways: 1,
            classes: 16,
            bandwidth: Bytes(20_000_000_000),
            core_bandwidth: Bytes(8_000_000_000),
            bandwidth_step: 0.1,
            memory_ns: 85.0,
            slice: Span(pipeline_plugin_api::abi::Nanos(2_600_000)),
            device: Bytes(500_000_000),
            device_latency: Span(pipeline_plugin_api::abi::Nanos(100_000)),
        }
    }
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            kind: Work::default(),
            class: None,
            priority: 0,
            labels: BTreeMap::new(),
            goals: Vec::new(),
            cpus: None,
            threads: 1,
            during: Window::default(),
            nature: Nature::default(),
            phases: Vec::new(),
            weight: 100,
            idle: false,
            quota: None,
            noise: 0.01,
            burst: 0.02,
        }
    }
}

impl Default for Nature {
    fn default() -> Self {
        Self {
            ipc: 1.6,
            accesses: 5.0,
            misses: Curve::Falling {
                least: 0.2,
                most: 4.0,
                scale: Bytes(1 << 20),
            },
            overlap: 4.0,
            writes: 0.3,
            sensitivity: 0.4,
            pressure: 1.0,
            memory: Bytes(100 << 20),
            system: 0.1,
        }
    }
}

impl Default for Phase {
    fn default() -> Self {
        Self {
            during: Window::default(),
            load: 1.0,
            work: 1.0,
            footprint: 1.0,
            ipc: 1.0,
            misses: 1.0,
            io: 1.0,
        }
    }
}

impl Default for Steal {
    fn default() -> Self {
        Self {
            during: Window::default(),
            cpus: None,
            share: 0.2,
            stall: Span::millis(8),
        }
    }
}

impl Default for Taker {
    fn default() -> Self {
        Self {
            at: Span::secs(60),
            target: String::new(),
            knob: "cpu.weight".to_owned(),
            value: 100.0,
            text: String::new(),
        }
    }
}

impl Scenario {
    /// How many logical CPUs there are.
    pub const fn cpus(&self) -> u32 {
        self.machine.cores * self.machine.threads
    }
}
