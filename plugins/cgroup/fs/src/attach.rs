//! Moving processes into a group. Who is moved and when is the caller's decision.

use crate::{Error, Group, fs};
use rustix::io::Errno;

impl Group {
    /// Moves a process with all its threads into every directory of the group.
    ///
    /// Children it starts later are born there; those it has stay where they are. If one directory refuses, those
    /// before it in [`Group::directories`] keep the process.
    ///
    /// # Errors
    /// [`Error::NoProcess`], [`Error::Gone`], or [`Error::Write`] with what the kernel's refusal means.
    pub fn attach(&self, pid: u32) -> Result<(), Error> {
        self.check()?;
        for directory in &self.directories {
            fs::write(&directory.path.join("cgroup.procs"), &pid.to_string(), hint)
                .map_err(|error| no_process(error, pid))?;
        }
        Ok(())
    }
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::NOSPC => "; `cpuset.cpus` or `cpuset.mems` is empty: write both first",
        Errno::BUSY => "; the group has controllers in `cgroup.subtree_control`: attach to a leaf of it",
        Errno::OPNOTSUPP => "; the group lies in a threaded subtree, where only threads can move",
        Errno::INVAL => "; a real-time process needs `cpu.rt_runtime_us` in its group; kernel threads never move",
        Errno::ACCESS | Errno::PERM => {
            "; run as root, or have both groups and their common parent delegated to this user"
        }
        _ => "",
    }
}

fn no_process(error: Error, pid: u32) -> Error {
    match &error {
        Error::Write { source, .. } if Errno::from_io_error(source) == Some(Errno::SRCH) => Error::NoProcess { pid },
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cpuset_is_explained() {
        assert!(hint(Errno::NOSPC).contains("cpuset.mems"));
        assert_eq!(hint(Errno::IO), "");
    }
}
