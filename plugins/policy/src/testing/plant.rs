//! A small world for the tests of policies that close a loop: a victim that suffers from neighbours through resources, more
//! or less as their knobs stand, and a detector that says so. It stands for no machine: the simulated node does that.

use crate::testing::stand::Stand;
use pipeline_plugin_api::prelude::*;
use std::ops::{Deref, DerefMut};

/// The victim, of class Latency, on CPU 0.
pub const WEB: u32 = 1;
/// The first neighbour.
pub const BATCH: u32 = 2;

/// A neighbour.
#[derive(Clone, Debug)]
pub struct Rival {
    /// Through what it harms the victim.
    pub resource: Resource,
    /// By how many times more than its baseline, unrestrained.
    pub harm: f64,
    /// From when to when it works, in seconds.
    pub works: (f64, f64),
    /// On how many CPUs.
    pub wide: f64,
}

/// See the file.
pub struct Plant {
    stand: Stand,
    pub rivals: Vec<Rival>,
    /// Whom the detector blames, and through what; those who do harm where not said.
    pub blames: Option<(Resource, Vec<u32>)>,
    /// Whether a finding goes on saying how bad it was when it began.
    pub lags: bool,
    /// Whether bandwidth that is restrained harms in proportion to what is left of it, and not only above a fifth.
    pub leaks: bool,
    /// Whether the detector tells the time lost, and not the ratio.
    pub tells_loss: bool,
    /// From which ratio on it counts a sample as bad.
    pub bad_from: f64,
    /// The victim's ratio at each step.
    pub ratios: Vec<f64>,
    /// The share of the neighbours' work that got done, by step.
    pub kept: Vec<f64>,
    finding: Option<(u64, Resource, f64)>,
    findings: u64,
    bad: u32,
    quiet: u32,
}

impl Deref for Plant {
    type Target = Stand;

    fn deref(&self) -> &Stand {
        &self.stand
    }
}

impl DerefMut for Plant {
    fn deref_mut(&mut self) -> &mut Stand {
        &mut self.stand
    }
}

/// What the actuator offers of each neighbour: name, unit, least, most, step, found, stricter, resource, cost.
type Offered = (&'static str, &'static str, f64, f64, f64, f64, i32, Resource, f64);

const OFFERS: [Offered; 10] = [
    ("cpu.idle", "1", 0.0, 1.0, 1.0, 0.0, 1, Resource::CPU_TIME, 0.1),
    (
        "cpu.weight",
        "1",
        1.0,
        10_000.0,
        1.0,
        100.0,
        -1,
        Resource::CPU_TIME,
        0.15,
    ),
    ("cpu.set", "list", 1.0, 4.0, 1.0, 4.0, -1, Resource::CPU_TIME, 0.5),
    (
        "cpu.quota",
        "cpus",
        0.01,
        4.0,
        0.0,
        f64::INFINITY,
        -1,
        Resource::CPU_TIME,
        0.95,
    ),
    ("freeze", "1", 0.0, 1.0, 1.0, 0.0, 1, Resource::CPU_TIME, 1.0),
    ("process.running", "1", 0.0, 1.0, 1.0, 1.0, -1, Resource::CPU_TIME, 1.0),
    ("l3.ways", "ways", 1.0, 20.0, 1.0, 20.0, -1, Resource::L3, 0.5),
    ("l3.part", "list", 1.0, 20.0, 1.0, 20.0, -1, Resource::L3, 0.5),
    (
        "memory.bandwidth.share",
        "1",
        0.1,
        1.0,
        0.1,
        1.0,
        -1,
        Resource::MEMORY_BANDWIDTH,
        0.5,
    ),
    // A knob that no policy here was told of.
    ("disk.share", "1", 0.05, 1.0, 0.0, 1.0, -1, Resource::IO, 0.5),
];

