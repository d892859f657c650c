//! The driver behind `scripts/chaos kill`: runs the real binary with real workloads and knobs that are turned all the
//! time, kills it at random moments, and looks whether the host is as it was found.
//!
//! What is looked at stands in `lister`, which shares no code with the pipeline; what is run in `graph`; one kill and
//! what follows in `round`. Here are the series and its figures.
#![forbid(unsafe_code)]

mod arguments;
mod bystander;
mod chance;
mod figures;
mod graph;
mod lister;
mod marked;
mod round;

use arguments::{Asked, HELP, Series};
use bystander::Bystander;
use figures::Figures;
use round::Stand;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> ExitCode {
    let ended = match arguments::parse(std::env::args().skip(1)) {
        Ok(Asked::Help) => print(HELP).map(|()| true),
        Ok(Asked::Run(series)) => run(&series),
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

/// Runs all rounds; whether every one left the host as it was found.
fn run(series: &Series) -> Result<bool, Box<dyn Error>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, interrupted.clone())?;
    }
    complain(&format!("{} rounds, --seed {}", series.rounds, series.seed));
    let bystander = Bystander::make()?;
    let stand = Stand::new(series, &bystander)?;
    let mut figures = Figures::new(series);
    for round in 0..series.rounds {
        if interrupted.load(Ordering::Relaxed) {
            complain("interrupted");
            break;
        }
        // A round by itself is repeated with the seed that stands here.
        let seed = series.seed.wrapping_add(round);
        bystander.settle_in()?;
        let ended = stand.round(seed)?;
        if let Some(wrong) = &ended.wrong {
            complain(&format!("round {round} (--seed {seed}, {}): {wrong}", ended.what));
        }
        figures.add(ended);
    }
    print(&figures.to_string())?;
    Ok(figures.all_as_found())
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn complain(text: &str) {
    // Where even this cannot be written, the exit status is all that is left to say.
    let _ = writeln!(std::io::stderr(), "chaos: {text}");
}
