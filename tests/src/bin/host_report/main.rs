//! What `scripts/efficacy host` prints of a recorded run of `configs/host-redis.ron` or `configs/host-memcached.ron`: its
//! windows pooled by the policy that could act, as a table and as lines `suite policy measure value`.
//!
//! With `--complete N` it only says, by its exit status, whether there are N windows of each kind yet of which enough
//! seconds count (0) or not (3).

mod figures;

use figures::Figures;
use std::io::Write;
use std::process::ExitCode;
use system_tests::measured::{record, windows};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (suite, path, need) = match arguments.as_slice() {
        [suite, path] => (suite, path, None),
        [suite, path, option, count] if option == "--complete" => (suite, path, count.parse().ok()),
        _ => return complain("usage: host_report SUITE RECORD.jsonl [--complete WINDOWS]"),
    };
    let record = match record::read(path) {
        Ok(record) => record,
        Err(why) => return complain(&format!("cannot read `{path}`: {why}")),
    };
    let (windows, kinds) = (windows::windows(&record), windows::kinds(&record));
    if let Some(need) = need {
        return if windows::complete(&windows, &kinds, need) {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(3)
        };
    }
    let figures = Figures::of(&record, &windows, &kinds);
    match std::io::stdout().write_all(figures.text(suite).as_bytes()) {
        Ok(()) if figures.is_whole() => ExitCode::SUCCESS,
        Ok(()) => complain("there is not a second of each kind that counts; run longer, or on a quieter machine"),
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(why: &str) -> ExitCode {
    // Nothing is left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "host_report: {why}");
    ExitCode::FAILURE
}
