//! Descriptors that a node names, as something that can be waited for.

use std::os::fd::BorrowedFd;

/// A descriptor that a node gave from `descriptors`, for one wait.
///
/// The node keeps its descriptors open until it is called again; a wait lies between two calls, so
/// the descriptor is open as long as the wait lasts. One that a plugin closed against that rule
/// makes the wait return at once with an error flag, or waits for another file: it cannot corrupt memory.
pub fn borrow_descriptor(raw: i32) -> BorrowedFd<'static> {
    // SAFETY: -1 is the one value that `BorrowedFd` cannot hold, and is replaced; the rest is as said above.
    unsafe { BorrowedFd::borrow_raw(if raw < 0 { i32::MAX } else { raw }) }
}
