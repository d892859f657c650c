//! The `policy` plugin: what to do about a finding. Decides only; actuators carry it out.
#![forbid(unsafe_code)]

mod adaptive;
mod budget;
mod config;
mod cores;
mod dynamic;
mod fixed;
mod heard;
mod lease;
mod presence;
mod priority;
mod proof;
mod rate;
mod saved;
mod taken;
#[cfg(test)]
mod testing;
mod throttle;
mod unmet;
mod world;

pub use adaptive::Adaptive;
pub use budget::Budget;
pub use dynamic::Dynamic;
pub use fixed::Fixed;
pub use priority::Priority;
pub use throttle::Throttle;

pipeline_plugin_api::export_plugin! {
    schedulers: [Adaptive, Budget, Dynamic, Fixed, Priority, Throttle],
}
