//! What is on disk when, and what is lost when it cannot be written.

use crate::testing::{Recorder, played};
use crate::{Limits, Run, Wanted, Writer};
use crate::{Page, schema};
use pipeline_plugin_api::abi::{Batch, MetricId, Nanos, Reading};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn batch(value: f64) -> Batch {
    let reading = Reading {
        value,
        metric: MetricId(1),
        ..Reading::default()
    };
    Batch {
        at: Nanos(value as u64),
        readings: vec![reading].into(),
        ..Batch::default()
    }
}

fn files(folder: &Path) -> Vec<String> {
    let segments = Run::open(folder).unwrap().segments(&schema::READINGS).to_vec();
    let names = segments
        .iter()
        .map(|segment| segment.path.file_name().unwrap().to_string_lossy().into_owned());
    names.filter(|name| name != "000000.parquet").collect()
}

fn values(folder: &Path) -> Vec<f64> {
    played(folder, Wanted::All)
        .iter()
        .flat_map(|(_, batch)| batch.readings.iter().map(|r| r.value))
        .collect()
}

#[test]
fn a_small_segment_grows_in_its_place_and_is_closed_when_it_has_settled() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::new(
        folder.path(),
        Limits {
            settled: 3,
            ..Limits::default()
        },
    );
    for instant in 1..=5 {
        recorder.say("a", instant, &batch(instant as f64));
        recorder.flush().unwrap();
        assert_eq!(
            files(folder.path()).len(),
            if instant <= 3 { 1 } else { 2 },
            "after {instant}"
        );
        assert_eq!(values(folder.path()).len() as u64, instant);
    }
    assert_eq!(recorder.flush().unwrap().segments, 0, "nothing is new");
    assert_eq!(recorder.writer.counts()["readings"], 5);
}

#[test]
fn a_segment_has_so_many_rows_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        rows: 2,
        settled: 9,
        ..Limits::default()
    };
    let mut recorder = Recorder::new(folder.path(), limits);
    (1..=5).for_each(|instant| recorder.say("a", instant, &batch(instant as f64)));
    assert!(recorder.writer.is_full());
    recorder.flush().unwrap();
    assert_eq!(
        files(folder.path()),
        ["000001.parquet", "000002.parquet", "000003.parquet"]
    );
    assert_eq!(values(folder.path()), [1.0, 2.0, 3.0, 4.0, 5.0]);
}

/// Puts a file in the place of the table's folder, whoever is asked to write there; or puts the folder back.
fn blocked(folder: &Path, is: bool) {
    let (own, away) = (folder.join("readings"), folder.join("away"));
    if is {
        fs::rename(&own, &away).unwrap();
        fs::write(&own, "in the way").unwrap();
    } else {
        fs::remove_file(&own).unwrap();
        fs::rename(&away, &own).unwrap();
    }
}

#[test]
fn what_cannot_be_written_waits_and_past_the_bound_is_lost_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        waiting: 6,
        ..Limits::default()
    };
    let mut recorder = Recorder::new(folder.path(), limits);
    recorder.flush().unwrap();
    blocked(folder.path(), true);
    recorder.say("a", 1, &batch(1.0));
    assert!(recorder.flush().unwrap_err().to_string().contains("readings"));
    assert_eq!(recorder.writer.lost(), 0);
    blocked(folder.path(), false);
    assert_eq!(recorder.flush().unwrap().lost, 0);
    assert_eq!(values(folder.path()), [1.0]);

    blocked(folder.path(), true);
    (2..=5).for_each(|instant| recorder.say("a", instant, &batch(instant as f64)));
    recorder.flush().unwrap_err();
    assert_eq!(
        recorder.writer.lost(),
        8,
        "four readings and what says that they belong together"
    );
    blocked(folder.path(), false);
    recorder.say("a", 6, &batch(6.0));
    assert_eq!(recorder.flush().unwrap().lost, 8);
    assert_eq!(values(folder.path()), [1.0, 6.0], "what was on disk is not lost");
}

#[test]
fn a_table_without_a_row_is_there_with_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    Recorder::new(folder.path(), Limits::default());
    let run = Run::open(folder.path()).unwrap();
    for table in schema::TABLES {
        assert_eq!(run.segments(table).len(), 1, "{}", table.name);
        assert_eq!(run.count(table), (0, Vec::new()), "{}", table.name);
    }
}

#[test]
fn a_folder_that_holds_a_run_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Page::default().write(folder.path()).unwrap();
    let told = Writer::create(folder.path(), Page::default(), Limits::default())
        .unwrap_err()
        .to_string();
    assert!(told.contains("choose another folder"), "{told}");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let told = Writer::create(&folder.path().join("file/run"), Page::default(), Limits::default()).unwrap_err();
    assert!(told.to_string().contains("cannot be written"), "{told}");
    if is_root() {
        return;
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let told = Writer::create(&folder.path().join("run"), Page::default(), Limits::default()).unwrap_err();
    assert!(told.to_string().contains("let this user work there"), "{told}");
}

/// Root may write anywhere.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}
