//! Who belongs to a target now: the processes of its control group, or those that it was told with, their children, and
//! whoever was one of these before; but for those that are another target's. Reads only.

use super::strangers::Kin;
use crate::fs;
use crate::parse;
use pipeline_plugin_api::abi::{CgroupDir, Process, Target};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const PROC: &str = "/proc";
/// No tree of groups of one target is deeper.
const DEEPEST: usize = 64;

/// The processes of a target.
#[derive(Debug)]
pub struct Crowd {
    group: Option<PathBuf>,
    told: Vec<Process>,
    /// Those without a group that were seen, by id, with their start times: a child that lost its parent stays one.
    known: BTreeMap<u32, u64>,
    /// Whether the kernel lists children by itself (`CONFIG_PROC_CHILDREN`).
    lists_children: bool,
}

impl Crowd {
    /// Those of that target.
    pub fn of(target: &Target) -> Self {
        let mut crowd = Self {
            group: None,
            told: Vec::new(),
            known: BTreeMap::new(),
            lists_children: Path::new("/proc/thread-self/children").exists(),
        };
        crowd.update(target);
        crowd
    }

    /// Takes over what the target says now.
    pub fn update(&mut self, target: &Target) {
        self.group = preferred(&target.cgroups).map(|dir| PathBuf::from(dir.path.as_str()));
        self.told = target.processes.to_vec();
    }

    /// Whether there is nobody that can be known.
    pub fn is_unknown(&self) -> bool {
        self.group.is_none() && self.told.is_empty()
    }

    /// Those that live, by their ids, parents ahead of children as far as ids tell.
    pub fn processes(&mut self, kin: &Kin<'_>) -> Vec<Process> {
        let found = match &self.group {
            Some(group) => of_group(group, kin),
            None => self.family(kin),
        };
        self.known = found.iter().map(|process| (process.pid, process.start_time)).collect();
        found
    }

    fn family(&self, kin: &Kin<'_>) -> Vec<Process> {
        let mut found: BTreeMap<u32, u64> = BTreeMap::new();
        let told = self.told.iter().map(|process| (process.pid, process.start_time));
        let known = self.known.iter().map(|(pid, start_time)| (*pid, *start_time));
        let mut next: Vec<Process> = told
            .chain(known)
            .filter_map(|(pid, start_time)| alive(pid).filter(|process| process.start_time == start_time))
            .filter(|process| !kin.is_another_s(*process))
            .collect();
        let parents = if self.lists_children { Vec::new() } else { parents() };
        let own = std::process::id();
        while let Some(process) = next.pop() {
            if found.insert(process.pid, process.start_time).is_some() {
                continue;
            }
            let children = match self.lists_children {
                true => children(process.pid),
                false => parents
                    .iter()
                    .filter(|(_, parent)| *parent == process.pid)
                    .map(|(pid, _)| *pid)
                    .collect(),
            };
            // This program and what it started is not a target's because a target started it.
            let is_new = |pid: &u32| *pid != own && !found.contains_key(pid);
            let children = children.into_iter().filter(is_new).filter_map(alive);
            next.extend(children.filter(|process| !kin.is_another_s(*process)));
        }
        found
            .into_iter()
            .map(|(pid, start_time)| Process { pid, start_time })
            .collect()
    }
}

/// The threads of a process; none if it ended.
pub fn threads(pid: u32) -> Vec<u32> {
    let mut found = numbers(&Path::new(PROC).join(format!("{pid}/task")));
    found.sort_unstable();
    found
}

/// What the kernel says of one thread of a process.
///
/// # Errors
/// It ended.
pub fn thread(pid: u32, id: u32) -> io::Result<parse::ProcStat> {
    let path = Path::new(PROC).join(format!("{pid}/task"));
    fs::proc_stat(&path, id)
}

