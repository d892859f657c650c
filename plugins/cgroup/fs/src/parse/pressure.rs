//! Pressure stall information: `cpu.pressure`, `memory.pressure`, `io.pressure` and `/proc/pressure/*`.

use super::{lines, number, split_at, words};

/// How much of the time tasks stalled (accounting/psi.rst).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stall {
    /// Share of the last 10 s, 0..=1, in steps of 0.0001. It lags; for detection take differences of `total_us`.
    pub avg10: f64,
    /// Share of the last 60 s, 0..=1.
    pub avg60: f64,
    /// Share of the last 300 s, 0..=1.
    pub avg300: f64,
    /// All stalls since the start, in microseconds.
    pub total_us: u64,
}

/// One resource's pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// At least one task stalled.
    pub some: Option<Stall>,
    /// All tasks that had something to do stalled at once. Of the CPU for the whole system it is always 0.
    pub full: Option<Stall>,
}

/// The two lines of a pressure file; a line with a missing or broken field is absent.
pub fn pressure(bytes: &[u8]) -> Pressure {
    let mut pressure = Pressure::default();
    for line in lines(bytes) {
        let mut fields = words(line);
        match fields.next() {
            Some(b"some") => pressure.some = stall(fields),
            Some(b"full") => pressure.full = stall(fields),
            _ => {}
        }
    }
    pressure
}

fn stall<'bytes>(fields: impl Iterator<Item = &'bytes [u8]>) -> Option<Stall> {
    let (mut avg10, mut avg60, mut avg300, mut total) = (None, None, None, None);
    for (key, value) in fields.filter_map(|field| split_at(field, b'=')) {
        match key {
            b"avg10" => avg10 = share(value),
            b"avg60" => avg60 = share(value),
            b"avg300" => avg300 = share(value),
            b"total" => total = number(value),
            _ => {}
        }
    }
    Some(Stall {
        avg10: avg10?,
        avg60: avg60?,
        avg300: avg300?,
        total_us: total?,
    })
}

/// The kernel prints percent with two decimals.
fn share(percent: &[u8]) -> Option<f64> {
    let (whole, hundredths) = split_at(percent, b'.')?;
    if hundredths.len() != 2 {
        return None;
    }
    let in_hundredths = number(whole)?.checked_mul(100)?.checked_add(number(hundredths)?)?;
    (in_hundredths <= 10_000).then(|| in_hundredths as f64 / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percent_become_shares() {
        let read = pressure(include_bytes!("../../fixtures/v2/memory.pressure"));
        let some = Stall {
            avg10: 0.0186,
            avg60: 0.0335,
            avg300: 0.0125,
            total_us: 5_238_620,
        };
        assert_eq!(read.some, Some(some));
        assert_eq!(read.full.map(|full| full.total_us), Some(5_129_750));
    }

    #[test]
    fn old_kernels_have_no_full_line_for_the_cpu() {
        let read = pressure(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
        assert_eq!((read.some.map(|some| some.total_us), read.full), (Some(7), None));
    }

    #[test]
    fn a_broken_line_is_absent() {
        assert_eq!(
            pressure(b"some avg10=0.00 avg60=0.0 avg300=0.00 total=7\nfull total=9\n"),
            Pressure::default()
        );
        assert_eq!(
            pressure(b"some avg10=100.01 avg60=0.00 avg300=0.00 total=7\n"),
            Pressure::default()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_pressure_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = pressure(&bytes);
        }

        #[test]
        fn shares_stay_within_one(text in "some avg10=[0-9]{1,4}.[0-9]{2} avg60=0.00 avg300=0.00 total=1") {
            if let Some(some) = pressure(text.as_bytes()).some {
                prop_assert!((0.0..=1.0).contains(&some.avg10));
            }
        }
    }
}
