//! The tasks of a target now: every thread of its control group, or of the processes that it was told with and their
//! children. Reads only.

use pipeline_plugin_api::abi::{CgroupDir, Process, Target};
use pipeline_resctrl_fs::Files;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PROC: &str = "/proc";
/// No tree of groups of one target is deeper.
const DEEPEST: usize = 64;

/// The tasks of a target.
#[derive(Debug)]
pub struct Crowd {
    files: Arc<dyn Files>,
    group: Option<PathBuf>,
    told: Vec<Process>,
}

impl Crowd {
    /// Those of that target.
    pub fn of(target: &Target, files: Arc<dyn Files>) -> Self {
        Self {
            files,
            group: preferred(&target.cgroups).map(|dir| PathBuf::from(dir.path.as_str())),
            told: target.processes.to_vec(),
        }
    }

    /// Ids of all threads that live now.
    pub fn tasks(&self) -> Vec<u32> {
        match &self.group {
            Some(group) => self.of_group(group),
            None => self.of_processes(),
        }
    }

    fn of_group(&self, group: &Path) -> Vec<u32> {
        let mut tasks = Vec::new();
        let mut next = vec![(group.to_path_buf(), 0)];
        while let Some((folder, depth)) = next.pop() {
            // Version 2 calls them `cgroup.threads`, version 1 `tasks`.
            let text = self.files.read(&folder.join("cgroup.threads"));
            let text = text.or_else(|_| self.files.read(&folder.join("tasks")));
            tasks.extend(numbers(&text.unwrap_or_default()));
            let below = self.files.folders(&folder).unwrap_or_default();
            let below = below.iter().filter(|_| depth < DEEPEST);
            next.extend(below.map(|name| (folder.join(name), depth + 1)));
        }
        tasks
    }

    fn of_processes(&self) -> Vec<u32> {
        let all = self.processes();
        let is_told = |process: &&Process| {
            all.get(&process.pid)
                .is_some_and(|known| known.start == process.start_time)
        };
        let mut next: Vec<u32> = self.told.iter().filter(is_told).map(|process| process.pid).collect();
        let mut found = BTreeSet::new();
        while let Some(pid) = next.pop() {
            if found.insert(pid) {
                let children = all.iter().filter(|(_, process)| process.parent == pid);
                next.extend(children.map(|(pid, _)| *pid));
            }
        }
        let threads = |pid: &u32| self.files.folders(&Path::new(PROC).join(format!("{pid}/task")));
        let threads = found.iter().flat_map(|pid| threads(pid).unwrap_or_default());
        threads.filter_map(|name| name.parse().ok()).collect()
    }

    /// Every process there is. Only for targets without a group, which are few.
    fn processes(&self) -> BTreeMap<u32, Stat> {
        if self.told.is_empty() {
            return BTreeMap::new();
        }
        let names = self.files.folders(Path::new(PROC)).unwrap_or_default();
        let pids = names.iter().filter_map(|name| name.parse::<u32>().ok());
        let stat = |pid| self.files.read(&Path::new(PROC).join(format!("{pid}/stat"))).ok();
        pids.filter_map(|pid| Some((pid, Stat::parse(&stat(pid)?)?))).collect()
    }
}

/// What is needed of `/proc/PID/stat` (proc_pid_stat(5)).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// In clock ticks since the boot.
    start: u64,
}

impl Stat {
    /// The name in parentheses may hold anything, parentheses included.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplit_once(')')?.1.split_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let start = fields.nth(17)?.parse().ok()?;
        Some(Self { parent, start })
    }
}

fn numbers(text: &str) -> impl Iterator<Item = u32> {
    // A task of another namespace is listed as 0 (pid_namespaces(7)), and that is nobody here.
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .filter(|id| *id != 0)
}

/// The directory in which to look: that of version 2, else the first.
fn preferred(dirs: &[CgroupDir]) -> Option<&CgroupDir> {
    dirs.iter().find(|dir| dir.controller == "unified").or(dirs.first())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_resctrl_fs::Kernel;
    use pipeline_resctrl_fs::testing::Fake;

    #[test]
    fn threads_of_groups_below_count_in_either_version() {
        let fake = Fake::new();
        fake.put("/sys/fs/cgroup/g/cgroup.threads", "1\n2\n0\n");
        fake.put("/sys/fs/cgroup/g/below/tasks", "3\n");
        let target = Target {
            cgroups: vec![CgroupDir {
                controller: "unified".into(),
                path: "/sys/fs/cgroup/g".into(),
                inode: 0,
            }]
            .into(),
            ..Target::default()
        };
        assert_eq!(Crowd::of(&target, Arc::new(fake)).tasks(), [1, 2, 3]);
    }

    #[test]
    fn a_process_that_was_told_brings_its_threads_and_one_of_another_start_brings_nobody() {
        let own = std::process::id();
        let text = Kernel.read(Path::new(&format!("/proc/{own}/stat"))).unwrap();
        let start_time = Stat::parse(&text).unwrap().start;
        let of = |start_time| {
            let told = Process { pid: own, start_time };
            let target = Target {
                processes: vec![told].into(),
                ..Target::default()
            };
            Crowd::of(&target, Arc::new(Kernel)).tasks()
        };
        assert!(of(start_time).contains(&own));
        assert_eq!(of(start_time + 1), [0; 0]);
    }

    #[test]
    fn a_name_with_a_parenthesis_does_not_shift_the_fields() {
        let text = "42 (a) b) S 7 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 1";
        let stat = Stat {
            parent: 7,
            start: 987_654,
        };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse("42 (a"), None);
    }
}
