//! `cgroup.events` of version 2 (cgroup-v2.rst, "Core Interface Files").

use super::{number, pairs};

/// Whether a process is in the group or below it; `None` where the text does not say.
pub fn is_populated(bytes: &[u8]) -> Option<bool> {
    let (_, value) = pairs(bytes).find(|(key, _)| *key == b"populated")?;
    Some(number(value)? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_group_with_a_process_is_populated() {
        assert_eq!(
            is_populated(include_bytes!("../../fixtures/v2/cgroup.events")),
            Some(true)
        );
        assert_eq!(is_populated(b"frozen 0\npopulated 0\n"), Some(false));
        assert_eq!(is_populated(b"frozen 0\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = is_populated(&bytes);
        }
    }
}
