//! Real groups on this machine, and processes in them; both are gone when the test ends, failed or not.

use crate::{ControllerSet, Error, Group, Hierarchies, Leaf, Made};
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A shell that uses all the CPU it gets.
pub const SPIN: &str = "while :; do :; done";

/// Keeps names of tests that run at once apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// What is mounted, and the folder through which it is seen unless that is `/`.
type Seen = (Hierarchies, Option<tempfile::TempDir>);

/// A leaf under the topmost group, and what was made and started in it.
#[derive(Debug)]
pub struct Bed {
    /// The trees that the groups are in.
    pub hierarchies: Hierarchies,
    /// The leaf.
    pub group: Group,
    made: Vec<Made>,
    children: Vec<Child>,
    _turn: File,
    _seen: Option<tempfile::TempDir>,
}

impl Bed {
    /// A leaf with all controllers that this machine gives; `None`, and a line that says why, where it gives none.
    ///
    /// # Panics
    /// Under `PIPELINE_REQUIRE=cgroup`, instead of skipping.
    pub fn new() -> Option<Self> {
        Self::with(|| Ok((Hierarchies::discover("/")?, None)))
    }

    /// As [`Bed::new`], in the version 2 tree alone, as if it were all that is mounted.
    pub fn only_v2() -> Option<Self> {
        Self::with(|| {
            let real = Hierarchies::discover("/")?;
            let seen = tempfile::tempdir().unwrap();
            let proc = seen.path().join("proc/self");
            std::fs::create_dir_all(&proc).unwrap();
            let mount = real.unified().map(|tree| {
                std::os::unix::fs::symlink(&tree.point, seen.path().join("v2")).unwrap();
                "31 23 0:27 / /v2 rw - cgroup2 cgroup2 rw\n"
            });
            std::fs::write(proc.join("mountinfo"), mount.unwrap_or_default()).unwrap();
            Ok((Hierarchies::discover(seen.path())?, Some(seen)))
        })
    }

    fn with(discover: impl FnOnce() -> Result<Seen, Error>) -> Option<Self> {
        match Self::try_new(discover) {
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

    /// A leaf under `parent`.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn leaf(&mut self, parent: &Group, name: &str) -> Group {
        let made = Leaf::plan(parent, name, ControllerSet::ALL).unwrap().make().unwrap();
        let group = made.group.clone();
        self.made.push(made);
        group
    }

    /// Starts a shell command in `group`; its id.
    ///
    /// # Panics
    /// It cannot be started there.
    pub fn start(&mut self, group: &Group, script: &str) -> u32 {
        let mut command = Command::new("sh");
        let child = command
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        self.children.push(child);
        group.attach(pid).unwrap();
        pid
    }

    /// Ends what was started.
    ///
    /// # Panics
    /// A process cannot be ended.
    pub fn end(&mut self) {
        for mut child in self.children.drain(..) {
            let ended = child.kill().and_then(|()| child.wait());
            assert!(ended.is_ok(), "a process of this test did not end: {ended:?}");
        }
    }

    fn try_new(discover: impl FnOnce() -> Result<Seen, Error>) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("making control groups needs root".into());
        }
        let turn = take_turn().map_err(|error| format!("the tests' lock failed: {error}"))?;
        let told = |error: Error| error.to_string();
        let (hierarchies, seen) = discover().map_err(told)?;
        let root = Group::at(&hierarchies, "").map_err(told)?;
        let name = format!(
            "pipeline-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let made = Leaf::plan(&root, &name, ControllerSet::ALL)
            .and_then(Leaf::make)
            .map_err(told)?;
        Ok(Self {
            hierarchies,
            group: made.group.clone(),
            made: vec![made],
            children: Vec::new(),
            _turn: turn,
            _seen: seen,
        })
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.end();
        for made in self.made.drain(..).rev() {
            if let Err(error) = made.group.remove() {
                eprintln!("left behind: {error}");
            }
            let undone = made.changes.iter().rev().try_for_each(crate::SubtreeChange::undo);
            undone.unwrap_or_else(|error| eprintln!("still on: {error}"));
        }
    }
}

/// One test at a time, also in several processes: what one switches off at the root another may need.
fn take_turn() -> std::io::Result<File> {
    let file = File::create(std::env::temp_dir().join("pipeline-cgroup-tests.lock"))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}
