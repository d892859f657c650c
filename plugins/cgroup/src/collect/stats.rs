//! `cgroup.stats`: CPU time, throttling, memory, block devices and tasks of every target, on kept descriptors.
//!
//! A sweep opens nothing, walks no path and allocates nothing per target. What the texts mean is the library's business.

use super::devices::{self, Devices};
use super::roster::{Reader, Roster};
use super::started;
use crate::config::{Family, StatsConfig};
use crate::delta::{Sample, Total};
use crate::probe;
use pipeline_cgroup_fs::{
    Controller, Error, Families, Group, Limit, MemoryStats, PidsStats, StatFiles, Stats, Version,
};
use pipeline_plugin_api::prelude::*;

const CPU: [Metric; 6] = [
    vocabulary::CPU_TIME,
    vocabulary::CPU_USER,
    vocabulary::CPU_SYSTEM,
    vocabulary::CPU_PERIODS,
    vocabulary::CPU_THROTTLED_PERIODS,
    vocabulary::CPU_THROTTLED,
];
const MEMORY_LEVELS: [Metric; 5] = [
    vocabulary::MEMORY_CURRENT,
    vocabulary::MEMORY_LIMIT,
    vocabulary::MEMORY_ANON,
    vocabulary::MEMORY_FILE,
    vocabulary::MEMORY_SWAP,
];
const MEMORY_TOTALS: [Metric; 2] = [vocabulary::MEMORY_MAJOR_FAULTS, vocabulary::MEMORY_OOM_KILLS];
const IO: [Metric; 4] = [
    vocabulary::IO_READ,
    vocabulary::IO_WRITTEN,
    vocabulary::IO_READS,
    vocabulary::IO_WRITES,
];
const PIDS: [Metric; 2] = [vocabulary::PIDS_CURRENT, vocabulary::PIDS_LIMIT];

/// The `cgroup.stats` element.
pub struct CgroupStats {
    roster: Roster<Files>,
    system: Option<System>,
}

/// What all targets share.
struct Setup {
    families: Families,
    cpu: [MetricId; 6],
    memory_levels: [MetricId; 5],
    memory_totals: [MetricId; 2],
    io: devices::Metrics,
    pids: [MetricId; 2],
    metrics: Vec<MetricId>,
    host: Host,
}

/// The open files of one target, and its totals at the sample before.
struct Files {
    files: StatFiles,
    cpu: [Total; 6],
    memory: [Total; 2],
    devices: Devices,
    /// Version 1 may count no device at all, so that an empty list says nothing.
    is_blkio: bool,
}

impl Element for CgroupStats {
    const NAME: &'static str = "cgroup.stats";
    const SUMMARY: &'static str = "CPU time, throttling, memory, block devices and tasks of control groups";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = StatsConfig;

    fn ports(config: &StatsConfig) -> Ports {
        metrics_of(config).iter().fold(Ports::new(), Ports::gives)
    }

    fn create(config: StatsConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            roster: Roster::new(Setup::new(&config, host)?, host),
            system: None,
        })
    }

    fn probe() -> Vec<Probe> {
        probe::statistics()
    }

    fn status(&self) -> String {
        let (open, all) = self.roster.count();
        format!("reads {open} of {all} targets")
    }
}

impl Collector for CgroupStats {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        self.roster.change(change)
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.roster.sample(tick.at, started(self.system.as_ref())?, out);
        Ok(Wish::Nothing)
    }
}

fn metrics_of(config: &StatsConfig) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let has = |family| config.families.contains(&family);
    if has(Family::Cpu) {
        metrics.extend(CPU);
    }
    if has(Family::Memory) {
        metrics.extend(MEMORY_LEVELS);
        metrics.extend(MEMORY_TOTALS);
    }
    if has(Family::Io) {
        metrics.extend(IO);
    }
    if has(Family::Pids) {
        metrics.extend(PIDS);
    }
    metrics
}

