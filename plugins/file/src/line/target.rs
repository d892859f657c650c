//! A target that appeared, changed or went, as a line of JSON.

use super::{Word, finite, text, word};
use crate::names::Names;
use pipeline_plugin_api::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct TargetLine<'a> {
    kind: &'static str,
    at: u64,
    change: Word,
    name: &'a str,
    id: u32,
    generation: u32,
    provider: &'a str,
    parent: &'a str,
    class: Word,
    priority: i32,
    cpus: &'a [u32],
    goals: Vec<GoalItem>,
    labels: BTreeMap<&'a str, &'a str>,
    cgroups: Vec<CgroupItem<'a>>,
    processes: Vec<ProcessItem>,
}

#[derive(Serialize)]
struct GoalItem {
    metric: String,
    comparison: Word,
    value: Option<f64>,
}

#[derive(Serialize)]
struct CgroupItem<'a> {
    controller: &'a str,
    path: &'a str,
    inode: u64,
}

#[derive(Serialize)]
struct ProcessItem {
    pid: u32,
    start_time: u64,
}

/// The line of a target that appeared, changed or went.
pub fn line(names: &mut Names, change: &TargetChange) -> Vec<u8> {
    let target = &change.target;
    let goals = target.goals.iter().map(|goal| GoalItem {
        metric: names.metric(goal.metric).name.to_string(),
        comparison: word(goal.comparison.name(), goal.comparison),
        value: finite(goal.value),
    });
    let goals = goals.collect();
    text(&TargetLine {
        kind: "target",
        at: change.at.0,
        change: word(change.change.name(), change.change),
        name: &target.name,
        id: target.id.0,
        generation: target.generation,
        provider: &target.provider,
        parent: &names.target(target.parent),
        class: word(target.class.name(), target.class),
        priority: target.priority,
        cpus: &target.cpus,
        goals,
        labels: target
            .labels
            .iter()
            .map(|label| (label.name.as_str(), label.value.as_str()))
            .collect(),
        cgroups: target.cgroups.iter().map(cgroup).collect(),
        processes: target.processes.iter().map(process).collect(),
    })
}

fn cgroup(dir: &CgroupDir) -> CgroupItem<'_> {
    CgroupItem {
        controller: &dir.controller,
        path: &dir.path,
        inode: dir.inode,
    }
}

fn process(process: &Process) -> ProcessItem {
    ProcessItem {
        pid: process.pid,
        start_time: process.start_time,
    }
}
