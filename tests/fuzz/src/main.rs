//! The command line of the fuzzer: each target in a process of its own, so that one which takes its process along
//! is told like any other failure.
#![forbid(unsafe_code)]

mod worker;

use pipeline_fuzz::mutate::input;
use pipeline_fuzz::targets::Target;
use std::io::Write;
use std::process::ExitCode;

const INPUTS: u64 = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["list"] => list(),
        ["again", target, number] => again(target, number),
        ["worker", target, inputs, progress] => return worker::work(target, inputs, progress),
        ["-h" | "--help"] => tell("usage: fuzz [INPUTS] [TARGET…] | fuzz list | fuzz again TARGET NUMBER"),
        words => return fuzz(words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

/// The seed of all inputs.
fn seed() -> u64 {
    let given = std::env::var("PIPELINE_FUZZ_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn fuzz(words: &[&str]) -> ExitCode {
    let (inputs, names) = match words.split_first().map(|(first, rest)| (first.parse(), rest)) {
        Some((Ok(inputs), rest)) => (inputs, rest),
        _ => (INPUTS, words),
    };
    let targets: Result<Vec<&Target>, String> = match names {
        [] => Ok(Target::ALL.iter().collect()),
        names => names.iter().map(|name| named(name)).collect(),
    };
    match targets {
        Ok(targets) => {
            let good = targets
                .into_iter()
                .filter(|target| !worker::watch_over(target, inputs))
                .count()
                == 0;
            ExitCode::from(u8::from(!good))
        }
        Err(why) => failed(&why),
    }
}

fn list() -> Result<(), String> {
    Target::ALL
        .iter()
        .try_for_each(|target| tell(&format!("{:9} {}", target.name, target.about)))
}

fn again(name: &str, number: &str) -> Result<(), String> {
    let number = number
        .parse()
        .map_err(|_| format!("`{number}` is no number of an input"))?;
    let ready = named(name)?.ready();
    let bytes = input(&ready.material, seed(), number);
    std::io::stdout().write_all(&bytes).map_err(|error| error.to_string())?;
    (ready.read)(&bytes);
    Ok(())
}

fn named(name: &str) -> Result<&'static Target, String> {
    Target::named(name).ok_or_else(|| format!("there is no target `{name}`; `fuzz list` shows those that there are"))
}

fn tell(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

fn failed(why: &str) -> ExitCode {
    // Where even this cannot be written, the exit status is all that is left to say.
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::from(2)
}
