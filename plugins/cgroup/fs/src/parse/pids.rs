//! `pids.current`, `pids.max` and the lists in `cgroup.procs`, `cgroup.threads` and `tasks`; the same text in both versions.

use super::{Limit, lines, number};

/// Tasks (threads count) of one group and its descendants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PidsStats {
    /// Tasks now.
    pub current: Option<u64>,
    /// The most there may be.
    pub limit: Option<Limit>,
}

/// Process or thread ids, one a line, sorted and each once.
///
/// Version 1 lists neither sorted nor once (cgroup-v1/cgroups.rst, 2.2). The `0` that stands for a process
/// outside the reader's pid namespace is left out.
pub fn ids(bytes: &[u8]) -> Vec<u32> {
    let mut ids: Vec<u32> = lines(bytes)
        .filter_map(number)
        .filter_map(|id| u32::try_from(id).ok())
        .filter(|&id| id != 0)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_sorted_and_each_once() {
        assert_eq!(ids(b"88\n2344\n981\n88\n0\n"), [88, 981, 2344]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_ids_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(ids(&bytes).is_sorted());
        }
    }
}
