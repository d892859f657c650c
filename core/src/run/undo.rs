//! Putting something back, from the data in an undo record alone.
//!
//! Each kind first looks whether what it finds is still what we left; if not, it is someone else's
//! now and stays as it is. Nothing here knows which knob a file is.

use pipeline_plugin_api::abi::{Undo, UndoKind};
use rustix::process::{Pid, Signal};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was found.
    Restored,
    /// It went away; there is nothing to put back.
    Gone,
    /// Someone else changed it; the text says what was found.
    Taken(String),
}

/// Why something could not be put back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The system refused.
    #[error("cannot {what} `{path}`: {source}; put it back by hand: `{by_hand}`")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: String,
        /// What the system says.
        source: std::io::Error,
        /// The command that does it.
        by_hand: String,
    },
    /// A record of a kind that this version does not know.
    #[error("the record is of an unknown kind ({0}); a newer version of pipeline can undo it")]
    Unknown(UndoKind),
}

impl UndoError {
    /// Whether somebody still uses what was to be put back, so that it may go later.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if source.kind() == ErrorKind::ResourceBusy)
    }
}

/// Whether to wait for what is busy.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Try once: the run goes on, and the rest of it may be what keeps it busy.
    Once,
    /// Try for half a second: tasks that were just killed leave a group only when they are reaped.
    Wait,
}

/// Puts one thing back.
///
/// # Errors
/// It is still ours and could not be put back.
pub fn undo(record: &Undo, patience: Patience) -> Result<Undone, UndoError> {
    match record.kind {
        UndoKind::WRITE_FILE => write_file(record, true),
        UndoKind::THAW => write_file(record, false),
        UndoKind::REMOVE_DIR => remove_dir(record, patience),
        UndoKind::MOVE_TASKS => move_tasks(record),
        UndoKind::SET_AFFINITY => set_affinity(record),
        UndoKind::KILL => kill(record),
        kind => Err(UndoError::Unknown(kind)),
    }
}

fn refused(what: &'static str, record: &Undo, by_hand: String) -> impl FnOnce(std::io::Error) -> UndoError {
    let path = record.path.to_string();
    move |source| UndoError::Refused {
        what,
        path,
        source,
        by_hand,
    }
}

fn absent(error: &std::io::Error) -> bool {
    // ENODEV is what a removed cgroup's file gives through a descriptor that was still open.
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error())
}

/// Whether the path still is the inode that was recorded. Inode 0 stands for "not recorded".
fn is_same(record: &Undo) -> bool {
    let inode = std::fs::metadata(record.path.as_str()).map(|meta| meta.ino());
    matches!(inode, Ok(inode) if record.inode == 0 || inode == record.inode)
}

fn write_file(record: &Undo, compare: bool) -> Result<Undone, UndoError> {
    let path = Path::new(record.path.as_str());
    if !is_same(record) {
        return Ok(Undone::Gone);
    }
    let by_hand = format!("echo '{}' > {}", record.before.trim(), record.path);
    let found = match std::fs::read_to_string(path) {
        Ok(found) => found,
        Err(error) if absent(&error) => return Ok(Undone::Gone),
        Err(error) => return Err(refused("read", record, by_hand)(error)),
    };
    if found.trim() == record.before.trim() {
        return Ok(Undone::Restored);
    }
    if compare && found.trim() != record.after.trim() {
        return Ok(Undone::Taken(format!(
            "`{}` reads `{}` and not `{}`",
            record.path,
            found.trim(),
            record.after.trim()
        )));
    }
    // A write of no bytes reaches no controller, so an empty text (an unset `cpuset.cpus`) is a bare newline.
    let before = if record.before.is_empty() {
        "\n"
    } else {
        record.before.as_str()
    };
    match std::fs::write(path, before) {
        Ok(()) => Ok(Undone::Restored),
        Err(error) if absent(&error) => Ok(Undone::Gone),
        Err(error) => Err(refused("write", record, by_hand)(error)),
    }
}

fn remove_dir(record: &Undo, patience: Patience) -> Result<Undone, UndoError> {
    if !is_same(record) {
        return Ok(Undone::Gone);
    }
    let mut tries = if patience == Patience::Wait { 0 } else { BUSY_TRIES };
    loop {
        match std::fs::remove_dir(record.path.as_str()) {
            Ok(()) => return Ok(Undone::Restored),
            Err(error) if absent(&error) => return Ok(Undone::Gone),
            Err(error) if error.kind() == ErrorKind::ResourceBusy && tries < BUSY_TRIES => {
                tries += 1;
                super::clock::pause(BUSY_PAUSE);
            }
            Err(error) => return Err(refused("remove", record, format!("rmdir {}", record.path))(error)),
        }
    }
}

const BUSY_TRIES: u32 = 50;
const BUSY_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// `path` lists the tasks, `before` is the file into which each is written.
fn move_tasks(record: &Undo) -> Result<Undone, UndoError> {
    let by_hand = format!("for t in $(cat {}); do echo $t > {}; done", record.path, record.before);
    let listed = match std::fs::read_to_string(record.path.as_str()) {
        Ok(listed) => listed,
        Err(error) if absent(&error) => return Ok(Undone::Gone),
        Err(error) => return Err(refused("read", record, by_hand)(error)),
    };
    for task in listed.split_whitespace() {
        match std::fs::write(record.before.as_str(), task) {
            Ok(()) => {}
            // The task ended meanwhile.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {}
            Err(error) => return Err(refused("move tasks of", record, by_hand)(error)),
        }
    }
    Ok(Undone::Restored)
}

