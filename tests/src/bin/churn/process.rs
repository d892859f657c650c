//! The pipeline as it is seen from outside: its open files, threads and memory, from its `/proc` (proc(5)).

use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::built;

/// A run that is ended when this is dropped.
pub struct Watched {
    child: Child,
    log: PathBuf,
}

/// What it holds at one moment.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Open files.
    pub descriptors: f64,
    /// Threads.
    pub threads: f64,
    /// Proportional set size, in bytes.
    pub pss_bytes: f64,
    /// Resident set size, in bytes.
    pub rss_bytes: f64,
}

impl Watched {
    /// Starts the real binary on that graph; what it says is kept in the folder.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(folder: &Path, graph: &str) -> Result<Self, Box<dyn Error>> {
        let file = folder.join("graph.ron");
        std::fs::write(&file, graph)?;
        let log = folder.join("log");
        let mut command = Command::new(built::pipeline());
        command.arg("run").arg(&file).current_dir(folder);
        let said = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let child = said.spawn()?;
        Ok(Self { child, log })
    }

    /// Waits until it runs.
    ///
    /// # Errors
    /// It ended, or it does not run within that time.
    pub fn ready(&self, within: Duration) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        while !self.said()?.contains("nodes in") {
            if begun.elapsed() > within {
                return Err(format!("the run did not begin:\n{}", self.said()?).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What it holds now.
    ///
    /// # Errors
    /// It ended, or may not be looked at.
    pub fn sample(&self) -> Result<Sample, Box<dyn Error>> {
        let rollup = self.read("smaps_rollup").map_err(|error| match self.said() {
            Ok(said) => format!("the run ended: {error}\n{said}"),
            Err(_) => format!("the run ended: {error}"),
        })?;
        let status = self.read("status")?;
        Ok(Sample {
            descriptors: std::fs::read_dir(self.proc("fd"))?.count() as f64,
            threads: number_of(&status, "Threads:")?,
            pss_bytes: number_of(&rollup, "Pss:")? * 1024.0,
            rss_bytes: number_of(&rollup, "Rss:")? * 1024.0,
        })
    }

    /// What it holds at the end of that time, and of open files and threads the least within it: the commands of the
    /// graph come and go at moments of their own.
    ///
    /// # Errors
    /// It ended, or may not be looked at.
    pub fn at_rest(&self, during: Duration) -> Result<Sample, Box<dyn Error>> {
        let begun = Instant::now();
        let mut least = self.sample()?;
        while begun.elapsed() < during {
            std::thread::sleep(Duration::from_millis(10));
            let now = self.sample()?;
            least = Sample {
                descriptors: now.descriptors.min(least.descriptors),
                threads: now.threads.min(least.threads),
                ..now
            };
        }
        Ok(least)
    }

    /// Asks it to end and waits until it did; gives what it said.
    ///
    /// # Errors
    /// It ended before, or says that something went wrong.
    pub fn end(mut self) -> Result<String, Box<dyn Error>> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        let said = self.said()?;
        match status.success() {
            true => Ok(said),
            false => Err(format!("the run failed with {status}:\n{said}").into()),
        }
    }

    fn said(&self) -> std::io::Result<String> {
        std::fs::read_to_string(&self.log)
    }

    fn read(&self, name: &str) -> std::io::Result<String> {
        std::fs::read_to_string(self.proc(name))
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // It is asked first, so that its groups go with it.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(15) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number in the line that begins so.
fn number_of(text: &str, begin: &str) -> Result<f64, Box<dyn Error>> {
    let line = text.lines().find_map(|line| line.strip_prefix(begin));
    let word = line.and_then(|line| line.split_whitespace().next());
    Ok(word.ok_or_else(|| format!("there is no `{begin}`"))?.parse()?)
}
