//! A write that is recorded and not made yet: how the journal is told of it, of what the kernel made of it, and that it
//! did not take place.
//!
//! What was found is recorded once for each file. A file that is held already has its record, which is amended: one short
//! line, and the journal knows both what stands there and what is about to.

use super::hold::{Hold, Line, record_all};
use pipeline_cgroup_fs::{Error, FileWrite, KnobKind, Undone};
use pipeline_plugin_api::prelude::*;
use std::result::Result as Outcome;

/// What is about to be written, in the order of writing.
#[derive(Debug)]
pub struct Pending {
    lines: Vec<Line>,
    /// What the file read before, where its record was amended.
    former: Option<String>,
}

impl Pending {
    /// Tells the journal of writes on top of what is held.
    ///
    /// # Errors
    /// The journal cannot be written; then nothing may be changed.
    pub fn record(hold: &Hold, writes: Vec<FileWrite>, kind: KnobKind, system: &System) -> Result<Self> {
        if let [write] = &writes[..]
            && let Some(held) = hold.only_line_of(&write.path)
        {
            system.amend(held.record, &write.after)?;
            let mut line = held.clone();
            line.write.after.clone_from(&write.after);
            return Ok(Self {
                lines: vec![line],
                former: Some(write.before.clone()),
            });
        }
        // Several are undone backwards, so where one of them is new all are recorded anew.
        Ok(Self {
            lines: record_all(system, kind, hold.writes_on_top(writes))?,
            former: None,
        })
    }

    /// The last file reads that now.
    ///
    /// # Errors
    /// The journal cannot be written; the write is to be taken back.
    pub fn read_back(&mut self, after: &str, system: &System) -> Result<()> {
        let Some(line) = self.lines.last_mut().filter(|line| line.write.after != after) else {
            return Ok(());
        };
        line.write.after = after.to_owned();
        system.amend(line.record, after)
    }

    /// Takes back what may or may not have been written: all reads what it read before.
    ///
    /// # Errors
    /// A file cannot be written back; its record stays.
    pub fn take_back(&self, system: &System) -> Outcome<(), Error> {
        for line in self.lines.iter().rev() {
            let before = self.former.as_ref().unwrap_or(&line.write.before).clone();
            let write = FileWrite {
                before,
                ..line.write.clone()
            };
            match (write.undo(), &self.former) {
                (Err(error), _) if !error.is_gone() => return Err(error),
                (Ok(Undone::Restored), Some(former)) => {
                    // If the journal takes no more, it still knows both texts.
                    let _ = system.amend(line.record, former);
                }
                (_, Some(_)) => {}
                (_, None) => system.settle(line.record),
            }
        }
        Ok(())
    }

    /// It was written: the lines hold, in place of those of the same files.
    pub fn hold(self, hold: &mut Hold, system: &System) {
        match self.former {
            Some(_) => hold.amended(self.lines),
            None => hold.replace(system, self.lines),
        }
    }
}
