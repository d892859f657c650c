//! A descriptor that the kernel makes ready when tasks stalled too long. Polling it is the caller's job.

use crate::{Error, Group, Hierarchies, Resource, fs};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which stalls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StallKind {
    /// At least one task stalled.
    Some,
    /// All tasks stalled at once.
    Full,
}

/// A pressure trigger (accounting/psi.rst, "Monitoring for pressure thresholds"); dropping it disarms it.
///
/// Poll its descriptor for `POLLPRI` alone, since `POLLIN` is set at any time: it is ready when tasks stalled for
/// `stall` within `window`, at most once a window, and looked at ten times a window, so a stall is seen 50 ms to 1 s
/// late. `POLLERR` says that the group is gone.
#[derive(Debug)]
pub struct Trigger {
    file: File,
}

impl Trigger {
    /// Arms a trigger for one group, which needs a version 2 directory.
    ///
    /// # Errors
    /// [`Error::NoGroup`] if the group has none, [`Error::Gone`], or [`Error::Write`] with what the refusal means.
    pub fn group(
        group: &Group,
        resource: Resource,
        kind: StallKind,
        stall: Duration,
        window: Duration,
    ) -> Result<Self, Error> {
        let none = || Error::NoGroup {
            group: group.path().display().to_string(),
        };
        let directory = group.unified().ok_or_else(none)?;
        directory.check()?;
        Self::arm(directory.path.join(resource.group_file()), kind, stall, window)
    }

    /// Arms a trigger for the whole system.
    ///
    /// # Errors
    /// [`Error::Write`] with what the refusal means.
    pub fn system(
        hierarchies: &Hierarchies,
        resource: Resource,
        kind: StallKind,
        stall: Duration,
        window: Duration,
    ) -> Result<Self, Error> {
        Self::arm(
            hierarchies.system_pressure().join(resource.system_file()),
            kind,
            stall,
            window,
        )
    }

    fn arm(path: PathBuf, kind: StallKind, stall: Duration, window: Duration) -> Result<Self, Error> {
        let text = request(kind, stall, window);
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let armed = opened.and_then(|mut file| file.write_all(text.as_bytes()).map(|()| file));
        armed
            .map(|file| Self { file })
            .map_err(|source| refused(&path, &text, source))
    }
}

impl AsFd for Trigger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// `some 150000 1000000`, and a NUL, since the system-wide files take the last byte for one whatever it is.
fn request(kind: StallKind, stall: Duration, window: Duration) -> String {
    let kind = match kind {
        StallKind::Some => "some",
        StallKind::Full => "full",
    };
    format!("{kind} {} {}\0", stall.as_micros(), window.as_micros())
}

fn refused(path: &Path, text: &str, source: std::io::Error) -> Error {
    let text = text.trim_end_matches('\0').to_owned();
    match path.parent() {
        Some(directory) if fs::is_absence(&source) && !directory.exists() => Error::Gone { path: directory.into() },
        _ => {
            let hint = Errno::from_io_error(&source).map_or("", hint);
            Error::Write {
                path: path.into(),
                text,
                hint,
                source,
            }
        }
    }
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::OPNOTSUPP | Errno::NOENT => {
            "; pressure is off: boot with `psi=1`, and write `1` to the group's `cgroup.pressure`"
        }
        Errno::INVAL => {
            "; the window must be 500 ms to 10 s and no shorter than the stall, and without CAP_SYS_RESOURCE \
             a multiple of 2 s"
        }
        Errno::BUSY => "; another trigger is set on this descriptor",
        Errno::ACCESS | Errno::PERM => "; run as root or with CAP_SYS_RESOURCE",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_microseconds_and_ends_with_a_nul() {
        let text = request(StallKind::Some, Duration::from_millis(150), Duration::from_secs(1));
        assert_eq!(text, "some 150000 1000000\0");
    }

    #[test]
    fn refusals_are_explained() {
        assert!(hint(Errno::OPNOTSUPP).contains("psi=1"));
        assert!(hint(Errno::INVAL).contains("500 ms"));
        let error = refused(Path::new("/proc/pressure/cpu"), "some 1 1\0", Errno::INVAL.into());
        assert!(
            error
                .to_string()
                .starts_with("cannot write `some 1 1` to `/proc/pressure/cpu`; the window"),
            "{error}"
        );
    }
}
