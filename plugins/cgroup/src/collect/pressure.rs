//! `cgroup.pressure`: how long tasks of every target waited, and a call ahead of the tick when they waited too long.
//!
//! Always the `total` of a pressure file, never its averages, which lag (accounting/psi.rst).

use super::bell::Bell;
use super::roster::{Reader, Roster};
use super::started;
use crate::config::{PressureConfig, TriggerConfig};
use crate::delta::{Sample, Total};
use crate::{group, probe};
use pipeline_cgroup_fs::{Error, Group, Pressure, PressureFiles, Pressures, Resource, Trigger};
use pipeline_plugin_api::prelude::*;

/// The `cgroup.pressure` element.
pub struct CgroupPressure {
    roster: Roster<Files>,
    trigger: Option<TriggerConfig>,
    host: Host,
    system: Option<System>,
    /// Rings when a trigger fires; made with the first of them.
    bell: Option<Bell>,
    /// That there are more targets than triggers was told.
    told: bool,
}

/// What all targets share.
struct Setup {
    resources: Vec<(Resource, [MetricId; 2])>,
    metrics: Vec<MetricId>,
}

/// The open files of one target, its totals at the sample before, and its trigger.
struct Files {
    group: Group,
    files: PressureFiles,
    totals: [[Total; 2]; 3],
    trigger: Option<Trigger>,
}

impl Element for CgroupPressure {
    const NAME: &'static str = "cgroup.pressure";
    const SUMMARY: &'static str = "time that tasks of control groups waited for CPUs, memory and devices";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = PressureConfig;

    fn ports(config: &PressureConfig) -> Ports {
        let metrics = config.resources().into_iter().flat_map(metrics_of);
        metrics.fold(Ports::new(), |ports, metric| ports.gives(&metric))
    }

    fn create(config: PressureConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            roster: Roster::new(Setup::new(&config, host)?, host),
            trigger: config.trigger,
            host: host.clone(),
            system: None,
            bell: None,
            told: false,
        })
    }

    fn probe() -> Vec<Probe> {
        probe::pressure()
    }

    fn status(&self) -> String {
        let (open, all) = self.roster.count();
        format!("reads {open} of {all} targets, {} with a trigger", self.armed())
    }
}

impl Collector for CgroupPressure {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        self.roster.change(change)?;
        self.arm(change.target.id)
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.roster.sample(tick.at, started(self.system.as_ref())?, out);
        Ok(Wish::Nothing)
    }

    /// The bell of the triggers. A group that goes rings it too; reading its files then drops its trigger.
    fn descriptors(&self) -> Vec<i32> {
        let is_armed = self.armed() > 0;
        self.bell.iter().filter(|_| is_armed).map(Bell::descriptor).collect()
    }
}

impl CgroupPressure {
    fn armed(&self) -> usize {
        self.roster.readers().filter(|files| files.trigger.is_some()).count()
    }

    /// Gives a target its trigger, if there is one to give and it has none.
    fn arm(&mut self, target: TargetId) -> Result<()> {
        let Some(config) = self.trigger.clone() else {
            return Ok(());
        };
        let is_full = self.armed() >= config.most as usize;
        let Some(files) = self.roster.reader(target).filter(|files| files.trigger.is_none()) else {
            return Ok(());
        };
        if is_full {
            if !std::mem::replace(&mut self.told, true) {
                let why = "more targets than triggers; those beyond are read at ticks only; raise `most` of `trigger`";
                self.host.log(Level::WARN, why, &[("most", &config.most)]);
            }
            return Ok(());
        }
        let (kind, stall) = config.stall();
        let (stall, window) = (stall.nanos().into(), config.window.nanos().into());
        let armed = Trigger::group(&files.group, config.resource.into(), kind, stall, window);
        let armed = armed.map_err(|error| group::failure(target, &error))?;
        let bell = match self.bell.take() {
            Some(bell) => Ok(bell),
            None => Bell::new(),
        };
        let rung = bell.and_then(|bell| self.bell.insert(bell).listen(&armed));
        rung.map_err(|error| Failure::retry(format!("cannot wait for a pressure trigger: {error}")))?;
        files.trigger = Some(armed);
        Ok(())
    }
}

fn metrics_of(resource: Resource) -> [Metric; 2] {
    match resource {
        Resource::Cpu => [vocabulary::PSI_CPU_SOME, vocabulary::PSI_CPU_FULL],
        Resource::Memory => [vocabulary::PSI_MEMORY_SOME, vocabulary::PSI_MEMORY_FULL],
        Resource::Io => [vocabulary::PSI_IO_SOME, vocabulary::PSI_IO_FULL],
    }
}

impl Setup {
    fn new(config: &PressureConfig, host: &Host) -> Result<Self> {
        let ids = |resource| -> Result<_> {
            let [some, full] = metrics_of(resource);
            Ok((resource, [host.metric(&some)?, host.metric(&full)?]))
        };
        let resources = config.resources().into_iter().map(ids).collect::<Result<Vec<_>>>()?;
        let metrics = resources.iter().flat_map(|(_, ids)| *ids).collect();
        Ok(Self { resources, metrics })
    }
}

impl Reader for Files {
    type Setup = Setup;
    const NOTHING: &'static str =
        "the target has no pressure files; they need a version 2 directory, and a kernel booted with `psi=1`";

    fn open(setup: &Setup, group: &Group) -> std::result::Result<Option<Self>, Error> {
        let wanted: Vec<Resource> = setup.resources.iter().map(|(resource, _)| *resource).collect();
        let files = PressureFiles::open_only(group, &wanted)?;
        let none = files.descriptors() == 0;
        let files = Self {
            group: group.clone(),
            files,
            totals: Default::default(),
            trigger: None,
        };
        Ok((!none).then_some(files))
    }

    fn read(&mut self, setup: &Setup, sample: Sample, out: &mut Batch) -> std::result::Result<(), Error> {
        let pressures = self.files.read()?;
        for ((resource, ids), totals) in setup.resources.iter().zip(&mut self.totals) {
            let now = totals_ns(pressure_of(&pressures, *resource));
            for ((total, now), metric) in totals.iter_mut().zip(now).zip(ids) {
                if let Some(reading) = total.taken(now, *metric, sample) {
                    out.readings.push(reading);
                }
            }
        }
        Ok(())
    }

    fn metrics(setup: &Setup) -> &[MetricId] {
        &setup.metrics
    }

    /// A trigger whose group cannot be read might be ready for ever.
    fn failed(&mut self) {
        self.trigger = None;
    }
}

fn pressure_of(pressures: &Pressures, resource: Resource) -> Option<Pressure> {
    match resource {
        Resource::Cpu => pressures.cpu,
        Resource::Memory => pressures.memory,
        Resource::Io => pressures.io,
    }
}

/// Some and full, in nanoseconds; the kernel counts microseconds.
fn totals_ns(pressure: Option<Pressure>) -> [Option<u64>; 2] {
    let total_ns = |stall: Option<pipeline_cgroup_fs::Stall>| stall?.total_us.checked_mul(1000);
    pressure.map_or([None; 2], |pressure| [total_ns(pressure.some), total_ns(pressure.full)])
}

#[cfg(test)]
mod tests;
