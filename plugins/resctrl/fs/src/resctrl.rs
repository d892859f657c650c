//! The mounted filesystem: what it offers, which groups it has, who is where.

use crate::error::is_absence;
use crate::{Error, Files, Group, Info, Kernel, Lock, Membership, OWN_FOLDERS, Schemata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where it is mounted by convention (resctrl.rst).
pub const MOUNT_POINT: &str = "/sys/fs/resctrl";

/// The mounted filesystem.
#[derive(Clone, Debug)]
pub struct Resctrl {
    root: PathBuf,
    files: Arc<dyn Files>,
    info: Info,
}

impl Resctrl {
    /// Opens what is mounted there.
    ///
    /// # Errors
    /// [`Error::NotMounted`], or a file of `info` cannot be read.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_with(root, Arc::new(Kernel))
    }

    /// The same through other file operations.
    ///
    /// # Errors
    /// As [`Resctrl::open`].
    pub fn open_with(root: impl Into<PathBuf>, files: Arc<dyn Files>) -> Result<Self, Error> {
        let root = root.into();
        let path = root.join("schemata");
        let text = match files.read(&path) {
            Ok(text) => text,
            Err(source) if is_absence(&source) => return Err(Error::NotMounted { root }),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let schemata: Schemata = text.parse().map_err(|error| malformed(&path, error))?;
        let info = Info::read(&*files, &root, &schemata)?;
        Ok(Self { root, files, info })
    }

    /// What the hardware can divide and count.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files, for what lies outside.
    pub fn files(&self) -> &Arc<dyn Files> {
        &self.files
    }

    /// The group that has whoever is in no other.
    pub fn default_group(&self) -> Group {
        self.group("")
    }

    /// The control group of that name, whether it is there or not; the default group for an empty name.
    pub fn group(&self, name: &str) -> Group {
        let path = if name.is_empty() {
            self.root.clone()
        } else {
            self.root.join(name)
        };
        Group::new(path, self.root.clone(), Arc::clone(&self.files))
    }

    /// The control groups, but for the default group.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn control_groups(&self) -> Result<Vec<Group>, Error> {
        let names = self.files.folders(&self.root).map_err(|source| Error::Read {
            path: self.root.clone(),
            source,
        })?;
        let names = names.into_iter().filter(|name| !OWN_FOLDERS.contains(&name.as_str()));
        Ok(names.map(|name| self.group(&name)).collect())
    }

    /// In which groups a task is; `None` where it ended, or the kernel does not tell.
    pub fn membership(&self, task: u32) -> Option<Membership> {
        let path = format!("/proc/{task}/cpu_resctrl_groups");
        Membership::parse(&self.files.read(Path::new(&path)).ok()?)
    }

    /// The lock that programs take which decide about groups (resctrl.rst, "Concurrent access"), unless another has it.
    ///
    /// # Errors
    /// The folder cannot be locked.
    pub fn try_lock(&self) -> Result<Option<Lock>, Error> {
        self.files.try_lock(&self.root).map_err(|source| Error::Read {
            path: self.root.clone(),
            source,
        })
    }
}

pub(crate) fn malformed(path: &Path, error: crate::SchemataError) -> Error {
    Error::Malformed {
        path: path.to_owned(),
        found: error.found,
        expected: "lines such as `L3:0=7ff`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    #[test]
    fn where_nothing_is_mounted_the_command_is_told() {
        let error = Resctrl::open("/proc/no-such-mount").unwrap_err();
        assert!(
            error.to_string().contains("run `mount -t resctrl resctrl /proc/"),
            "{error}"
        );
    }

    #[test]
    fn what_the_kernel_keeps_beside_the_groups_is_no_group() {
        let resctrl = Fake::new().open();
        assert!(resctrl.control_groups().unwrap().is_empty());
        resctrl.group("quiet").make().unwrap();
        let names: Vec<String> = resctrl.control_groups().unwrap().iter().map(Group::name).collect();
        assert_eq!(names, ["quiet"]);
    }

    #[test]
    fn a_task_is_where_it_was_put() {
        let fake = Fake::new();
        let resctrl = fake.open();
        fake.run(7);
        assert_eq!(resctrl.membership(7), Some(Membership::default()));
        let group = resctrl.group("quiet");
        group.make().unwrap();
        group.add(7).unwrap();
        assert_eq!(resctrl.membership(7).unwrap().control, "quiet");
        assert_eq!(resctrl.membership(8), None);
    }
}
