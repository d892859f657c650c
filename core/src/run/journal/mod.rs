//! The journal: how to put back everything that this run changed, as data, written before the change.
//!
//! `line` is what stands in the file, [`read`] makes sense of one, [`file`] writes it, [`folder`] is where it
//! lies, [`dead`] is the journal of a run that died, as another process finds it. The file is not synced: cgroups
//! and affinities die with the boot, and so does the worth of their undos. How one thing is put back is
//! `run/undo`'s business.
//!
//! **Lives.** What a node records belongs to one life of it ([`Journal::begin_life`]). A life whose call hangs is
//! condemned ([`Journal::condemn`]): it may record and amend nothing any more, so that it changes nothing when
//! it wakes up; what it has changed is undone at once and, since a write may have been under way, again at the end.

pub mod dead;
mod file;
pub mod folder;
pub mod line;
pub mod read;

#[cfg(test)]
mod tests;

pub use folder::runtime_folder;
pub use line::{Entry, Head};

use super::clock::boot_ticks;
use super::undo::{self, How, Patience, Undone};
use file::JournalFile;
use line::Line;
use pipeline_plugin_api::abi::Undo;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What became of one record when it was undone.
#[derive(Debug)]
pub struct Report {
    /// The record.
    pub entry: Entry,
    /// What became of it.
    pub result: Result<Undone, undo::UndoError>,
}

/// One life of a node: from when it is made until it broke, was given up, or the run ended. Clones are the same life.
#[derive(Clone, Debug)]
pub struct Life(Arc<OneLife>);

#[derive(Debug)]
struct OneLife {
    node: String,
    condemned: AtomicBool,
}

/// The journal of this run.
#[derive(Debug)]
pub struct Journal(Mutex<State>);

#[derive(Debug)]
struct State {
    file: JournalFile,
    next: u64,
    open: BTreeMap<u64, Open>,
    /// All is being put back for good; no node may change anything after that.
    sealed: bool,
}

#[derive(Debug)]
struct Open {
    entry: Entry,
    /// None for what the run itself made to be safe, which outlasts all nodes.
    life: Option<Life>,
}

impl Life {
    /// Whether it may write no more.
    pub fn is_condemned(&self) -> bool {
        self.0.condemned.load(Ordering::Acquire)
    }

    /// The node whose life it is.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    fn refuse(&self) -> Result<(), String> {
        if !self.is_condemned() {
            return Ok(());
        }
        Err(format!(
            "`{}` was given up for a call that hung, and this is that call: it may change nothing any more",
            self.0.node
        ))
    }
}

impl Journal {
    /// A journal in that folder. The file is made with the first record, so that a run that changes
    /// nothing leaves nothing.
    pub fn new(folder: &Path, run: &str) -> Self {
        Self(Mutex::new(State {
            file: JournalFile::new(folder, run),
            next: 1,
            open: BTreeMap::new(),
            sealed: false,
        }))
    }

    /// Begins a life of a node. To be called whenever a node is made or made anew.
    pub fn begin_life(&self, node: &str) -> Life {
        Life(Arc::new(OneLife {
            node: node.to_owned(),
            condemned: AtomicBool::new(false),
        }))
    }

    /// Records an undo; only when this returned may the change be made.
    ///
    /// # Errors
    /// The journal cannot be written, or the life is condemned; then nothing may be changed.
    pub fn record(&self, life: &Life, undo: &Undo) -> Result<u64, String> {
        let mut state = self.state();
        // Under the lock: what is condemned while this waits for it must not be recorded after it was undone.
        state.refuse(life)?;
        state.record(Some(life), life.node(), undo)
    }

