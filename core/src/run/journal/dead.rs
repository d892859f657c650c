//! The journal of a run that died, as another process finds it: its guardian, the next run, or a person.
//!
//! Whoever holds the file's lock may undo what it says; while its run lives nobody can. What is put back is noted in
//! the file at once, so that whoever comes after one who was killed at it goes on where that one was.

use super::file::{boot_id, is_at, lock};
use super::line::{Entry, Head, Line, VERSION};
use super::{Report, folder, read};
use crate::run::undo::{self, How, Patience, Stat, Undone};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The longest file that is read, in bytes: far more than a run can have open.
const LONGEST: u64 = 64 << 20;

/// What is found under the name of a journal.
#[derive(Debug)]
pub enum Found {
    /// Nothing: there was nothing to undo, or somebody did it.
    Nothing,
    /// Its run lives, or somebody is at work on it.
    Held(Holder),
    /// Its run is dead, and it is ours to undo.
    Dead(Dead),
    /// Nothing can be done with it; why, as a sentence.
    Strange(String),
}

/// Whose a journal is that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The run's id.
    pub run: String,
    /// Its process.
    pub pid: u32,
    /// Whether that process lives; if not, its guardian is at work, or somebody else who puts things back.
    pub lives: bool,
}

/// The journal of a dead run. Nobody else undoes it while this exists.
#[derive(Debug)]
pub struct Dead {
    path: PathBuf,
    file: File,
    head: Head,
    open: BTreeMap<u64, Entry>,
    faults: Vec<String>,
}

/// What is left of a dead run after it was undone.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// What could not be put back.
    pub failed: usize,
    /// What somebody else had changed, and stays theirs.
    pub taken: usize,
}

