//! Statistics of one group on kept descriptors. What the texts mean is `parse`'s business; rates are the caller's.

use crate::group::Directory;
use crate::kept::{Buffer, Home, Kept};
use crate::parse::{self, CpuStats, DeviceIo, MemoryStats, Operation, PidsStats};
use crate::{Controller, Error, Group, Version};
use std::sync::Arc;

/// Which files to keep open. Each family costs up to five descriptors and its reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// CPU time and throttling: 1 descriptor on version 2, 3 on version 1.
    pub cpu: bool,
    /// Memory: 5 on version 2, 4 on version 1. `memory.stat` is the dearest file here.
    pub memory: bool,
    /// Block devices: 1 on version 2, 2 on version 1.
    pub io: bool,
    /// Tasks: 2.
    pub pids: bool,
}

/// One sample. What a group lacks is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// CPU time and throttling.
    pub cpu: CpuStats,
    /// Memory.
    pub memory: MemoryStats,
    /// One entry for each block device with counters; empty where no device was touched. On version 1 a recent kernel
    /// counts a device only once some group has a `blkio.throttle` rule for it.
    pub io: Option<Vec<DeviceIo>>,
    /// Tasks.
    pub pids: PidsStats,
}

/// The open statistics files of one group.
#[derive(Debug)]
pub struct StatFiles {
    files: Vec<(Kept, Take)>,
    buffer: Buffer,
    stats: Stats,
}

/// How one file's text enters the sample.
type Take = fn(&[u8], &mut Stats);

/// A file to open: the first of the names that exists.
struct Source {
    names: &'static [&'static str],
    take: Take,
}

impl Families {
    /// All files.
    pub const ALL: Self = Self {
        cpu: true,
        memory: true,
        io: true,
        pids: true,
    };
    /// No file.
    pub const NONE: Self = Self {
        cpu: false,
        memory: false,
        io: false,
        pids: false,
    };
    /// Only CPU time and throttling.
    pub const CPU: Self = Self {
        cpu: true,
        ..Self::NONE
    };

    fn controllers(self) -> impl Iterator<Item = Controller> {
        let families = [
            (self.cpu, Controller::Cpuacct),
            (self.cpu, Controller::Cpu),
            (self.memory, Controller::Memory),
            (self.io, Controller::Io),
            (self.pids, Controller::Pids),
        ];
        families
            .into_iter()
            .filter_map(|(wanted, controller)| wanted.then_some(controller))
    }
}

impl StatFiles {
    /// Opens the files of the `families` that the group has. Having none of them is no error.
    ///
    /// # Errors
    /// [`Error::Gone`] if the group is no longer the one that was found, [`Error::Read`].
    pub fn open(group: &Group, families: Families) -> Result<Self, Error> {
        let mut files = Self {
            files: Vec::new(),
            buffer: Buffer::new(),
            stats: Stats::default(),
        };
        for controller in families.controllers() {
            if let Some(directory) = group.directory(controller) {
                files.add(directory, controller, group)?;
            }
        }
        group.check()?;
        Ok(files)
    }

    /// Reads every file once. The sample is the reader's own and is overwritten by the next one.
    ///
    /// # Errors
    /// [`Error::Gone`] once the group was removed; [`Error::Withdrawn`] if only a controller was switched off;
    /// [`Error::Read`].
    pub fn read(&mut self) -> Result<&Stats, Error> {
        self.stats.forget();
        for (file, take) in &self.files {
            take(file.read(&mut self.buffer)?, &mut self.stats);
        }
        Ok(&self.stats)
    }

    /// How many descriptors are open.
    pub fn descriptors(&self) -> usize {
        self.files.len()
    }

    fn add(&mut self, directory: &Directory, controller: Controller, group: &Group) -> Result<(), Error> {
        let home = Home::Group(Arc::new(directory.clone()));
        for source in sources(controller, directory.version, group) {
            self.files.extend(source.open(&home)?.map(|file| (file, source.take)));
        }
        Ok(())
    }
}

impl Stats {
    /// Absent again, with the space for devices kept.
    fn forget(&mut self) {
        let mut devices = self.io.take();
        devices.iter_mut().for_each(Vec::clear);
        *self = Self {
            io: devices,
            ..Self::default()
        };
    }
}

