//! What tests of this plugin run on: a fake engine that behaves as a test tells it.

mod fake;

pub use fake::{Container, FakeEngine, response};

use std::time::{Duration, Instant};

/// Waits until something is so, for as long as a hanging test would take anyway.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < end, "it did not {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The id of a fake container: a digit, as often as ids have some.
pub fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}
