//! The floor: a program of its own that reads files again and again, and does nothing with them.

use super::process::Watched;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts this program again as the one that only reads.
///
/// # Errors
/// It cannot be started.
pub fn start(every: Duration, files: &[PathBuf]) -> Result<Watched, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--sweep")
        .arg(every.as_millis().to_string())
        .stdin(Stdio::piped());
    let mut child = command.spawn()?;
    let input = child.stdin.take();
    let watched = Watched::of(child);
    let mut input = input.ok_or("the reader has no input")?;
    files
        .iter()
        .try_for_each(|file| writeln!(input, "{}", file.display()))?;
    Ok(watched)
}

/// Reads the files named on standard input, one a line, until it is ended.
///
/// # Errors
/// One of them cannot be read.
pub fn sweep(every: Duration) -> Result<(), Box<dyn Error>> {
    let files = std::io::stdin().lock().lines().map(|line| Ok(File::open(line?)?));
    let files = files.collect::<Result<Vec<File>, Box<dyn Error>>>()?;
    // Whoever started it may be gone without a word.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let mut buffer = vec![0; 4096];
    let mut next = Instant::now();
    loop {
        for file in &files {
            black_box(file.read_at(&mut buffer, 0)?);
        }
        // What was missed while it stood still is skipped, as the pipeline does.
        next = (next + every).max(Instant::now());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
