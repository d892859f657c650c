//! A run that holds every kind of knob of real groups, for scenarios in which it is killed: what it holds, and what is
//! to be so again when it is gone.

use crate::bed::Bed;
use crate::child::{Child, Ended};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Generous, for what would otherwise hang on a machine that is shared.
pub const SOON: Duration = Duration::from_secs(20);

/// `busy` is idle, has a quota and a cpuset; `light` has a weight and is frozen.
const GRAPH: &str = r#"(
    version: 1,
    targets: {
        "busy": (plugin: "process.run", config: (command: "sh -c 'while :; do sleep 0.01; done'", cpus: "0-1", class: BestEffort)),
        "light": (plugin: "process.run", config: (command: "sleep 3600", class: BestEffort)),
    },
    schedulers: { "pin": (plugin: "policy.fixed", config: (lease: "60s", actions: [
        (target: "busy", knob: "cpu.idle", value: 1.0),
        (target: "busy", knob: "cpu.quota", value: 0.5),
        (target: "busy", knob: "cpu.set", text: "0"),
        (target: "light", knob: "cpu.weight", value: 10.0),
        (target: "light", knob: "freeze", value: 1.0),
    ])) },
    actuators: { "limit": (plugin: "cgroup.limit", from: ["pin"], config: (knobs: [Idle, Weight, CpuSet, Quota, Freeze])) },
    sinks: { "out": (plugin: "file.jsonl", from: ["pin", "limit"], config: (path: "out.jsonl", flush: "0s")) },
)"#;

/// A run with all of it in force.
#[derive(Debug)]
pub struct Held {
    /// Where it runs.
    pub bed: Bed,
    /// Its process.
    pub run: Child,
    /// Every directory of a group that the run made, the guardian's included.
    pub groups: Vec<PathBuf>,
    /// Its workloads.
    pub pids: Vec<u32>,
    /// The process of its guardian.
    pub guardian: u32,
    /// Dropped after the run.
    _tidy: Tidy,
}

/// After a test that failed, ends what the run left in its groups and removes them: nobody else may be left to.
#[derive(Debug)]
struct Tidy(Vec<PathBuf>);

