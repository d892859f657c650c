//! The `hiccup` plugin: when nobody could run on a CPU, whatever its scheduler says. It observes; its threads take a
//! few microseconds of each millisecond. Not here: what a target itself waited for, which its own counters tell.
#![forbid(unsafe_code)]

mod collect;
mod config;
mod meter;
mod pace;
mod place;
mod readings;
mod tally;

pipeline_plugin_api::export_plugin! {
    collectors: [collect::Cpus],
}