/// The journals of a folder, by name. None where there is no such folder.
///
/// # Errors
/// The folder cannot be listed, or others could write there.
pub fn journals(place: &Path) -> Result<Vec<PathBuf>, String> {
    let explain = |error: io::Error| format!("cannot list `{}`: {error}", place.display());
    if let Err(error) = std::fs::symlink_metadata(place)
        && error.kind() == ErrorKind::NotFound
    {
        return Ok(Vec::new());
    }
    folder::check(place)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("journal") => found.push(path),
            Some("new") => sweep(&path),
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

/// Removes a file that a run was killed at before it was a journal: nothing was changed for what it says.
fn sweep(path: &Path) {
    if let Ok(file) = folder::open(path)
        && lock(&file).is_ok_and(|locked| locked)
        && is_at(&file, path)
    {
        // Whoever cannot remove it leaves a few bytes.
        let _ = std::fs::remove_file(path);
    }
}

/// Looks at a journal, and takes it over if its run is dead.
pub fn find(path: &Path) -> Found {
    let strange = |why: String| Found::Strange(format!("`{}`: {why}; it is left as it is", path.display()));
    let taken = || -> io::Result<Option<(File, bool)>> {
        let file = match folder::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let locked = lock(&file)?;
        // It may have been written anew, or removed, between the two.
        Ok(is_at(&file, path).then_some((file, locked)))
    };
    let (mut file, locked) = match taken() {
        Ok(Some(taken)) => taken,
        Ok(None) => return Found::Nothing,
        Err(error) => return strange(error.to_string()),
    };
    let mut bytes = Vec::new();
    if let Err(error) = (&mut file).take(LONGEST).read_to_end(&mut bytes) {
        return strange(error.to_string());
    }
    let contents = read::read(&bytes);
    match contents.head {
        _ if bytes.len() as u64 == LONGEST => strange("it is too long to be one of ours".into()),
        None => strange(contents.faults.into_iter().next().unwrap_or("it is empty".into())),
        Some(head) if !locked => Found::Held(Holder::of(head)),
        Some(head) if head.version != VERSION => strange(format!(
            "it is of version {} and this pipeline writes version {VERSION}; restore it with that one",
            head.version
        )),
        Some(head) => Found::Dead(Dead {
            path: path.to_owned(),
            file,
            open: of_folder(contents.open, &head.folder),
            head,
            faults: contents.faults,
        }),
    }
}

fn of_folder(open: BTreeMap<u64, Entry>, folder: &str) -> BTreeMap<u64, Entry> {
    let entries = open.into_iter();
    entries
        .map(|(record, entry)| (record, entry.from_folder(folder)))
        .collect()
}

impl Holder {
    fn of(head: Head) -> Self {
        let stat = Stat::of(head.pid);
        let same = |stat: &Stat| head.start_time == 0 || stat.start_time == head.start_time;
        Self {
            run: head.run.clone(),
            pid: head.pid,
            lives: stat.is_some_and(|stat| same(&stat) && !stat.is_dead()),
        }
    }
}

impl Dead {
    /// The run's id.
    pub fn run(&self) -> &str {
        &self.head.run
    }

    /// The process that it was.
    pub fn pid(&self) -> u32 {
        self.head.pid
    }

    /// Whether it ran in another boot of this machine. Then there is nothing to undo: what it changed died with that
    /// boot, and what stands under the same names now is somebody else's.
    pub fn is_of_another_boot(&self) -> bool {
        self.head.boot != boot_id()
    }

    /// What is open, first change first.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.open.values()
    }

    /// What of it makes no sense, as sentences; each is given once.
    pub fn take_faults(&mut self) -> impl Iterator<Item = String> + use<> {
        let run = self.head.run.clone();
        let faults = std::mem::take(&mut self.faults).into_iter();
        faults
            .map(move |fault| format!("the journal of run {run} is damaged, and what that line says is lost: {fault}"))
    }

    /// Undoes what is wanted, last change first, and tells what became of each record. What is busy is tried again
    /// when all else is back. What is somebody else's is told once only.
    pub fn undo(&mut self, force: bool, wanted: impl Fn(&Entry) -> bool, mut tell: impl FnMut(&Report)) {
        let how = How {
            patience: Patience::Wait,
            force,
        };
        let entries = self.open.values().rev().filter(|entry| wanted(entry));
        let mut busy = Vec::new();
        for entry in entries.cloned().collect::<Vec<_>>() {
            let report = self.undo_one(entry, how);
            match &report.result {
                Err(error) if error.is_busy() => busy.push(report.entry),
                Ok(Undone::Taken(_)) if report.entry.taken => {}
                _ => tell(&report),
            }
        }
        for entry in busy {
            tell(&self.undo_one(entry, how));
        }
    }

    fn undo_one(&mut self, entry: Entry, how: How) -> Report {
        let result = undo::undo(&entry, how);
        match &result {
            Ok(Undone::Taken(_)) => self.note(entry.record, entry.taken),
            Ok(_) => {
                self.write(&Line::Settled(entry.record));
                self.open.remove(&entry.record);
            }
            Err(_) => {}
        }
        Report { entry, result }
    }

    fn note(&mut self, record: u64, is_noted: bool) {
        if !is_noted {
            self.write(&Line::Taken(record));
        }
        if let Some(entry) = self.open.get_mut(&record) {
            entry.taken = true;
        }
    }

    fn write(&mut self, line: &Line) {
        // Without the line it is undone again, which finds it back already.
        let _ = line.text().and_then(|text| self.file.write_all(text.as_bytes()));
    }

    /// Gives it up: removes the file if nothing is open. What is left otherwise is for `pipeline restore`.
    pub fn finish(self) -> Left {
        let taken = self.open.values().filter(|entry| entry.taken).count();
        let left = Left {
            failed: self.open.len() - taken,
            taken,
        };
        if self.open.is_empty() {
            self.remove();
        }
        left
    }

    /// Removes the file, whatever is open.
    pub fn remove(self) {
        // An empty list of undos does no harm. The lock goes last.
        let _ = std::fs::remove_file(&self.path);
        drop(self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::Journal;
    use pipeline_plugin_api::abi::{Undo, UndoKind};

    fn knob(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn undo_of(path: &Path) -> Undo {
        Undo {
            kind: UndoKind::WRITE_FILE,
            path: path.to_str().unwrap().into(),
            before: "0".into(),
            after: "1".into(),
            ..Undo::default()
        }
    }

    /// A journal whose run died, with a record for each of these files.
    fn died(folder: &Path, knobs: &[&Path]) -> PathBuf {
        let journal = Journal::new(folder, "run");
        let life = journal.begin_life("limit");
        for knob in knobs {
            journal.record(&life, &undo_of(knob)).unwrap();
        }
        folder.join("run.journal")
    }

    fn dead(path: &Path) -> Dead {
        match find(path) {
            Found::Dead(dead) => dead,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn while_its_run_lives_a_journal_is_held_and_afterwards_it_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let knob = knob(folder.path(), "knob", "1");
        let journal = Journal::new(folder.path(), "run");
        journal.record(&journal.begin_life("limit"), &undo_of(&knob)).unwrap();
        let path = folder.path().join("run.journal");
        match find(&path) {
            Found::Held(holder) => assert_eq!((holder.pid, holder.lives), (std::process::id(), true)),
            other => panic!("{other:?}"),
        }
        drop(journal);
        let mut dead = dead(&path);
        assert!(matches!(find(&path), Found::Held(_)), "two at a time");
        dead.undo(
            false,
            |_| true,
            |report| assert_eq!(report.result.as_ref().unwrap(), &Undone::Restored),
        );
        assert_eq!(dead.finish(), Left::default());
        assert_eq!(std::fs::read_to_string(knob).unwrap(), "0");
        assert!(matches!(find(&path), Found::Nothing));
    }

    #[test]
    fn what_somebody_else_took_is_told_once_and_put_back_by_force_only() {
        let folder = tempfile::tempdir().unwrap();
        let knob = knob(folder.path(), "knob", "7");
        let path = died(folder.path(), &[&knob]);
        let undo = |force| {
            let (mut dead, mut told) = (dead(&path), 0);
            dead.undo(force, |_| true, |_| told += 1);
            (told, dead.finish())
        };
        let taken = Left { failed: 0, taken: 1 };
        assert_eq!(undo(false), (1, taken));
        std::fs::write(&knob, "1").unwrap();
        assert_eq!(undo(false), (0, taken), "it is theirs, whatever it reads");
        assert_eq!(std::fs::read_to_string(&knob).unwrap(), "1");
        assert_eq!(undo(true), (1, Left::default()));
        assert_eq!(std::fs::read_to_string(&knob).unwrap(), "0");
        assert!(!path.exists());
    }

    #[test]
    fn who_was_killed_at_undoing_is_gone_on_from() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (knob(folder.path(), "one", "1"), knob(folder.path(), "two", "1"));
        let path = died(folder.path(), &[&one, &two]);
        let mut first = dead(&path);
        first.undo(false, |entry| entry.record == 2, |_| ());
        drop(first);
        let second = dead(&path);
        assert_eq!(second.open().map(|entry| entry.record).collect::<Vec<_>>(), [1]);
        assert_eq!(
            (
                std::fs::read_to_string(one).unwrap(),
                std::fs::read_to_string(two).unwrap()
            ),
            ("1".into(), "0".into())
        );
    }

    #[test]
    fn a_journal_of_another_boot_and_one_of_another_version_are_known_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = died(folder.path(), &[&knob(folder.path(), "knob", "1")]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(&boot_id(), "another")).unwrap();
        assert!(dead(&path).is_of_another_boot());
        std::fs::write(&path, text.replace("\"version\":1", "\"version\":9")).unwrap();
        match find(&path) {
            Found::Strange(why) => assert!(why.contains("of version 9"), "{why}"),
            other => panic!("{other:?}"),
        }
        std::fs::write(&path, "").unwrap();
        assert!(matches!(find(&path), Found::Strange(why) if why.contains("it is empty")));
    }

    #[test]
    fn only_journals_are_listed_and_what_never_became_one_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.journal", "a.journal", "acting.lock", "c.journal.new"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = journals(folder.path()).unwrap();
        assert_eq!(
            names,
            [folder.path().join("a.journal"), folder.path().join("b.journal")]
        );
        assert!(!folder.path().join("c.journal.new").exists());
        assert!(journals(&folder.path().join("nowhere")).unwrap().is_empty());
    }
}
