//! `detect.outlier`: a task whose cycles per instruction lie beyond what is usual of its job on its kind of CPU.
//!
//! CPI² (Zhang et al., EuroSys 2013): a sample of ten seconds each minute; an outlier lies above the mean of the job plus
//! two standard deviations and used at least 0.25 CPUs; three outliers in five minutes are an anomaly. Profiles age by
//! 0.9 a day, here of the time that was watched, as this stage sees no calendar. The paper also wants five tasks of a
//! job; one machine rarely has them, so that is left to `samples`. From whom it suffers is asked in `detect.culprit`.

mod job;
mod profile;
#[cfg(test)]
mod tests;

use crate::config::OutlierConfig;
use crate::saved;
use crate::seen::Seen;
use crate::signal::{self, Signal};
use crate::votes::Votes;
use crate::watch::{Kept, Watch, is_listed};
use pipeline_plugin_api::prelude::*;
use profile::{Profile, Profiles};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How sure a finding is at the threshold; it grows to 1 at twice as many deviations.
const LEAST_CONFIDENCE: f64 = 0.5;

/// See the file.
pub struct Outliers {
    config: OutlierConfig,
    host: Host,
    watch: Watch,
    ratio: MetricId,
    baseline: MetricId,
    jobs: BTreeMap<TargetId, String>,
    profiles: Profiles,
    votes: BTreeMap<TargetId, Votes>,
    sampled: Nanos,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    kept: Kept,
    jobs: BTreeMap<u32, String>,
    profiles: BTreeMap<String, Profile>,
    votes: BTreeMap<u32, Votes>,
    sampled_ns: u64,
}

/// A sample that counts.
#[derive(Copy, Clone, Debug)]
struct Sample {
    cpi: f64,
    cpu: f64,
}

fn wanted(signal: Signal) -> bool {
    use Signal::{Cpi, Cpu, Cycles, Instructions, Ipc};
    [Cycles, Instructions, Ipc, Cpi, Cpu].contains(&signal)
}

impl Element for Outliers {
    const NAME: &'static str = "detect.outlier";
    const SUMMARY: &'static str = "finds tasks whose cycles per instruction lie beyond what is usual of their job";
    type Config = OutlierConfig;

    fn ports(_: &OutlierConfig) -> Ports {
        signal::take(Ports::new(), wanted)
            .takes_outcomes("whether a remedy is in force on a target")
            .gives(&vocabulary::DETECT_RATIO)
            .gives(&vocabulary::DETECT_BASELINE)
            .gives_findings("that a task needs more cycles for an instruction than its job does")
    }

    fn create(config: OutlierConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            watch: Watch::new(host, config.window.nanos(), wanted)?,
            ratio: host.metric(&vocabulary::DETECT_RATIO)?,
            baseline: host.metric(&vocabulary::DETECT_BASELINE)?,
            jobs: BTreeMap::new(),
            profiles: fetch(host, config.store.as_deref())?,
            votes: BTreeMap::new(),
            sampled: Nanos::ZERO,
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        let (all, ready) = self.profiles.count(self.config.samples);
        let open = self.watch.docket.len();
        format!("{all} jobs are profiled, {ready} of them well enough to judge by; {open} outliers")
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        saved::write(&State {
            kept: self.watch.kept(),
            jobs: self.jobs.iter().map(|(id, job)| (id.0, job.clone())).collect(),
            profiles: self.profiles.all().clone(),
            votes: self.votes.iter().map(|(id, votes)| (id.0, *votes)).collect(),
            sampled_ns: self.sampled.0,
        })
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let state: State = saved::read(state)?;
        self.watch.restore(state.kept);
        self.jobs = state.jobs.into_iter().map(|(id, job)| (TargetId(id), job)).collect();
        self.profiles = Profiles::of(state.profiles);
        self.votes = state
            .votes
            .into_iter()
            .map(|(id, votes)| (TargetId(id), votes))
            .collect();
        self.sampled = Nanos(state.sampled_ns);
        Ok(())
    }
}

impl Transform for Outliers {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for change in input.changes().filter(|change| change.change != Change::GONE) {
            let job = job::of(&change.target, &self.config);
            self.jobs.insert(change.target.id, job);
        }
        let (jobs, votes) = (&mut self.jobs, &mut self.votes);
        let closed = self.watch.hear(input, out, |id| {
            jobs.remove(&id);
            votes.remove(&id);
        });
        if closed && self.is_due(input.at) {
            self.sample(input.at, out);
        }
        Ok(self.watch.ledger.due())
    }
}

