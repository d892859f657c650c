//! The `docker` plugin: containers of a Docker engine as targets. This file registers its elements.
//!
//! `target` decides what is told, `engine` talks to the engine on a thread of its own, `fs` finds a container's process
//! and groups, `chosen` and `socket` read what the config means. Nothing here changes a container; their numbers are
//! read from their control groups, which is `cgroup.stats`' business.
#![forbid(unsafe_code)]

mod chosen;
mod config;
mod engine;
mod fs;
mod parse;
mod probe;
mod socket;
mod target;
#[cfg(test)]
mod testing;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::DockerWatch],
}
