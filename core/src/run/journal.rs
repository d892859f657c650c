//! The journal: how to put back everything that this run changed, as data, written before the change.
//!
//! One file a run in the runtime folder, one JSON object a line: a head with the boot id (undos are
//! worthless after a reboot: cgroups and affinities died with it), then `undo` and `settled` lines. It
//! is not synced, for the same reason. When all is settled the file is removed.

use super::undo::{self, Patience, Undone};
use pipeline_plugin_api::abi::{Undo, UndoKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// One undo as the file holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1.
    pub record: u64,
    /// The node that asked for it.
    pub node: String,
    /// An [`UndoKind`].
    pub kind: u32,
    /// See [`Undo`].
    pub path: String,
    /// See [`Undo`].
    pub inode: u64,
    /// See [`Undo`].
    pub before: String,
    /// See [`Undo`].
    pub after: String,
    /// See [`Undo`].
    pub pid: u32,
    /// See [`Undo`].
    pub start_time: u64,
}

impl Entry {
    /// What it is about, for people: a path, or a process.
    pub fn subject(&self) -> String {
        if self.path.is_empty() {
            return format!("process {}", self.pid);
        }
        format!("`{}`", self.path)
    }

    fn undo(&self) -> Undo {
        Undo {
            kind: UndoKind(self.kind),
            path: self.path.as_str().into(),
            inode: self.inode,
            before: self.before.as_str().into(),
            after: self.after.as_str().into(),
            pid: self.pid,
            start_time: self.start_time,
            ..Undo::default()
        }
    }
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Run {
        version: u32,
        run: String,
        boot: String,
        pid: u32,
    },
    Undo(Entry),
    Settled(u64),
}

/// What became of one record when it was undone.
#[derive(Debug)]
pub struct Report {
    /// The record.
    pub entry: Entry,
    /// What became of it.
    pub result: Result<Undone, undo::UndoError>,
}

/// The journal of this run.
#[derive(Debug)]
pub struct Journal(Mutex<State>);

#[derive(Debug)]
struct State {
    path: PathBuf,
    run: String,
    file: Option<File>,
    next: u64,
    open: BTreeMap<u64, Entry>,
}

impl Journal {
    /// A journal in that folder. The file is made with the first record, so that a run that changes
    /// nothing leaves nothing.
    pub fn new(folder: &Path, run: &str) -> Self {
        let path = folder.join(format!("{run}.journal"));
        Self(Mutex::new(State {
            path,
            run: run.to_owned(),
            file: None,
            next: 1,
            open: BTreeMap::new(),
        }))
    }

    /// Records an undo; only when this returned may the change be made.
    ///
    /// # Errors
    /// The journal cannot be written; then nothing may be changed.
    pub fn record(&self, node: &str, undo: &Undo) -> Result<u64, String> {
        let mut state = self.state();
        let record = state.next;
        let entry = Entry {
            record,
            node: node.to_owned(),
            kind: undo.kind.0,
            path: undo.path.to_string(),
            inode: undo.inode,
            before: undo.before.to_string(),
            after: undo.after.to_string(),
            pid: undo.pid,
            start_time: undo.start_time,
        };
        state.append(&Line::Undo(entry.clone()))?;
        state.next += 1;
        state.open.insert(record, entry);
        Ok(record)
    }

    /// A record's change is undone.
    ///
    /// # Errors
    /// The journal cannot be written. The record is settled all the same: undoing it twice is harmless.
    pub fn settle(&self, record: u64) -> Result<(), String> {
        let mut state = self.state();
        match state.open.remove(&record) {
            Some(_) => state.append(&Line::Settled(record)),
            None => Ok(()),
        }
    }

    /// How many records are not settled.
    pub fn open(&self) -> usize {
        self.state().open.len()
    }

    /// Undoes what a node left, last change first.
    pub fn undo_node(&self, node: &str) -> Vec<Report> {
        self.undo_where(Patience::Once, |entry| entry.node == node)
    }

    /// Undoes all that is left, last change first, and removes the file if nothing is.
    pub fn undo_all(&self) -> Vec<Report> {
        let reports = self.undo_where(Patience::Wait, |_| true);
        self.finish();
        reports
    }

