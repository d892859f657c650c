//! `cpu.stat` of both versions and the `cpuacct` files of version 1, all times in nanoseconds.

use super::{number, pairs};

/// CPU time and throttling of one group and its descendants, counted since the group was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuStats {
    /// CPU time used, in nanoseconds; version 2 counts in steps of 1 µs.
    pub usage_ns: Option<u64>,
    /// The part of it in user mode, in nanoseconds; version 1 counts in clock ticks, usually 10 ms.
    pub user_ns: Option<u64>,
    /// The part of it in the kernel, in nanoseconds; version 1 counts in clock ticks, usually 10 ms.
    pub system_ns: Option<u64>,
    /// Quota periods in which the group wanted to run.
    pub periods: Option<u64>,
    /// Quota periods in which it was throttled.
    pub throttled_periods: Option<u64>,
    /// How long its run queues were throttled, summed over CPUs, in nanoseconds.
    pub throttled_ns: Option<u64>,
}

/// Takes `cpu.stat` of version 2, which counts microseconds.
///
/// The first three keys are there without the `cpu` controller (cgroup-v2.rst, "CPU Interface Files").
pub fn cpu_stat_v2(bytes: &[u8], into: &mut CpuStats) {
    for (key, value) in pairs(bytes) {
        match key {
            b"usage_usec" => into.usage_ns = number(value).and_then(nanos_of_micros),
            b"user_usec" => into.user_ns = number(value).and_then(nanos_of_micros),
            b"system_usec" => into.system_ns = number(value).and_then(nanos_of_micros),
            b"nr_periods" => into.periods = number(value),
            b"nr_throttled" => into.throttled_periods = number(value),
            b"throttled_usec" => into.throttled_ns = number(value).and_then(nanos_of_micros),
            _ => {}
        }
    }
}

/// Takes `cpu.stat` of version 1, whose `throttled_time` is in nanoseconds (scheduler/sched-bwc.rst).
pub fn cpu_stat_v1(bytes: &[u8], into: &mut CpuStats) {
    for (key, value) in pairs(bytes) {
        match key {
            b"nr_periods" => into.periods = number(value),
            b"nr_throttled" => into.throttled_periods = number(value),
            b"throttled_time" => into.throttled_ns = number(value),
            _ => {}
        }
    }
}

/// Takes `cpuacct.usage`, one number of nanoseconds (cgroup-v1/cpuacct.rst).
pub fn cpuacct_usage(bytes: &[u8], into: &mut CpuStats) {
    into.usage_ns = number(bytes);
}

/// Takes `cpuacct.stat`, whose times are in clock ticks, `ticks_per_second` (USER_HZ) of which make a second.
pub fn cpuacct_stat(bytes: &[u8], ticks_per_second: u64, into: &mut CpuStats) {
    let nanos = |ticks: u64| ticks.checked_mul(1_000_000_000_u64.checked_div(ticks_per_second)?);
    for (key, value) in pairs(bytes) {
        match key {
            b"user" => into.user_ns = number(value).and_then(nanos),
            b"system" => into.system_ns = number(value).and_then(nanos),
            _ => {}
        }
    }
}

fn nanos_of_micros(micros: u64) -> Option<u64> {
    micros.checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(parse: impl Fn(&[u8], &mut CpuStats), bytes: &[u8]) -> CpuStats {
        let mut stats = CpuStats::default();
        parse(bytes, &mut stats);
        stats
    }

    #[test]
    fn version_2_microseconds_become_nanoseconds() {
        let stats = read(cpu_stat_v2, include_bytes!("../../fixtures/v2/cpu.stat"));
        assert_eq!(stats.usage_ns, Some(1_517_364_123_000));
        assert_eq!(stats.user_ns, Some(1_080_912_007_000));
        assert_eq!(stats.system_ns, Some(436_452_116_000));
        assert_eq!((stats.periods, stats.throttled_periods), (Some(81_234), Some(1_207)));
        assert_eq!(stats.throttled_ns, Some(90_311_442_000));
    }

    #[test]
    fn without_the_cpu_controller_throttling_is_absent_not_zero() {
        let stats = read(cpu_stat_v2, include_bytes!("../../fixtures/v2/cpu.stat.base"));
        assert_eq!(stats.usage_ns, Some(29_945_540_000));
        assert_eq!(
            (stats.periods, stats.throttled_periods, stats.throttled_ns),
            (None, None, None)
        );
    }

    #[test]
    fn version_1_throttled_time_is_nanoseconds_already() {
        let stats = read(cpu_stat_v1, include_bytes!("../../fixtures/v1/cpu.stat"));
        assert_eq!((stats.periods, stats.throttled_periods), (Some(13), Some(13)));
        assert_eq!(stats.throttled_ns, Some(1_181_149_280));
        assert_eq!(stats.usage_ns, None);
    }

    #[test]
    fn clock_ticks_become_nanoseconds() {
        let stats = read(
            |bytes, into| cpuacct_stat(bytes, 100, into),
            include_bytes!("../../fixtures/v1/cpuacct.stat"),
        );
        assert_eq!(
            (stats.user_ns, stats.system_ns),
            (Some(14_580_000_000), Some(17_700_000_000))
        );
        let stats = read(cpuacct_usage, include_bytes!("../../fixtures/v1/cpuacct.usage"));
        assert_eq!(stats.usage_ns, Some(32_286_201_642));
    }

    #[test]
    fn a_value_that_is_no_number_is_absent() {
        assert_eq!(
            read(cpu_stat_v2, b"usage_usec -3\nuser_usec 18446744073709551615\n"),
            CpuStats::default()
        );
        assert_eq!(
            read(|bytes, into| cpuacct_stat(bytes, 0, into), b"user 1\n"),
            CpuStats::default()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_cpu_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256), hz: u64) {
            let mut stats = CpuStats::default();
            cpu_stat_v2(&bytes, &mut stats);
            cpu_stat_v1(&bytes, &mut stats);
            cpuacct_usage(&bytes, &mut stats);
            cpuacct_stat(&bytes, hz, &mut stats);
        }

        #[test]
        fn any_number_of_a_known_key_is_found(value in 0..u64::MAX / 1000, noise in "[a-z_]{1,8} [0-9]{1,4}") {
            let stats = read(cpu_stat_v2, format!("{noise}\nusage_usec {value}\n{noise}").as_bytes());
            prop_assert_eq!(stats.usage_ns, Some(value * 1000));
        }
    }
}
