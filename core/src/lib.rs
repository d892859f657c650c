//! The core of `pipeline`: it loads plugins, wires them by a graph and runs them.
//!
//! It names no kernel file but those that it runs on itself, no workload and no policy.

pub mod cli;
pub mod graph;
pub mod guardian;
pub mod plugin;
pub mod run;
pub mod spec;