fn of_group(group: &Path, kin: &Kin<'_>) -> Vec<Process> {
    let (mut all, mut some) = (Vec::new(), Vec::new());
    let mut next = vec![(group.to_path_buf(), 0)];
    while let Some((folder, depth)) = next.pop() {
        parse::ids(
            &std::fs::read(folder.join("cgroup.procs")).unwrap_or_default(),
            &mut some,
        );
        all.extend_from_slice(&some);
        let below = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let below = below.filter(|entry| depth < DEEPEST && entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let below = below.map(|entry| entry.path());
        next.extend(
            below
                .filter(|path| !kin.is_spared_group(path))
                .map(|path| (path, depth + 1)),
        );
    }
    all.sort_unstable();
    all.dedup();
    let living = all.into_iter().filter_map(alive);
    living.filter(|process| !kin.is_spared(*process)).collect()
}

fn alive(pid: u32) -> Option<Process> {
    let stat = fs::proc_stat(Path::new(PROC), pid)
        .ok()
        .filter(parse::ProcStat::is_alive)?;
    Some(Process {
        pid,
        start_time: stat.start_time,
    })
}

/// The children of all threads of a process (proc.rst, 3.7).
fn children(pid: u32) -> Vec<u32> {
    let mut all = Vec::new();
    let mut some = Vec::new();
    for id in threads(pid) {
        let path = Path::new(PROC).join(format!("{pid}/task/{id}/children"));
        parse::ids(&std::fs::read(path).unwrap_or_default(), &mut some);
        all.extend_from_slice(&some);
    }
    all
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let all = fs::processes(Path::new(PROC));
    all.iter().map(|stat| (stat.pid, stat.parent)).collect()
}

fn numbers(folder: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The directory in which to look: that of version 2, else the first.
fn preferred(dirs: &[CgroupDir]) -> Option<&CgroupDir> {
    dirs.iter().find(|dir| dir.controller == "unified").or(dirs.first())
}

#[cfg(test)]
mod tests {
    use super::super::strangers::Strangers;
    use super::*;
    use pipeline_plugin_api::abi::TargetId;
    use std::process::{Child, Command};

    struct Ended(Child);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn target(pid: u32) -> Target {
        Target {
            processes: vec![alive(pid).unwrap()].into(),
            ..Target::default()
        }
    }

    fn nobody() -> Kin<'static> {
        static NOBODY: std::sync::OnceLock<Strangers> = std::sync::OnceLock::new();
        NOBODY.get_or_init(Strangers::default).seen_by(TargetId(1), true)
    }

    fn until(mut so: impl FnMut() -> bool) {
        for _ in 0..6000 {
            if so() {
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        panic!("it did not happen within a minute");
    }

    #[test]
    fn children_belong_to_the_process_that_was_told_however_they_are_found() {
        let shell = Ended(
            Command::new("sh")
                .args(["-c", "sleep 60 & sleep 61; true"])
                .spawn()
                .unwrap(),
        );
        for lists_children in [true, false] {
            let mut crowd = Crowd {
                lists_children,
                ..Crowd::of(&target(shell.0.id()))
            };
            until(|| crowd.processes(&nobody()).len() == 3);
            assert!(
                crowd
                    .processes(&nobody())
                    .iter()
                    .any(|process| process.pid == shell.0.id())
            );
        }
        for child in children(shell.0.id()) {
            let _ = Command::new("kill").arg(child.to_string()).status();
        }
    }

    #[test]
    fn a_process_of_the_same_id_and_another_start_is_nobody() {
        let mut told = target(std::process::id());
        told.processes[0].start_time += 1;
        assert_eq!(Crowd::of(&told).processes(&nobody()), []);
        assert!(Crowd::of(&Target::default()).is_unknown());
    }

    #[test]
    fn groups_below_count() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir(tree.path().join("below")).unwrap();
        std::fs::write(tree.path().join("cgroup.procs"), "").unwrap();
        std::fs::write(
            tree.path().join("below/cgroup.procs"),
            format!("{}\n", std::process::id()),
        )
        .unwrap();
        assert_eq!(of_group(tree.path(), &nobody()).len(), 1);
    }

    #[test]
    fn every_thread_is_listed() {
        let own = std::process::id();
        let before = threads(own).len();
        let (give, take) = std::sync::mpsc::channel::<()>();
        let waiting = std::thread::spawn(move || take.recv());
        assert!(threads(own).len() > before.saturating_sub(1) && threads(own).contains(&own));
        assert!(thread(own, own).is_ok() && thread(own, u32::MAX).is_err());
        drop(give);
        assert!(waiting.join().unwrap().is_err());
    }
}
