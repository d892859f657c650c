//! The `process` plugin: `process.run` starts commands as targets, `process.stats` reads what processes use.
//!
//! Registers its elements and nothing else. See `README.md` for what they do.
#![forbid(unsafe_code)]

mod collect;
mod config;
mod fs;
mod parse;
mod target;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::Run],
    collectors: [collect::Stats],
}
