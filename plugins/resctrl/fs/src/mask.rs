//! A set of cache ways as the bits of a mask. No I/O.

use std::fmt;

/// Ways of a cache, a bit each.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mask(pub u64);

impl Mask {
    /// No way at all.
    pub const NONE: Self = Self(0);

    /// `length` ways from way `first` on; ways beyond the 64th are left out.
    pub fn run(first: u32, length: u32) -> Self {
        let ones = if length >= 64 { u64::MAX } else { (1 << length) - 1 };
        Self(ones.checked_shl(first).unwrap_or(0))
    }

    /// How many ways.
    pub fn ways(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether the ways lie beside each other, as most hardware demands. No way is not contiguous.
    pub fn is_contiguous(self) -> bool {
        let packed = self.0.checked_shr(self.0.trailing_zeros()).unwrap_or(0);
        packed != 0 && packed & packed.wrapping_add(1) == 0
    }

    /// Whether every way of the other is one of these.
    pub fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The ways of both.
    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The ways of either.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Every contiguous run of that many ways within this mask, lowest first.
    pub fn runs(self, length: u32) -> impl Iterator<Item = Self> {
        let starts = if length == 0 { 0 } else { 65_u32.saturating_sub(length) };
        (0..starts)
            .map(move |first| Self::run(first, length))
            .filter(move |run| self.holds(*run))
    }

    /// Reads the hexadecimal digits that the kernel prints and takes, with or without `0x`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u64::from_str_radix(digits, 16).ok().map(Self))?
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ways_beside_each_other_are_contiguous() {
        for (mask, is) in [
            (0, false),
            (1, true),
            (0x600, true),
            (0x601, false),
            (u64::MAX, true),
            (1 << 63, true),
        ] {
            assert_eq!(Mask(mask).is_contiguous(), is, "{mask:x}");
        }
    }

    #[test]
    fn runs_are_those_that_fit_lowest_first() {
        let runs: Vec<u64> = Mask(0x7f).runs(5).map(|run| run.0).collect();
        assert_eq!(runs, [0x1f, 0x3e, 0x7c]);
        assert_eq!(Mask(0x5).runs(2).count(), 0);
        assert_eq!(Mask(u64::MAX).runs(64).count(), 1);
        assert_eq!(Mask(7).runs(0).count(), 0);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(bits in any::<u64>()) {
            let mask = Mask(bits);
            prop_assert_eq!(Mask::parse(&mask.to_string()), Some(mask));
            prop_assert_eq!(Mask::parse(&format!(" 0x{bits:016X}\n")), Some(mask));
        }

        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _ = Mask::parse(&text);
        }

        #[test]
        fn every_run_is_contiguous_and_lies_within(bits in any::<u64>(), length in 0_u32..70) {
            for run in Mask(bits).runs(length) {
                prop_assert!(run.is_contiguous() && run.ways() == length && Mask(bits).holds(run));
            }
        }
    }
}
