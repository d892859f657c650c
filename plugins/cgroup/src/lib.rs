//! The `cgroup` plugin: statistics, pressure and knobs of control groups. This file registers its elements.
//!
//! `target` brings groups as targets, `collect` reads, `actuate` turns knobs and is the only file that changes how
//! workloads run, `config` is what they can be told, `group` finds a target's groups, `delta` is what they compute with.
//! What the kernel's files are called and mean is the library crate beside this one.
#![forbid(unsafe_code)]

mod actuate;
#[cfg(test)]
mod bed;
mod collect;
mod config;
mod delta;
mod group;
mod probe;
mod target;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::CgroupWatch],
    collectors: [collect::CgroupStats, collect::CgroupPressure],
    actuators: [actuate::Limit],
}
