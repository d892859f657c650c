//! What a run could leave changed: control groups in all trees with their knobs, and for each task its CPUs, its nice
//! value, its scheduling policy, and whether it stands still. It reads the kernel's files itself and shares no code with
//! the pipeline.
//!
//! Files are those of cgroup-v2.rst and cgroup-v1/; tasks are those of proc(5).

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that a run, or what it runs, may write.
const KNOBS: &[&str] = &[
    "cpu.idle",
    "cpu.shares",
    "cpu.weight",
    "cpu.max",
    "cpu.max.burst",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
    "cpu.cfs_burst_us",
    "cpuset.cpus",
    "cpuset.mems",
    "cpuset.cpus.partition",
    "cgroup.freeze",
    "cgroup.subtree_control",
    "freezer.state",
    "io.weight",
    "memory.high",
    "memory.limit_in_bytes",
    "memory.low",
    "memory.max",
    "memory.min",
    "pids.max",
];

/// The host at one moment.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Groups, by directory, with a line for each knob.
    groups: BTreeMap<PathBuf, BTreeMap<String, String>>,
    /// Tasks by id and start time, so that a later one of the same id is another.
    tasks: BTreeMap<(u32, u64), String>,
}

/// What of the host is looked at.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Others make groups and tasks meanwhile, so only what is named here counts.
    pub shared: bool,
    /// The group of that name and those below it.
    pub group: String,
    /// The groups of the run with that process id, which is the end of its name.
    pub run: Option<u32>,
    /// Tasks of these processes.
    pub processes: Vec<u32>,
}

impl Scope {
    fn names(&self, path: &Path) -> bool {
        let of_run = |name: &str| {
            let end = self.run.map(|pid| format!("-{pid}"));
            end.is_some_and(|end| name.starts_with("pipeline-") && name.ends_with(&end))
        };
        let mut names = path.components().filter_map(|part| part.as_os_str().to_str());
        names.any(|name| name == self.group || of_run(name))
    }
}

impl State {
    /// The host now.
    pub fn now(scope: &Scope) -> Self {
        let mut state = Self::default();
        for point in mount_points() {
            state.group(&point, scope);
        }
        if scope.shared {
            scope.processes.iter().for_each(|pid| state.process(*pid));
        } else {
            numbers_in(Path::new("/proc")).for_each(|pid| state.process(pid));
        }
        state
    }

    /// What is another way now, a line each. Tasks come and go: only those that are in both states are compared.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for path in self.groups.keys().filter(|path| !now.groups.contains_key(*path)) {
            lines.push(format!("group {} is gone", path.display()));
        }
        for (path, knobs) in &now.groups {
            let Some(before) = self.groups.get(path) else {
                lines.push(format!("group {} is left", path.display()));
                continue;
            };
            for (name, found) in before {
                let is = knobs.get(name).map_or("gone", String::as_str);
                if is != found {
                    lines.push(format!("{}/{name} was `{found}` and is `{is}`", path.display()));
                }
            }
            let new = knobs.keys().filter(|name| !before.contains_key(*name));
            lines.extend(new.map(|name| format!("{}/{name} is new", path.display())));
        }
        for (task, was) in &self.tasks {
            if let Some(is) = now.tasks.get(task).filter(|is| *is != was) {
                lines.push(format!("task {} was {was} and is {is}", task.0));
            }
        }
        lines
    }

    /// The groups of the run that are there now and were not before, those below others first.
    pub fn left(&self, now: &Self, scope: &Scope) -> Vec<PathBuf> {
        let new = now.groups.keys().filter(|path| !self.groups.contains_key(*path));
        new.filter(|path| scope.names(path)).rev().cloned().collect()
    }

    /// Reads a group and those below it; one that vanishes meanwhile is not there.
    fn group(&mut self, path: &Path, scope: &Scope) {
        let Ok(entries) = fs::read_dir(path) else { return };
        let mut knobs = BTreeMap::new();
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.group(&entry.path(), scope);
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if KNOBS.contains(&name.as_str()) {
                let text = fs::read_to_string(entry.path()).unwrap_or_else(|error| error.to_string());
                knobs.insert(name, text.trim().to_owned());
            }
        }
        if path.exists() && (!scope.shared || scope.names(path)) {
            self.groups.insert(path.to_owned(), knobs);
        }
    }

    fn process(&mut self, pid: u32) {
        for task in numbers_in(&PathBuf::from(format!("/proc/{pid}/task"))) {
            if let Some((start, text)) = described(pid, task) {
                self.tasks.insert((task, start), text);
            }
        }
    }
}

