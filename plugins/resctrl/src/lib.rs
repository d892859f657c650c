//! The `resctrl` plugin: who uses how much of the last-level cache and of the memory bandwidth, and who may. This file
//! registers its elements.
//!
//! `collect` counts, `actuate` divides and is the only file that changes how workloads run, `config` is what they can be
//! told. `crowd` knows the tasks of a target, `demand` what is asked of a cache, `plan` who shares a class with whom,
//! `fit` which ways a class gets. What the kernel's files are called and mean is the library crate beside this one.
#![forbid(unsafe_code)]

mod actuate;
#[cfg(test)]
mod bed;
mod collect;
mod config;
mod crowd;
mod demand;
mod fit;
mod mount;
mod names;
mod plan;
mod probe;

pipeline_plugin_api::export_plugin! {
    collectors: [collect::Monitor],
    actuators: [actuate::Partition],
}