impl Outliers {
    /// One window of each `every` counts: the first that ends in it.
    fn is_due(&self, at: Nanos) -> bool {
        let every = self.config.every.nanos().0;
        at.0 / every != self.sampled.0 / every
    }

    fn sample(&mut self, at: Nanos, out: &mut Batch) {
        let passed = at.since(self.sampled);
        self.sampled = at;
        self.profiles.age(passed, self.config.aging);
        let Watch {
            ledger,
            roster,
            caps,
            docket,
        } = &mut self.watch;
        for (id, seen) in ledger.seen() {
            let (Some(known), Some(job)) = (roster.find(*id), self.jobs.get(id)) else {
                continue;
            };
            let Some(sample) = counts(seen, &self.config) else {
                continue;
            };
            let profile = self.profiles.of_job(job);
            let is_victim = self.config.victims.is_empty() || is_listed(known, &self.config.victims);
            if is_victim && profile.is_ready(self.config.samples) {
                out.readings
                    .extend(readings(at, *id, sample, &profile, [self.ratio, self.baseline]));
                let votes = self.votes.entry(*id).or_default();
                votes.add(sample.cpi > profile.above(self.config.sigmas));
                if votes.of_last(self.config.of_last) >= self.config.votes {
                    docket.tell(
                        finding(at, *id, [&known.name, job], sample, &profile, &self.config),
                        out,
                    );
                } else {
                    let why = format!("`{}` is as its job `{job}` is", known.name);
                    docket.end(at, *id, why, out);
                }
            }
            // Under a remedy a task is not what its job usually is.
            if !caps.holds(*id) {
                self.profiles.add(job, sample.cpi);
            }
        }
        self.keep();
    }

    fn keep(&self) {
        let Some(key) = &self.config.store else { return };
        let kept = saved::write(self.profiles.all()).and_then(|bytes| self.host.store(key, &bytes));
        if let Err(failure) = kept {
            self.host
                .log(Level::WARN, "the profiles could not be stored", &[("why", &failure)]);
        }
    }
}

/// A sample that counts: enough CPU time was used. Where CPU time is not read, cycles at 1 GHz stand for it, which asks
/// more of a faster CPU and never less.
fn counts(seen: &Seen, config: &OutlierConfig) -> Option<Sample> {
    const SLOWEST_HZ: f64 = 1e9;
    let cpi = seen.cpi().filter(|cpi| *cpi > 0.0)?;
    let cycles = || seen.get(Signal::Cycles).map(|cycles| cycles / SLOWEST_HZ);
    let cpu = seen.get(Signal::Cpu).or_else(cycles)?;
    (cpu >= config.least_cpu).then_some(Sample { cpi, cpu })
}

fn readings(at: Nanos, id: TargetId, sample: Sample, profile: &Profile, ids: [MetricId; 2]) -> [Reading; 2] {
    let [ratio, baseline] = ids;
    [
        Reading::gauge(at, id, ratio, sample.cpi / profile.mean).estimated(),
        Reading::gauge(at, id, baseline, profile.mean).estimated(),
    ]
}

fn finding(
    at: Nanos,
    victim: TargetId,
    names: [&str; 2],
    sample: Sample,
    profile: &Profile,
    config: &OutlierConfig,
) -> Finding {
    let [name, job] = names;
    let beyond = profile.deviations(sample.cpi);
    let doubled = (beyond / config.sigmas.max(1.0) - 1.0).clamp(0.0, 1.0);
    let (cpi, mean, cpu, samples) = (sample.cpi, profile.mean, sample.cpu, profile.samples);
    Finding {
        at,
        victim,
        resource: Resource::UNKNOWN,
        severity: sample.cpi / profile.mean,
        confidence: LEAST_CONFIDENCE + (1.0 - LEAST_CONFIDENCE) * doubled,
        why: format!(
            "`{name}` needs {cpi:.2} cycles for an instruction, {beyond:.1} deviations above the {mean:.2} of its job \
             `{job}` ({samples:.0} samples), while it uses {cpu:.2} cpus"
        )
        .into(),
        ..Finding::default()
    }
}

fn fetch(host: &Host, key: Option<&str>) -> Result<Profiles> {
    let Some((key, bytes)) = key.and_then(|key| Some((key, host.fetch(key)?))) else {
        return Ok(Profiles::default());
    };
    let read = saved::read(&bytes).map(Profiles::of);
    read.map_err(|failure| Failure::fatal(format!("the profiles stored as `{key}` cannot be read: {failure}")))
}
