//! Single knobs of one group: read, write, read back. Which value is wise, and undoing it, are the caller's business.

mod below;
mod bounds;
mod freeze;
mod hint;
mod setting;
mod undo;
mod weight;

pub use bounds::Bounds;
pub use setting::{Quota, Setting};
pub use undo::Undone;
pub use weight::{shares_of_weight, weight_of_shares};

use crate::group::Directory;
use crate::parse;
use crate::{Controller, CpuSet, Error, Group, Version, fs};
use std::path::{Path, PathBuf};

/// What can be turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KnobKind {
    /// Runs only when nothing else wants the CPU: `cpu.idle`. Overrides the weight.
    Idle,
    /// The share under contention: `cpu.weight`, or `cpu.shares` on version 1.
    Weight,
    /// The most CPU time a period: `cpu.max`, or `cpu.cfs_quota_us` on version 1.
    Quota,
    /// The CPUs it may run on: `cpuset.cpus`.
    Cpus,
    /// Whether it is stopped: `cgroup.freeze`, or `freezer.state` on version 1.
    Freeze,
}

/// One knob of one group.
#[derive(Clone, Debug)]
pub struct Knob {
    kind: KnobKind,
    directory: Directory,
    inode: u64,
}

/// What one write does to one file, for a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileWrite {
    /// The file.
    pub path: PathBuf,
    /// Its inode, which the kernel does not use again for another group's file.
    pub inode: u64,
    /// What stands there now. Writing it, with a newline, undoes the write; it may be empty.
    pub before: String,
    /// What is expected to stand there afterwards. [`Written::after`] tells what does.
    pub after: String,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What was in force before.
    pub before: Setting,
    /// What is in force now, as read back; it differs from what was asked where the kernel rounded.
    pub in_force: Setting,
    /// The text of the file now.
    pub after: String,
}

impl KnobKind {
    /// Each kind, from the gentlest remedy to the hardest.
    pub const ALL: [Self; 5] = [Self::Weight, Self::Idle, Self::Cpus, Self::Quota, Self::Freeze];

    /// The controller that has it.
    pub fn controller(self) -> Controller {
        match self {
            Self::Idle | Self::Weight | Self::Quota => Controller::Cpu,
            Self::Cpus => Controller::Cpuset,
            Self::Freeze => Controller::Freezer,
        }
    }

    /// The file that has it.
    pub fn file(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Idle, _) => "cpu.idle",
            (Self::Weight, Version::V1) => "cpu.shares",
            (Self::Weight, Version::V2) => "cpu.weight",
            (Self::Quota, Version::V1) => "cpu.cfs_quota_us",
            (Self::Quota, Version::V2) => "cpu.max",
            (Self::Cpus, _) => "cpuset.cpus",
            (Self::Freeze, Version::V1) => "freezer.state",
            (Self::Freeze, Version::V2) => "cgroup.freeze",
        }
    }
}

impl Knob {
    /// Finds a knob of a group.
    ///
    /// # Errors
    /// [`Error::NoController`] if the group lacks it: the topmost group has none, old kernels no `cpu.idle` (5.15)
    /// or `cgroup.freeze` (5.2). [`Error::Gone`], [`Error::Read`].
    pub fn open(group: &Group, kind: KnobKind) -> Result<Self, Error> {
        let controller = kind.controller();
        let missing = |version| Error::NoController {
            group: group.path().display().to_string(),
            controller,
            file: kind.file(version),
        };
        let directory = group.directory(controller).ok_or_else(|| missing(Version::V2))?.clone();
        directory.check()?;
        match fs::inode(&directory.path.join(kind.file(directory.version))) {
            Ok(inode) => Ok(Self { kind, directory, inode }),
            Err(error) if error.is_gone() => Err(missing(directory.version)),
            Err(error) => Err(error),
        }
    }

    /// What it turns.
    pub fn kind(&self) -> KnobKind {
        self.kind
    }

    /// The file in which it lives.
    pub fn path(&self) -> PathBuf {
        self.file(self.kind.file(self.directory.version))
    }

    /// The inode of that file.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// What is in force.
    ///
    /// While a group is idle its weight reads as the least: the kernel prints `0` on version 2, 3 shares on version 1.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Read`], [`Error::Malformed`], [`Error::CpuSet`].
    pub fn read(&self) -> Result<Setting, Error> {
        self.check()?;
        let path = self.path();
        let bytes = fs::read(&path)?;
        let parsed = match self.kind {
            KnobKind::Cpus => Some(Setting::Cpus(cpu_set(&path, &bytes)?)),
            KnobKind::Quota => self.quota(&bytes)?,
            KnobKind::Idle => setting::switch(&bytes).map(Setting::Idle),
            KnobKind::Weight => self.weight(&bytes),
            KnobKind::Freeze => freeze::asked(self.directory.version, &bytes).map(Setting::Frozen),
        };
        parsed.ok_or_else(|| malformed(path, &bytes, self.kind))
    }

    /// The CPUs in force, which for [`KnobKind::Cpus`] may be fewer than were asked for, or the parent's where none
    /// were; `None` for other knobs.
    ///
    /// # Errors
    /// As [`Knob::read`].
    pub fn effective(&self) -> Result<Option<CpuSet>, Error> {
        if self.kind != KnobKind::Cpus {
            return Ok(None);
        }
        self.check()?;
        let path = self.file(match self.directory.version {
            Version::V1 => "cpuset.effective_cpus",
            Version::V2 => "cpuset.cpus.effective",
        });
        let bytes = fs::read_if_there(&path)?;
        bytes.map(|bytes| cpu_set(&path, &bytes)).transpose()
    }

