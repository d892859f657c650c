//! Tests of the journal of a run that lives. What is read back of it stands in `read` and `dead`.

use super::file::{DEAD, DEAD_BY_OPEN};
use super::*;
use pipeline_plugin_api::abi::UndoKind;
use std::path::PathBuf;

fn undo_of(path: &Path, before: &str, after: &str) -> Undo {
    Undo {
        kind: UndoKind::WRITE_FILE,
        path: path.to_str().unwrap().into(),
        before: before.into(),
        after: after.into(),
        ..Undo::default()
    }
}

/// A folder with a journal and a knob that reads that.
fn stand(reads: &str) -> (tempfile::TempDir, Journal, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let knob = folder.path().join("knob");
    std::fs::write(&knob, reads).unwrap();
    let journal = Journal::new(folder.path(), "run");
    (folder, journal, knob)
}

fn text(folder: &tempfile::TempDir) -> String {
    std::fs::read_to_string(folder.path().join("run.journal")).unwrap()
}

fn reads(knob: &Path) -> String {
    std::fs::read_to_string(knob).unwrap()
}

#[test]
fn undos_run_last_change_first() {
    let (_folder, journal, knob) = stand("2");
    let life = journal.begin_life("a");
    journal.record(&life, &undo_of(&knob, "0", "1")).unwrap();
    journal.record(&life, &undo_of(&knob, "1", "2")).unwrap();
    assert!(journal.undo_all().iter().all(|report| report.result.is_ok()));
    assert_eq!((reads(&knob).as_str(), journal.open()), ("0", 0));
}

#[test]
fn only_the_node_that_died_is_undone() {
    let (_folder, journal, knob) = stand("1");
    journal
        .record(&journal.begin_life("a"), &undo_of(&knob, "0", "1"))
        .unwrap();
    assert!(journal.undo_node("b").is_empty());
    assert_eq!(journal.undo_node("a").len(), 1);
}

#[test]
fn the_record_is_on_disk_before_the_change_and_gone_when_all_is_settled() {
    let (folder, journal, _) = stand("");
    let life = journal.begin_life("a");
    let record = journal.record(&life, &undo_of(Path::new("/x"), "0", "1")).unwrap();
    let text = text(&folder);
    assert!(
        text.lines().count() == 2 && text.contains("\"boot\"") && text.contains("\"before\":\"0\""),
        "{text}"
    );
    journal.settle(&life, record).unwrap();
    assert!(journal.undo_all().is_empty());
    assert!(!folder.path().join("run.journal").exists());
}

#[test]
fn without_a_journal_nothing_may_be_changed() {
    let journal = Journal::new(Path::new("/proc/nowhere"), "run");
    let error = journal
        .record(&journal.begin_life("a"), &undo_of(Path::new("/x"), "0", "1"))
        .unwrap_err();
    assert!(error.contains("nothing is changed without it"), "{error}");
}

