//! What the tests of a load need: the element in real time, and servers to measure.

pub mod fake;
pub mod node;
pub mod real;