    /// Records what the run itself makes to be safe, such as where its guardian lives. It is undone by
    /// [`Journal::close`] only.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn record_own(&self, who: &str, undo: &Undo) -> Result<u64, String> {
        self.state().record(None, who, undo)
    }

    /// The change of a record leaves another text now. Until the write that does is made, the knob still reads the one
    /// before, so both are ours. After a write that failed the text that stands is to be amended back.
    ///
    /// # Errors
    /// The journal cannot be written or has no such record, or the life is condemned; then nothing may be changed.
    pub fn amend(&self, life: &Life, record: u64, after: &str) -> Result<(), String> {
        let mut state = self.state();
        state.refuse(life)?;
        if !state.open.contains_key(&record) {
            return Err(format!(
                "the journal has no open record {record}; nothing is changed without it"
            ));
        }
        state.append(&Line::Amended(record, after.to_owned()))?;
        if let Some(open) = state.open.get_mut(&record) {
            open.entry.amend(after);
        }
        state.tidy();
        Ok(())
    }

    /// A record's change is undone. What a condemned life says of it is not believed: its records stay, to be looked
    /// at again at the end.
    ///
    /// # Errors
    /// The journal cannot be written. The record is settled all the same: undoing it twice is harmless.
    pub fn settle(&self, life: &Life, record: u64) -> Result<(), String> {
        let mut state = self.state();
        if life.is_condemned() {
            return Ok(());
        }
        state.settle(record)
    }

    /// How many records are not settled, but for the run's own.
    pub fn open(&self) -> usize {
        self.state().open.values().filter(|open| open.life.is_some()).count()
    }

    /// Gives a life up: it can record and amend nothing any more, and what it changed is undone now, last change
    /// first, and kept open to be undone again by [`Journal::bury`] and [`Journal::undo_all`].
    pub fn condemn(&self, life: &Life) -> Vec<Report> {
        {
            let _locked = self.state();
            life.0.condemned.store(true, Ordering::Release);
        }
        self.undo_where(Patience::Once, |open| open.belongs_to(life))
    }

    /// The call for which a life was condemned came back, and its node is no more. It may have made a write meanwhile,
    /// so what it left is undone again, and for the last time; gives what was found changed.
    pub fn bury(&self, life: &Life) -> Vec<Report> {
        let mut reports = self.condemn(life);
        self.settle_those_back(&reports);
        reports.retain(|report| !matches!(report.result, Ok(Undone::Back | Undone::Gone)));
        reports
    }

    /// Undoes what a node left, last change first.
    pub fn undo_node(&self, node: &str) -> Vec<Report> {
        self.undo_where(Patience::Once, |open| open.life.is_some() && open.entry.node == node)
    }

    /// Undoes all that nodes left, last change first, and removes the file if nothing is. From here on no node may
    /// record anything: one that is still in a call would change what nobody looks at any more.
    pub fn undo_all(&self) -> Vec<Report> {
        self.state().sealed = true;
        let reports = self.undo_where(Patience::Wait, |open| open.life.is_some());
        // This is the end of it: what condemned lives left was looked at for the last time.
        self.settle_those_back(&reports);
        self.state().finish();
        reports
    }

    /// Whether or not the file takes the lines: one that does not is wrong by its own mark, and is written anew.
    fn settle_those_back(&self, reports: &[Report]) {
        let back = reports.iter().filter(|report| report.result.is_ok());
        back.for_each(|report| drop(self.state().settle(report.entry.record)));
    }

    /// Undoes what the run itself made, once nothing else is to be done, and removes the file if nothing is left.
    pub fn close(&self) -> Vec<Report> {
        let reports = self.undo_where(Patience::Wait, |open| open.life.is_none());
        self.state().finish();
        reports
    }

    fn undo_where(&self, patience: Patience, wanted: impl Fn(&Open) -> bool) -> Vec<Report> {
        let entries: Vec<Entry> = {
            let state = self.state();
            let wanted = state.open.values().rev().filter(|open| wanted(open));
            wanted.map(|open| open.entry.clone()).collect()
        };
        let undo = |entry: Entry| {
            let result = undo::undo(&entry, How::carefully(patience));
            self.judge(entry.record, &result);
            Report { entry, result }
        };
        entries.into_iter().map(undo).collect()
    }

    /// What is back is settled, whether or not the file takes the line; but of a condemned life only what became
    /// somebody else's, who is not to be fought over it.
    fn judge(&self, record: u64, result: &Result<Undone, undo::UndoError>) {
        let mut state = self.state();
        let kept = state.open.get(&record).is_some_and(Open::is_condemned);
        let over = match result {
            Ok(Undone::Taken(_)) => true,
            Ok(_) => !kept,
            Err(_) => false,
        };
        if over {
            let _ = state.settle(record);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn belongs_to(&self, life: &Life) -> bool {
        self.life.as_ref().is_some_and(|own| Arc::ptr_eq(&own.0, &life.0))
    }

    fn is_condemned(&self) -> bool {
        self.life.as_ref().is_some_and(Life::is_condemned)
    }
}

impl State {
    fn refuse(&self, life: &Life) -> Result<(), String> {
        if self.sealed {
            let node = life.node();
            return Err(format!(
                "the run ends and has put everything back: `{node}` may change nothing any more"
            ));
        }
        life.refuse()
    }

    fn record(&mut self, life: Option<&Life>, node: &str, undo: &Undo) -> Result<u64, String> {
        let record = self.next;
        let entry = Entry::new(record, node, undo).at(boot_ticks());
        self.append(&Line::Undo(entry.clone()))?;
        self.next += 1;
        let life = life.cloned();
        self.open.insert(record, Open { entry, life });
        Ok(record)
    }

    fn settle(&mut self, record: u64) -> Result<(), String> {
        if self.open.remove(&record).is_none() {
            return Ok(());
        }
        let told = self.append(&Line::Settled(record));
        if told.is_err() {
            // The file holds a record that is none any more; it is to be written anew before anything else.
            self.file.is_wrong();
        }
        self.tidy();
        told
    }

    fn append(&mut self, line: &Line) -> Result<(), String> {
        let open = self.open.values().map(|open| &open.entry);
        self.file.append(line, open)
    }

    /// Writes the file anew where most of it is about what is long settled.
    fn tidy(&mut self) {
        let open = self.open.values().map(|open| &open.entry);
        self.file.tidy(open);
    }

    /// Removes the file if nothing is left to undo.
    fn finish(&mut self) {
        if self.open.is_empty() {
            self.file.remove();
        }
    }
}
