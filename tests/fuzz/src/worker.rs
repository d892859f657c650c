//! One target in a process of its own: the work, and the watch over it.

use crate::{named, seed, tell};
use pipeline_fuzz::feed::{Fed, feed};
use pipeline_fuzz::mutate::input;
use pipeline_fuzz::targets::Target;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Exit status of a worker whose target failed, and told so.
const TOLD: u8 = 1;
/// Exit status of a worker that ended itself within an input that took too long.
const HUNG: u8 = 3;

/// Feeds a target in another process; gives whether it withstood all.
pub fn watch_over(target: &Target, inputs: u64) -> bool {
    let progress = kept(&format!("{}-{}.progress", target.name, std::process::id()));
    let ended = std::env::current_exe().and_then(|own| {
        Command::new(own)
            .args(["worker", target.name, &inputs.to_string()])
            .arg(&progress)
            .status()
    });
    let reached = std::fs::read(&progress)
        .ok()
        .and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
    // It is of no use any more.
    let _ = std::fs::remove_file(&progress);
    let status = match ended {
        Ok(status) if status.success() => return true,
        Ok(status) if status.code() == Some(TOLD.into()) => return false,
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let number = reached.unwrap_or_default();
    let hung = status == format!("exit status: {HUNG}");
    let what = if hung { "took too long" } else { "ended its process" };
    let bytes = input(&target.ready().material, seed(), number);
    told(target, number, &bytes, &format!("{what} ({status})"));
    line(target, number + 1, 0, u64::from(hung), 0.0);
    false
}

/// The work itself.
pub fn work(name: &str, inputs: &str, progress: &str) -> ExitCode {
    let (Ok(target), Ok(inputs), Ok(file)) = (named(name), inputs.parse::<u64>(), File::create(progress)) else {
        return ExitCode::from(2);
    };
    let at_work = |number: u64| {
        // The number is only needed where this process ends early; without it the failure is told all the same.
        let _ = file.write_all_at(&number.to_le_bytes(), 0);
    };
    let fed = feed(target, seed(), 0..inputs, at_work, |_| std::process::exit(HUNG.into()));
    for failure in &fed.failures {
        told(target, failure.number, &failure.input, &failure.why);
    }
    let Fed {
        inputs, panics, took, ..
    } = fed;
    line(target, inputs, panics, 0, inputs as f64 / took.as_secs_f64().max(1e-9));
    ExitCode::from(if panics == 0 { 0 } else { TOLD })
}

fn line(target: &Target, inputs: u64, panics: u64, hangs: u64, per_second: f64) {
    let text = format!(
        "fuzz_{} {inputs} inputs {panics} panics {hangs} hangs {per_second:.0}/s",
        target.name
    );
    // Nobody reads it; the exit status says the same.
    let _ = tell(&text);
}

fn told(target: &Target, number: u64, bytes: &[u8], why: &str) {
    let path = kept(&format!("{}-{number}.input", target.name));
    let kept = match std::fs::write(&path, bytes) {
        Ok(()) => format!("kept as `{}`", path.display()),
        Err(error) => format!("not kept: {error}"),
    };
    // As above.
    let _ = tell(&format!(
        "{}: input {number}, {kept}: {}",
        target.name,
        why.replace('\n', " ")
    ));
}

fn kept(name: &str) -> PathBuf {
    Path::new(&std::env::temp_dir()).join(format!("pipeline-fuzz-{name}"))
}
