//! The one thing that perf-event2 has no safe word for: a counter as a descriptor that can be read into a buffer on the
//! stack. Nothing else is here; why, says `docs/decisions/0008-counters-are-read-as-plain-descriptors.md`.
#![expect(unsafe_code, reason = "perf-event2 gives a counter's descriptor as a number only")]

use perf_event::Counter;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// A descriptor of the same counter, which counts as long as one of them is open.
///
/// # Errors
/// This process has too many open files.
pub fn descriptor(counter: &Counter) -> io::Result<OwnedFd> {
    let number = counter.as_raw_fd();
    // SAFETY: the counter owns this open descriptor and is borrowed for longer than the value made of it lives, which is
    // until the end of this function.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned()
}
