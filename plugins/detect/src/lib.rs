//! The `detect` plugin: who suffers, from whom, through what. Judges only; what to do about it is
//! for a policy.
#![forbid(unsafe_code)]

mod account;
mod baseline;
mod caps;
mod cause;
mod config;
mod judge;
mod learn;
mod memory;
mod roster;
mod saved;
mod typical;
mod words;

pub use baseline::Baseline;

pipeline_plugin_api::export_plugin! {
    transforms: [Baseline],
}
