//! A mock plugin to measure with. This file registers its elements and does nothing else.
//!
//! The crate is a library too, so that [`statically`] can call the very same code without a boundary.
#![forbid(unsafe_code)]

pub mod collect;
pub mod config;
pub mod schedule;
pub mod sink;
pub mod statically;
pub mod target;
pub mod transform;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::Cgroups],
    collectors: [collect::Feed],
    transforms: [transform::Scale],
    schedulers: [schedule::Decide],
    sinks: [sink::Hear],
}
