//! A mock plugin whose elements go wrong when and how a test says. This file registers them and does
//! nothing else.
#![forbid(unsafe_code)]

mod actuate;
mod collect;
mod config;
mod odd;
mod pass;
mod sink;
mod target;
mod trouble;

pipeline_plugin_api::export_plugin! {
    target_providers: [target::Target, odd::Crowd],
    collectors: [collect::Collect, odd::Babble],
    transforms: [pass::Pass],
    schedulers: [odd::Command],
    actuators: [actuate::Actuate],
    sinks: [sink::Count],
}
