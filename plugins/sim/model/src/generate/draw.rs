//! Numbers that a seed draws, in order.

use crate::noise::{bits, uniform};

/// A sequence of draws.
#[derive(Clone, Debug)]
pub struct Draw {
    seed: u64,
    stream: u64,
    drawn: u64,
}

impl Draw {
    /// The sequence of that seed and stream.
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self { seed, stream, drawn: 0 }
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.drawn += 1;
        bits(self.seed, self.stream, self.drawn)
    }

    /// A number of that range, with three digits at most, as people write them.
    pub fn within(&mut self, least: f64, most: f64) -> f64 {
        self.drawn += 1;
        let drawn = least + (most - least) * uniform(self.seed, self.stream, self.drawn);
        let scale = libm::pow(10.0, 2.0 - libm::floor(libm::log10(drawn.abs().max(1e-12))));
        (drawn * scale).round() / scale
    }

    /// A whole number below that.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }
}
