//! The benchmarks behind `scripts/bench`: prints lines `name value unit ratio`.
//!
//! Each holds something of ours against the least that does the same work, both in turns within one
//! process, so that what else the machine does hits both alike. What is measured stands in the files
//! beside this one; here are only the command line and the printing.
#![forbid(unsafe_code)]

mod arguments;
mod boundary;
mod decide;
mod hardware;
mod instant;
mod line;
mod loaded;
mod record;
mod sim;
mod statistics;
mod watch;

use arguments::{Asked, HELP};
use line::Line;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// A measurement, and the names of the lines that it gives.
pub struct Benchmark {
    /// In the order in which they are printed.
    pub lines: &'static [&'static str],
    /// Takes the measurement.
    pub run: fn() -> Result<Vec<Line>, Box<dyn Error>>,
}

const BENCHMARKS: &[Benchmark] = &[
    boundary::ONE,
    boundary::MANY,
    instant::INSTANT,
    watch::WATCH,
    hardware::COUNTERS,
    hardware::LAB,
    record::RATE,
    record::REPLAY,
    record::BYTES,
    sim::HOUR,
    decide::BASELINE,
    decide::TRIAGE,
    decide::CULPRIT,
    decide::OUTLIER,
    decide::CLASS,
    decide::PATTERN,
    decide::FIXED,
    decide::THROTTLE,
    decide::PRIORITY,
    decide::ADAPTIVE,
    decide::DYNAMIC,
    decide::BUDGET,
];

fn main() -> ExitCode {
    let ended = match arguments::parse(std::env::args().skip(1), BENCHMARKS) {
        Ok(Asked::Help) => print(HELP).map(|()| true),
        Ok(Asked::Sweep { every }) => watch::sweep(every).map(|()| true),
        Ok(Asked::Run { names, check }) => run(&names).map(|missed| !check || missed.iter().map(tell).count() == 0),
        Err(wrong) => Err(wrong.into()),
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

/// Runs what is asked for, printing each line as it comes; gives the lines that miss their aim. One
/// that cannot be measured does not keep the others from it.
fn run(names: &[String]) -> Result<Vec<Line>, Box<dyn Error>> {
    let wanted = |line: &str| names.is_empty() || names.iter().any(|name| line.starts_with(name.as_str()));
    let (mut missed, mut failed) = (Vec::new(), Vec::new());
    for benchmark in BENCHMARKS
        .iter()
        .filter(|one| one.lines.iter().any(|line| wanted(line)))
    {
        match (benchmark.run)() {
            Ok(lines) => {
                for line in lines.into_iter().filter(|line| wanted(line.name)) {
                    print(&format!("{line}\n"))?;
                    missed.extend(line.missed().then_some(line));
                }
            }
            Err(error) => failed.push(format!(
                "`{}` cannot be measured: {error}",
                benchmark.lines.join("`, `")
            )),
        }
    }
    if failed.is_empty() {
        Ok(missed)
    } else {
        Err(failed.join("\n").into())
    }
}

fn tell(missed: &Line) {
    complain(&format!(
        "`{}` misses its aim: {missed}, wanted {}",
        missed.name, missed.aim
    ));
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn complain(text: &str) {
    // Where even this cannot be written, the exit status is all that is left to say.
    let _ = writeln!(std::io::stderr(), "bench: {text}");
}
