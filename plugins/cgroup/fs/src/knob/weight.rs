//! One scale of weights for both versions.
//!
//! The kernel itself turns a weight into shares as `weight × 1024 / 100`, rounded, so that the defaults 100 and 1024
//! are the same. This crate uses that rule too; weights survive the way to shares and back exactly. Container engines
//! use another one, which maps 2..=262144 linearly to 1..=10000 and the default 1024 to 39.

use crate::Version;

/// The least and the most weight of both versions, and the default (cgroup-v2.rst, "Weights").
pub(super) const LEAST: u64 = 1;
pub(super) const MOST: u64 = 10_000;
pub(super) const DEFAULT: u64 = 100;
const DEFAULT_SHARES: u64 = 1024;

/// The `cpu.shares` of version 1 that stand for a weight, both linear: 100 is 1024, 1 is 10, 10000 is 102400.
pub fn shares_of_weight(weight: u64) -> u64 {
    scaled(weight.clamp(LEAST, MOST), DEFAULT_SHARES, DEFAULT)
}

/// The weight that stands for `cpu.shares`, within 1..=10000; shares below 10 and above 102400 are beyond that.
pub fn weight_of_shares(shares: u64) -> u64 {
    scaled(shares.min(shares_of_weight(MOST)), DEFAULT, DEFAULT_SHARES).max(LEAST)
}

/// The text of a weight, or `None` outside its bounds.
pub(super) fn text(version: Version, weight: u64) -> Option<String> {
    let weight = (LEAST..=MOST).contains(&weight).then_some(weight)?;
    Some(match version {
        Version::V1 => shares_of_weight(weight).to_string(),
        Version::V2 => weight.to_string(),
    })
}

/// What the file of a group reads that was never given a weight, or was idle since.
pub(super) fn default_text(version: Version) -> &'static str {
    match version {
        Version::V1 => "1024",
        Version::V2 => "100",
    }
}

fn scaled(value: u64, times: u64, by: u64) -> u64 {
    (value * times + by / 2) / by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_same() {
        assert_eq!(shares_of_weight(100), 1024);
        assert_eq!(weight_of_shares(1024), 100);
        assert_eq!(text(Version::V1, DEFAULT).as_deref(), Some(default_text(Version::V1)));
        assert_eq!(text(Version::V2, DEFAULT).as_deref(), Some(default_text(Version::V2)));
    }

    #[test]
    fn every_weight_survives_the_way_to_shares_and_back() {
        assert!((LEAST..=MOST).all(|weight| weight_of_shares(shares_of_weight(weight)) == weight));
    }

    #[test]
    fn shares_beyond_the_scale_are_its_ends() {
        assert_eq!((weight_of_shares(2), weight_of_shares(262_144)), (1, 10_000));
        assert_eq!((weight_of_shares(0), weight_of_shares(u64::MAX)), (1, 10_000));
        assert_eq!((text(Version::V1, 0), text(Version::V2, 10_001)), (None, None));
    }
}