#[test]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::MetadataExt;
    let (folder, journal, knob) = stand("1");
    journal
        .record(&journal.begin_life("a"), &undo_of(&knob, "0", "1"))
        .unwrap();
    let mode = std::fs::metadata(folder.path().join("run.journal")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_knob_that_is_turned_again_goes_back_to_what_was_found_whether_or_not_the_write_was_made() {
    for left in ["1", "2"] {
        let (_folder, journal, knob) = stand(left);
        let life = journal.begin_life("a");
        let record = journal.record(&life, &undo_of(&knob, "0", "1")).unwrap();
        journal.amend(&life, record, "2").unwrap();
        journal.undo_all();
        assert_eq!(reads(&knob), "0", "it read {left}");
    }
}

#[test]
fn what_has_no_record_cannot_be_amended() {
    let (_folder, journal, knob) = stand("1");
    let life = journal.begin_life("a");
    assert!(journal.amend(&life, 1, "2").is_err());
    let record = journal.record(&life, &undo_of(&knob, "0", "1")).unwrap();
    journal.settle(&life, record).unwrap();
    assert!(
        journal
            .amend(&life, record, "2")
            .unwrap_err()
            .contains("no open record")
    );
}

/// The case for which lives exist: a write that hangs is made after its node was given up and undone.
#[test]
fn a_condemned_life_changes_nothing_any_more_and_what_it_wrote_late_is_undone_again() {
    let (folder, journal, knob) = stand("1");
    let (hung, other) = (journal.begin_life("a"), journal.begin_life("a"));
    let record = journal.record(&hung, &undo_of(&knob, "0", "1")).unwrap();
    assert_eq!(journal.condemn(&hung).len(), 1);
    assert_eq!(reads(&knob), "0");
    for refused in [
        journal.record(&hung, &undo_of(&knob, "0", "1")).unwrap_err(),
        journal.amend(&hung, record, "5").unwrap_err(),
    ] {
        assert!(refused.contains("it may change nothing any more"), "{refused}");
    }
    journal.settle(&hung, record).unwrap();
    assert!(
        journal.record(&other, &undo_of(Path::new("/nowhere"), "", "")).is_ok(),
        "the next life may"
    );
    std::fs::write(&knob, "1").unwrap();
    assert_eq!(journal.undo_all().len(), 2);
    assert_eq!(reads(&knob), "0");
    assert!(journal.open() == 0 && !folder.path().join("run.journal").exists());
}

/// In a run of months each call that hung and came back would otherwise leave its records for ever.
#[test]
fn of_a_life_whose_call_came_back_nothing_is_left_in_the_journal() {
    let (_folder, journal, knob) = stand("1");
    let (hung, other) = (journal.begin_life("a"), journal.begin_life("b"));
    journal.record(&hung, &undo_of(&knob, "0", "1")).unwrap();
    journal.record(&other, &undo_of(Path::new("/nowhere"), "", "")).unwrap();
    journal.condemn(&hung);
    assert_eq!((journal.open(), reads(&knob).as_str()), (2, "0"));
    std::fs::write(&knob, "1").unwrap();
    assert_eq!(journal.bury(&hung).len(), 1, "it was written late");
    assert_eq!((journal.open(), reads(&knob).as_str()), (1, "0"));
    assert!(journal.bury(&hung).is_empty());
}

/// A node whose last call is still under way when the end does not wait any longer.
#[test]
fn after_all_was_undone_no_node_records_anything() {
    let (folder, journal, knob) = stand("1");
    let late = journal.begin_life("a");
    let record = journal.record(&late, &undo_of(&knob, "0", "1")).unwrap();
    assert_eq!(journal.undo_all().len(), 1);
    for refused in [
        journal.record(&late, &undo_of(&knob, "0", "1")).unwrap_err(),
        journal.amend(&late, record, "2").unwrap_err(),
    ] {
        assert!(refused.contains("`a` may change nothing any more"), "{refused}");
    }
    assert!(!folder.path().join("run.journal").exists());
}

#[test]
fn a_knob_of_a_condemned_life_that_somebody_took_is_told_once() {
    let (_folder, journal, knob) = stand("1");
    let hung = journal.begin_life("a");
    journal.record(&hung, &undo_of(&knob, "0", "1")).unwrap();
    std::fs::write(&knob, "7").unwrap();
    assert_eq!((journal.condemn(&hung).len(), journal.undo_all().len()), (1, 0));
    assert_eq!(reads(&knob), "7");
}

#[test]
fn what_the_run_made_for_itself_outlasts_what_its_nodes_changed() {
    let (folder, journal, _) = stand("");
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let undo = Undo {
        kind: UndoKind::REMOVE_DIR,
        path: own.to_str().unwrap().into(),
        ..Undo::default()
    };
    journal.record_own("guardian", &undo).unwrap();
    assert!(journal.undo_all().is_empty() && own.exists() && journal.open() == 0);
    assert_eq!(journal.close().len(), 1);
    assert!(!own.exists() && !folder.path().join("run.journal").exists());
}

/// A run of months amends and settles without end; its file stays as long as what is open needs.
#[test]
fn a_file_that_is_mostly_settled_is_written_anew_and_says_the_same() {
    let (folder, journal, knob) = stand("last");
    let life = journal.begin_life("a");
    let record = journal.record(&life, &undo_of(&knob, "0", "first")).unwrap();
    let mut most = 0;
    for number in 0..3 * DEAD {
        journal.amend(&life, record, &number.to_string()).unwrap();
        most = most.max(text(&folder).lines().count());
    }
    assert!(most > DEAD && most <= DEAD + DEAD_BY_OPEN + 3, "{most} lines");
    let contents = read::read(text(&folder).as_bytes());
    let entry = &contents.open[&record];
    assert!(contents.faults.is_empty() && entry.is_ours("2999") && entry.is_ours("2998") && !entry.is_ours("2997"));
    let one = folder.path().join("run.journal");
    assert!(
        matches!(dead::find(&one), dead::Found::Held(_)),
        "the new file is locked too"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        2,
        "the old one is gone"
    );
}

#[test]
fn a_file_of_which_most_is_open_is_left_as_it_is() {
    let (folder, journal, _) = stand("");
    let life = journal.begin_life("a");
    let undo = undo_of(Path::new("/nowhere"), "0", "1");
    let records: Vec<u64> = (0..DEAD).map(|_| journal.record(&life, &undo).unwrap()).collect();
    for record in &records[..10] {
        for _ in 0..DEAD / 5 {
            journal.amend(&life, *record, "2").unwrap();
        }
    }
    assert_eq!(text(&folder).lines().count(), 1 + DEAD + 2 * DEAD);
}
