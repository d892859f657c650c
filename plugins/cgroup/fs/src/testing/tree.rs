//! Folders of plain files that look like `/proc` and `/sys/fs/cgroup`. They show what is read and written, not what the
//! kernel would do about it; that is what [`Bed`](super::Bed) is for.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder that is removed when dropped.
#[derive(Debug)]
pub struct Tree(tempfile::TempDir);

impl Tree {
    /// Nothing at all.
    ///
    /// # Panics
    /// There is no room for a folder.
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A machine whose mounts are `mountinfo`.
    pub fn new(mountinfo: &str) -> Self {
        Self::empty().with("proc/self/mountinfo", mountinfo)
    }

    /// Version 2 with the controllers that distributions have, and a group `web` with CPU and memory.
    pub fn v2() -> Self {
        Self::new(include_str!("../../fixtures/v2/mountinfo"))
            .with("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n")
            .with("proc/77/cgroup", "0::/web\n")
            .with(
                "sys/fs/cgroup/cgroup.controllers",
                "cpuset cpu io memory hugetlb pids rdma misc\n",
            )
            .with("sys/fs/cgroup/cgroup.subtree_control", "cpu memory\n")
            .with("sys/fs/cgroup/cgroup.procs", "1\n2\n")
            .with("sys/fs/cgroup/web/cgroup.controllers", "cpu memory\n")
            .with("sys/fs/cgroup/web/cgroup.subtree_control", "\n")
            .with("sys/fs/cgroup/web/cgroup.type", "domain\n")
            .with("sys/fs/cgroup/web/cgroup.events", "populated 1\nfrozen 0\n")
            .with("sys/fs/cgroup/web/cgroup.procs", "77\n78\n")
    }

    /// Version 1 with `cpu` and `cpuacct` on one mount, and a group `docker/abc` in that tree and in memory's.
    pub fn v1() -> Self {
        Self::new(
            "30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n\
             31 30 0:27 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,name=systemd\n\
             32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n\
             33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             34 30 0:30 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n\
             35 30 0:31 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n",
        )
        .with(
            "proc/77/cgroup",
            "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:blkio:/\n1:name=systemd:/docker/abc\n",
        )
        .with("sys/fs/cgroup/cpu,cpuacct/docker/abc/cgroup.procs", "78\n77\n")
        .with("sys/fs/cgroup/memory/docker/abc/cgroup.procs", "77\n")
        .with("sys/fs/cgroup/blkio/cgroup.procs", "1\n77\n78\n")
    }

    /// Version 1 controllers, and a version 2 tree that has what is left.
    pub fn hybrid() -> Self {
        Self::new(include_str!("../../fixtures/v1/mountinfo"))
            .with("proc/77/cgroup", include_str!("../../fixtures/v1/cgroup"))
            .with("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n")
            .with("sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n")
            .with("sys/fs/cgroup/unified/cgroup.subtree_control", "\n")
            .with("sys/fs/cgroup/unified/cgroup.procs", "1\n77\n")
            .with("sys/fs/cgroup/memory/batch/one/cgroup.procs", "77\n")
            .with("sys/fs/cgroup/cpu/cgroup.procs", "1\n77\n")
    }

    /// Adds a file and the folders around it.
    pub fn with(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Writes a file, with the folders around it.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What a file says.
    ///
    /// # Panics
    /// There is none.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// A path inside.
    pub fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
