//! A class that this node made: its folder, its record in the journal, and what it may use as we left it.

use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{Error, Group, Schemata};
use std::collections::BTreeSet;
use std::result::Result as Outcome;

/// A class.
#[derive(Debug)]
pub struct Made {
    /// Counts the classes of this node.
    pub which: u32,
    /// Its folder.
    pub group: Group,
    record: UndoRecord,
    /// What it may use, as read back after the last write.
    pub left: Schemata,
    /// Who is in it.
    pub members: BTreeSet<TargetId>,
    /// Somebody else changed it: it is left as it is until the end.
    pub is_taken: bool,
}

impl Made {
    /// Makes it; recorded before, under a name that nobody else has.
    ///
    /// # Errors
    /// The journal cannot be written, or there is no room for another class.
    pub fn make(which: u32, group: Group, system: &System) -> Result<Self> {
        let record = system.journal(&Undo {
            kind: UndoKind::REMOVE_DIR,
            path: group.path().to_string_lossy().into_owned().into(),
            ..Undo::default()
        })?;
        let made = group.make().and_then(|()| group.schemata());
        match made {
            Ok(left) => Ok(Self {
                which,
                group,
                record,
                left,
                members: BTreeSet::new(),
                is_taken: false,
            }),
            Err(error) => {
                let message = error.sentence();
                // It may be there, if only its file could not be read.
                if group.remove().is_ok() || !group.exists() {
                    system.settle(record);
                }
                Err(Failure::retry(message))
            }
        }
    }

    /// Writes what of `wanted` stands otherwise, and reads it back.
    ///
    /// # Errors
    /// The kernel refuses; masks are set all or none.
    pub fn divide(&mut self, wanted: &Schemata) -> Outcome<(), Error> {
        let missing = self.left.missing(wanted);
        if !missing.lines.is_empty() {
            self.left = self.group.set(&missing)?;
        }
        Ok(())
    }

    /// Removes it; its tasks go to the default group.
    ///
    /// # Errors
    /// The kernel refuses: it is still ours then, and its record stays.
    pub fn remove(self, system: &System) -> Outcome<(), (Box<Self>, Error)> {
        match self.group.remove() {
            Ok(()) | Err(Error::Gone { .. }) => {
                system.settle(self.record);
                Ok(())
            }
            Err(error) => Err((Box::new(self), error)),
        }
    }

    /// Why it is somebody else's now; `None` while it is as we left it.
    pub fn taken_why(&mut self) -> Option<String> {
        let path = self.group.path().display();
        let why = match self.group.schemata() {
            Ok(now) if now == self.left => return None,
            Ok(now) => format!(
                "somebody else set `{path}/schemata` to `{}`; it is theirs now",
                line(&now)
            ),
            Err(error) if error.is_gone() => format!("somebody else removed `{path}`"),
            // What cannot be read now may be as we left it.
            Err(_) => return None,
        };
        self.is_taken = true;
        Some(why)
    }
}

/// As one line.
fn line(schemata: &Schemata) -> String {
    schemata.to_string().trim_end().replace('\n', "; ")
}
