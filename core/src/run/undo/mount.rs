//! A filesystem that we mounted is unmounted, unless somebody else has something in it by now. Which one it is, and what lies
//! in it by itself, is the record's.

use super::file::is_absence;
use super::{Patience, UndoError, Undone, refused};
use crate::run::clock::pause;
use crate::run::journal::Entry;
use rustix::io::Errno;
use rustix::mount::UnmountFlags;
use std::time::Duration;

const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// What is mounted where this process sees it (proc_pid_mounts(5)).
const MOUNTS: &str = "/proc/self/mounts";

/// Unmounts what is mounted at `path`, if it is of the type `before` and has no folder but those that `after` names.
pub(super) fn unmount(entry: &Entry, force: bool, patience: Patience) -> Result<Undone, UndoError> {
    let by_hand = format!("umount {}", entry.path);
    let mounts = std::fs::read_to_string(MOUNTS).map_err(refused("look for", entry, by_hand.clone()))?;
    if top(&mounts, &entry.path) != Some(entry.before.trim()) {
        return Ok(Undone::Gone);
    }
    if let Some(folder) = foreign(entry).filter(|_| !force) {
        return Ok(Undone::Taken(format!(
            "`{}` has the folder `{folder}` by now",
            entry.path
        )));
    }
    let mut tries = if patience == Patience::Wait { 0 } else { BUSY_TRIES };
    loop {
        match rustix::mount::unmount(entry.path.as_str(), UnmountFlags::NOFOLLOW) {
            Ok(()) => return Ok(Undone::Restored),
            Err(Errno::INVAL) => return Ok(Undone::Gone),
            Err(error) if is_absence(&error.into()) => return Ok(Undone::Gone),
            Err(Errno::BUSY) if tries < BUSY_TRIES => {
                tries += 1;
                pause(BUSY_PAUSE);
            }
            Err(error) => return Err(refused("unmount", entry, by_hand)(error.into())),
        }
    }
}

/// The type of what was mounted there last; `None` where nothing is.
fn top<'a>(mounts: &'a str, path: &str) -> Option<&'a str> {
    let fields = |line: &'a str| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    };
    let mut there = mounts.lines().filter_map(fields).filter(|(at, _)| *at == path);
    there.next_back().map(|(_, kind)| kind)
}

/// A folder in it that the record does not name.
fn foreign(entry: &Entry) -> Option<String> {
    let known = |name: &str| entry.after.split_whitespace().any(|word| word == name);
    let folders = std::fs::read_dir(&entry.path).into_iter().flatten().flatten();
    let folders = folders.filter(|found| found.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names = folders.map(|found| found.file_name().to_string_lossy().into_owned());
    names.find(|name| !known(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::undo::{How, undo};
    use pipeline_plugin_api::abi::UndoKind;

    const MOUNTED: &str = "proc /proc proc rw 0 0\nx /srv/a tmpfs rw 0 0\ny /srv/a other rw 0 0\n";

    #[test]
    fn what_was_mounted_last_is_on_top() {
        assert_eq!(top(MOUNTED, "/srv/a"), Some("other"));
        assert_eq!(top(MOUNTED, "/proc"), Some("proc"));
        assert_eq!(top(MOUNTED, "/srv"), None);
    }

    #[test]
    fn what_is_not_mounted_is_gone_and_what_is_of_another_type_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &str, kind: &str| Entry {
            kind: UndoKind::UNMOUNT.0,
            path: path.into(),
            before: kind.into(),
            ..Entry::default()
        };
        let undone = |entry: &Entry| undo(entry, How::carefully(Patience::Once)).unwrap();
        assert_eq!(undone(&of(folder.path().to_str().unwrap(), "tmpfs")), Undone::Gone);
        assert_eq!(undone(&of("/proc", "tmpfs")), Undone::Gone);
        let taken = undone(&of("/proc", "proc"));
        assert!(
            matches!(taken, Undone::Taken(_)),
            "it has folders that nobody names: {taken:?}"
        );
    }

    #[test]
    fn a_folder_that_the_record_does_not_name_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        ["info", "theirs"]
            .iter()
            .for_each(|name| std::fs::create_dir(folder.path().join(name)).unwrap());
        std::fs::write(folder.path().join("file"), "").unwrap();
        let mut entry = Entry {
            path: folder.path().to_str().unwrap().into(),
            after: "info more".into(),
            ..Entry::default()
        };
        assert_eq!(foreign(&entry).as_deref(), Some("theirs"));
        entry.after.push_str(" theirs");
        assert_eq!(foreign(&entry), None);
    }
}
