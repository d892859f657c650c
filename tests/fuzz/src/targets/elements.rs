//! Elements that graphs are checked against: all that a graph can say fits some of them.

use abi::{ElementRef, describe};
use pipeline::graph::Elements;
use pipeline::plugin::{Available, Refused};
use pipeline_plugin_api::abi;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::{Actuates, Collects, Provides, Schedules, Sinks, Transforms};
use pipeline_plugin_api::vocabulary::{CPU_IDLE, CPU_QUOTA, CPU_RUN_DELAY, CPU_TIME, DETECT_RATIO};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is installed.
pub(super) struct Made {
    elements: Vec<ElementRef>,
    available: Vec<Available>,
    refused: Vec<Refused>,
    folders: Vec<PathBuf>,
}

impl Made {
    pub(super) fn new() -> Self {
        let elements = vec![
            describe::<Collects<Block>>(),
            describe::<Collects<Cpu>>(),
            describe::<Sinks<File>>(),
            describe::<Transforms<Find>>(),
            describe::<Schedules<Guard>>(),
            describe::<Actuates<Idle>>(),
            describe::<Schedules<Merge>>(),
            describe::<Actuates<Quota>>(),
            describe::<Transforms<Ratio>>(),
            describe::<Provides<Run>>(),
        ];
        let available = elements.iter().map(available).collect();
        Self {
            elements,
            available,
            refused: vec![Refused {
                path: "/plugins/libpipeline_old.so".into(),
                why: "it is old".to_owned(),
            }],
            folders: vec!["/plugins".into()],
        }
    }
}

fn available(element: &ElementRef) -> Available {
    Available {
        element: element.name().to_string(),
        stage: element.stage(),
        plugin: "pipeline-fake".to_owned(),
        version: "0.1.0".to_owned(),
        profile: "debug".to_owned(),
        summary: "what it does".to_owned(),
        path: "/plugins/libpipeline_fake.so".into(),
    }
}

impl Elements for Made {
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
        found.copied().ok_or_else(|| "it cannot be loaded".to_owned())
    }
}

/// Fields of all the types that configs have.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Everything {
    /// A text.
    command: String,
    /// A list as the kernel writes it.
    cpus: String,
    /// One of some.
    class: What,
    /// A span.
    start: Option<Span>,
    /// A span.
    stop: Option<Span>,
    /// Names.
    metrics: Vec<String>,
    /// A metric's name.
    signal: String,
    /// A span.
    window: Span,
    /// A share.
    share: f64,
    /// One of some.
    gap: What,
    /// A number.
    limit: Option<u32>,
    /// Structs.
    limits: Vec<Limit>,
    /// A path.
    path: String,
    /// A secret by its name.
    password: Option<String>,
    /// An address.
    url: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
enum What {
    Latency,
    BestEffort,
    Hold,
    Skip,
    Env(String),
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Limit {
    size: Bytes,
}

impl Default for Everything {
    fn default() -> Self {
        Self {
            command: String::new(),
            cpus: String::new(),
            class: What::Latency,
            start: None,
            stop: None,
            metrics: Vec::new(),
            signal: "cpu.time".to_owned(),
            window: Span::secs(1),
            share: 0.5,
            gap: What::Skip,
            limit: None,
            limits: Vec::new(),
            path: String::new(),
            password: None,
            url: String::new(),
        }
    }
}

impl Configure for Everything {
    fn check(&self, faults: &mut Faults) {
        let good = (0.0..=1.0).contains(&self.share);
        faults.require(good, "share", "`share` is a share", "give 0..=1");
    }
}

macro_rules! element {
    ($type:ident, $name:literal, |$config:ident| $ports:expr $(, $item:item)*) => {
        struct $type;
        impl Element for $type {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = "fake";
            type Config = Everything;
            $($item)*
            fn ports($config: &Everything) -> Ports {
                $ports
            }
            fn create(_: Everything, _: &Host) -> Result<Self> {
                Ok(Self)
            }
        }
    };
}

element!(Run, "fake.run", |_c| Ports::new());
element!(
    Cpu,
    "fake.cpu",
    |_c| Ports::new().gives(&CPU_TIME).gives(&CPU_RUN_DELAY),
    const EVERY: Nanos = Nanos::from_millis(100);
);
element!(
    Block,
    "fake.block",
    |_c| Ports::new().gives(&CPU_TIME),
    const BLOCKING: bool = true;
);
element!(Ratio, "fake.ratio", |c| Ports::new()
    .needs_named(&c.signal, "what is divided")
    .gives(&DETECT_RATIO));
element!(Find, "fake.find", |_c| Ports::new()
    .needs(&DETECT_RATIO)
    .takes_outcomes("what was done")
    .gives_findings("who suffers"));
element!(Guard, "fake.guard", |_c| Ports::new()
    .needs_findings("who suffers")
    .gives_actions(&CPU_IDLE)
    .gives_actions(&CPU_QUOTA));
element!(Merge, "fake.merge", |_c| Ports::new()
    .takes_any_action("all")
    .gives_any_action("one"));
element!(Idle, "fake.idle", |_c| Ports::new().takes_actions(&CPU_IDLE));
element!(Quota, "fake.quota", |_c| Ports::new().takes_actions(&CPU_QUOTA));
element!(File, "fake.file", |_c| Ports::new().takes_all("everything"));

pipeline_plugin_api::inert!(TargetProvider: Run);
pipeline_plugin_api::inert!(Collector: Cpu Block);
pipeline_plugin_api::inert!(Transform: Ratio Find);
pipeline_plugin_api::inert!(Scheduler: Guard Merge);
pipeline_plugin_api::inert!(Actuator: Idle Quota);
pipeline_plugin_api::inert!(Sink: File);
