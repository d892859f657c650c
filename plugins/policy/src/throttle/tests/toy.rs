//! The toy world: a victim that suffers until what helps is in force on every culprit, and a detector that says so at once.

use crate::testing::stand::Stand;
use crate::throttle::Throttle;
use pipeline_plugin_api::prelude::*;
use std::ops::{Deref, DerefMut};

pub const WEB: u32 = 1;
/// The first neighbour.
pub const BATCH: u32 = 2;

pub struct Toy {
    stand: Stand,
    /// Which knobs help the victim when they are held on every culprit.
    pub helps: Vec<&'static str>,
    /// Whether culprits are at work at all.
    pub disturbed: bool,
    /// What the detector blames.
    pub resource: Resource,
    pub blamed: Vec<(u32, f64)>,
    /// Who does it, where those that are blamed are not all of them.
    pub guilty: Option<Vec<u32>>,
    finding: Option<u64>,
    findings: u64,
    quiet: u32,
}

impl Deref for Toy {
    type Target = Stand;

    fn deref(&self) -> &Stand {
        &self.stand
    }
}

impl DerefMut for Toy {
    fn deref_mut(&mut self) -> &mut Stand {
        &mut self.stand
    }
}

impl Toy {
    pub fn new(config: &str, neighbours: &[(&str, Class, &[u32])]) -> Self {
        let mut toy = Self {
            stand: Stand::new::<Throttle>(config),
            helps: vec!["cpu.idle"],
            disturbed: false,
            resource: Resource::CPU_TIME,
            blamed: vec![(BATCH, 1.0)],
            guilty: None,
            finding: None,
            findings: 0,
            quiet: 0,
        };
        toy.enter("web", Class::LATENCY, &[0]);
        for (name, class, cpus) in neighbours {
            toy.enter(name, *class, cpus);
        }
        toy
    }

    pub fn enter(&mut self, name: &str, class: Class, cpus: &[u32]) {
        let target = Target {
            name: name.into(),
            class,
            cpus: cpus.to_vec().into(),
            ..Target::default()
        };
        let offers = self.offers();
        self.appear(target, offers);
    }

    fn offers(&self) -> Vec<Control> {
        let inf = f64::INFINITY;
        let offers = [
            (vocabulary::CPU_IDLE, 0.0, 1.0, 0.0, 1),
            (vocabulary::CPU_WEIGHT, 1.0, 10_000.0, 100.0, -1),
            (vocabulary::CPU_SET, 0.0, 0.0, f64::NAN, -1),
            (vocabulary::CPU_QUOTA, 0.01, inf, inf, -1),
            (vocabulary::FREEZE, 0.0, 1.0, 0.0, 1),
            (vocabulary::L3_WAYS, 1.0, 20.0, 20.0, -1),
            (vocabulary::MEMORY_BANDWIDTH_SHARE, 0.1, 1.0, 1.0, -1),
            (vocabulary::PROCESS_PAUSED, 0.0, 1.0, 0.0, 1),
        ];
        let offer = |(knob, least, most, value, stricter)| Control {
            knob: self.host.knob(&knob),
            least,
            most,
            value,
            stricter,
            cost: 0.5,
            ..Control::default()
        };
        offers.map(offer).to_vec()
    }

    pub fn seconds(&mut self, seconds: u64) {
        for _ in 0..Stand::steps(seconds) {
            self.pass();
            let batch = self.detect();
            self.call(&batch);
        }
    }

    /// The detector: the first bad sample begins a finding, six quiet ones end it.
    fn detect(&mut self) -> Batch {
        let mut batch = Batch::default();
        let ratio = if self.suffers() { 20.0 } else { 1.1 };
        let metric = self.host.metric(&vocabulary::DETECT_RATIO);
        batch
            .readings
            .push(Reading::gauge(Nanos(self.at), TargetId(WEB), metric, ratio));
        self.quiet = if self.suffers() { 0 } else { self.quiet + 1 };
        let phase = match self.finding {
            None if self.suffers() => Phase::BEGINS,
            None => return batch,
            Some(_) if self.quiet >= 6 => Phase::ENDS,
            Some(_) => Phase::LASTS,
        };
        if phase == Phase::BEGINS {
            self.findings += 1;
            self.finding = Some(self.findings);
        }
        batch.findings.push(self.found(phase, ratio));
        if phase == Phase::ENDS {
            self.finding = None;
        }
        batch
    }

    fn found(&self, phase: Phase, severity: f64) -> Finding {
        let culprit = |(target, score): &(u32, f64)| Culprit {
            target: TargetId(*target),
            score: *score,
        };
        let second = Nanos::from_secs(1);
        let metric = self.host.metric(&vocabulary::CPU_TIME);
        let used = |(target, _): &(u32, f64)| Reading::delta(Nanos(self.at), second, TargetId(*target), metric, 0.8e9);
        Finding {
            at: Nanos(self.at),
            id: self.findings,
            phase,
            victim: TargetId(WEB),
            resource: self.resource,
            severity,
            confidence: 0.9,
            culprits: self.blamed.iter().map(culprit).collect(),
            evidence: self.blamed.iter().map(used).collect(),
            ..Finding::default()
        }
    }

    fn suffers(&self) -> bool {
        let restrained = |target: u32| self.helps.iter().any(|knob| self.holds(target, knob));
        let blamed = || self.blamed.iter().map(|(target, _)| *target).collect();
        let guilty: Vec<u32> = self.guilty.clone().unwrap_or_else(blamed);
        self.disturbed && !guilty.into_iter().all(restrained)
    }
}
