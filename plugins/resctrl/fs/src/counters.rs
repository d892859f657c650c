//! What a group uses: the files under `mon_data`. A number, or one of the words that stand for none.

use crate::error::is_absence;
use crate::{Error, Group};
use std::collections::BTreeMap;

/// What one counter says.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Counter {
    /// A number of bytes.
    Value(u64),
    /// The hardware has no number now (`Unavailable`).
    Unavailable,
    /// The hardware reports an error (`Error`).
    Error,
    /// No hardware counter is assigned to this group (`Unassigned`).
    Unassigned,
    /// There is no such file.
    #[default]
    Absent,
}

/// The counters of one cache.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainCounters {
    /// Bytes of the cache that were filled for the group.
    pub occupancy: Counter,
    /// Bytes moved between this cache and memory since the group was made.
    pub total: Counter,
    /// The same with the memory of this cache's own node.
    pub local: Counter,
}

/// The counters of one group by cache id.
pub type Counters = BTreeMap<u32, DomainCounters>;

impl Counter {
    /// Reads the text of a counter; `None` for what no kernel writes.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "Unavailable" => Some(Self::Unavailable),
            "Error" => Some(Self::Error),
            "Unassigned" => Some(Self::Unassigned),
            number => number
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| number.parse().ok().map(Self::Value))?,
        }
    }

    /// The number, if there is one.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Value(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Group {
    /// Reads every last-level cache's counters once. Where sub-NUMA clustering splits a cache the folder of the whole
    /// cache is read, which is their sum. A cache that goes offline meanwhile is left out.
    ///
    /// # Errors
    /// The group is gone, or a file holds what no kernel writes.
    pub fn counters(&self) -> Result<Counters, Error> {
        let folder = self.path().join("mon_data");
        let names = match self.files().folders(&folder) {
            Ok(names) => names,
            Err(source) if is_absence(&source) && !self.exists() => return Err(self.gone()),
            Err(source) => return Err(Error::Read { path: folder, source }),
        };
        let mut counters = Counters::new();
        for name in names {
            let Some(id) = name.strip_prefix("mon_L3_").and_then(|id| id.parse().ok()) else {
                continue;
            };
            let read = |file: &str| self.counter(&format!("mon_data/{name}/{file}"));
            let domain = DomainCounters {
                occupancy: read("llc_occupancy")?,
                total: read("mbm_total_bytes")?,
                local: read("mbm_local_bytes")?,
            };
            if domain != DomainCounters::default() {
                counters.insert(id, domain);
            }
        }
        match counters.is_empty() && !self.exists() {
            true => Err(self.gone()),
            false => Ok(counters),
        }
    }

    fn counter(&self, file: &str) -> Result<Counter, Error> {
        let path = self.path().join(file);
        match self.files().read(&path) {
            Ok(text) => Counter::parse(&text).ok_or_else(|| Error::Malformed {
                path,
                found: text.trim().chars().take(40).collect(),
                expected: "a number, `Unavailable`, `Error` or `Unassigned`",
            }),
            Err(source) if is_absence(&source) => Ok(Counter::Absent),
            // Some kernels say it by the error number instead of the word.
            Err(source) if source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(Counter::Error),
            Err(source) => Err(Error::Read { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;
    use proptest::prelude::*;
    use rustix::io::Errno;

    #[test]
    fn words_are_no_numbers() {
        assert_eq!(Counter::parse("98304\n"), Some(Counter::Value(98_304)));
        assert_eq!(Counter::parse("Unavailable\n"), Some(Counter::Unavailable));
        assert_eq!(Counter::parse("Error\n"), Some(Counter::Error));
        assert_eq!(Counter::parse("Unassigned\n"), Some(Counter::Unassigned));
        for text in ["", "-1", "0x10", "unavailable", "1 2"] {
            assert_eq!(Counter::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_file_that_vanishes_between_open_and_read_is_absent_and_the_others_are_read() {
        let fake = Fake::new();
        let group = fake.open().default_group();
        fake.put("mon_data/mon_L3_00/llc_occupancy", "4096\n");
        fake.fail("read", "mbm_total_bytes", Errno::NODEV);
        let counters = group.counters().unwrap();
        assert_eq!(counters[&0].occupancy.bytes(), Some(4096));
        assert_eq!(counters[&0].total, Counter::Absent);
    }

    #[test]
    fn an_error_of_the_hardware_is_no_error_of_the_call() {
        let fake = Fake::new();
        fake.fail("read", "llc_occupancy", Errno::IO);
        let counters = fake.open().default_group().counters().unwrap();
        assert_eq!(counters[&0].occupancy, Counter::Error);
    }

    #[test]
    fn a_group_that_vanished_reads_as_gone() {
        let fake = Fake::new();
        let group = fake.open().group("nobody");
        assert!(group.counters().unwrap_err().is_gone());
    }

    #[test]
    fn a_split_cache_is_read_as_a_whole() {
        let fake = Fake::new();
        fake.put("mon_data/mon_L3_00/mon_sub_L3_00/llc_occupancy", "1\n");
        fake.put("mon_data/mon_L3_00/llc_occupancy", "3\n");
        let counters = fake.open().default_group().counters().unwrap();
        assert_eq!(counters.len(), 1);
        assert_eq!(counters[&0].occupancy, Counter::Value(3));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_numbers_are_read(text in "\\PC*", number in any::<u64>()) {
            let _ = Counter::parse(&text);
            prop_assert_eq!(Counter::parse(&format!("{number}\n")), Some(Counter::Value(number)));
        }
    }
}
