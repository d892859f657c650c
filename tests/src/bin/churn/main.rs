//! The driver behind `scripts/chaos churn`: the real binary watches real control groups and commands that come and go by
//! the thousand, and must hold no more open files, threads and memory in the end than it did early on.
//!
//! What is run stands in `graph`, what comes and goes in `groups`, what is looked at in `process`; here are the rounds
//! and the figures. What the pipeline says of the groups is not looked at here: the tests of its plugins do that.
#![forbid(unsafe_code)]

mod figures;
mod graph;
mod groups;
mod process;

use figures::Figures;
use groups::Groups;
use process::Watched;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How many groups are alive at a time.
const ALIVE: usize = 100;
/// How many come and go where nothing else is asked for.
const ALL: usize = 10_000;
/// How long a batch lives: some samples of every collector.
const LIFE: Duration = Duration::from_millis(250);
/// How long there is none then, so that what is still open belongs to nobody.
const REST: Duration = Duration::from_millis(200);

const HELP: &str = "\
Has control groups and commands come and go while the pipeline reads them, as root.

Usage: churn [N]

N groups (10000), 100 at a time. Prints `name value unit`; exit status 0 only if open files, threads and
memory are flat: the last quarter of the rounds against the second. Of memory, what the host remembers of
targets that went is left out: it is bounded, by 4,096 of them.";

fn main() -> ExitCode {
    let ended = match arguments(std::env::args().skip(1)) {
        Ok(Some(count)) => run(count),
        Ok(None) => print(HELP).map(|()| true),
        Err(wrong) => Err(wrong.into()),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where nobody reads it, nobody misses it.
            let _ = writeln!(std::io::stderr(), "churn: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many groups; `None` where help is asked for.
fn arguments(mut given: impl Iterator<Item = String>) -> Result<Option<usize>, String> {
    let count = match given.next().as_deref() {
        None => ALL,
        Some("-h" | "--help") => return Ok(None),
        Some(text) => text.parse().map_err(|_| format!("`{text}` is no number of groups"))?,
    };
    // A quarter is to have a few rounds, so that the means are of something.
    let least = 8 * ALIVE;
    match (given.next(), count >= least) {
        (Some(more), _) => Err(format!("`{more}` is one argument too many; see `churn --help`")),
        (None, false) => Err(format!("{count} groups show nothing; give {least} at least")),
        (None, true) => Ok(Some(count)),
    }
}

/// Runs all rounds; whether all is flat.
fn run(count: usize) -> Result<bool, Box<dyn Error>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, interrupted.clone())?;
    }
    let mut groups = Groups::make()?;
    let folder = tempfile::tempdir()?;
    let pipeline = Watched::start(folder.path(), &graph::text(&groups.pattern()))?;
    pipeline.ready(Duration::from_secs(20))?;
    let begun = Instant::now();
    let mut figures = Figures::new(ALIVE);
    for round in 0..count.div_ceil(ALIVE) {
        if interrupted.load(Ordering::Relaxed) {
            return Err("interrupted".into());
        }
        groups.come(round, ALIVE)?;
        sleep(LIFE);
        let peak = pipeline.sample()?;
        groups.go()?;
        figures.take(peak, pipeline.at_rest(REST)?);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let said = pipeline.end()?;
    let flat = figures.tell(seconds, &said, print)?;
    Ok(flat)
}

fn print(line: &str) -> Result<(), Box<dyn Error>> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
