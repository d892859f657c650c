//! Real plugins, damaged: copies of a plugin's file with other bytes in some place.

use system_tests::built;

/// The file of a plugin.
pub fn whole(subject: &str) -> Vec<u8> {
    std::fs::read(built::plugin(subject)).unwrap()
}

/// The file of a plugin with other bytes wherever the first ones stand. Both must have the same length.
pub fn patched(subject: &str, was: &[u8], is: &[u8]) -> Vec<u8> {
    assert_eq!(was.len(), is.len());
    let mut bytes = whole(subject);
    let places: Vec<usize> = (0..bytes.len() - was.len())
        .filter(|at| bytes[*at..].starts_with(was))
        .collect();
    assert!(
        !places.is_empty(),
        "{:?} stands nowhere in the plugin",
        String::from_utf8_lossy(was)
    );
    for place in places {
        bytes[place..place + is.len()].copy_from_slice(is);
    }
    bytes
}
