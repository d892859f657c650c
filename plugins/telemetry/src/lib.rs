//! The `telemetry` plugin: what a run costs and how its nodes fare, so that it can be watched like anything else.
//! It only looks. Not here: the numbers of the process itself, which `process.stats` reads of the target.
#![forbid(unsafe_code)]

mod answer;
mod collect;
mod config;
mod fs;
mod parse;
mod readings;
mod target;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::Own],
    collectors: [collect::Nodes],
}