fn ids<const N: usize>(metrics: [Metric; N], host: &Host) -> Result<[MetricId; N]> {
    let mut ids = [MetricId::default(); N];
    for (id, metric) in ids.iter_mut().zip(&metrics) {
        *id = host.metric(metric)?;
    }
    Ok(ids)
}

impl Setup {
    fn new(config: &StatsConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            families: config.families(),
            cpu: ids(CPU, host)?,
            memory_levels: ids(MEMORY_LEVELS, host)?,
            memory_totals: ids(MEMORY_TOTALS, host)?,
            io: ids(IO, host)?,
            pids: ids(PIDS, host)?,
            metrics: metrics_of(config)
                .iter()
                .map(|metric| host.metric(metric))
                .collect::<Result<_>>()?,
            host: host.clone(),
        })
    }
}

impl Reader for Files {
    type Setup = Setup;
    const NOTHING: &'static str = "the target's control group has no statistics of the wanted families";

    fn open(setup: &Setup, group: &Group) -> std::result::Result<Option<Self>, Error> {
        let files = StatFiles::open(group, setup.families)?;
        let io = group.directory(Controller::Io);
        Ok((files.descriptors() > 0).then(|| Self {
            files,
            cpu: Default::default(),
            memory: Default::default(),
            devices: Devices::default(),
            is_blkio: io.is_some_and(|directory| directory.version == Version::V1),
        }))
    }

    fn read(&mut self, setup: &Setup, sample: Sample, out: &mut Batch) -> std::result::Result<(), Error> {
        let stats = self.files.read()?;
        if setup.families.cpu {
            totals(&mut self.cpu, cpu_of(stats), setup.cpu, sample, out);
        }
        if setup.families.memory {
            levels(memory_levels_of(&stats.memory), setup.memory_levels, sample, out);
            let now = [stats.memory.major_faults, stats.memory.oom_kills];
            totals(&mut self.memory, now, setup.memory_totals, sample, out);
        }
        if setup.families.io {
            match &stats.io {
                Some(io) if !(io.is_empty() && self.is_blkio) => {
                    self.devices.taken(io, setup.io, sample, &setup.host, out);
                }
                _ => levels([None; 4], setup.io, sample, out),
            }
        }
        if setup.families.pids {
            levels(pids_of(&stats.pids), setup.pids, sample, out);
        }
        Ok(())
    }

    fn metrics(setup: &Setup) -> &[MetricId] {
        &setup.metrics
    }
}

fn totals<const N: usize>(
    totals: &mut [Total; N],
    now: [Option<u64>; N],
    metrics: [MetricId; N],
    sample: Sample,
    out: &mut Batch,
) {
    for ((total, now), metric) in totals.iter_mut().zip(now).zip(metrics) {
        if let Some(reading) = total.taken(now, metric, sample) {
            out.readings.push(reading);
        }
    }
}

fn levels<const N: usize>(now: [Option<u64>; N], metrics: [MetricId; N], sample: Sample, out: &mut Batch) {
    for (now, metric) in now.into_iter().zip(metrics) {
        out.readings.push(sample.level(metric, now));
    }
}

fn cpu_of(stats: &Stats) -> [Option<u64>; 6] {
    let cpu = &stats.cpu;
    [
        cpu.usage_ns,
        cpu.user_ns,
        cpu.system_ns,
        cpu.periods,
        cpu.throttled_periods,
        cpu.throttled_ns,
    ]
}

fn memory_levels_of(memory: &MemoryStats) -> [Option<u64>; 5] {
    [
        memory.current_bytes,
        limit(memory.limit),
        memory.anon_bytes,
        memory.file_bytes,
        memory.swap_bytes,
    ]
}

fn pids_of(pids: &PidsStats) -> [Option<u64>; 2] {
    [pids.current, limit(pids.limit)]
}

/// No limit is no number.
fn limit(limit: Option<Limit>) -> Option<u64> {
    match limit {
        Some(Limit::At(limit)) => Some(limit),
        Some(Limit::Max) | None => None,
    }
}

#[cfg(test)]
mod tests;
