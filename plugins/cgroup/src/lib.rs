//! The `cgroup` plugin: statistics, pressure and knobs of control groups. This file registers its elements.
//!
//! `collect` reads, `actuate` turns knobs and is the only file that changes how workloads run, `config` is what they
//! can be told, `group` finds a target's groups, `delta` is what they compute with. What the kernel's files are called
//! and mean is the library crate beside this one.
#![forbid(unsafe_code)]

mod actuate;
#[cfg(test)]
mod bed;
mod collect;
mod config;
mod delta;
mod group;
mod probe;

pipeline_plugin_api::export_plugin! {
    collectors: [collect::CgroupStats, collect::CgroupPressure],
    actuators: [actuate::Limit],
}
