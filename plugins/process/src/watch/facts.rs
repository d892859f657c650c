//! What is looked up of one process and not in every sweep: its command line, user, groups and program. Reads only.

use crate::parse;
use pipeline_plugin_api::pattern::fits_any;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// No command line is looked at beyond this.
const LONGEST: usize = 16 << 10;
/// Most of a command line that a label holds.
const LABEL: usize = 256;

/// Which processes fit by what is looked up.
#[derive(Debug)]
pub struct Facts {
    proc: PathBuf,
    commands: Vec<String>,
    users: Vec<u32>,
    cgroups: Vec<String>,
    /// Device and inode of this program, whose other processes are left out.
    own: Option<(u64, u64)>,
}

impl Facts {
    /// Those that fit one of each list that is not empty, and are not this program unless `own`.
    pub fn new(proc: &Path, commands: &[String], users: &[u32], cgroups: &[String], own: bool) -> Self {
        let program = std::fs::metadata("/proc/self/exe").ok();
        Self {
            proc: proc.to_path_buf(),
            commands: commands.to_vec(),
            users: users.to_vec(),
            cgroups: cgroups.to_vec(),
            own: program.filter(|_| !own).map(|meta| (meta.dev(), meta.ino())),
        }
    }

    /// Whether a process fits. One that ended, or whose files this user may not read, does not.
    pub fn fit(&self, pid: u32) -> bool {
        self.is_other(pid)
            && (self.users.is_empty() || self.user(pid).is_some_and(|user| self.users.contains(&user)))
            && (self.commands.is_empty() || fits_any(&self.commands, self.command(pid).as_bytes()))
            && (self.cgroups.is_empty() || self.in_group(pid))
    }

    /// Its command line, words with blanks between them; empty where it has none.
    pub fn command(&self, pid: u32) -> String {
        let mut bytes = self.read(pid, "cmdline").unwrap_or_default();
        bytes.truncate(LONGEST);
        String::from_utf8_lossy(parse::command_line(&mut bytes)).into_owned()
    }

    /// The beginning of its command line.
    pub fn label(&self, pid: u32) -> String {
        self.command(pid).chars().take(LABEL).collect()
    }

    /// The user that it acts as.
    pub fn user(&self, pid: u32) -> Option<u32> {
        parse::user(&self.read(pid, "status").ok()?)
    }

    /// Whether it runs another program than this. Where that is not told it is somebody else's.
    fn is_other(&self, pid: u32) -> bool {
        let Some(own) = self.own else { return true };
        let program = std::fs::metadata(self.path(pid, "exe"));
        !program.is_ok_and(|meta| (meta.dev(), meta.ino()) == own)
    }

    fn in_group(&self, pid: u32) -> bool {
        let bytes = self.read(pid, "cgroup").unwrap_or_default();
        parse::group_paths(&bytes).any(|path| fits_any(&self.cgroups, path))
    }

    fn read(&self, pid: u32, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(pid, name))
    }

    fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.proc.join(format!("{pid}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(commands: &[&str], users: &[u32], cgroups: &[&str], own: bool) -> Facts {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Facts::new(Path::new("/proc"), &texts(commands), users, &texts(cgroups), own)
    }

    #[test]
    fn this_program_is_left_out_unless_asked_for() {
        let own = std::process::id();
        assert!(!facts(&[], &[], &[], false).fit(own));
        assert!(facts(&[], &[], &[], true).fit(own));
    }

    #[test]
    fn every_list_that_is_given_must_fit() {
        let own = std::process::id();
        let user = facts(&[], &[], &[], true).user(own).unwrap();
        let name = std::env::args().next().unwrap();
        assert!(facts(&[&format!("{name}*")], &[user], &["/*"], true).fit(own));
        assert!(!facts(&["nothing like it"], &[user], &["/*"], true).fit(own));
        assert!(!facts(&[&format!("{name}*")], &[user + 1], &["/*"], true).fit(own));
        assert!(!facts(&[], &[], &["/no/such/group"], true).fit(own));
    }

    #[test]
    fn one_that_is_not_there_does_not_fit() {
        assert!(!facts(&["*"], &[0], &[], false).fit(u32::MAX));
    }
}
