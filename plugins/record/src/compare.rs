//! `pipeline compare`: two runs side by side, and where what they decided first differs.

mod differ;
mod page;
mod why;

pub use differ::{Difference, differences};

use crate::arguments::{Arguments, Options};
use crate::figures::{Kpis, kpis, targets};
use crate::folder;
use page::page;
use pipeline_plugin_api::command::Console;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Command;
use pipeline_record_store::Run;
use serde::Serialize;
use std::collections::BTreeMap;

const HELP: &str = "\
Shows two runs side by side: targets, KPIs, findings, actions; where these first differ, and what differs in the graphs.

  pipeline compare A B [-o text|json]

  A, B                   folders of runs, names of those in `runs`, or `last`
  -o, --output FORMAT    `text` (the default) or `json`
";

const OPTIONS: Options = &[("--output", "-o", true), ("--help", "-h", false)];

/// Compares runs.
pub struct Compare;

impl Element for Compare {
    const NAME: &'static str = "compare";
    const SUMMARY: &'static str = "shows two runs side by side, and where what they decided first differs";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }

    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Command for Compare {
    fn run(&mut self, arguments: &[String], console: &Console) -> Result<u8> {
        let asked = Arguments::parse(OPTIONS, arguments)?;
        if asked.has("--help") {
            console.print(HELP);
            return Ok(0);
        }
        let [a, b] = &asked.rest[..] else {
            console.warn(HELP);
            return Ok(64);
        };
        let sides = Sides::read(&folder::open(a)?, &folder::open(b)?);
        match asked.value("--output") {
            None | Some("text") => console.print(&page(&sides)),
            Some("json") => console.print(&(serde_json::to_string_pretty(&sides).unwrap_or_default() + "\n")),
            Some(other) => {
                let help = pipeline_plugin_api::config::nearest_help(other, ["text", "json"].into_iter());
                return Err(Failure::fatal(format!("`{other}` is no format; {help}")));
            }
        };
        Ok(0)
    }
}

/// Two runs.
#[derive(Clone, Debug, Serialize)]
pub struct Sides {
    /// Their names.
    pub runs: [String; 2],
    /// How long they lasted, in nanoseconds.
    pub span_ns: [u64; 2],
    /// How often each target appeared.
    pub targets: BTreeMap<String, [u64; 2]>,
    /// KPIs of targets.
    pub kpis: Vec<Kpi>,
    /// Findings and actions: how many, and where they first differ.
    pub differences: Vec<Difference>,
    /// What differs in the graphs, the plugins and the machines, as sentences.
    pub why: Vec<String>,
}

/// A KPI of a target in both.
#[derive(Clone, Debug, Serialize)]
pub struct Kpi {
    /// The target.
    pub target: String,
    /// The metric.
    pub metric: String,
    /// What it was; none in a run that does not have it.
    pub runs: [Option<crate::figures::Summary>; 2],
}

impl Sides {
    fn read(a: &Run, b: &Run) -> Self {
        Self {
            runs: [a.name(), b.name()],
            span_ns: [a.end_ns(), b.end_ns()],
            targets: both(targets(a), targets(b)),
            kpis: side_by_side(kpis(a), kpis(b)),
            differences: differences(a, b),
            why: why::why(a, b),
        }
    }
}

fn both(a: BTreeMap<String, u64>, b: BTreeMap<String, u64>) -> BTreeMap<String, [u64; 2]> {
    let mut all: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    a.into_iter()
        .for_each(|(name, count)| all.entry(name).or_default()[0] = count);
    b.into_iter()
        .for_each(|(name, count)| all.entry(name).or_default()[1] = count);
    all
}

fn side_by_side(mut a: Kpis, mut b: Kpis) -> Vec<Kpi> {
    let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).cloned().collect();
    let kpi = |key: (String, String)| Kpi {
        runs: [a.remove(&key), b.remove(&key)],
        target: key.0,
        metric: key.1,
    };
    keys.into_iter().map(kpi).collect()
}