/// Field 22 of `/proc/PID/stat`, see proc(5); `None` if there is no such process or thread.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn set_affinity(record: &Undo) -> Result<Undone, UndoError> {
    let Some(pid) = alive(record) else {
        return Ok(Undone::Gone);
    };
    let by_hand = format!("taskset -pc {} {}", record.before, record.pid);
    let io = |error: rustix::io::Errno| std::io::Error::from(error);
    let now = rustix::thread::sched_getaffinity(Some(pid)).map_err(io);
    let now = now.map_err(refused("read the affinity of", record, by_hand.clone()))?;
    if list(&now) != record.after.trim() {
        return Ok(Undone::Taken(format!(
            "thread {} may use `{}` and not `{}`",
            record.pid,
            list(&now),
            record.after
        )));
    }
    let mut set = rustix::thread::CpuSet::new();
    for cpu in record.before.split(',').filter_map(|cpu| cpu.trim().parse().ok()) {
        set.set(cpu);
    }
    let done = rustix::thread::sched_setaffinity(Some(pid), &set).map_err(io);
    done.map_err(refused("set the affinity of", record, by_hand))?;
    Ok(Undone::Restored)
}

/// CPUs as `0,2,3`: the form in which affinity records hold them.
fn list(set: &rustix::thread::CpuSet) -> String {
    let cpus = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu));
    cpus.map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")
}

fn alive(record: &Undo) -> Option<Pid> {
    let same = start_time(record.pid)? == record.start_time;
    same.then(|| Pid::from_raw(i32::try_from(record.pid).ok()?))?
}

fn kill(record: &Undo) -> Result<Undone, UndoError> {
    let Some(pid) = alive(record) else {
        return Ok(Undone::Gone);
    };
    match rustix::process::kill_process(pid, Signal::KILL) {
        Ok(()) => Ok(Undone::Restored),
        Err(rustix::io::Errno::SRCH) => Ok(Undone::Gone),
        Err(error) => Err(refused("kill", record, format!("kill -9 {}", record.pid))(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &Path, before: &str, after: &str) -> Undo {
        Undo {
            kind: UndoKind::WRITE_FILE,
            path: path.to_str().unwrap().into(),
            inode: std::fs::metadata(path).map(|m| m.ino()).unwrap_or_default(),
            before: before.into(),
            after: after.into(),
            ..Undo::default()
        }
    }

    fn knob(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_knob_that_reads_what_we_wrote_goes_back() {
        let file = knob("1\n");
        assert_eq!(
            undo(&record(file.path(), "0", "1"), Patience::Wait).unwrap(),
            Undone::Restored
        );
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "0");
    }

    #[test]
    fn an_empty_text_is_put_back_as_a_bare_newline() {
        let file = knob("0-1\n");
        assert_eq!(
            undo(&record(file.path(), "", "0-1"), Patience::Wait).unwrap(),
            Undone::Restored
        );
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "\n");
    }

    #[test]
    fn a_knob_that_someone_else_changed_is_left_alone() {
        let file = knob("7\n");
        assert!(matches!(
            undo(&record(file.path(), "0", "1"), Patience::Wait).unwrap(),
            Undone::Taken(_)
        ));
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "7\n");
    }

    #[test]
    fn a_path_that_is_another_inode_now_is_not_written() {
        let file = knob("1\n");
        let mut record = record(file.path(), "0", "1");
        record.inode += 1;
        assert_eq!(undo(&record, Patience::Wait).unwrap(), Undone::Gone);
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "1\n");
    }

    #[test]
    fn a_process_with_the_same_pid_and_another_start_is_not_killed() {
        let record = Undo {
            kind: UndoKind::KILL,
            pid: std::process::id(),
            start_time: start_time(std::process::id()).unwrap() + 1,
            ..Undo::default()
        };
        assert_eq!(undo(&record, Patience::Wait).unwrap(), Undone::Gone);
    }

    #[test]
    fn our_own_process_is_killed_by_its_record() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let record = Undo {
            kind: UndoKind::KILL,
            pid: child.id(),
            start_time: start_time(child.id()).unwrap(),
            ..Undo::default()
        };
        assert_eq!(undo(&record, Patience::Wait).unwrap(), Undone::Restored);
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn an_unknown_kind_is_an_error_and_not_a_guess() {
        assert!(
            undo(
                &Undo {
                    kind: UndoKind(99),
                    ..Undo::default()
                },
                Patience::Wait
            )
            .is_err()
        );
    }

    #[test]
    fn a_directory_that_we_made_is_removed_and_a_vanished_one_is_fine() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made");
        std::fs::create_dir(&made).unwrap();
        let record = Undo {
            kind: UndoKind::REMOVE_DIR,
            ..record(&made, "", "")
        };
        assert_eq!(undo(&record, Patience::Wait).unwrap(), Undone::Restored);
        assert_eq!(undo(&record, Patience::Wait).unwrap(), Undone::Gone);
    }
}
