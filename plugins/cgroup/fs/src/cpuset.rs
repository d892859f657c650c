//! A set of CPUs and the kernel's list format for it. Which CPUs a group should have is policy and not here.

mod plan;

pub use plan::{CpusetChange, CpusetWrite, plan_cpuset};

use std::fmt;
use std::str::FromStr;

/// The kernel's own bound (`CONFIG_NR_CPUS` on x86-64): ids below it are accepted.
const MOST_CPUS: u32 = 8192;

/// A set of CPU ids, printed and parsed in the list format of cpuset(7): `0-3,8,10-11`.
///
/// ```
/// use pipeline_cgroup_fs::CpuSet;
///
/// let set: CpuSet = "0-3,8".parse()?;
/// assert_eq!(set.len(), 5);
/// assert_eq!(set.difference(&"1".parse()?).to_string(), "0,2-3,8");
/// # Ok::<(), pipeline_cgroup_fs::CpuSetError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CpuSet {
    /// Bit `n % 64` of word `n / 64` is CPU `n`; the last word is never zero, so that equal sets are equal words.
    words: Vec<u64>,
}

/// What is wrong with a list of CPUs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuSetError {
    /// A part is neither a number nor a range.
    #[error("`{part}` is no CPU list; write numbers and ranges like `0-3,8`")]
    Part {
        /// The part.
        part: String,
    },
    /// A range runs backwards.
    #[error("the range `{first}-{last}` runs backwards; write `{last}-{first}`")]
    Backwards {
        /// Its first number.
        first: u32,
        /// Its last number.
        last: u32,
    },
    /// An id is larger than any kernel has.
    #[error("CPU `{cpu}` is beyond the kernel's bound; write ids below 8192")]
    TooLarge {
        /// The id.
        cpu: u32,
    },
}

impl CpuSet {
    /// Whether `cpu` is in the set.
    pub fn contains(&self, cpu: u32) -> bool {
        self.words
            .get(cpu as usize / 64)
            .is_some_and(|word| word & (1 << (cpu % 64)) != 0)
    }

    /// Adds one CPU.
    ///
    /// # Errors
    /// [`CpuSetError::TooLarge`].
    pub fn insert(&mut self, cpu: u32) -> Result<(), CpuSetError> {
        if cpu >= MOST_CPUS {
            return Err(CpuSetError::TooLarge { cpu });
        }
        let word = cpu as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (cpu % 64);
        Ok(())
    }

    /// How many CPUs are in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The CPUs in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.words.len() as u32 * 64).filter(|&cpu| self.contains(cpu))
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a | b)
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a & b)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a & !b)
    }

    /// Whether `other` has all of this set's CPUs.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    fn combine(&self, other: &Self, with: fn(u64, u64) -> u64) -> Self {
        let word = |set: &Self, place| set.words.get(place).copied().unwrap_or(0);
        let longer = self.words.len().max(other.words.len());
        let mut words: Vec<u64> = (0..longer)
            .map(|place| with(word(self, place), word(other, place)))
            .collect();
        let used = words.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
        words.truncate(used);
        Self { words }
    }

    fn ranges(&self) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for cpu in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == cpu => *last = cpu,
                _ => ranges.push((cpu, cpu)),
            }
        }
        ranges
    }
}

impl FromStr for CpuSet {
    type Err = CpuSetError;

    /// Reads a list; an empty text is an empty set. White space around the list is ignored, as the kernel ends it with
    /// a newline.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut set = Self::default();
        for part in text.trim().split(',').filter(|_| !text.trim().is_empty()) {
            let (first, last) = range(part)?;
            for cpu in first..=last {
                set.insert(cpu)?;
            }
        }
        Ok(set)
    }
}

impl TryFrom<&[u8]> for CpuSet {
    type Error = CpuSetError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        String::from_utf8_lossy(bytes).parse()
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.ranges().into_iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            match first == last {
                true => write!(out, "{comma}{first}")?,
                false => write!(out, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

fn range(part: &str) -> Result<(u32, u32), CpuSetError> {
    let wrong = || CpuSetError::Part { part: part.into() };
    let number = |digits: &str| -> Result<u32, CpuSetError> {
        let value = crate::parse::number(digits.as_bytes()).filter(|_| !digits.contains(char::is_whitespace));
        value.and_then(|value| u32::try_from(value).ok()).ok_or_else(wrong)
    };
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(CpuSetError::Backwards { first, last });
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    #[test]
    fn lists_are_read_and_printed_as_the_kernel_does() {
        assert_eq!(set("0-3,8,10-11\n").iter().collect::<Vec<_>>(), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(set("11,10,8,0-2,3").to_string(), "0-3,8,10-11");
        assert_eq!(set("\n"), CpuSet::default());
        assert_eq!(CpuSet::default().to_string(), "");
        assert_eq!(set("63-65").to_string(), "63-65");
    }

    #[test]
    fn wrong_lists_say_what_is_wrong() {
        let wrong = |text: &str| text.parse::<CpuSet>().unwrap_err().to_string();
        assert!(wrong("0-3:1/2").contains("`0-3:1/2` is no CPU list"));
        assert!(wrong("0,,1").contains("`` is no CPU list"));
        assert!(wrong("3-1").contains("write `1-3`"));
        assert!(wrong("0-4294967295").contains("8192"));
        assert!(wrong("8192").contains("8192"));
        assert_eq!(set("8191").len(), 1, "the last id below the bound is taken");
    }

    #[test]
    fn difference_leaves_no_empty_words_behind() {
        assert_eq!(set("0,200").difference(&set("200")), set("0"));
        assert!(set("200").difference(&set("200")).is_empty());
    }

    fn any_set() -> impl Strategy<Value = CpuSet> {
        proptest::collection::vec(0..300_u32, 0..40).prop_map(|cpus| {
            let mut set = CpuSet::default();
            cpus.into_iter().for_each(|cpu| set.insert(cpu).unwrap());
            set
        })
    }

    proptest! {
        #[test]
        fn print_then_parse_is_the_same(set in any_set()) {
            prop_assert_eq!(set.to_string().parse::<CpuSet>(), Ok(set));
        }

        #[test]
        fn set_operations_follow_membership(a in any_set(), b in any_set(), cpu in 0..320_u32) {
            prop_assert_eq!(a.union(&b).contains(cpu), a.contains(cpu) || b.contains(cpu));
            prop_assert_eq!(a.intersection(&b).contains(cpu), a.contains(cpu) && b.contains(cpu));
            prop_assert_eq!(a.difference(&b).contains(cpu), a.contains(cpu) && !b.contains(cpu));
            prop_assert!(a.is_subset(&a.union(&b)));
            prop_assert_eq!(a.len(), a.iter().count());
        }

        #[test]
        fn no_bytes_make_a_list_panic(bytes in proptest::collection::vec(any::<u8>(), 0..32), text in "[0-9,\\-: ]{0,12}") {
            let _ = CpuSet::try_from(bytes.as_slice());
            let _ = text.parse::<CpuSet>();
        }
    }
}
