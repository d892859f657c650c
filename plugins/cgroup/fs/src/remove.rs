//! Removing what was made here, and nothing else. Ending or moving the processes inside is the caller's job.

use crate::group::Directory;
use crate::{Error, Group, fs};
use rustix::io::Errno;
use std::io;
use std::thread;
use std::time::Duration;

/// A group stays busy for a moment after its last process ended.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

impl Group {
    /// Removes the directories that [`Leaf::make`](crate::Leaf::make) made, waiting up to 0.5 s for each while it is busy.
    ///
    /// What is gone already counts as removed, also where someone made another group in its place. All directories
    /// are tried, even if one cannot be removed.
    ///
    /// # Errors
    /// [`Error::NotOurs`] if none of them was made here; [`Error::Remove`], the first one met.
    pub fn remove(&self) -> Result<(), Error> {
        let ours: Vec<_> = self.directories.iter().filter(|directory| directory.made).collect();
        if ours.is_empty() {
            return Err(Error::NotOurs {
                group: self.path.display().to_string(),
            });
        }
        ours.into_iter().rev().map(Directory::remove).fold(Ok(()), Result::and)
    }
}

impl Directory {
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match self.check() {
            Ok(()) => {}
            Err(error) if error.is_gone() => return Ok(()),
            Err(error) => return Err(error),
        }
        match while_busy(TRIES, PAUSE, || std::fs::remove_dir(&self.path)) {
            Err((_, source)) if fs::is_absence(&source) => Ok(()),
            Err((tries, source)) => Err(Error::Remove {
                path: self.path.clone(),
                tries,
                source,
            }),
            Ok(()) => Ok(()),
        }
    }
}

/// Calls `act` up to `tries` times while it says `EBUSY`; the error tells how often it was called.
fn while_busy(tries: u32, pause: Duration, mut act: impl FnMut() -> io::Result<()>) -> Result<(), (u32, io::Error)> {
    let mut tried = 0;
    loop {
        tried += 1;
        match act() {
            Err(source) if Errno::from_io_error(&source) == Some(Errno::BUSY) && tried < tries => thread::sleep(pause),
            other => return other.map_err(|source| (tried, source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> io::Error {
        io::Error::from_raw_os_error(Errno::BUSY.raw_os_error())
    }

    #[test]
    fn a_busy_group_is_given_up_at_the_bound() {
        let mut calls = 0;
        let end = while_busy(3, Duration::ZERO, || {
            calls += 1;
            Err(busy())
        });
        assert_eq!((end.unwrap_err().0, calls), (3, 3));
    }

    #[test]
    fn a_group_that_empties_in_time_is_removed() {
        let mut left = 2;
        let end = while_busy(3, Duration::ZERO, || {
            left -= 1;
            if left == 0 { Ok(()) } else { Err(busy()) }
        });
        assert!(end.is_ok());
    }

    #[test]
    fn other_errors_are_not_tried_again() {
        let end = while_busy(3, Duration::ZERO, || {
            Err(io::Error::from_raw_os_error(Errno::PERM.raw_os_error()))
        });
        assert_eq!(end.unwrap_err().0, 1);
    }
}
