//! What a knob can be set to, and the texts of switches and quotas.

use crate::{CpuSet, Version};
use std::fmt;

/// The value of a knob, the same for both versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Idle or not.
    Idle(bool),
    /// A weight of 1..=10000, 100 by default, on both versions.
    Weight(u64),
    /// A quota.
    Quota(Quota),
    /// CPUs; on version 2 an empty set means all of the parent's.
    Cpus(CpuSet),
    /// Stopped or not.
    Frozen(bool),
}

/// CPU time that a group may use in each period, all its CPUs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// In microseconds; `None` for no quota.
    pub quota_us: Option<u64>,
    /// The period, in microseconds.
    pub period_us: u64,
}

impl Quota {
    /// The kernel's default period, in microseconds.
    pub const PERIOD_US: u64 = 100_000;
    /// The least quota that the kernel takes, in microseconds a period (scheduler/sched-bwc.rst).
    pub const LEAST_US: u64 = 1_000;
    /// No quota.
    pub const NONE: Self = Self {
        quota_us: None,
        period_us: Self::PERIOD_US,
    };

    /// A quota in CPUs: `0.5` is half of one CPU's time. Negative and not-a-number count as 0, which no knob takes.
    pub fn of_cpus(cpus: f64) -> Self {
        Self {
            quota_us: Some((cpus * Self::PERIOD_US as f64).round() as u64),
            period_us: Self::PERIOD_US,
        }
    }

    /// The quota in CPUs; `None` for no quota.
    pub fn cpus(self) -> Option<f64> {
        self.quota_us.map(|quota_us| quota_us as f64 / self.period_us as f64)
    }

    /// The same quota for another period, rounded to a microsecond.
    #[must_use]
    pub fn in_period(self, period_us: u64) -> Self {
        let scale = |quota_us: u64| {
            let own = u128::from(self.period_us.max(1));
            let scaled = (u128::from(quota_us) * u128::from(period_us) + own / 2) / own;
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        Self {
            quota_us: self.quota_us.map(scale),
            period_us,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle(idle) => out.write_str(if *idle { "idle" } else { "not idle" }),
            Self::Weight(weight) => write!(out, "weight {weight}"),
            Self::Quota(Quota { quota_us: None, .. }) => out.write_str("no quota"),
            Self::Quota(Quota {
                quota_us: Some(quota),
                period_us,
            }) => write!(out, "{quota} µs of {period_us} µs"),
            Self::Cpus(cpus) => write!(out, "CPUs {cpus}"),
            Self::Frozen(frozen) => out.write_str(if *frozen { "frozen" } else { "thawed" }),
        }
    }
}

/// The text that sets `quota` where `period_us` is in force, or `None` below the kernel's least.
pub(super) fn quota_text(version: Version, quota: Quota, period_us: u64) -> Option<String> {
    let quota_us = quota.in_period(period_us).quota_us;
    if quota_us.is_some_and(|quota_us| quota_us < Quota::LEAST_US) {
        return None;
    }
    Some(match (version, quota_us) {
        (Version::V1, None) => "-1".into(),
        (Version::V1, Some(quota_us)) => quota_us.to_string(),
        (Version::V2, None) => format!("max {period_us}"),
        (Version::V2, Some(quota_us)) => format!("{quota_us} {period_us}"),
    })
}

/// `0` or `1`.
pub(super) fn switch(bytes: &[u8]) -> Option<bool> {
    match bytes.trim_ascii() {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_count_in_cpus() {
        assert_eq!(
            Quota::of_cpus(1.5),
            Quota {
                quota_us: Some(150_000),
                period_us: 100_000
            }
        );
        assert_eq!(Quota::of_cpus(0.05).cpus(), Some(0.05));
        assert_eq!(Quota::of_cpus(-1.0).quota_us, Some(0));
        assert_eq!(Quota::NONE.cpus(), None);
    }

    #[test]
    fn a_quota_follows_the_period_in_force() {
        assert_eq!(
            quota_text(Version::V1, Quota::of_cpus(0.5), 20_000),
            Some("10000".into())
        );
        assert_eq!(
            quota_text(Version::V2, Quota::of_cpus(0.5), 100_000),
            Some("50000 100000".into())
        );
        assert_eq!(quota_text(Version::V2, Quota::NONE, 20_000), Some("max 20000".into()));
        assert_eq!(quota_text(Version::V1, Quota::NONE, 20_000), Some("-1".into()));
    }

    #[test]
    fn the_least_quota_is_one_millisecond() {
        assert_eq!(
            quota_text(Version::V1, Quota::of_cpus(0.01), 100_000),
            Some("1000".into())
        );
        assert_eq!(quota_text(Version::V1, Quota::of_cpus(0.00999), 100_000), None);
        assert_eq!(quota_text(Version::V2, Quota::of_cpus(0.01), 50_000), None);
    }
}
