//! What stands in a journal: one JSON object a line, a head and then what was recorded, amended and settled.
//!
//! Values only; nothing here reads or writes a file.

use pipeline_plugin_api::abi::{Undo, UndoKind};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the lines that this program writes, and the only one that it undoes.
pub const VERSION: u32 = 1;

/// One undo as the file holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What `after` was before it was amended: until the next write is made, the knob still reads that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<String>,
    /// See [`Undo`].
    pub pid: u32,
    /// See [`Undo`].
    pub start_time: u64,
    /// When it was recorded, in clock ticks since the boot; 0 where nobody knows.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub since: u64,
    /// Somebody else had changed it when it was to be undone, and was told so; it is theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}

/// The first line: whose journal it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// See [`VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The boot in which it ran: undos of another boot are worthless, since what they are about died with it.
    pub boot: String,
    /// Its process.
    pub pid: u32,
    /// When that process started, in clock ticks since the boot; 0 where nobody knows.
    #[serde(default)]
    pub start_time: u64,
    /// The folder in which it ran, where paths that are not absolute begin.
    #[serde(default)]
    pub folder: String,
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first one.
    Run(Head),
    /// A change that is about to be made.
    Undo(Entry),
    /// A record, and what its change leaves now.
    Amended(u64, String),
    /// A record whose change is undone.
    Settled(u64),
    /// A record whose knob is somebody else's now.
    Taken(u64),
}

impl Entry {
    /// What a node recorded.
    pub fn new(record: u64, node: &str, undo: &Undo) -> Self {
        Self {
            record,
            node: node.to_owned(),
            kind: undo.kind.0,
            path: undo.path.to_string(),
            inode: undo.inode,
            before: undo.before.to_string(),
            after: undo.after.to_string(),
            earlier: None,
            pid: undo.pid,
            start_time: undo.start_time,
            since: 0,
            taken: false,
        }
    }

    /// The same as recorded at that moment, in clock ticks since the boot.
    pub fn at(self, since: u64) -> Self {
        Self { since, ..self }
    }

    /// Its kind.
    pub fn kind(&self) -> UndoKind {
        UndoKind(self.kind)
    }

    /// What it is about, for people: a path, or a process.
    pub fn subject(&self) -> String {
        if self.path.is_empty() {
            return format!("process {}", self.pid);
        }
        format!("`{}`", self.path)
    }

    /// Whether a knob that reads this reads what we left, or what we left before. What somebody else once took is
    /// not ours again, whatever it reads.
    pub fn is_ours(&self, found: &str) -> bool {
        let mut left = std::iter::once(&self.after).chain(&self.earlier);
        !self.taken && left.any(|left| left.trim() == found.trim())
    }

    /// Its change leaves that text now.
    pub fn amend(&mut self, after: &str) {
        self.earlier = Some(std::mem::replace(&mut self.after, after.to_owned()));
    }

    /// The same with paths that can be followed from anywhere.
    pub fn from_folder(mut self, folder: &str) -> Self {
        let absolute = |path: &str| Path::new(folder).join(path).to_string_lossy().into_owned();
        if !self.path.is_empty() {
            self.path = absolute(&self.path);
        }
        if self.kind() == UndoKind::MOVE_TASKS {
            self.before = absolute(&self.before);
        }
        self
    }
}

fn is_unknown(ticks: &u64) -> bool {
    *ticks == 0
}

impl Line {
    /// The line as it stands in the file, with its end.
    ///
    /// # Errors
    /// None of the values that it is made of gives one.
    pub fn text(&self) -> std::io::Result<String> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_before_an_amendment_is_ours_too() {
        let mut entry = Entry {
            after: "1".into(),
            ..Entry::default()
        };
        entry.amend("2\n");
        assert!(entry.is_ours("1\n") && entry.is_ours("2") && !entry.is_ours("3"));
        entry.amend("3");
        assert!(!entry.is_ours("1") && entry.is_ours("2") && entry.is_ours("3"));
    }

    #[test]
    fn an_empty_text_is_ours_only_if_we_left_it() {
        let mut entry = Entry {
            after: "0-1".into(),
            ..Entry::default()
        };
        assert!(!entry.is_ours("\n"));
        entry.amend("");
        assert!(entry.is_ours("\n"));
    }

    #[test]
    fn a_path_is_followed_from_the_folder_of_its_run() {
        let of = |path: &str| Entry {
            path: path.into(),
            ..Entry::default()
        };
        assert_eq!(of("knob").from_folder("/srv/a").path, "/srv/a/knob");
        assert_eq!(of("/sys/knob").from_folder("/srv/a").path, "/sys/knob");
        assert_eq!(of("").from_folder("/srv/a").path, "", "a process has no path");
    }
}
