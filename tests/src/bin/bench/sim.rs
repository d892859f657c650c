//! `sim_hour`: how long an hour of a simulated node with 32 workloads takes, read each 100 ms, with a detector and a policy
//! that acts on what it finds. CPU time of the whole program, which in virtual time has one thread that works.

use crate::Benchmark;
use crate::line::{Aim, Line};
use crate::record::{children_seconds, run};
use std::error::Error;
use tempfile::TempDir;

/// An hour.
pub const HOUR: Benchmark = Benchmark {
    lines: &["sim_hour"],
    run: sim_hour,
};

/// The scenario has four neighbours that disturb a service for some minutes each.
const GRAPH: &str = "(
    version: 1,
    targets: { \"node\": (plugin: \"sim.node\", config: (scenario: Generated(kind: \"crowd\", seed: 1))) },
    collectors: {
        \"users\": (plugin: \"sim.metrics\", of: [\"node\"], every: \"100ms\", config: (families: [Kpi])),
        \"time\": (plugin: \"sim.metrics\", of: [\"node\"], every: \"100ms\", config: (families: [Cpu, Steal, Quota])),
    },
    transforms: { \"slow\": (plugin: \"detect.baseline\", from: [\"users\", \"time\"], last: [\"limit\"]) },
    schedulers: { \"guard\": (plugin: \"policy.throttle\", from: [\"slow\"]) },
    actuators: { \"limit\": (plugin: \"sim.knobs\", from: [\"guard\"], config: (knobs: [Idle, Weight, CpuSet, Quota])) },
    sinks: { \"log\": (plugin: \"file.jsonl\", from: [\"slow\", \"guard\", \"limit\"], config: (path: \"hour.jsonl\")) },
)";

fn sim_hour() -> Result<Vec<Line>, Box<dyn Error>> {
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("graph.ron"), GRAPH)?;
    let before = children_seconds()?;
    run(folder.path(), &["run", "graph.ron", "--virtual", "--for", "1h"])?;
    let seconds = children_seconds()? - before;
    let said = std::fs::read_to_string(folder.path().join("hour.jsonl"))?;
    if !said.contains("\"applied\"") {
        return Err("the policy did nothing in that hour".into());
    }
    Ok(vec![Line {
        name: "sim_hour",
        value: seconds,
        unit: "s",
        ratio: None,
        aim: Aim::Value(10.0),
    }])
}