impl Source {
    fn open(&self, home: &Home) -> Result<Option<Kept>, Error> {
        for name in self.names {
            if let Some(file) = Kept::open(home, name)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }
}

/// The files of one controller.
fn sources(controller: Controller, version: Version, group: &Group) -> &'static [Source] {
    match (controller, version) {
        (Controller::Cpuacct, Version::V1) => CPUACCT_V1,
        (Controller::Cpuacct, Version::V2) => CPU_V2,
        (Controller::Cpu, Version::V1) => CPU_V1,
        // One file tells both; it is open already if version 2 holds both.
        (Controller::Cpu, Version::V2) if group.directory(Controller::Cpuacct) == group.unified() => &[],
        (Controller::Cpu, Version::V2) => CPU_V2,
        (Controller::Memory, Version::V1) => MEMORY_V1,
        (Controller::Memory, Version::V2) => MEMORY_V2,
        (Controller::Io, Version::V1) => IO_V1,
        (Controller::Io, Version::V2) => IO_V2,
        (Controller::Pids, _) => PIDS,
        (Controller::Cpuset | Controller::Freezer | Controller::PerfEvent, _) => &[],
    }
}

const CPUACCT_V1: &[Source] = &[
    Source {
        names: &["cpuacct.usage"],
        take: |bytes, stats| parse::cpuacct_usage(bytes, &mut stats.cpu),
    },
    Source {
        names: &["cpuacct.stat"],
        take: |bytes, stats| parse::cpuacct_stat(bytes, rustix::param::clock_ticks_per_second(), &mut stats.cpu),
    },
];

const CPU_V1: &[Source] = &[Source {
    names: &["cpu.stat"],
    take: |bytes, stats| parse::cpu_stat_v1(bytes, &mut stats.cpu),
}];

const CPU_V2: &[Source] = &[Source {
    names: &["cpu.stat"],
    take: |bytes, stats| parse::cpu_stat_v2(bytes, &mut stats.cpu),
}];

const MEMORY_V1: &[Source] = &[
    Source {
        names: &["memory.usage_in_bytes"],
        take: |bytes, stats| stats.memory.current_bytes = parse::number(bytes),
    },
    Source {
        names: &["memory.limit_in_bytes"],
        take: |bytes, stats| stats.memory.limit = parse::limit_v1(bytes),
    },
    Source {
        names: &["memory.stat"],
        take: |bytes, stats| parse::memory_stat_v1(bytes, &mut stats.memory),
    },
    Source {
        names: &["memory.oom_control"],
        take: |bytes, stats| parse::oom_control(bytes, &mut stats.memory),
    },
];

const MEMORY_V2: &[Source] = &[
    Source {
        names: &["memory.current"],
        take: |bytes, stats| stats.memory.current_bytes = parse::number(bytes),
    },
    Source {
        names: &["memory.max"],
        take: |bytes, stats| stats.memory.limit = parse::limit_v2(bytes),
    },
    Source {
        names: &["memory.stat"],
        take: |bytes, stats| parse::memory_stat_v2(bytes, &mut stats.memory),
    },
    Source {
        names: &["memory.swap.current"],
        take: |bytes, stats| stats.memory.swap_bytes = parse::number(bytes),
    },
    Source {
        names: &["memory.events"],
        take: |bytes, stats| parse::memory_events(bytes, &mut stats.memory),
    },
];

/// The recursive files count descendants too, as version 2 does; old kernels have only the plain ones.
const IO_V1: &[Source] = &[
    Source {
        names: &[
            "blkio.throttle.io_service_bytes_recursive",
            "blkio.throttle.io_service_bytes",
        ],
        take: |bytes, stats| parse::blkio(bytes, Operation::Bytes, stats.io.get_or_insert_default()),
    },
    Source {
        names: &["blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"],
        take: |bytes, stats| parse::blkio(bytes, Operation::Count, stats.io.get_or_insert_default()),
    },
];

const IO_V2: &[Source] = &[Source {
    names: &["io.stat"],
    take: |bytes, stats| parse::io_stat(bytes, stats.io.get_or_insert_default()),
}];

const PIDS: &[Source] = &[
    Source {
        names: &["pids.current"],
        take: |bytes, stats| stats.pids.current = parse::number(bytes),
    },
    Source {
        names: &["pids.max"],
        take: |bytes, stats| stats.pids.limit = parse::limit_v2(bytes),
    },
];
