//! What we hold of one knob, and its records in the journal: what was found, and what we left.
//!
//! A file is recorded before it is written, and every record has what was found before our first write. Nothing is
//! written here.

use super::held::Claim;
use pipeline_cgroup_fs::{FileWrite, KnobKind, Setting};
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// A knob that we hold.
#[derive(Clone, Debug)]
pub struct Hold {
    /// What was found.
    pub found: Setting,
    /// What we left in force.
    pub in_force: Setting,
    /// In the order of writing, to be undone backwards. Empty where what was asked for stood there already.
    pub lines: Vec<Line>,
    /// That no other node turns these files.
    pub claim: Arc<Claim>,
}

/// One write that we made, or are about to.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was found, and what we leave.
    pub write: FileWrite,
    /// Its place in the journal.
    pub record: UndoRecord,
}

/// Records one write.
///
/// # Errors
/// The journal cannot be written; then nothing may be changed.
pub fn record(system: &System, kind: KnobKind, write: FileWrite) -> Result<Line> {
    // A workload that ran is never left frozen, whatever the file reads by then.
    let thaws = kind == KnobKind::Freeze && matches!(write.before.as_str(), "0" | "THAWED");
    let record = system.journal(&Undo {
        kind: if thaws { UndoKind::THAW } else { UndoKind::WRITE_FILE },
        path: write.path.to_string_lossy().into_owned().into(),
        inode: write.inode,
        before: write.before.as_str().into(),
        after: write.after.as_str().into(),
        ..Undo::default()
    })?;
    Ok(Line { write, record })
}

/// Records several writes, all or none.
///
/// # Errors
/// As [`record`].
pub fn record_all(system: &System, kind: KnobKind, writes: Vec<FileWrite>) -> Result<Vec<Line>> {
    let mut lines = Vec::with_capacity(writes.len());
    for write in writes {
        match record(system, kind, write) {
            Ok(line) => lines.push(line),
            Err(failure) => {
                settle(system, &lines);
                return Err(failure);
            }
        }
    }
    Ok(lines)
}

/// What these lines were for is over.
pub fn settle(system: &System, lines: &[Line]) {
    lines.iter().for_each(|line| system.settle(line.record));
}

impl Hold {
    /// A knob that stands as it was found.
    pub fn of(found: Setting, claim: Arc<Claim>) -> Self {
        Self {
            in_force: found.clone(),
            found,
            lines: Vec::new(),
            claim,
        }
    }

    /// The one line of that file; `None` where there is none, or several.
    pub fn only_line_of(&self, path: &Path) -> Option<&Line> {
        let mut lines = self.lines.iter().filter(|line| line.write.path == path);
        lines.next().filter(|_| lines.next().is_none())
    }

    /// What is to be recorded so that `writes` can be made on top of what we hold: the text found first stays.
    pub fn writes_on_top(&self, writes: Vec<FileWrite>) -> Vec<FileWrite> {
        let first = |write: &FileWrite| self.lines.iter().find(|line| line.write.path == write.path);
        let with_first = |write: FileWrite| match first(&write) {
            Some(line) => FileWrite {
                before: line.write.before.clone(),
                ..write
            },
            None => write,
        };
        writes.into_iter().map(with_first).collect()
    }

    /// These lines hold now in place of those with the same records.
    pub fn amended(&mut self, lines: Vec<Line>) {
        for line in lines {
            if let Some(held) = self.lines.iter_mut().find(|held| held.record == line.record) {
                *held = line;
            }
        }
    }

    /// The new lines hold now, and replace those of the same files.
    pub fn replace(&mut self, system: &System, lines: Vec<Line>) {
        let (over, kept): (Vec<Line>, Vec<Line>) = self
            .lines
            .drain(..)
            .partition(|old| lines.iter().any(|new| new.write.path == old.write.path));
        settle(system, &over);
        self.lines = kept;
        self.lines.extend(lines);
    }
}
