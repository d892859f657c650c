//! Noise that depends on what it is for and when, and on nothing that was drawn before: so reading a node more often, or
//! in another order, changes nothing about it.

/// A finaliser that spreads every bit: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// OOPSLA 2014).
const fn mixed(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// 64 bits for a seed and what they are for.
pub const fn bits(seed: u64, stream: u64, at: u64) -> u64 {
    mixed(mixed(mixed(seed) ^ stream) ^ at)
}

/// A number from 0 to 1, 1 excluded.
pub fn uniform(seed: u64, stream: u64, at: u64) -> f64 {
    (bits(seed, stream, at) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number that is normal enough, with mean 0 and standard deviation 1: the sum of four uniform ones (Irwin and Hall),
/// so that no logarithm is taken. It never leaves ±3.47.
pub fn noise(seed: u64, stream: u64, at: u64) -> f64 {
    let bits = bits(seed, stream, at);
    let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
    // Four uniforms on 0..65536 have the mean 131070 and the variance 4 · 65536² / 12.
    (sum as f64 - 131_070.0) / 37_837.227
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_mean_and_the_spread_that_it_says() {
        let draws: Vec<f64> = (0..100_000).map(|at| noise(1, 2, at)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn streams_have_nothing_to_do_with_each_other() {
        let product: f64 = (0..100_000).map(|at| noise(1, 2, at) * noise(1, 3, at)).sum();
        assert!((product / 1e5).abs() < 0.02);
    }

    #[test]
    fn uniform_numbers_stay_below_one() {
        assert!((0..10_000).all(|at| (0.0..1.0).contains(&uniform(9, 9, at))));
    }
}
