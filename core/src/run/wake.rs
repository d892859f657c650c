//! Waking a lane: an eventfd (eventfd(2)) that the lane polls beside its nodes' descriptors.

use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A lane's bell. Clones ring the same.
#[derive(Clone, Debug)]
pub struct Bell(Arc<Clapper>);

#[derive(Debug)]
struct Clapper {
    event: OwnedFd,
    /// It rings: to ring again needs no system call, and that it does not ring is read from one word.
    rings: AtomicBool,
}

impl Bell {
    /// A bell that has not been rung.
    ///
    /// # Errors
    /// The process has no descriptors left.
    pub fn new() -> std::io::Result<Self> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self(Arc::new(Clapper {
            event,
            rings: AtomicBool::new(false),
        })))
    }

    /// Rings: whoever polls it returns.
    pub fn ring(&self) {
        if !self.0.rings.swap(true, Ordering::AcqRel) {
            // The only failure is that its count is full: then it rings already.
            let _ = rustix::io::write(&self.0.event, &1u64.to_ne_bytes());
        }
    }

    /// Takes the ringing back, to hear the next; whether it rang. What was sent before is then there to be taken.
    pub fn quiet(&self) -> bool {
        if !self.0.rings.load(Ordering::Acquire) {
            return false;
        }
        // Emptied before the mark is taken back: the other way round a ring between the two would be lost. One that
        // is marked and not written yet wakes once in vain, see `empty`.
        self.empty();
        self.0.rings.swap(false, Ordering::AcqRel)
    }

    /// Empties the descriptor, after a poll that says it is ready.
    pub fn empty(&self) {
        // The only failure is that it has not rung.
        let _ = rustix::io::read(&self.0.event, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
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
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    #[test]
    fn asking_twice_is_asking_once() {
        let wake = Wake::new(Bell::new().unwrap());
        wake.wake();
        wake.wake();
        assert!(wake.take());
        assert!(!wake.take());
    }

    #[test]
    fn a_bell_that_rings_is_not_written_again_and_is_heard_once() {
        let bell = Bell::new().unwrap();
        assert!(!bell.quiet());
        bell.ring();
        bell.ring();
        assert!(bell.quiet());
        assert!(!bell.quiet());
    }

    /// One thread sends and rings, the other takes when it hears, as a lane does: whatever the order in which
    /// the two get their turns, nothing is left lying after the last ring.
    #[test]
    fn no_ring_is_lost_between_two_threads() {
        const SENT: usize = 100_000;
        let bell = Bell::new().unwrap();
        let (sender, receiver) = crossbeam_channel::unbounded();
        let ringing = bell.clone();
        let thread = std::thread::spawn(move || {
            for number in 0..SENT {
                sender.send(number).unwrap();
                ringing.ring();
            }
        });
        let mut taken = 0;
        while taken < SENT {
            let mut polled = [PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN)];
            let time = Timespec { tv_sec: 10, tv_nsec: 0 };
            assert_eq!(
                poll(&mut polled, Some(&time)).unwrap(),
                1,
                "{taken} of {SENT} were taken and nobody rings"
            );
            bell.empty();
            bell.quiet();
            taken += receiver.try_iter().count();
        }
        thread.join().unwrap();
    }
}
