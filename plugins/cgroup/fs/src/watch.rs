//! Being told by the kernel that groups come and go (inotify(7)). What that means for anybody is not decided here.

use crate::Error;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How many bytes are read at once: some hundred events.
const ROOM: usize = 16 * 1024;

/// One queue of events for many directories. Dropping it ends all watches.
#[derive(Debug)]
pub struct Watcher {
    inotify: OwnedFd,
    buffer: Box<[MaybeUninit<u8>]>,
}

/// A watched directory. The kernel does not give a number again to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Watch(i32);

/// What is told of a watched directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Groups right below that come, go, or are renamed.
    pub children: bool,
    /// Changes of its `cgroup.events`, on version 2 (cgroup-v2.rst, "\[Un\]populated Notification").
    pub events: bool,
}

/// What the kernel told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something happened to a group of that name right below: look what there is now.
    Child(Watch, String),
    /// Its `cgroup.events` may say something else now.
    Events(Watch),
    /// The directory is gone, and the watch with it.
    Ended(Watch),
    /// Events were lost: look at everything.
    Lost,
}

impl Watcher {
    /// A queue without watches.
    ///
    /// # Errors
    /// [`Error::Watch`] where this user has too many of them.
    pub fn new() -> Result<Self, Error> {
        let made = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let inotify = made.map_err(|errno| refused(Path::new("/"), errno))?;
        let buffer = vec![MaybeUninit::uninit(); ROOM].into();
        Ok(Self { inotify, buffer })
    }

    /// Watches a directory, or changes what is told of it; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Watch`] where this user has too many watches.
    pub fn add(&self, directory: &Path, interest: Interest) -> Result<Option<Watch>, Error> {
        let mut flags = WatchFlags::ONLYDIR;
        if interest.children {
            flags |= WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        }
        if interest.events {
            flags |= WatchFlags::MODIFY;
        }
        match inotify::add_watch(&self.inotify, directory, flags) {
            Ok(number) => Ok(Some(Watch(number))),
            Err(Errno::NOENT | Errno::NODEV | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(refused(directory, errno)),
        }
    }

    /// Takes what the kernel told since, some hundred more than `most` notices at the most; never waits.
    ///
    /// # Errors
    /// [`Error::Read`], which is not known to happen.
    pub fn read(&mut self, most: usize) -> Result<Vec<Notice>, Error> {
        let mut notices = Vec::new();
        let mut reader = Reader::new(self.inotify.as_fd(), &mut self.buffer);
        loop {
            // What was read into the buffer is told in any case; the kernel has forgotten it.
            if notices.len() >= most && reader.is_buffer_empty() {
                return Ok(notices);
            }
            match reader.next() {
                Ok(event) => notices.extend(notice(&event)),
                Err(Errno::AGAIN) => return Ok(notices),
                Err(Errno::INTR) => {}
                Err(errno) => {
                    return Err(Error::Read {
                        path: PathBuf::from("inotify"),
                        source: errno.into(),
                    });
                }
            }
        }
    }
}

/// Ready to be read when there is something to [`Watcher::read`].
impl AsFd for Watcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

fn notice(event: &inotify::Event<'_>) -> Option<Notice> {
    let (flags, watch) = (event.events(), Watch(event.wd()));
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Some(Notice::Lost);
    }
    if flags.contains(ReadFlags::IGNORED) {
        return Some(Notice::Ended(watch));
    }
    let name = event.file_name()?.to_str().ok()?;
    if flags.contains(ReadFlags::ISDIR) {
        return Some(Notice::Child(watch, name.to_owned()));
    }
    (name == "cgroup.events" && flags.contains(ReadFlags::MODIFY)).then_some(Notice::Events(watch))
}

fn refused(path: &Path, errno: Errno) -> Error {
    let hint = match errno {
        Errno::NOSPC => "; raise the bound with `sysctl fs.inotify.max_user_watches=1048576`",
        Errno::MFILE => "; raise the bound with `sysctl fs.inotify.max_user_instances=1024`",
        Errno::ACCESS => "; this user may not read it",
        _ => "",
    };
    Error::Watch {
        path: path.into(),
        hint,
        source: io::Error::from(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const CHILDREN: Interest = Interest {
        children: true,
        events: false,
    };

    #[test]
    fn groups_that_come_and_go_are_told_and_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut watcher = Watcher::new().unwrap();
        let watch = watcher.add(folder.path(), CHILDREN).unwrap().unwrap();
        assert_eq!(watcher.read(10).unwrap(), []);
        fs::write(folder.path().join("cpu.stat"), "").unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::remove_dir(folder.path().join("a")).unwrap();
        let child = || Notice::Child(watch, "a".into());
        assert_eq!(watcher.read(10).unwrap(), [child(), child()]);
    }

    #[test]
    fn a_directory_that_goes_ends_its_watch_and_none_is_no_watch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap();
        let mut watcher = Watcher::new().unwrap();
        let watch = watcher.add(&path, CHILDREN).unwrap().unwrap();
        assert_eq!(watcher.add(&path, CHILDREN).unwrap(), Some(watch), "the same directory");
        fs::remove_dir(&path).unwrap();
        assert_eq!(watcher.read(10).unwrap(), [Notice::Ended(watch)]);
        assert_eq!(watcher.add(&path, CHILDREN).unwrap(), None);
    }

    #[test]
    fn only_the_events_file_tells_of_population() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["cgroup.events", "memory.events"] {
            fs::write(folder.path().join(name), "populated 0\n").unwrap();
        }
        let mut watcher = Watcher::new().unwrap();
        let interest = Interest {
            children: false,
            events: true,
        };
        let watch = watcher.add(folder.path(), interest).unwrap().unwrap();
        fs::write(folder.path().join("memory.events"), "low 1\n").unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        assert_eq!(watcher.read(10).unwrap(), []);
        fs::write(folder.path().join("cgroup.events"), "populated 1\n").unwrap();
        let told = watcher.read(10).unwrap();
        assert!(!told.is_empty() && told.iter().all(|notice| *notice == Notice::Events(watch)));
    }

    #[test]
    fn refusals_say_which_bound_to_raise() {
        let said = |errno| refused(Path::new("/g"), errno).to_string();
        assert!(
            said(Errno::NOSPC).contains("max_user_watches"),
            "{}",
            said(Errno::NOSPC)
        );
        assert!(said(Errno::MFILE).contains("max_user_instances"));
    }
}
