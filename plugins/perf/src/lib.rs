//! The `perf` plugin: what the CPU and the kernel count of a workload. This file registers its elements.
//!
//! `event` is what can be counted and under which name, `fs` reads what this machine says of it, `layout` puts events
//! into groups, `place` and `group` count, `scale` and `derive` compute, `collect` are the elements. It observes only.
#![deny(unsafe_code)]

mod believable;
mod code;
mod collect;
mod config;
mod derive;
mod event;
mod format;
mod fs;
mod group;
mod layout;
mod place;
mod probe;
mod ring;
mod scale;
mod sys;

pipeline_plugin_api::export_plugin! {
    collectors: [collect::Counters, collect::Sample],
}
