//! What tests of control groups run on, here and in the plugin: folders of plain files that look like control groups
//! ([`Tree`]), and real groups of this machine ([`Bed`]). Only built with the feature `testing`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what tests are made of fails and speaks as tests do"
)]

mod bed;
mod tree;

pub use bed::{Bed, SPIN};
pub use tree::Tree;

use std::time::{Duration, Instant};

/// Whether `fact` becomes true within half a minute, on however crowded a machine.
pub fn soon(mut fact: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        if fact() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