    /// Removes the file if nothing is left to undo.
    pub fn finish(&self) {
        let mut state = self.state();
        if state.open.is_empty() && state.file.take().is_some() {
            // What is left behind is an empty list of undos, which does no harm.
            let _ = std::fs::remove_file(&state.path);
        }
    }

    fn undo_where(&self, patience: Patience, wanted: impl Fn(&Entry) -> bool) -> Vec<Report> {
        let entries: Vec<Entry> = self
            .state()
            .open
            .values()
            .rev()
            .filter(|entry| wanted(entry))
            .cloned()
            .collect();
        let mut reports = Vec::new();
        for entry in entries {
            let result = undo::undo(&entry.undo(), patience);
            if result.is_ok() {
                // The record is dropped whether or not the file takes the line.
                let _ = self.settle(entry.record);
            }
            reports.push(Report { entry, result });
        }
        reports
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, line: &Line) -> Result<(), String> {
        let explain = |error: std::io::Error| {
            format!(
                "cannot write the journal `{}`: {error}; nothing is changed without it",
                self.path.display()
            )
        };
        if self.file.is_none() {
            let folder = self.path.parent().unwrap_or(Path::new("/"));
            // Others may not plant a journal for us to undo, nor read what we changed.
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(explain)?;
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.path)
                .map_err(explain)?;
            let head = Line::Run {
                version: 1,
                run: self.run.clone(),
                boot: boot_id(),
                pid: std::process::id(),
            };
            write_line(&mut file, &head).map_err(explain)?;
            self.file = Some(file);
        }
        self.file
            .as_mut()
            .map_or(Ok(()), |file| write_line(file, line).map_err(explain))
    }
}

fn write_line(file: &mut File, line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// The folder for what need not survive a reboot: `/run/pipeline` for root, else the user's runtime folder.
pub fn runtime_folder() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return "/run/pipeline".into();
    }
    let user = rustix::process::geteuid().as_raw();
    std::env::var_os("XDG_RUNTIME_DIR").map_or_else(
        || std::env::temp_dir().join(format!("pipeline-{user}")),
        |folder| PathBuf::from(folder).join("pipeline"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo_of(path: &Path, before: &str, after: &str) -> Undo {
        Undo {
            kind: UndoKind::WRITE_FILE,
            path: path.to_str().unwrap().into(),
            before: before.into(),
            after: after.into(),
            ..Undo::default()
        }
    }

    #[test]
    fn undos_run_last_change_first() {
        let folder = tempfile::tempdir().unwrap();
        let knob = folder.path().join("knob");
        std::fs::write(&knob, "2").unwrap();
        let journal = Journal::new(folder.path(), "run");
        journal.record("a", &undo_of(&knob, "0", "1")).unwrap();
        journal.record("a", &undo_of(&knob, "1", "2")).unwrap();
        assert!(journal.undo_all().iter().all(|report| report.result.is_ok()));
        assert_eq!(std::fs::read_to_string(&knob).unwrap(), "0");
        assert_eq!(journal.open(), 0);
    }

    #[test]
    fn only_the_node_that_died_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let knob = folder.path().join("knob");
        std::fs::write(&knob, "1").unwrap();
        let journal = Journal::new(folder.path(), "run");
        journal.record("a", &undo_of(&knob, "0", "1")).unwrap();
        assert!(journal.undo_node("b").is_empty());
        assert_eq!(journal.undo_node("a").len(), 1);
    }

    #[test]
    fn the_record_is_on_disk_before_the_change_and_gone_when_all_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path(), "run");
        let record = journal.record("a", &undo_of(Path::new("/x"), "0", "1")).unwrap();
        let text = std::fs::read_to_string(folder.path().join("run.journal")).unwrap();
        assert!(
            text.lines().count() == 2 && text.contains("\"boot\"") && text.contains("\"before\":\"0\""),
            "{text}"
        );
        journal.settle(record).unwrap();
        journal.finish();
        assert!(!folder.path().join("run.journal").exists());
    }

    #[test]
    fn without_a_journal_nothing_may_be_changed() {
        let journal = Journal::new(Path::new("/proc/nowhere"), "run");
        let error = journal.record("a", &undo_of(Path::new("/x"), "0", "1")).unwrap_err();
        assert!(error.contains("nothing is changed without it"), "{error}");
    }
}
