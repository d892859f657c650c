//! Terms of a PMU's event to the bits that they are, as its `format` files say
//! (Documentation/ABI/testing/sysfs-bus-event_source-devices-format). Text to value, no I/O.

/// Where a term's bits go: a word, and ranges of bits in it from the lowest bit of the value on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// 0 to 2 for `config` to `config2`.
    word: usize,
    /// First and last bit of each range.
    ranges: Vec<(u32, u32)>,
}

impl Field {
    /// Reads `config:0-7,32-35`. Nothing for words that this does not know, such as `config3`.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, ranges) = text.trim().split_once(':')?;
        let word = ["config", "config1", "config2"]
            .iter()
            .position(|known| *known == word)?;
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last && last < 64).then_some((first, last))
        };
        let ranges: Option<Vec<(u32, u32)>> = ranges.split(',').map(range).collect();
        Some(Self { word, ranges: ranges? })
    }

    /// How many bits it has.
    pub fn width(&self) -> u32 {
        self.ranges.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Puts a value into the words; `false` where it has more bits than the field.
    pub fn set(&self, words: &mut [u64; 3], value: u64) -> bool {
        let mut rest = value;
        for (first, last) in &self.ranges {
            let width = last - first + 1;
            let mask = u64::MAX >> (64 - width);
            words[self.word] &= !(mask << first);
            words[self.word] |= (rest & mask) << first;
            rest = rest.checked_shr(width).unwrap_or(0);
        }
        rest == 0
    }
}

/// Reads a list of CPUs as sysfs writes it, `0-3,8`.
pub fn cpus(text: &str) -> Option<Vec<u32>> {
    const MOST: u32 = 1 << 16;
    let mut found = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        found.extend(first..=last);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_may_lie_in_two_ranges() {
        let field = Field::parse("config:0-7,32-35\n").unwrap();
        let mut words = [0; 3];
        assert!(field.set(&mut words, 0xabc));
        assert_eq!((words[0], field.width()), (0xa_0000_00bc, 12));
        assert!(!field.set(&mut words, 0x1abc), "13 bits do not fit 12");
    }

    #[test]
    fn a_field_may_be_one_bit_or_a_whole_word() {
        let mut words = [0; 3];
        assert!(Field::parse("config:18").unwrap().set(&mut words, 1));
        assert!(Field::parse("config1:0-63").unwrap().set(&mut words, u64::MAX));
        assert_eq!(words, [1 << 18, u64::MAX, 0]);
    }

    #[test]
    fn what_is_no_field_is_none() {
        for text in ["", "config", "config9:1", "config:7-0", "config:64", "config:a"] {
            assert_eq!(Field::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lists_of_cpus_are_read() {
        assert_eq!(cpus("0-2,8\n"), Some(vec![0, 1, 2, 8]));
        assert_eq!(
            (cpus("\n"), cpus("3-1"), cpus("0-4000000000")),
            (Some(vec![]), None, None)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}|config[12]?:[0-9,-]{0,12}", value: u64) {
            if let Some(field) = Field::parse(&text) {
                let mut words = [0; 3];
                let fits = field.set(&mut words, value);
                prop_assert_eq!(fits, field.width() >= 64 || value >> field.width() == 0);
            }
            let _ = cpus(&text);
        }
    }
}
