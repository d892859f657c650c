//! One descriptor that becomes readable when any of the rings has something, and says whose thread has ended.

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Rings when a ring has a record.
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    /// A bell that never rings yet.
    ///
    /// # Errors
    /// This process has too many open files.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Rings for this one too, until it is silenced.
    ///
    /// # Errors
    /// The bound of watched descriptors is reached (`fs.epoll.max_user_watches`).
    pub fn listen(&self, ring: impl AsFd, number: u64) -> io::Result<()> {
        Ok(epoll::add(&self.0, ring, EventData::new_u64(number), EventFlags::IN)?)
    }

    /// Rings for this one no more. A descriptor that is open elsewhere too would ring on otherwise.
    pub fn silence(&self, ring: impl AsFd) {
        // One that was never listened to is silent already.
        let _ = epoll::delete(&self.0, ring);
    }

    /// The numbers of those that hung up, some at a time.
    pub fn hung_up(&self) -> Vec<u64> {
        let mut events = [MaybeUninit::<Event>::uninit(); 64];
        let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        let Ok((events, _)) = epoll::wait(&self.0, &mut events, Some(&now)) else {
            return Vec::new();
        };
        let copied = events.iter().map(|event| (event.flags, event.data));
        copied
            .filter(|(flags, _)| flags.contains(EventFlags::HUP))
            .map(|(_, data)| data.u64())
            .collect()
    }

    /// The descriptor to wait for.
    pub fn descriptor(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
