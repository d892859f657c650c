//! The suites of `scripts/efficacy` that need no hardware of this machine: how right the detectors are and how much the
//! policies help, in simulated scenarios and on the emulated machine, beside simpler policies.
//!
//! What a score is stands in `pipeline-score-measure`; which policies there are in `arm`; one run in `scene`. Here is
//! which suite is asked for.
#![forbid(unsafe_code)]

mod arguments;
mod arm;
mod best;
mod cases;
mod lab;
mod quiet;
mod scene;
mod search;
mod sim;
mod table;
mod workers;

use arguments::{Asked, HELP};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// What a suite gives, or why it could not be run.
type Ended<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let ended = match arguments::parse(std::env::args().skip(1)) {
        Ok(Asked::Help) => print(HELP).map(|()| true),
        Ok(Asked::Sim(wanted)) => sim::run(&wanted),
        Ok(Asked::Quiet(wanted)) => quiet::run(&wanted),
        Ok(Asked::Search(wanted)) => search::run(&wanted),
        Ok(Asked::Lab(wanted)) => lab::run(&wanted),
        Ok(Asked::LabSearch(wanted)) => lab::search(&wanted),
        Err(wrong) => {
            complain(&wrong);
            return ExitCode::from(64);
        }
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Ended<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn complain(text: &str) {
    // Where even this cannot be written, the exit status is all that is left to say.
    let _ = writeln!(std::io::stderr(), "efficacy: {text}");
}
