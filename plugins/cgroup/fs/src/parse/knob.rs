//! The texts of quota and freezer files. Plain numbers and CPU sets are read elsewhere.

use super::{number, pairs, words};

/// `cpu.max`: quota (`None` for `max`) and period, both in microseconds (cgroup-v2.rst, "CPU Interface Files").
pub fn quota_v2(bytes: &[u8]) -> Option<(Option<u64>, u64)> {
    let mut fields = words(bytes);
    let (quota, period) = (fields.next()?, number(fields.next()?)?);
    if fields.next().is_some() || period == 0 {
        return None;
    }
    match quota {
        b"max" => Some((None, period)),
        digits => Some((Some(number(digits)?), period)),
    }
}

/// `cpu.cfs_quota_us`: microseconds, `Some(None)` for `-1`, no quota (scheduler/sched-bwc.rst).
pub fn quota_v1(bytes: &[u8]) -> Option<Option<u64>> {
    match bytes.trim_ascii() {
        b"-1" => Some(None),
        digits => number(digits).map(Some),
    }
}

/// `freezer.state`: whether everything stopped; `FREEZING` is not yet (cgroup-v1/freezer-subsystem.rst).
pub fn freezer_state(bytes: &[u8]) -> Option<bool> {
    match bytes.trim_ascii() {
        b"FROZEN" => Some(true),
        b"THAWED" | b"FREEZING" => Some(false),
        _ => None,
    }
}

/// The `frozen` line of `cgroup.events`: whether everything stopped.
pub fn is_frozen(events: &[u8]) -> Option<bool> {
    let (_, value) = pairs(events).find(|(key, _)| *key == b"frozen")?;
    match number(value)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotas_of_both_versions_are_read() {
        assert_eq!(quota_v2(b"max 100000\n"), Some((None, 100_000)));
        assert_eq!(quota_v2(b"50000 100000\n"), Some((Some(50_000), 100_000)));
        assert_eq!(quota_v1(b"-1\n"), Some(None));
        assert_eq!(quota_v1(b"1000\n"), Some(Some(1000)));
        for wrong in [&b"max"[..], b"1 0", b"1 2 3", b"-1 100000", b""] {
            assert_eq!(quota_v2(wrong), None);
        }
        assert_eq!(quota_v1(b"-2\n"), None);
    }

    #[test]
    fn freezing_is_not_yet_frozen() {
        assert_eq!(freezer_state(b"FREEZING\n"), Some(false));
        assert_eq!(freezer_state(b"FROZEN\n"), Some(true));
        assert_eq!(freezer_state(b"\n"), None);
        assert_eq!(is_frozen(include_bytes!("../../fixtures/v2/cgroup.events")), Some(true));
        assert_eq!(is_frozen(b"populated 1\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_knob_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = (quota_v1(&bytes), quota_v2(&bytes), freezer_state(&bytes), is_frozen(&bytes));
        }
    }
}
