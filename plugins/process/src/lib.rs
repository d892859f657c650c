//! The `process` plugin: `process.run` and `process.watch` bring targets, `process.stats` reads what processes use,
//! `process.affinity` and `process.control` say where and whether they run.
//!
//! Registers its elements and nothing else. See `README.md` for what they do.
#![forbid(unsafe_code)]

mod actuate;
mod collect;
mod config;
mod fs;
mod parse;
mod target;
mod users;
mod watch;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::Run, watch::Watch],
    collectors: [collect::Stats],
    actuators: [actuate::Affinity, actuate::ControlProcesses],
}