impl Drop for Tidy {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        // Groups within groups first.
        self.0
            .sort_by_key(|group| std::cmp::Reverse(group.components().count()));
        let begun = Instant::now();
        while self.0.iter().any(|group| group.exists()) && begun.elapsed() < Duration::from_secs(2) {
            self.0.iter().for_each(|group| clear(group));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What cannot be done is tried again, or left: the test has failed as it is.
fn clear(group: &Path) {
    for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let file = group.join(file);
        if file.exists() {
            let _ = std::fs::write(file, word);
        }
    }
    let listed = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let pids = listed.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
    for pid in pids {
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = std::fs::remove_dir(group);
}

impl Held {
    /// Starts it, in that bed, and waits until every knob is turned.
    ///
    /// # Panics
    /// They are not, within [`SOON`].
    pub fn start(bed: Bed) -> Self {
        bed.write("graph.ron", GRAPH);
        let mut run = bed.start(&["--for", "10m"]);
        run.until(SOON, "turn five knobs", |child| {
            let said = child.stderr();
            ["cpu.idle", "cpu.quota", "cpu.set", "cpu.weight", "freeze"]
                .iter()
                .all(|knob| {
                    said.lines()
                        .any(|line| line.contains(knob) && line.contains("fate=applied"))
                })
        });
        let id = id(&bed);
        let groups = groups_of(&id);
        assert!(
            groups
                .iter()
                .any(|group| group.ends_with(format!("pipeline-guardian-{id}"))),
            "{groups:?}"
        );
        Self {
            guardian: guardian_of(run.id()).expect("a run has a guardian"),
            pids: targets(&bed),
            _tidy: Tidy(groups.clone()),
            groups,
            bed,
            run,
        }
    }

    /// Kills the run without a warning.
    pub fn kill(&self) {
        self.run.signal(Signal::KILL);
    }

    /// Kills the run and its guardian, so that neither sees the other die, and waits until both are dead.
    pub fn kill_both(&self) {
        kill_both(&self.run);
    }

    /// Kills the guardian.
    pub fn kill_guardian(&self) {
        kill(self.guardian);
    }

    /// The file of a knob of `busy` or `light`, in the hierarchy that has it.
    ///
    /// # Panics
    /// It has no such file.
    pub fn knob(&self, target: &str, names: &[&str]) -> PathBuf {
        let of_target = self.groups.iter().filter(|group| {
            let name = group.file_name().unwrap_or_default().to_string_lossy();
            name.contains(target)
        });
        let mut files = of_target.flat_map(|group| names.iter().map(|name| group.join(name)));
        files
            .find(|file| file.exists())
            .unwrap_or_else(|| panic!("no {names:?} of {target} in {:?}", self.groups))
    }

    /// What of it is still there.
    pub fn left(&self) -> Vec<String> {
        let groups = self.groups.iter().filter(|group| group.exists());
        let pids = self.pids.iter().filter(|pid| is_alive(**pid));
        groups
            .map(|group| group.display().to_string())
            .chain(pids.map(|pid| format!("process {pid}")))
            .collect()
    }

    /// Waits until nothing is left; gives how long that took.
    ///
    /// # Panics
    /// Something is, after [`SOON`].
    pub fn gone(&self) -> Duration {
        let begun = Instant::now();
        while !self.left().is_empty() {
            assert!(begun.elapsed() < SOON, "left: {:?}\n{}", self.left(), self.run.stderr());
            std::thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    }

    /// The end of the killed run and of whoever holds its standard error: its guardian.
    pub fn ended(self) -> (Bed, Ended) {
        (self.bed, self.run.end(SOON))
    }
}

/// Kills a run and its guardian, so that neither sees the other die, and waits until both are dead.
///
/// # Panics
/// It has no guardian, or one of them does not die.
pub fn kill_both(run: &Child) {
    run.signal(Signal::STOP);
    let guardian = guardian_of(run.id()).expect("a run has a guardian");
    kill(guardian);
    run.signal(Signal::KILL);
    let begun = Instant::now();
    while is_alive(run.id()) || is_alive(guardian) {
        assert!(begun.elapsed() < SOON, "they do not die");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills a process that the run started.
///
/// # Panics
/// There is no such process.
pub fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("no process has the id 0");
    kill_process(pid, Signal::KILL).unwrap_or_else(|error| panic!("cannot kill {pid:?}: {error}"));
}

/// Whether a process runs; one that only waits to be asked how it ended does not.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// The guardian of a run, as `/proc` tells.
pub fn guardian_of(run: u32) -> Option<u32> {
    let parent = format!("--parent={run}");
    let processes = std::fs::read_dir("/proc").expect("there is a `/proc`").flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == parent.as_bytes())
    })
}

/// The id of the run in that bed: the name of its journal.
///
/// # Panics
/// It has none.
pub fn id(bed: &Bed) -> String {
    let names = std::fs::read_dir(bed.path("runtime")).into_iter().flatten().flatten();
    let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let name = names
        .find(|name| name.ends_with(".journal"))
        .expect("a run has a journal");
    name.trim_end_matches(".journal").to_owned()
}

/// The workloads of the run, as the record tells.
fn targets(bed: &Bed) -> Vec<u32> {
    let text = bed.read("out.jsonl");
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let appeared = lines.filter(|line| line["kind"] == "target" && line["change"] == "appeared");
    let pids = appeared.flat_map(|line| line["processes"].as_array().cloned().unwrap_or_default());
    pids.filter_map(|process| u32::try_from(process["pid"].as_u64()?).ok())
        .collect()
}

/// Every group whose path has the id of the run, in any hierarchy.
pub fn groups_of(id: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| is_folder(path)) {
            if path.to_string_lossy().contains(id) {
                found.push(path.clone());
            }
            folders.push(path);
        }
    }
    found
}

fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need::{Need, have};

    #[test]
    fn a_test_that_fails_leaves_no_group_and_no_process_of_it() {
        if !have(&[Need::Cgroup]) {
            return;
        }
        let top = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"];
        let top = top.iter().map(Path::new).find(|top| top.join("cgroup.procs").exists());
        let outer = top.unwrap().join(format!("pipeline-tests-tidy-{}", std::process::id()));
        let inner = outer.join("inner");
        std::fs::create_dir_all(&inner).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        std::fs::write(inner.join("cgroup.procs"), child.id().to_string()).unwrap();
        let tidy = Tidy(vec![outer.clone(), inner.clone()]);
        let failed = std::thread::spawn(move || {
            let _tidy = tidy;
            panic!("a failure, as this test wants it");
        });
        assert!(failed.join().is_err());
        assert!(!child.wait().unwrap().success());
        // The kernel lets go of a group whose last process is a zombie only once that is reaped.
        drop((std::fs::remove_dir(&inner), std::fs::remove_dir(&outer)));
        assert!(!inner.exists() && !outer.exists());
    }
}