    /// What writing `setting` will change, in the order of writing, to be journalled first and undone backwards.
    ///
    /// Usually one file. Going idle, and leaving it, makes the kernel forget the weight, so a weight that is not the
    /// default stands before `cpu.idle`; its `after` is what the file reads once the group is no longer idle.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if `setting` is not one of this knob's; else as [`Knob::read`].
    pub fn prepare(&self, setting: &Setting) -> Result<Vec<FileWrite>, Error> {
        let before = self.read()?;
        let (path, inode) = (self.path(), self.inode);
        let before_text = match self.kind {
            // `FREEZING` cannot be written.
            KnobKind::Freeze => self.text_of(&before)?,
            _ => fs::text(&fs::read(&path)?),
        };
        let write = FileWrite {
            path,
            inode,
            before: before_text,
            after: self.text_of(setting)?,
        };
        let forgotten = match (&before, setting) {
            (Setting::Idle(false), Setting::Idle(true)) => self.weight_to_forget()?,
            _ => None,
        };
        Ok(forgotten.into_iter().chain([write]).collect())
    }

    /// Writes, waits where the knob takes time, and reads back what is in force.
    ///
    /// A quota is scaled to the period in force, which is never changed. A freeze waits up to 500 ms.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] before anything is written; [`Error::Write`] with what the kernel's refusal means;
    /// [`Error::FreezeLate`], after which the request still stands; [`Error::Gone`], and as [`Knob::read`].
    pub fn write(&self, setting: &Setting) -> Result<Written, Error> {
        let before = self.read()?;
        fs::write(&self.path(), &self.text_of(setting)?, hint::of(self.kind))?;
        if let Setting::Frozen(wanted) = *setting {
            freeze::wait(&self.directory, &self.path(), wanted)?;
        }
        let after = fs::text(&fs::read(&self.path())?);
        Ok(Written {
            before,
            in_force: self.read()?,
            after,
        })
    }

    fn check(&self) -> Result<(), Error> {
        match fs::inode(&self.path()) {
            Ok(inode) if inode == self.inode => Ok(()),
            Ok(_) => Err(Error::Gone { path: self.path() }),
            Err(Error::Gone { path }) => self.directory.check().and(Err(Error::Withdrawn { path })),
            Err(error) => Err(error),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path.join(name)
    }

    fn weight(&self, bytes: &[u8]) -> Option<Setting> {
        let number = parse::number(bytes)?;
        let weight = match self.directory.version {
            Version::V1 => weight_of_shares(number),
            Version::V2 => number.max(weight::LEAST),
        };
        Some(Setting::Weight(weight))
    }

    fn quota(&self, bytes: &[u8]) -> Result<Option<Setting>, Error> {
        let parsed = match self.directory.version {
            Version::V2 => parse::quota_v2(bytes),
            Version::V1 => parse::quota_v1(bytes).zip(parse::number(&fs::read(&self.file("cpu.cfs_period_us"))?)),
        };
        Ok(parsed.map(|(quota_us, period_us)| Setting::Quota(Quota { quota_us, period_us })))
    }

    /// The period in force, in microseconds.
    fn period_us(&self) -> Result<u64, Error> {
        match self.read()? {
            Setting::Quota(quota) => Ok(quota.period_us),
            _ => Ok(Quota::PERIOD_US),
        }
    }

    /// The text to write for `setting`, or why it does not fit.
    fn text_of(&self, setting: &Setting) -> Result<String, Error> {
        let misfit = |takes| Error::OutOfBounds {
            path: self.path(),
            value: setting.to_string(),
            takes,
        };
        let version = self.directory.version;
        match (self.kind, setting) {
            (KnobKind::Idle, Setting::Idle(idle)) => Ok(u8::from(*idle).to_string()),
            (KnobKind::Weight, Setting::Weight(weight)) => {
                weight::text(version, *weight).ok_or_else(|| misfit("weights of 1 to 10000"))
            }
            (KnobKind::Quota, Setting::Quota(quota)) => {
                setting::quota_text(version, *quota, self.period_us()?).ok_or_else(|| misfit("at least 1 ms a period"))
            }
            (KnobKind::Cpus, Setting::Cpus(cpus)) => Ok(cpus.to_string()),
            (KnobKind::Freeze, Setting::Frozen(frozen)) => Ok(freeze::text(version, *frozen).into()),
            (kind, _) => Err(misfit(kind.takes())),
        }
    }

    fn weight_to_forget(&self) -> Result<Option<FileWrite>, Error> {
        let path = self.file(KnobKind::Weight.file(self.directory.version));
        let (before, after) = (
            fs::text(&fs::read(&path)?),
            weight::default_text(self.directory.version),
        );
        if before == after {
            return Ok(None);
        }
        Ok(Some(FileWrite {
            inode: fs::inode(&path)?,
            path,
            before,
            after: after.into(),
        }))
    }
}

impl KnobKind {
    fn takes(self) -> &'static str {
        match self {
            Self::Idle => "idle or not",
            Self::Weight => "a weight",
            Self::Quota => "a quota",
            Self::Cpus => "a set of CPUs",
            Self::Freeze => "frozen or not",
        }
    }
}

fn cpu_set(path: &Path, bytes: &[u8]) -> Result<CpuSet, Error> {
    CpuSet::try_from(bytes).map_err(|source| Error::CpuSet {
        path: path.into(),
        source,
    })
}

fn malformed(path: PathBuf, bytes: &[u8], kind: KnobKind) -> Error {
    let found = fs::text(&bytes[..bytes.len().min(80)]);
    Error::Malformed {
        path,
        found,
        expected: kind.takes(),
    }
}
