//! Elements made in this process, one for each thing that a graph can get wrong.

use crate::graph::Elements;
use crate::plugin::{Available, Refused};
use pipeline_plugin_api::abi::{ElementRef, describe};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::{Actuates, Collects, Provides, Schedules, Sinks, Transforms};
use pipeline_plugin_api::vocabulary::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// An installation with those elements, one refused file, and one plugin that does not load.
pub(crate) struct Fake {
    elements: Vec<ElementRef>,
    available: Vec<Available>,
    refused: Vec<Refused>,
    folders: Vec<PathBuf>,
}

impl Fake {
    pub fn new() -> Self {
        let elements = vec![
            describe::<Transforms<Baseline>>(),
            describe::<Collects<Cpu>>(),
            describe::<Sinks<File>>(),
            describe::<Schedules<Guard>>(),
            describe::<Actuates<Idle>>(),
            describe::<Collects<Memory>>(),
            describe::<Schedules<Merge>>(),
            describe::<Actuates<Quota>>(),
            describe::<Transforms<Ratio>>(),
            describe::<Provides<Command>>(),
            describe::<Sinks<Table>>(),
            describe::<Actuates<Weight>>(),
        ];
        let mut available: Vec<Available> = elements
            .iter()
            .map(|element| entry(element.name().as_str(), element.stage()))
            .collect();
        available.push(entry("other.broken", pipeline_plugin_api::abi::Stage::SINK));
        available.sort_by(|a, b| a.element.cmp(&b.element));
        Self {
            elements,
            available,
            refused: vec![Refused {
                path: "/plugins/libpipeline_old.so".into(),
                why: "it speaks ABI 0.0, this pipeline speaks 0.2".to_owned(),
            }],
            folders: vec!["/plugins".into(), "/usr/lib/pipeline/plugins".into()],
        }
    }

    pub fn empty() -> Self {
        Self {
            elements: Vec::new(),
            available: Vec::new(),
            refused: Vec::new(),
            folders: vec!["/plugins".into()],
        }
    }
}

fn entry(element: &str, stage: pipeline_plugin_api::abi::Stage) -> Available {
    let subject = element.split('.').next().unwrap();
    Available {
        element: element.to_owned(),
        stage,
        plugin: format!("pipeline-{subject}"),
        version: "0.1.0".to_owned(),
        profile: "debug".to_owned(),
        summary: "what it does".to_owned(),
        path: format!("/plugins/libpipeline_{subject}.so").into(),
    }
}

impl Elements for Fake {
    fn available(&self) -> &[Available] {
        &self.available
    }
    fn refused(&self) -> &[Refused] {
        &self.refused
    }
    fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
    fn open(&self, element: &str) -> std::result::Result<ElementRef, String> {
        let found = self.elements.iter().find(|known| known.name().as_str() == element);
        found
            .copied()
            .ok_or_else(|| "cannot load `/plugins/libpipeline_other.so`: undefined symbol: `frobnicate`".to_owned())
    }
}

/// What the ratio is made of.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RatioConfig {
    /// The metric that is divided.
    signal: String,
    /// How much of the past counts.
    ///
    /// Longer is steadier and later.
    window: Span,
    /// The share above which it matters, 0..=1.
    share: f64,
    /// What to do without a value.
    gap: Gap,
    /// The most that is kept.
    limit: Option<u32>,
    /// Further limits.
    limits: Vec<Limit>,
}

/// What to do without a value.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
enum Gap {
    /// Say nothing.
    Skip,
    /// Say the last value again.
    Hold,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Limit {
    /// In bytes.
    size: Bytes,
}

impl Default for RatioConfig {
    fn default() -> Self {
        Self {
            signal: "cpu.time".to_owned(),
            window: Span::secs(15),
            share: 0.5,
            gap: Gap::Skip,
            limit: None,
            limits: Vec::new(),
        }
    }
}

impl Configure for RatioConfig {
    fn check(&self, faults: &mut Faults) {
        faults.require(
            (0.0..=1.0).contains(&self.share),
            "share",
            "`share` is a share",
            "give 0..=1",
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileConfig {
    /// Where to write.
    path: String,
    /// Of the server.
    password: Option<String>,
    /// The server.
    url: String,
}

impl Configure for FileConfig {}

macro_rules! element {
    ($type:ident, $name:literal, $summary:literal, $config:ty, |$given:ident| $ports:expr $(, $item:item)*) => {
        pub(crate) struct $type;
        impl Element for $type {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = $summary;
            type Config = $config;
            $($item)*
            fn ports($given: &$config) -> Ports {
                $ports
            }
            fn create(_: $config, _: &Host) -> Result<Self> {
                Ok(Self)
            }
        }
    };
}

element!(Command, "mock.run", "runs a command", NoConfig, |_c| Ports::new());
element!(
    Cpu,
    "mock.cpu",
    "CPU time",
    NoConfig,
    |_c| Ports::new().gives(&CPU_TIME).gives(&CPU_RUN_DELAY),
    const EVERY: Nanos = Nanos::from_millis(100);
);
element!(
    Memory,
    "mock.memory",
    "memory",
    NoConfig,
    |_c| Ports::new().gives(&MEMORY_CURRENT),
    const EVERY: Nanos = Nanos::from_secs(1);,
    const BLOCKING: bool = true;
);
element!(
    Ratio,
    "mock.ratio",
    "divides",
    RatioConfig,
    |c| Ports::new()
        .needs_named(&c.signal, "what is divided")
        .gives(&DETECT_RATIO),
    fn probe() -> Vec<Probe> {
        vec![Probe {
            what: "a divisor".into(),
            required: 1,
            mend: "mount one".into(),
            ..Probe::default()
        }]
    }
);
element!(Baseline, "mock.baseline", "compares", NoConfig, |_c| Ports::new()
    .needs(&DETECT_RATIO)
    .takes_outcomes("whether a cap is on")
    .gives_findings("who suffers"));
element!(Guard, "mock.guard", "protects", NoConfig, |_c| Ports::new()
    .needs_findings("who suffers")
    .gives_actions(&CPU_IDLE));
element!(Merge, "mock.merge", "merges", NoConfig, |_c| Ports::new()
    .takes_any_action("all")
    .gives_any_action("one"));
element!(Idle, "mock.idle", "sets idle", NoConfig, |_c| Ports::new()
    .takes_actions(&CPU_IDLE)
    .gives_outcomes(""));
element!(Weight, "mock.weight", "sets idle and weight", NoConfig, |_c| {
    Ports::new()
        .takes_actions(&CPU_IDLE)
        .takes_actions(&CPU_WEIGHT)
        .gives_outcomes("")
});
element!(Quota, "mock.quota", "sets a quota", NoConfig, |_c| Ports::new()
    .takes_actions(&CPU_QUOTA)
    .gives_outcomes(""));
element!(File, "mock.file", "writes", FileConfig, |_c| Ports::new()
    .takes_all("everything"));
element!(Table, "mock.table", "shows readings", NoConfig, |_c| Ports::new()
    .takes_any_reading("rows"));

pipeline_plugin_api::inert!(TargetProvider: Command);
pipeline_plugin_api::inert!(Collector: Cpu Memory);
pipeline_plugin_api::inert!(Transform: Ratio Baseline);
pipeline_plugin_api::inert!(Scheduler: Guard Merge);
pipeline_plugin_api::inert!(Actuator: Idle Weight Quota);
pipeline_plugin_api::inert!(Sink: File Table);
