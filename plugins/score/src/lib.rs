//! The `score` plugin: how right the detectors of a run were, and how much its policy helped. Registers its command; what
//! a score is stands in the library crate beside it.
#![forbid(unsafe_code)]

mod arguments;
mod command;
mod page;
mod read;
mod run;

pipeline_plugin_api::export_plugin! {
    commands: [command::Score],
}
