//! A container's first process, its control groups and its processes, as the kernel shows them. Reads only.

use crate::parse;
use pipeline_cgroup_fs::{Directory, Group, Hierarchies};
use pipeline_plugin_api::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most processes told of one target.
pub const MOST_PROCESSES: usize = 256;
/// Most groups within a container that are looked into.
const MOST_GROUPS: usize = 64;

/// The first process of a container: the container lives as long as it does.
#[derive(Debug)]
pub struct Init {
    /// Told from a later one of the same id.
    pub process: Process,
    /// Readable when it ended; none where descriptors are short.
    pidfd: Option<OwnedFd>,
}

impl Init {
    /// Finds it, if it lives; `root` is `/`, or a test's folder.
    pub fn of(root: &Path, pid: u32) -> Option<Self> {
        let raw = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let pidfd = match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(pidfd) => Some(pidfd),
            Err(Errno::SRCH) => return None,
            Err(_) => None,
        };
        // Read after the descriptor was opened, so that both mean the same process.
        let process = process(root, pid)?;
        let init = Self { process, pidfd };
        (!init.has_ended(root)).then_some(init)
    }

    /// Whether it ended.
    pub fn has_ended(&self, root: &Path) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match &self.pidfd {
            Some(pidfd) => poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0),
            None => process(root, self.process.pid) != Some(self.process),
        }
    }

    /// The descriptor that is ready to be read when it ended.
    pub fn descriptor(&self) -> Option<i32> {
        self.pidfd.as_ref().map(AsRawFd::as_raw_fd)
    }
}

/// A process that lives, with its start time.
pub fn process(root: &Path, pid: u32) -> Option<Process> {
    let text = std::fs::read(root.join(format!("proc/{pid}/stat"))).ok()?;
    let (lives, start_time) = parse::stat(&String::from_utf8_lossy(&text))?;
    lives.then_some(Process { pid, start_time })
}

/// The container's own directory in each tree, found through its first process.
///
/// Engines name a container's group by its id, and only such directories are taken: where the process is not the
/// container's, as in another pid namespace than the engine's, there are none. What it made below its own group
/// belongs to it.
pub fn cgroups(root: &Path, init: u32, id: &str) -> Vec<CgroupDir> {
    let found = Hierarchies::discover(root).and_then(|trees| Group::of_pid(&trees, init));
    let directories = found.iter().flat_map(|group| group.directories());
    directories.flat_map(|directory| dirs_of(directory, id)).collect()
}

fn dirs_of(directory: &Directory, id: &str) -> Vec<CgroupDir> {
    let is_own = |folder: &&Path| {
        folder
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains(id))
    };
    let Some(own) = directory.path.ancestors().filter(is_own).last() else {
        return Vec::new();
    };
    let Ok(metadata) = std::fs::metadata(own) else {
        return Vec::new();
    };
    let named = |controller: &str| CgroupDir {
        controller: controller.into(),
        path: own.to_string_lossy().as_ref().into(),
        inode: metadata.ino(),
    };
    directory.names().into_iter().map(named).collect()
}

/// The ids of the processes in a container's group and in those below it, sorted. All trees list the same ones, so that
/// one of them is enough.
pub fn ids(cgroups: &[CgroupDir]) -> Vec<u32> {
    let top = cgroups.first().map(|dir| PathBuf::from(dir.path.as_str()));
    let mut left: Vec<PathBuf> = top.into_iter().collect();
    let mut listed = String::new();
    let mut place = 0;
    while let Some(folder) = left.get(place).filter(|_| place < MOST_GROUPS).cloned() {
        // A group that left meanwhile holds nobody, and a threaded one lists nobody.
        listed += &std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        listed.push('\n');
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        left.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
        place += 1;
    }
    parse::ids(&listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_cgroup_fs::testing::Tree;

    const ID: &str = "abcabcabcabc";

    fn paths(dirs: &[CgroupDir], tree: &Tree) -> Vec<(String, String)> {
        let inside = |dir: &CgroupDir| dir.path.replace(&*tree.at("sys/fs/cgroup").to_string_lossy(), "");
        dirs.iter()
            .map(|dir| (dir.controller.to_string(), inside(dir)))
            .collect()
    }

    #[test]
    fn of_version_1_only_trees_with_the_containers_group_count() {
        let tree = Tree::v1()
            .with(
                "proc/77/cgroup",
                "4:memory:/docker/abcabcabcabc\n3:cpu,cpuacct:/docker/abcabcabcabc/inner\n2:blkio:/\n",
            )
            .with("sys/fs/cgroup/memory/docker/abcabcabcabc/cgroup.procs", "77\n")
            .with(
                "sys/fs/cgroup/cpu,cpuacct/docker/abcabcabcabc/inner/cgroup.procs",
                "77\n",
            )
            .with("sys/fs/cgroup/cpu,cpuacct/docker/abcabcabcabc/cgroup.procs", "9\n");
        let found = cgroups(tree.path(), 77, ID);
        let cpu = "/cpu,cpuacct/docker/abcabcabcabc";
        let mut told = paths(&found, &tree);
        told.sort();
        let wanted = [
            ("cpu", cpu),
            ("cpuacct", cpu),
            ("memory", "/memory/docker/abcabcabcabc"),
        ];
        assert_eq!(told, wanted.map(|(name, path)| (name.to_owned(), path.to_owned())));
        assert!(found.iter().all(|dir| dir.inode > 0));
        let cpu: Vec<CgroupDir> = found.into_iter().filter(|dir| dir.controller == "cpu").collect();
        assert_eq!(ids(&cpu), [9, 77], "those below its own group are its own");
    }

    #[test]
    fn of_version_2_the_scope_is_found_whatever_the_process_made_below_it() {
        let tree = Tree::v2()
            .with(
                "proc/77/cgroup",
                "0::/system.slice/docker-abcabcabcabc.scope/init.scope\n",
            )
            .with(
                "sys/fs/cgroup/system.slice/docker-abcabcabcabc.scope/init.scope/cgroup.procs",
                "77\n",
            );
        let wanted = (
            "unified".to_owned(),
            "/system.slice/docker-abcabcabcabc.scope".to_owned(),
        );
        assert_eq!(paths(&cgroups(tree.path(), 77, ID), &tree), [wanted]);
    }

    #[test]
    fn a_process_of_somebody_else_has_no_group_of_the_container() {
        let tree = Tree::v2();
        assert_eq!(cgroups(tree.path(), 77, ID), []);
        assert_eq!(cgroups(tree.path(), 78, ID), []);
        assert_eq!(ids(&[]), [0; 0]);
    }

    #[test]
    fn the_end_of_a_process_is_seen_and_a_zombie_has_ended() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let init = Init::of(Path::new("/"), child.id()).unwrap();
        assert!(!init.has_ended(Path::new("/")) && init.descriptor().is_some());
        let blind = Init {
            pidfd: None,
            ..Init::of(Path::new("/"), child.id()).unwrap()
        };
        assert!(!blind.has_ended(Path::new("/")));
        child.kill().unwrap();
        assert!(pipeline_cgroup_fs::testing::soon(|| init.has_ended(Path::new("/"))));
        assert!(pipeline_cgroup_fs::testing::soon(|| blind.has_ended(Path::new("/"))));
        assert!(Init::of(Path::new("/"), child.id()).is_none(), "it is a zombie");
        child.wait().unwrap();
        assert!(Init::of(Path::new("/"), u32::MAX).is_none());
    }
}
