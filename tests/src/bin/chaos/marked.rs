//! The processes of a series, whoever their parent is by now: they inherit a mark in their environment.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// The variable that marks.
pub const MARK: &str = "PIPELINE_CHAOS";

/// A process with the mark.
#[derive(Clone, Debug)]
pub struct Marked {
    /// Its id.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

impl Marked {
    /// All that live.
    pub fn all(mark: &str) -> Vec<Self> {
        let wanted = format!("{MARK}={mark}");
        let has_it = |pid: u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == wanted.as_bytes())
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| has_it(*pid))
            .map(|pid| Self {
                pid,
                command: command_line(pid),
            })
            .collect()
    }

    /// Whether it is the guardian of a run.
    pub fn is_guardian(&self) -> bool {
        self.command.split(' ').nth(1) == Some("guard")
    }

    /// Kills it; one that ended meanwhile needs no killing.
    pub fn kill(&self) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .trim_end_matches('\0')
        .replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn a_child_is_found_by_its_mark_until_it_is_killed() {
        let mark = format!("test-{}", std::process::id());
        let mut child = Command::new("sleep").arg("60").env(MARK, &mark).spawn().unwrap();
        // A new program runs a moment before its environment can be read.
        let begun = Instant::now();
        let found = loop {
            let found = Marked::all(&mark);
            if !found.is_empty() || begun.elapsed() > Duration::from_secs(10) {
                break found;
            }
        };
        assert_eq!(found.iter().map(|one| one.pid).collect::<Vec<_>>(), [child.id()]);
        assert!(!found[0].is_guardian());
        found[0].kill();
        child.wait().unwrap();
        assert!(Marked::all(&mark).is_empty());
    }
}
