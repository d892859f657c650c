//! `pipeline restore`: what runs left that died, and putting it back by hand.
//!
//! How things are put back is `run/undo`'s business, whose journals may be touched `run/journal/dead`'s; here is how
//! it is asked for and shown.

use super::args::{Format, RestoreArgs};
use super::{CliError, Exit, Streams};
use crate::run::clock::pause;
use crate::run::journal::dead::{Dead, Found, Holder, journals};
use crate::run::journal::{Entry, Report};
use crate::run::recover::{OTHER_BOOT, patiently};
use crate::run::undo::Undone;
use pipeline_plugin_api::abi::UndoKind;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// How long a run that was killed a moment ago may still be dying.
const DYING: Duration = Duration::from_millis(100);

/// What is said of one run.
#[derive(Debug, Default, Serialize)]
struct OfRun {
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    state: State,
    /// What else there is to say, as sentences.
    notes: Vec<String>,
    records: Vec<Row>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Dead,
    Alive,
    OtherBoot,
    Unreadable,
}

/// One record.
#[derive(Debug, Serialize)]
struct Row {
    record: u64,
    node: String,
    what: String,
    at: String,
    from: String,
    to: String,
    outcome: Outcome,
    detail: String,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Only listed.
    Open,
    Restored,
    Back,
    Gone,
    Taken,
    Failed,
}

/// Lists or undoes what dead runs left in that folder.
pub(super) fn run(args: &RestoreArgs, folder: &Path, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let journals = journals(folder).map_err(CliError::Folder)?;
    let runs: Vec<OfRun> = journals.iter().filter_map(|path| of_journal(path, args)).collect();
    match args.format {
        Format::Text => text(&runs, streams.out)?,
        Format::Json => writeln!(streams.out, "{:#}", serde_json::json!({ "runs": runs }))?,
    }
    let left = !args.list && runs.iter().any(OfRun::is_left);
    Ok(if left { Exit::Failed } else { Exit::Fine })
}

fn of_journal(path: &Path, args: &RestoreArgs) -> Option<OfRun> {
    let found = match patiently(path) {
        Found::Held(holder) if holder.lives => {
            pause(DYING);
            patiently(path)
        }
        found => found,
    };
    match found {
        Found::Nothing => None,
        Found::Held(holder) => Some(OfRun::held(holder)),
        Found::Strange(why) => Some(OfRun {
            run: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            state: State::Unreadable,
            notes: vec![why],
            ..OfRun::default()
        }),
        Found::Dead(dead) => Some(OfRun::dead(dead, args)),
    }
}

impl OfRun {
    fn held(holder: Holder) -> Self {
        let (pid, run) = (holder.pid, holder.run);
        let note = if holder.lives {
            format!("it lives and puts everything back itself when it is stopped: `kill -TERM {pid}`")
        } else {
            "somebody is putting back what it left; try again when they are done".to_owned()
        };
        Self {
            run,
            pid: Some(pid),
            state: State::Alive,
            notes: vec![note],
            ..Self::default()
        }
    }

    fn dead(mut dead: Dead, args: &RestoreArgs) -> Self {
        let mut told = Self {
            run: dead.run().to_owned(),
            pid: Some(dead.pid()),
            notes: dead.take_faults().collect(),
            ..Self::default()
        };
        let other_boot = dead.is_of_another_boot();
        if other_boot {
            told.state = State::OtherBoot;
            told.notes.push(OTHER_BOOT.to_owned());
        }
        match (args.list, other_boot) {
            (true, _) => told.records = dead.open().map(Row::open).collect(),
            (false, true) => dead.remove(),
            (false, false) => told.restore(dead, args.force),
        }
        told
    }

    fn restore(&mut self, mut dead: Dead, force: bool) {
        dead.undo(force, |_| true, |report| self.records.push(Row::of(report)));
        let known: BTreeSet<u64> = self.records.iter().map(|row| row.record).collect();
        // What was told to be somebody else's before is not told by the undo again; here it is asked for.
        let theirs = dead
            .open()
            .filter(|entry| entry.taken && !known.contains(&entry.record));
        self.records.extend(theirs.map(Row::open));
        dead.finish();
    }

    /// Whether something of it is not as it was found, or nobody knows.
    fn is_left(&self) -> bool {
        matches!(self.state, State::Alive | State::Unreadable)
            || self.records.iter().any(|row| row.outcome == Outcome::Failed)
    }
}

impl Row {
    fn new(entry: &Entry, outcome: Outcome, detail: String) -> Self {
        let process = entry.path.is_empty();
        let (from, to) = match entry.kind() {
            UndoKind::MOVE_TASKS => (String::new(), entry.before.clone()),
            UndoKind::WRITE_FILE | UndoKind::THAW | UndoKind::SET_AFFINITY => {
                (entry.after.trim().to_owned(), entry.before.trim().to_owned())
            }
            _ => Default::default(),
        };
        Self {
            record: entry.record,
            node: entry.node.clone(),
            what: entry.kind().to_string(),
            at: if process {
                format!("process {}", entry.pid)
            } else {
                entry.path.clone()
            },
            from,
            to,
            outcome,
            detail,
        }
    }

    fn open(entry: &Entry) -> Self {
        let outcome = if entry.taken { Outcome::Taken } else { Outcome::Open };
        Self::new(entry, outcome, String::new())
    }

