//! Tests of the guardian's two sides, each with a stand-in for the other. Both together are a matter of the system
//! tests, which start the real binary.

use super::talk::{DONE, RECORDED};
use super::*;
use crate::run::clock::Clock;
use crate::run::journal::Journal;
use crate::run::log::Logger;
use crate::run::tests::{Said, until};
use crate::run::undo::Stat;
use std::path::Path;
use std::time::Duration;

fn logger(said: &Said) -> Logger {
    Logger::new(Format::Text, Level::INFO, Clock::real(), Box::new(said.clone()))
}

/// A guardian whose program is that shell script, in a folder of its own.
fn guardian(folder: &Path, script: &str) -> Guardian {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("program");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let order = Order {
        run: "run".into(),
        folder: folder.to_owned(),
        format: Format::Text,
        level: Level::INFO,
    };
    Guardian::start_program(program, order).unwrap()
}

/// Far longer than anything here takes; what is not so by then never will be.
const NEVER: Duration = Duration::from_secs(60);

/// Ends it; gives whether its process, which is reaped by that, is no more.
fn is_ended(guardian: Guardian) -> bool {
    let pid = guardian.pid().unwrap();
    let start_time = |pid| Stat::of(pid).map(|stat| stat.start_time);
    let before = start_time(pid).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        guardian.end();
        // Whoever waits has given up only if the test has failed.
        let _ = sender.send(guardian.pid());
    });
    assert_eq!(receiver.recv_timeout(NEVER), Ok(None), "it is waited for without end");
    start_time(pid) != Some(before)
}

#[test]
fn what_it_says_of_its_places_is_recorded_and_it_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place");
    std::fs::create_dir(&place).unwrap();
    let ready = format!(r#"{{"places":["{}"]}}"#, place.display());
    let heard = folder.path().join("heard");
    // It answers on its standard input, which is a socket, and ends with the second byte of it.
    let script = format!("echo '{ready}' >&0; head -c 2 >{}", heard.display());
    let guardian = guardian(folder.path(), &script);
    let journal = Journal::new(folder.path(), "run");
    guardian.ready(&journal).unwrap();
    assert!(is_ended(guardian));
    until(|| std::fs::read(&heard).unwrap().len() == 2);
    assert_eq!(std::fs::read(&heard).unwrap(), [RECORDED, DONE]);
    assert_eq!(journal.close().len(), 1);
    assert!(!place.exists());
}

#[test]
fn one_that_ends_before_it_is_ready_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let guardian = guardian(folder.path(), "exit 3");
    let why = guardian.ready(&Journal::new(folder.path(), "run")).unwrap_err();
    assert_eq!(why, "it ended before it was ready");
}

#[test]
fn one_that_dies_is_replaced_three_times_and_then_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let guardian = guardian(folder.path(), "exit 3");
    let (said, journal) = (Said::default(), Journal::new(folder.path(), "run"));
    let logger = logger(&said);
    until(|| {
        guardian.tend(&logger, &journal);
        said.text().contains("for now there is none")
    });
    guardian.tend(&logger, &journal);
    let text = said.text();
    assert_eq!(text.matches("it ended (exit status: 3)").count(), 4, "{text}");
    assert_eq!(text.matches("for now there is none").count(), 1, "{text}");
}

#[test]
fn one_that_does_not_end_when_told_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    assert!(is_ended(guardian(folder.path(), "exec sleep infinity")));
}

#[test]
fn one_whose_run_falls_is_not_told_that_all_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (heard, ended) = (folder.path().join("heard"), folder.path().join("ended"));
    let script = format!("head -c 1 >{}; touch {}", heard.display(), ended.display());
    for (falls, bytes) in [(true, 0), (false, 1)] {
        let guardian = guardian(folder.path(), &script);
        let run = std::thread::spawn(move || {
            let _guardian = guardian;
            assert!(!falls, "a fault, as this test wants it");
        });
        assert_eq!(run.join().is_err(), falls);
        until(|| ended.exists());
        assert_eq!(std::fs::read(&heard).unwrap().len(), bytes);
        std::fs::remove_file(&ended).unwrap();
    }
}
