//! The configs, one struct for each element.

mod counters;
mod sample;

pub use counters::{By, CountersConfig, Cpus};
pub use sample::SampleConfig;
