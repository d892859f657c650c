//! Lists of logical CPUs, as `0-3,8`: cpuset(7), "List format". Text to numbers; whether they exist is for others to say.

use std::fmt;

/// The highest number that a list may hold; the kernel's own limit is 8192 CPUs.
const MOST: u32 = 8191;

/// Logical CPUs, in order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpus(Vec<u32>);

impl Cpus {
    /// Those of a list.
    ///
    /// # Errors
    /// The text is no such list; the sentence says how one is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut cpus = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || format!("`{part}` is no list of CPUs; write one like `0-3,8`");
            let number = |text: &str| text.trim().parse::<u32>().ok().filter(|cpu| *cpu <= MOST);
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
            if first > last {
                return Err(format!("`{part}` runs backwards; write `{last}-{first}`"));
            }
            cpus.extend(first..=last);
        }
        Ok(cpus.into_iter().collect())
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one is among them.
    pub fn holds(&self, cpu: u32) -> bool {
        self.0.binary_search(&cpu).is_ok()
    }

    /// Those below that number.
    pub fn below(&self, end: u32) -> Self {
        self.iter().filter(|cpu| *cpu < end).collect()
    }
}

impl FromIterator<u32> for Cpus {
    fn from_iter<I: IntoIterator<Item = u32>>(cpus: I) -> Self {
        let mut cpus: Vec<u32> = cpus.into_iter().collect();
        cpus.sort_unstable();
        cpus.dedup();
        Self(cpus)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        while at < self.0.len() {
            let mut end = at;
            while end + 1 < self.0.len() && self.0[end + 1] == self.0[end] + 1 {
                end += 1;
            }
            let comma = if at == 0 { "" } else { "," };
            match at == end {
                true => write!(f, "{comma}{}", self.0[at])?,
                false => write!(f, "{comma}{}-{}", self.0[at], self.0[end])?,
            }
            at = end + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_is_read_as_the_kernel_writes_it() {
        let cpus = Cpus::parse("0-2,8").unwrap();
        assert_eq!(cpus.iter().collect::<Vec<_>>(), [0, 1, 2, 8]);
        assert!(cpus.holds(8) && !cpus.holds(3));
        assert!(Cpus::parse("3-1").unwrap_err().contains("write `1-3`"));
        assert!(Cpus::parse("x").unwrap_err().contains("write one like"));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(cpus in proptest::collection::vec(0u32..300, 0..40)) {
            let cpus: Cpus = cpus.into_iter().collect();
            prop_assert_eq!(Cpus::parse(&cpus.to_string()).unwrap(), cpus);
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Cpus::parse(&text);
        }
    }
}
