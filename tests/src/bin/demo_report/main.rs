//! What `scripts/demo` prints: the windows of a recorded run of `configs/quickstart.ron`, pooled by
//! kind, as a table and as lines `name: value`. Seconds in which the CPUs stopped are left out.
//!
//! With `--complete N` it only says, by its exit status, whether there are N windows of each kind yet of which
//! enough seconds count (0) or not (3); the demo goes on until there are.

mod figures;

use figures::{Figures, KINDS};
use std::io::Write;
use std::process::ExitCode;
use system_tests::measured::{record, windows};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (path, need) = match (arguments.next(), arguments.next().as_deref(), arguments.next()) {
        (Some(path), None, _) => (path, None),
        (Some(path), Some("--complete"), Some(count)) => (path, count.parse().ok()),
        _ => return usage(),
    };
    let record = match record::read(&path) {
        Ok(record) => record,
        Err(why) => return complain(&format!("cannot read `{path}`: {why}")),
    };
    let windows = windows::windows(&record);
    if let Some(need) = need {
        return if windows::complete(&windows, &KINDS.map(figures::Shown::kind), need) {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(3)
        };
    }
    let figures = Figures::of(&record, &windows);
    match std::io::stdout().write_all(figures.text().as_bytes()) {
        Ok(()) if figures.is_whole() => ExitCode::SUCCESS,
        Ok(()) => complain("there is not a second of each kind that counts; run longer, or on a quieter machine"),
        Err(_) => ExitCode::FAILURE,
    }
}

fn usage() -> ExitCode {
    complain("usage: demo_report RECORD.jsonl [--complete WINDOWS]")
}

fn complain(why: &str) -> ExitCode {
    // Nothing is left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "demo_report: {why}");
    ExitCode::FAILURE
}
