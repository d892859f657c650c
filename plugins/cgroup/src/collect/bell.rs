//! One descriptor that is ready to be read when any of the triggers fired.
//!
//! A pressure file with a trigger says at any time that it can be read, and only `POLLPRI` says that it fired
//! (accounting/psi.rst), so that a host which waits for something to read would be called without end. An epoll that
//! waits for `EPOLLPRI` alone is ready exactly when one of them fired, and once for each time.

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Rings when a trigger fires, or when its group goes.
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    /// A bell without triggers, which never rings.
    ///
    /// # Errors
    /// This process has too many open files.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Rings for this trigger too, until it is dropped.
    ///
    /// # Errors
    /// The bound of watched descriptors is reached (`fs.epoll.max_user_watches`).
    pub fn listen(&self, trigger: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.0, trigger, EventData::new_u64(0), EventFlags::PRI)?)
    }

    /// The descriptor to wait for.
    pub fn descriptor(&self) -> i32 {
        self.0.as_raw_fd()
    }
}
