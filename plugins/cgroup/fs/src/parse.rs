//! From kernel text to values: pure functions over bytes, one file a subject. No I/O, no paths, no panics.
//!
//! A key that the kernel does not print, or whose value is no number, stays `None`. Unknown keys are skipped,
//! since every kernel release adds some.

mod cpu;
mod events;
mod io;
mod knob;
mod memory;
mod mounts;
mod pids;
mod pressure;

pub use cpu::{CpuStats, cpu_stat_v1, cpu_stat_v2, cpuacct_stat, cpuacct_usage};
pub use events::is_populated;
pub use io::{DeviceIo, Operation, blkio, io_stat};
pub use knob::{freezer_state, is_frozen, quota_v1, quota_v2};
pub use memory::{Limit, MemoryStats, limit_v1, limit_v2, memory_events, memory_stat_v1, memory_stat_v2, oom_control};
pub use mounts::{Member, Mount, membership, mounts};
pub use pids::{PidsStats, ids};
pub use pressure::{Pressure, Stall, pressure};

/// The number that `bytes` are, with white space around it; `None` for anything else, a sign or an overflow included.
pub fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            None
        } else {
            sum.checked_mul(10)?.checked_add(u64::from(digit))
        }
    })
}

/// Words separated by white space.
pub fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Lines of `key value` as pairs; a line without a space has an empty value.
pub(crate) fn pairs(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(bytes).map(|line| split_at(line, b' ').unwrap_or((line, &[])))
}

/// Lines without their ends.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n')
}

/// What stands before and after the first `separator`.
pub(crate) fn split_at(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|&byte| byte == separator)?;
    Some((&bytes[..place], &bytes[place + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        assert_eq!(number(b" 42\n"), Some(42));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for wrong in [&b""[..], b"-1", b"max", b"1 2", b"18446744073709551616", b"+1", b"0x1"] {
            assert_eq!(number(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    proptest! {
        #[test]
        fn a_printed_number_reads_back(value: u64) {
            prop_assert_eq!(number(value.to_string().as_bytes()), Some(value));
        }

        #[test]
        fn no_bytes_make_number_or_words_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = number(&bytes);
            prop_assert!(words(&bytes).all(|word| !word.is_empty()));
        }
    }
}
