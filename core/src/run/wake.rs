//! Waking a lane: an eventfd (eventfd(2)) that the lane polls beside its nodes' descriptors.

use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A lane's bell. Clones ring the same.
#[derive(Clone, Debug)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    /// A bell that has not been rung.
    ///
    /// # Errors
    /// The process has no descriptors left.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self(Arc::new(eventfd(
            0,
            EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC,
        )?)))
    }

    /// Rings: whoever polls it returns.
    pub fn ring(&self) {
        // The only failure is a counter that is full, and then it rings already.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }

    /// Takes the ringing back, to hear the next.
    pub fn quiet(&self) {
        // The only failure is that it has not rung.
        let _ = rustix::io::read(&*self.0, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// One node's way to be called: a mark of its own and its lane's bell.
#[derive(Clone, Debug)]
pub struct Wake {
    asked: Arc<AtomicBool>,
    bell: Bell,
}

impl Wake {
    /// A way to wake a node of the lane with that bell.
    pub fn new(bell: Bell) -> Self {
        Self {
            asked: Arc::default(),
            bell,
        }
    }

    /// Asks for the node to be called.
    pub fn wake(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.bell.ring();
        }
    }

    /// Whether it was asked since this was last looked at.
    pub fn take(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.asked.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_twice_is_asking_once() {
        let wake = Wake::new(Bell::new().unwrap());
        wake.wake();
        wake.wake();
        assert!(wake.take());
        assert!(!wake.take());
    }
}
