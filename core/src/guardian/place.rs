//! Where the guardian lives: a control group of its own in every hierarchy where it may make one, so that killing,
//! freezing or starving the group of the run does not reach it.
//!
//! The one room of the core that names files of control groups, and only for the program itself; see
//! `docs/decisions/0007-the-guardian-lives-in-its-own-groups.md`. Workloads are none of its business.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// One hierarchy as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hierarchy {
    /// Where it is mounted: its topmost group that can be seen.
    top: PathBuf,
    /// Which group that is (proc_pid_mountinfo(5), field 4).
    root: String,
    /// Controllers and names that it has; none for version 2.
    holds: BTreeSet<String>,
}

/// A group that this process makes and lives in.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    top: PathBuf,
    /// Where it lived before.
    origin: Option<PathBuf>,
}

/// Where this process is going to live: groups of that name, one in every hierarchy.
pub(super) fn plan(name: &str) -> Vec<Home> {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let (mounts, groups) = (read("/proc/self/mountinfo"), read("/proc/self/cgroup"));
    let home = |hierarchy: Hierarchy| Home {
        path: hierarchy.top.join(name),
        origin: hierarchy.group(&groups),
        top: hierarchy.top,
    };
    hierarchies(&mounts).into_iter().map(home).collect()
}

impl Hierarchy {
    /// The directory of the group in which a process is, by its `/proc/PID/cgroup` (cgroups(7)).
    fn group(&self, groups: &str) -> Option<PathBuf> {
        let of_this = |line: &&str| {
            let mut held = line.split(':').nth(1).unwrap_or_default().split(',');
            let held = held.try_fold(BTreeSet::new(), |mut held, name| {
                held.extend((!name.is_empty()).then(|| name.to_owned()));
                Some(held)
            });
            held.is_some_and(|held| held.is_empty() == self.holds.is_empty() && held.is_subset(&self.holds))
        };
        let path = groups.lines().find(of_this)?.splitn(3, ':').nth(2)?;
        let below = Path::new(path).strip_prefix(&self.root).ok()?;
        Some(self.top.join(below))
    }
}

impl Home {
    /// Its directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, and moves this process into it.
    ///
    /// # Errors
    /// The hierarchy refuses, and nothing was made: such as a `cpuset` of version 1, whose new groups have no CPUs
    /// (cgroup-v1/cpusets.rst, 1.2), and all of them for an ordinary user.
    pub(super) fn enter(&self) -> io::Result<()> {
        // One that is there was made by an earlier guardian of the same run: no other has that name.
        let made = match std::fs::create_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            made => made.map(|()| true)?,
        };
        let entered = move_into(&self.path);
        if entered.is_err() && made {
            // It is empty; if it cannot be removed, nothing more can be done about it.
            let _ = std::fs::remove_dir(&self.path);
        }
        entered
    }

    /// Leaves it and removes it.
    ///
    /// # Errors
    /// It is still there.
    pub(super) fn leave(&self) -> io::Result<()> {
        // A topmost group that passes controllers on takes no process unless it is the kernel's own root
        // (cgroup-v2.rst, "No Internal Process Constraint"); then there is the one that this process came from.
        let origin = || self.origin.as_deref().map_or(Ok(()), move_into);
        move_into(&self.top).or_else(|_| origin())?;
        match std::fs::remove_dir(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Moves this process, whose number is 0 to itself.
fn move_into(group: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(group.join("cgroup.procs"));
    file.and_then(|mut file| file.write_all(b"0"))
}

/// Every hierarchy that is mounted and may be written, by `/proc/self/mountinfo` (proc_pid_mountinfo(5)), each once.
fn hierarchies(mounts: &str) -> Vec<Hierarchy> {
    let mut devices = BTreeSet::new();
    let hierarchies = mounts.lines().filter_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let source: Vec<&str> = source.split(' ').collect();
        let ([_, _, device, root, top, options, ..], [kind, _, held, ..]) = (&mount[..], &source[..]) else {
            return None;
        };
        let v1 = *kind == "cgroup";
        let usable = (v1 || *kind == "cgroup2") && !options.split(',').any(|option| option == "ro");
        (usable && devices.insert((*device).to_owned())).then(|| Hierarchy {
            top: unescape(top).into(),
            root: unescape(root),
            holds: held.split(',').filter(|_| v1).map(str::to_owned).collect(),
        })
    });
    hierarchies.collect()
}

/// Blanks and the like stand there as `\040`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            None => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:31 / /sys/fs/cgroup/cpuset ro,relatime - cgroup cgroup rw,cpuset
34 31 0:37 /docker/a /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
35 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
36 31 0:29 / /mnt/with\\040blank rw,relatime - cgroup cgroup rw,cpu,cpuacct
";
    const GROUPS: &str = "3:name=systemd:/docker/a/b\n2:cpu,cpuacct:/web\n0::/c\n";

    #[test]
    fn each_hierarchy_that_may_be_written_is_found_once() {
        let tops: Vec<_> = hierarchies(HYBRID)
            .into_iter()
            .map(|hierarchy| hierarchy.top.to_string_lossy().into_owned())
            .collect();
        let expected = ["cpu,cpuacct", "systemd", "unified"].map(|name| format!("/sys/fs/cgroup/{name}"));
        assert_eq!(tops, expected);
    }

    #[test]
    fn where_a_process_came_from_is_found_below_the_mount() {
        let found: Vec<_> = hierarchies(HYBRID)
            .iter()
            .map(|hierarchy| hierarchy.group(GROUPS))
            .collect();
        let expected = ["cpu,cpuacct/web", "systemd/b", "unified/c"];
        assert_eq!(
            found,
            expected.map(|group| Some(PathBuf::from("/sys/fs/cgroup").join(group)))
        );
    }

    #[test]
    fn a_group_that_cannot_be_seen_from_here_is_none() {
        let hierarchy = hierarchies(HYBRID).remove(1);
        assert_eq!(hierarchy.group("3:name=systemd:/elsewhere\n"), None);
        assert_eq!(hierarchy.group(""), None);
    }

    #[test]
    fn blanks_in_a_path_are_read() {
        assert_eq!(unescape("/mnt/with\\040blank"), "/mnt/with blank");
        assert_eq!(unescape("/a\\b\\04"), "/a\\b\\04");
    }
}
