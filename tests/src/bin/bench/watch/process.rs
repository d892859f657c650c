//! A process that is measured from outside: CPU time, memory and open files, from its `/proc` (proc(5)).

use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A child that is ended when this is dropped.
pub struct Watched(Child);

impl Watched {
    /// Starts it with nothing to read or to print to.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map(Self)
    }

    /// Takes over a child.
    pub fn of(child: Child) -> Self {
        Self(child)
    }

    /// CPU time of its threads so far: the first number of each thread's `schedstat`, which is exact
    /// where `/proc/PID/stat` counts hundredths of a second.
    ///
    /// # Errors
    /// It ended, or the kernel does not tell.
    pub fn cpu_seconds(&self) -> Result<f64, Box<dyn Error>> {
        let mut nanos = 0;
        for task in std::fs::read_dir(self.proc("task"))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text.split_whitespace().next().ok_or("`schedstat` is empty")?;
            nanos += first.parse::<u64>()?;
        }
        Ok(nanos as f64 / 1e9)
    }

    /// Its proportional set size, in bytes.
    ///
    /// # Errors
    /// It ended, or may not be looked at.
    pub fn pss_bytes(&self) -> Result<f64, Box<dyn Error>> {
        let text = std::fs::read_to_string(self.proc("smaps_rollup"))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Pss:"))
            .ok_or("`smaps_rollup` has no `Pss`")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024.0)
    }

    /// The files that it has open, of those whose path holds that one.
    ///
    /// # Errors
    /// It ended, or may not be looked at.
    pub fn open_files_below(&self, inside: &Path) -> io::Result<Vec<PathBuf>> {
        let inside = format!("/{}/", inside.display());
        let links = std::fs::read_dir(self.proc("fd"))?.flatten();
        let files = links.filter_map(|link| std::fs::read_link(link.path()).ok());
        Ok(files.filter(|file| file.to_string_lossy().contains(&inside)).collect())
    }

    /// Has it stand still.
    ///
    /// # Errors
    /// It ended before.
    pub fn pause(&self) -> io::Result<()> {
        self.tell(Signal::STOP)
    }

    /// Has it go on after a pause.
    ///
    /// # Errors
    /// It ended before.
    pub fn go_on(&self) -> io::Result<()> {
        self.tell(Signal::CONT)
    }

    /// Asks it to end, and waits until it did.
    ///
    /// # Errors
    /// It ended before, and so was not measured, or it says that something went wrong.
    pub fn end(mut self) -> Result<(), Box<dyn Error>> {
        if let Some(status) = self.0.try_wait()? {
            return Err(format!("what was measured ended by itself: {status}").into());
        }
        self.tell(Signal::TERM)?;
        let status = self.0.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("what was measured failed: {status}").into())
        }
    }

    fn tell(&self, signal: Signal) -> io::Result<()> {
        let pid = Pid::from_raw(self.0.id() as i32).ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(pid, signal)?)
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0.id()))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Both fail only where it ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
