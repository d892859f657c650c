//! What the tests run on: folders of plain files that look like control groups, and real groups of this machine.
//!
//! A real group and what was started in it are gone when the test ends, failed or not. Without root a test on them
//! prints `SKIP: why`, and fails under `PIPELINE_REQUIRE=cgroup`.

use pipeline_cgroup_fs::{ControllerSet, Group, Hierarchies, Leaf, Made, Version};
use pipeline_plugin_api::prelude::*;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A shell that uses all the CPU it gets.
pub const SPIN: &str = "while :; do :; done";

/// Keeps names of tests that run at once apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Folders of plain files.
pub struct Tree(tempfile::TempDir);

impl Tree {
    /// No file but `cgroup.procs` in the folder, which makes it the topmost group.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap()).with("cgroup.procs", "")
    }

    /// A version 2 group `g` with the CPU and cpuset controllers at their defaults.
    pub fn v2() -> Self {
        Self::new()
            .with("cpuset.cpus.effective", "0-3\n")
            .with("g/cgroup.procs", "")
            .with("g/cgroup.controllers", "cpuset cpu io memory pids\n")
            .with("g/cgroup.events", "populated 1\nfrozen 0\n")
            .with("g/cpu.idle", "0\n")
            .with("g/cpu.weight", "100\n")
            .with("g/cpu.max", "max 100000\n")
            .with("g/cpuset.cpus", "\n")
            .with("g/cpuset.cpus.effective", "0-3\n")
    }

    pub fn with(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap().trim().to_owned()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// A target whose directories are those, by controller.
    pub fn target(&self, dirs: &[(&str, &str)]) -> Target {
        target(
            dirs.iter()
                .map(|(controller, path)| dir(controller, &self.at(path)))
                .collect(),
        )
    }
}

fn dir(controller: &str, path: &Path) -> CgroupDir {
    let inode = fs::metadata(path).unwrap().ino();
    CgroupDir {
        controller: controller.into(),
        path: path.to_str().unwrap().into(),
        inode,
    }
}

fn target(cgroups: Vec<CgroupDir>) -> Target {
    Target {
        name: "batch".into(),
        class: Class::BEST_EFFORT,
        cgroups: cgroups.into(),
        ..Target::default()
    }
}

/// Real groups under one leaf of the topmost group.
pub struct Bed {
    pub group: Group,
    made: Vec<Made>,
    children: Vec<Child>,
    _turn: File,
}

impl Bed {
    /// A leaf with all controllers that this machine gives.
    pub fn new() -> Option<Self> {
        match Self::try_new() {
            Ok(bed) => Some(bed),
            Err(why) => {
                let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
                assert!(
                    !required.split(',').any(|word| word.trim() == "cgroup"),
                    "required, but {why}"
                );
                println!("SKIP: {why}");
                None
            }
        }
    }

    /// A leaf under another.
    pub fn leaf(&mut self, parent: &Group, name: &str) -> Group {
        let made = Leaf::plan(parent, name, ControllerSet::ALL).unwrap().make().unwrap();
        let group = made.group.clone();
        self.made.push(made);
        group
    }

    /// Starts a shell command in `group`.
    pub fn start(&mut self, group: &Group, script: &str) {
        let mut command = Command::new("sh");
        let child = command
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        group.attach(child.id()).unwrap();
        self.children.push(child);
    }

    /// Ends what was started.
    pub fn end(&mut self) {
        for mut child in self.children.drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The target that a provider would tell of a group: a version 2 directory once, others by controller.
    pub fn target(&self, group: &Group) -> Target {
        let dirs = group
            .directories()
            .iter()
            .flat_map(|directory| match directory.version {
                Version::V2 => vec![dir("unified", &directory.path)],
                Version::V1 => directory
                    .controllers
                    .iter()
                    .map(|one| dir(one.name(Version::V1), &directory.path))
                    .collect(),
            });
        target(dirs.collect())
    }

    fn try_new() -> std::result::Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("making control groups needs root".into());
        }
        // One test at a time, also of other crates: what one switches off at the root another may need.
        let turn = File::create(std::env::temp_dir().join("pipeline-cgroup-tests.lock")).unwrap();
        rustix::fs::flock(&turn, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let told = |error: pipeline_cgroup_fs::Error| error.to_string();
        let trees = Hierarchies::discover("/").map_err(told)?;
        let root = Group::at(&trees, "").map_err(told)?;
        let name = format!(
            "pipeline-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let made = Leaf::plan(&root, &name, ControllerSet::ALL)
            .and_then(Leaf::make)
            .map_err(told)?;
        Ok(Self {
            group: made.group.clone(),
            made: vec![made],
            children: Vec::new(),
            _turn: turn,
        })
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.end();
        for made in self.made.drain(..).rev() {
            made.group
                .remove()
                .unwrap_or_else(|error| eprintln!("left behind: {error}"));
            let undone = made
                .changes
                .iter()
                .rev()
                .try_for_each(pipeline_cgroup_fs::SubtreeChange::undo);
            undone.unwrap_or_else(|error| eprintln!("still on: {error}"));
        }
    }
}

/// Whether `fact` becomes true within two seconds.
pub fn soon(mut fact: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        if fact() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
