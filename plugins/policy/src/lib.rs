//! The `policy` plugin: what to do about a finding. Decides only; actuators carry it out.
#![forbid(unsafe_code)]

mod config;
mod fixed;
mod lease;
mod names;
mod presence;
mod saved;
mod throttle;
mod unmet;
mod world;

pub use fixed::Fixed;
pub use throttle::Throttle;

pipeline_plugin_api::export_plugin! {
    schedulers: [Fixed, Throttle],
}