/// The start time of a task, and what can be left changed of it.
fn described(pid: u32, task: u32) -> Option<(u64, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{task}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let stopped = matches!(fields.first(), Some(&"T"));
    let (nice, start, policy) = (fields.get(16)?, fields.get(19)?, fields.get(38)?);
    let cpus = sched_getaffinity(Pid::from_raw(i32::try_from(task).ok()?)).ok()?;
    let cpus: Vec<String> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| cpus.is_set(*cpu))
        .map(|cpu| cpu.to_string())
        .collect();
    let text = format!("cpus={} nice={nice} policy={policy} stopped={stopped}", cpus.join(","));
    Some((start.parse().ok()?, text))
}

/// Where the trees of control groups are mounted.
fn mount_points() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let point = |line: &str| {
        let (mount, kind) = line.split_once(" - ")?;
        let is_group = matches!(kind.split_whitespace().next()?, "cgroup" | "cgroup2");
        is_group.then(|| mount.split_whitespace().nth(4).map(PathBuf::from))?
    };
    mounts.lines().filter_map(point).collect()
}

/// The entries of a folder that are numbers.
fn numbers_in(folder: &Path) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(groups: &[(&str, &str, &str)], tasks: &[(u32, &str)]) -> State {
        let mut state = State::default();
        for (path, name, text) in groups {
            let knobs = state.groups.entry(path.into()).or_default();
            knobs.insert((*name).to_owned(), (*text).to_owned());
        }
        for (id, text) in tasks {
            state.tasks.insert((*id, 1), (*text).to_owned());
        }
        state
    }

    #[test]
    fn what_is_left_gone_or_changed_is_told() {
        let before = state(
            &[("/g", "cpu.idle", "0"), ("/old", "cpu.idle", "0")],
            &[(5, "cpus=0,1")],
        );
        let now = state(
            &[("/g", "cpu.idle", "1"), ("/pipeline-x", "cpu.idle", "0")],
            &[(5, "cpus=0"), (6, "cpus=1")],
        );
        assert_eq!(
            before.differences(&now),
            [
                "group /old is gone",
                "/g/cpu.idle was `0` and is `1`",
                "group /pipeline-x is left",
                "task 5 was cpus=0,1 and is cpus=0",
            ]
        );
        assert!(before.differences(&before).is_empty());
    }

    #[test]
    fn of_what_is_new_only_the_runs_own_groups_are_taken_away() {
        let scope = Scope {
            run: Some(5),
            ..Scope::default()
        };
        let groups = ["/pipeline-x-5", "/pipeline-x-5/calm-1", "/docker/new"];
        let now = state(&groups.map(|path| (path, "cpu.idle", "0")), &[]);
        let left = State::default().left(&now, &scope);
        assert_eq!(
            left,
            [PathBuf::from("/pipeline-x-5/calm-1"), PathBuf::from("/pipeline-x-5")]
        );
    }

    #[test]
    fn of_a_shared_host_only_what_is_ours_by_name_counts() {
        let scope = Scope {
            group: "chaos-7".into(),
            run: Some(12),
            ..Scope::default()
        };
        let counts = |path: &str| scope.names(Path::new(path));
        assert!(counts("/sys/fs/cgroup/cpu/pipeline-20260101T000000-12/calm-1"));
        assert!(counts("/sys/fs/cgroup/cpu/pipeline-guardian-20260101T000000-12"));
        assert!(counts("/sys/fs/cgroup/cpu/chaos-7"));
        assert!(!counts("/sys/fs/cgroup/cpu/pipeline-20260101T000000-112"));
        assert!(!counts("/sys/fs/cgroup/cpu/docker/x-12"));
    }

    #[test]
    fn this_process_is_seen_with_its_cpus() {
        let scope = Scope {
            shared: true,
            processes: vec![std::process::id()],
            ..Scope::default()
        };
        let state = State::now(&scope);
        assert!(
            state
                .tasks
                .values()
                .any(|text| text.starts_with("cpus=") && text.contains("stopped=false"))
        );
        assert!(state.groups.is_empty(), "no group was named");
    }
}