impl Plant {
    pub fn new<E: Scheduler>(config: &str, rivals: &[(Resource, f64)]) -> Self {
        let rival = |(resource, harm): &(Resource, f64)| Rival {
            resource: *resource,
            harm: *harm,
            works: (5.0, f64::INFINITY),
            wide: 1.0,
        };
        let mut plant = Self {
            stand: Stand::new::<E>(config),
            rivals: rivals.iter().map(rival).collect(),
            blames: None,
            lags: false,
            leaks: false,
            tells_loss: false,
            bad_from: 1.5,
            ratios: Vec::new(),
            kept: Vec::new(),
            finding: None,
            findings: 0,
            bad: 0,
            quiet: 0,
        };
        plant.enter("web", Class::LATENCY, &[0]);
        for i in 0..plant.rivals.len() {
            plant.enter(&format!("batch{i}"), Class::BEST_EFFORT, &[0, 1, 2, 3]);
        }
        plant
    }

    fn enter(&mut self, name: &str, class: Class, cpus: &[u32]) {
        let target = Target {
            name: name.into(),
            class,
            cpus: cpus.to_vec().into(),
            ..Target::default()
        };
        let offer = |(name, unit, least, most, step, value, stricter, resource, cost): Offered| Control {
            knob: self.host.world().names.knob(name, unit).unwrap(),
            resource,
            least,
            most,
            step,
            value,
            stricter,
            cost,
            ..Control::default()
        };
        let offers = OFFERS.map(offer).to_vec();
        self.appear(target, offers);
    }

    pub fn seconds(&mut self, seconds: u64) {
        for _ in 0..Stand::steps(seconds) {
            self.step();
        }
    }

    fn step(&mut self) {
        self.pass();
        let ratio = self.ratio();
        self.ratios.push(ratio);
        let work: f64 = (0..self.rivals.len()).map(|i| self.done(i)).sum();
        self.kept.push(work / self.rivals.len().max(1) as f64);
        let batch = self.detect();
        self.call(&batch);
    }

    /// The value at which a knob of a neighbour stands, and its text.
    fn turned(&self, rival: usize, knob: &str) -> Option<(f64, &str)> {
        let held = self.stands(BATCH + rival as u32, knob)?;
        Some((held.value, held.text.as_str()))
    }

    /// What is left of a neighbour's harm as its knobs stand, 0..=1.
    fn left(&self, rival: usize) -> f64 {
        let number = |knob, free: f64| self.turned(rival, knob).map_or(free, |(value, _)| value);
        let away = |cpu: char| {
            self.turned(rival, "cpu.set")
                .is_some_and(|(_, text)| !text.contains(cpu))
        };
        if number("freeze", 0.0) == 1.0 {
            return 0.0;
        }
        let quota = (number("cpu.quota", 1.0)).min(1.0);
        match self.rivals[rival].resource {
            Resource::CPU_TIME if number("cpu.idle", 0.0) == 1.0 || away('0') => 0.0,
            // A quota spares only the requests that come while it has run out.
            Resource::CPU_TIME => quota.powf(0.3) * (number("cpu.weight", 100.0) / 100.0),
            Resource::L3 => quota * self.ran(rival) * ((number("l3.ways", 20.0) - 4.0) / 16.0).max(0.0),
            Resource::MEMORY_BANDWIDTH => {
                let harmless = if self.leaks { 0.0 } else { 0.2 };
                let share = number("memory.bandwidth.share", 1.0) - harmless;
                quota * self.ran(rival) * (share / (1.0 - harmless)).max(0.0)
            }
            // The sibling of CPU 0 is CPU 2.
            Resource::SMT => quota * if away('2') { 0.0 } else { 1.0 },
            Resource::IO => ((number("disk.share", 1.0) - 0.05) / 0.95).max(0.0),
            _ => 1.0,
        }
    }

    /// The share of its CPUs that it has, where it has fewer than it uses.
    fn ran(&self, rival: usize) -> f64 {
        let count = self.turned(rival, "cpu.set").map_or(0.0, |(count, _)| count);
        if count > 0.0 {
            (count / self.rivals[rival].wide).min(1.0)
        } else {
            1.0
        }
    }

    fn works(&self, rival: usize) -> bool {
        let (from, to) = self.rivals[rival].works;
        let now = self.at as f64 / 1e9;
        (from..to).contains(&now)
    }

