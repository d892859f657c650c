//! Pressure of one group, or of the whole system, on kept descriptors. To be woken instead of asking, see `trigger`.

use crate::kept::{Buffer, Home, Kept};
use crate::parse::{self, Pressure};
use crate::{Error, Group, Hierarchies};
use std::sync::Arc;

/// What tasks can stall on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Waiting for a CPU.
    Cpu,
    /// Waiting for memory: reclaim, swap, refaults.
    Memory,
    /// Waiting for block devices.
    Io,
}

/// One sample. A resource whose file is not there is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressures {
    /// Of the CPU.
    pub cpu: Option<Pressure>,
    /// Of memory.
    pub memory: Option<Pressure>,
    /// Of block devices.
    pub io: Option<Pressure>,
}

/// The open pressure files of one group, or of the system; up to 3 descriptors.
#[derive(Debug)]
pub struct PressureFiles {
    files: Vec<(Kept, Resource)>,
    buffer: Buffer,
}

impl Resource {
    /// Each resource.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Io];

    pub(crate) fn group_file(self) -> &'static str {
        match self {
            Self::Cpu => "cpu.pressure",
            Self::Memory => "memory.pressure",
            Self::Io => "io.pressure",
        }
    }

    pub(crate) fn system_file(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
        }
    }
}

impl PressureFiles {
    /// Opens the pressure files of a group, which stand in its version 2 directory (cgroup-v2.rst, "PSI").
    ///
    /// A group without such a directory, or a kernel without PSI, gives a reader of no files.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Read`].
    pub fn open(group: &Group) -> Result<Self, Error> {
        Self::open_only(group, &Resource::ALL)
    }

    /// As [`PressureFiles::open`], for some resources only; each costs a descriptor and a read.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Read`].
    pub fn open_only(group: &Group, resources: &[Resource]) -> Result<Self, Error> {
        match group.unified() {
            Some(directory) => {
                let home = Home::Group(Arc::new(directory.clone()));
                let files = Self::open_in(&home, resources, Resource::group_file)?;
                directory.check()?;
                Ok(files)
            }
            None => Ok(Self {
                files: Vec::new(),
                buffer: Buffer::new(),
            }),
        }
    }

    /// Opens `/proc/pressure`, the pressure of the whole system.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn system(hierarchies: &Hierarchies) -> Result<Self, Error> {
        let home = Home::System(hierarchies.system_pressure());
        Self::open_in(&home, &Resource::ALL, Resource::system_file)
    }

    /// Reads every file once.
    ///
    /// # Errors
    /// [`Error::Gone`] once the group was removed; [`Error::Withdrawn`] if `0` was written to its `cgroup.pressure`;
    /// [`Error::Read`], with `EOPNOTSUPP` where the kernel was booted with `psi=0`.
    pub fn read(&mut self) -> Result<Pressures, Error> {
        let mut pressures = Pressures::default();
        for (file, resource) in &self.files {
            let pressure = Some(parse::pressure(file.read(&mut self.buffer)?));
            match resource {
                Resource::Cpu => pressures.cpu = pressure,
                Resource::Memory => pressures.memory = pressure,
                Resource::Io => pressures.io = pressure,
            }
        }
        Ok(pressures)
    }

    /// How many descriptors are open.
    pub fn descriptors(&self) -> usize {
        self.files.len()
    }

    fn open_in(home: &Home, resources: &[Resource], name: fn(Resource) -> &'static str) -> Result<Self, Error> {
        let mut files = Vec::new();
        for &resource in resources {
            files.extend(Kept::open(home, name(resource))?.map(|file| (file, resource)));
        }
        Ok(Self {
            files,
            buffer: Buffer::new(),
        })
    }
}
