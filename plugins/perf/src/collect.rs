//! The elements: `perf.counters` reads at each tick, `perf.sample` when so much has happened. What both know of their
//! targets is in `subject`.

mod bell;
mod counters;
mod emit;
mod sample;
mod sockets;
mod subject;
mod turns;

pub use counters::Counters;
pub use sample::Sample;