    fn of(report: &Report) -> Self {
        let (outcome, detail) = match &report.result {
            Ok(Undone::Restored) => (Outcome::Restored, String::new()),
            Ok(Undone::Back) => (Outcome::Back, String::new()),
            Ok(Undone::Gone) => (Outcome::Gone, String::new()),
            Ok(Undone::Taken(found)) => (Outcome::Taken, found.clone()),
            Err(error) => (Outcome::Failed, error.to_string()),
        };
        Self::new(&report.entry, outcome, detail)
    }
}

impl Outcome {
    fn sentence(self) -> &'static str {
        match self {
            Self::Open => "to be put back",
            Self::Restored => "restored",
            Self::Back => "was back already",
            Self::Gone => "is gone",
            Self::Taken => "left alone, someone else changed it; `--force` puts it back",
            Self::Failed => "FAILED",
        }
    }
}

fn text(runs: &[OfRun], out: &mut dyn Write) -> io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "no run left anything");
    }
    for run in runs {
        let pid = run.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        let state = match run.state {
            State::Alive => " lives",
            State::Dead => " died",
            State::OtherBoot => " is of another boot",
            State::Unreadable => " cannot be read",
        };
        writeln!(out, "run {}{pid}{state}", run.run)?;
        run.notes.iter().try_for_each(|note| writeln!(out, "  {note}"))?;
        run.records.iter().try_for_each(|row| row.write(out))?;
        if run.state == State::Dead && run.records.is_empty() {
            writeln!(out, "  it left nothing")?;
        }
    }
    Ok(())
}

impl Row {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let change = match (self.from.as_str(), self.to.as_str()) {
            ("", "") => String::new(),
            (from, to) => format!(", `{from}` → `{to}`"),
        };
        let detail = if self.detail.is_empty() {
            String::new()
        } else {
            format!(": {}", self.detail)
        };
        writeln!(
            out,
            "  {}: {} {}{change}: {}{detail}",
            self.node,
            self.what,
            self.at,
            self.outcome.sentence()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::Journal;
    use pipeline_plugin_api::abi::Undo;

    fn said(args: &RestoreArgs, folder: &Path) -> (Exit, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams {
            out: &mut out,
            err: &mut err,
            colour: false,
        };
        let exit = run(args, folder, &mut streams).unwrap();
        let text = String::from_utf8(out).unwrap();
        let process = |word: &str| format!("{word} {}", std::process::id());
        let text = text.replace(&process("process"), "process PID");
        let text = text.replace(&process("-TERM"), "-TERM PID");
        (exit, text.replace(folder.to_str().unwrap(), "FOLDER"))
    }

    /// The journal of a run with one knob that it turned from 0 to 1.
    fn journal(folder: &Path) -> Journal {
        let knob = folder.join("knob");
        std::fs::write(&knob, "1").unwrap();
        let journal = Journal::new(folder, "run");
        let undo = Undo {
            kind: UndoKind::WRITE_FILE,
            path: knob.to_str().unwrap().into(),
            before: "0".into(),
            after: "1".into(),
            ..Undo::default()
        };
        journal.record(&journal.begin_life("limit"), &undo).unwrap();
        journal
    }

    #[test]
    fn what_a_dead_run_left_is_listed_and_then_put_back() {
        let folder = tempfile::tempdir().unwrap();
        drop(journal(folder.path()));
        let list = RestoreArgs {
            list: true,
            ..RestoreArgs::default()
        };
        let row = "run run (process PID) died\n  limit: write file FOLDER/knob, `1` → `0`: ";
        assert_eq!(
            said(&list, folder.path()),
            (Exit::Fine, format!("{row}to be put back\n"))
        );
        let all = RestoreArgs::default();
        assert_eq!(said(&all, folder.path()), (Exit::Fine, format!("{row}restored\n")));
        assert_eq!(said(&all, folder.path()), (Exit::Fine, "no run left anything\n".into()));
    }

    #[test]
    fn a_run_that_lives_is_refused_with_how_to_stop_it() {
        let folder = tempfile::tempdir().unwrap();
        let _living = journal(folder.path());
        let (exit, text) = said(&RestoreArgs::default(), folder.path());
        assert_eq!(exit, Exit::Failed);
        assert!(
            text.contains("run run (process PID) lives\n") && text.contains("`kill -TERM PID`"),
            "{text}"
        );
    }

    #[test]
    fn what_somebody_else_changed_is_put_back_by_force_only_and_programs_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        drop(journal(folder.path()));
        std::fs::write(folder.path().join("knob"), "7").unwrap();
        let json = RestoreArgs {
            format: Format::Json,
            ..RestoreArgs::default()
        };
        let (exit, text) = said(&json, folder.path());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let record = &value["runs"][0]["records"][0];
        assert_eq!((exit, &record["outcome"]), (Exit::Fine, &"taken".into()));
        assert_eq!(
            (&record["from"], &record["to"], &record["node"]),
            (&"1".into(), &"0".into(), &"limit".into())
        );
        let force = RestoreArgs {
            force: true,
            ..RestoreArgs::default()
        };
        assert!(said(&force, folder.path()).1.ends_with(": restored\n"));
    }
}
