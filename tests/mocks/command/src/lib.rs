//! A mock plugin with a command, and with elements that work in virtual time. This file registers its elements and does
//! nothing else.
#![forbid(unsafe_code)]

mod collect;
mod command;
mod config;
mod transform;

pipeline_plugin_api::export_plugin! {
    collectors: [collect::Feed, collect::Truth, collect::Real],
    transforms: [transform::Double],
    commands: [command::Mimic],
}