    /// What is left of a neighbour's work, as the costs of the knobs say.
    fn done(&self, rival: usize) -> f64 {
        let mut done = self.ran(rival);
        for (name, _, least, most, _, found, stricter, _, cost) in OFFERS {
            let turned = self.turned(rival, name);
            if let Some((value, text)) = turned.filter(|(value, text)| text.is_empty() || *value <= 0.0) {
                let (strictest, found) = if stricter > 0 {
                    (most, least)
                } else {
                    (least, found.min(most))
                };
                let depth = if text.is_empty() {
                    (found - value).abs() / (found - strictest).abs()
                } else {
                    1.0
                };
                done *= 1.0 - cost * depth.min(1.0);
            }
        }
        done
    }

    /// How many times worse than its baseline the victim is.
    pub fn ratio(&self) -> f64 {
        let works = (0..self.rivals.len()).filter(|rival| self.works(*rival));
        1.0 + works
            .map(|rival| self.rivals[rival].harm * self.left(rival))
            .sum::<f64>()
    }

    /// The detector: three bad samples begin a finding, six good ones end it.
    fn detect(&mut self) -> Batch {
        let mut batch = Batch::default();
        let ratio = self.ratio();
        let (metric, shown) = match self.tells_loss {
            true => (&vocabulary::DETECT_LOSS, ratio - 1.0),
            false => (&vocabulary::DETECT_RATIO, ratio),
        };
        let metric = self.host.metric(metric);
        batch
            .readings
            .push(Reading::gauge(Nanos(self.at), TargetId(WEB), metric, shown));
        (self.bad, self.quiet) = if ratio >= self.bad_from {
            (self.bad + 1, 0)
        } else {
            (0, self.quiet + 1)
        };
        let phase = match self.finding {
            None if self.bad >= 3 => Phase::BEGINS,
            None => return batch,
            Some(_) if self.quiet >= 6 => Phase::ENDS,
            Some(_) => Phase::LASTS,
        };
        if phase == Phase::BEGINS {
            self.findings += 1;
        }
        let worst = (0..self.rivals.len()).filter(|rival| self.works(*rival));
        let worst = worst.max_by(|a, b| self.rivals[*a].harm.total_cmp(&self.rivals[*b].harm));
        let seen = worst.map_or(Resource::UNKNOWN, |rival| self.rivals[rival].resource);
        let (id, resource, began) = self.finding.unwrap_or((
            self.findings,
            self.blames.as_ref().map_or(seen, |(resource, _)| *resource),
            ratio,
        ));
        self.finding = (phase != Phase::ENDS).then_some((id, resource, began));
        let severity = if self.lags { began } else { ratio };
        batch.findings.push(self.found(id, phase, resource, severity));
        batch
    }

    fn found(&self, id: u64, phase: Phase, resource: Resource, severity: f64) -> Finding {
        let doing = (0..self.rivals.len())
            .filter(|rival| self.works(*rival))
            .map(|rival| BATCH + rival as u32);
        let blamed: Vec<u32> = match &self.blames {
            Some((_, blamed)) => blamed.clone(),
            None => doing.collect(),
        };
        let culprit = |target: &u32| Culprit {
            target: TargetId(*target),
            score: 0.5,
        };
        let metric = self.host.metric(&vocabulary::CPU_TIME);
        let used = |target: &u32| {
            let rival = target.checked_sub(BATCH).and_then(|at| self.rivals.get(at as usize));
            let wide = rival.map_or(1.0, |rival| rival.wide);
            let used = Reading::delta(
                Nanos(self.at),
                Nanos::from_secs(1),
                TargetId(*target),
                metric,
                wide * 1e9,
            );
            if resource == Resource::SMT {
                used.of_part(Part::cpu(2))
            } else {
                used
            }
        };
        Finding {
            at: Nanos(self.at),
            id,
            phase,
            victim: TargetId(WEB),
            resource,
            severity,
            confidence: 0.9,
            culprits: blamed.iter().map(culprit).collect(),
            evidence: blamed.iter().map(used).collect(),
            ..Finding::default()
        }
    }
}

/// The mean over the last so many seconds.
pub fn lately(samples: &[f64], seconds: usize) -> f64 {
    let last = &samples[samples.len().saturating_sub(seconds * 5)..];
    last.iter().sum::<f64>() / last.len().max(1) as f64
}
