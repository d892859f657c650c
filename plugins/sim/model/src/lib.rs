//! A simulated node: what workloads ask for ([`scenario`]), how they slow each other ([`Simulation`]), and who is to
//! blame ([`Truth`]). Pure: no clock, no files, no threads; the same scenario and the same calls give the same bits.
//!
//! ```
//! use pipeline_sim_model::{Kind, Nanos, Simulation, generate};
//!
//! let mut node = Simulation::new(generate(Kind::CpuTime, 7));
//! node.advance(Nanos::from_secs(90));
//! let worst = node.truth().into_iter().map(|truth| truth.slowdown).fold(1.0, f64::max);
//! assert!(worst >= 1.0);
//! ```
//!
//! Each file that computes something says by which equation, and whence. What is deliberately not here: names of
//! metrics, ids of targets, leases, anything of the graph. That is the plugin's.
#![forbid(unsafe_code)]

mod cache;
mod cpus;
mod curve;
mod demand;
mod generate;
mod knob;
mod latency;
mod machine;
mod memory;
mod noise;
mod placement;
mod share;
mod simulation;
mod solve;
mod totals;
mod truth;

pub mod scenario;

pub use cpus::Cpus;
pub use curve::Curve;
pub use generate::{Kind, generate};
pub use knob::{Dial, Settings};
pub use latency::{Latency, Profile};
pub use noise::noise;
pub use pipeline_plugin_api::abi::Nanos;
pub use scenario::{Scenario, parse, print};
pub use simulation::{Change, Presence, Simulation};
pub use totals::{Levels, Totals};
pub use truth::{Cause, Harm, Truth};
