//! What a policy heard of a victim: its open findings, and whom they blame.

use crate::config::Whom;
use crate::world::{Scope, World};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// A finding's place among all: the port that it came from, and its id.
pub type FindingKey = (u32, u64);

/// The most CPUs that are kept of a finding's evidence.
const MOST_CPUS: usize = 1024;
/// The most findings that are kept open for one victim.
const MOST: usize = 64;

/// How sure a finding must be to be acted on.
#[derive(Copy, Clone, Debug)]
pub struct Sure {
    /// The least confidence of a finding, 0..=1.
    pub least_confidence: f64,
    /// The least score of a culprit, 0..=1.
    pub least_score: f64,
    /// Who answers for it.
    pub whom: Whom,
}

/// An open finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// How many times worse than its baseline the victim is.
    pub severity: f64,
    /// Through what it suffers.
    pub resource: Resource,
    /// 0..=1.
    pub confidence: f64,
    /// Whom it names, with their scores.
    pub culprits: Vec<(TargetId, f64)>,
    /// The CPUs that its evidence names.
    pub cpus: Vec<u32>,
}

/// The open findings of a victim, and what its neighbours last used.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// By port and id.
    pub open: BTreeMap<FindingKey, Heard>,
    /// CPU time, in CPUs, as the evidence said before anything was done.
    pub used: BTreeMap<TargetId, f64>,
}

/// Whom to act against, and for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Blame {
    /// The finding.
    pub key: FindingKey,
    /// How many times worse than its baseline the victim is.
    pub severity: f64,
    /// Through what it suffers.
    pub resource: Resource,
    /// The CPUs that the finding's evidence names.
    pub cpus: Vec<u32>,
    /// Those who may be restrained, most likely first.
    pub culprits: Vec<TargetId>,
}

impl Findings {
    /// Takes in what a detector told.
    pub fn hear(&mut self, port: u32, finding: &Finding) {
        let key = (port, finding.id);
        if finding.phase == Phase::ENDS {
            self.open.remove(&key);
            return;
        }
        let culprits = finding.culprits.iter().map(|culprit| (culprit.target, culprit.score));
        let heard = Heard {
            severity: finding.severity,
            resource: finding.resource,
            confidence: finding.confidence,
            culprits: culprits.collect(),
            cpus: cpus_of(finding),
        };
        if self.open.len() < MOST || self.open.contains_key(&key) {
            self.open.insert(key, heard);
        }
    }

    /// Takes in what the evidence says of a target's use; `cpu_time` is the metric that tells it.
    pub fn weigh(&mut self, reading: &Reading, cpu_time: MetricId) {
        let used = reading.per_second().filter(|_| reading.metric == cpu_time);
        if let Some(nanos) = used {
            self.used.insert(reading.target, nanos / 1e9);
        }
    }

    /// The worst open finding that says enough to act on, if any, among those about resources that are `acted_on`.
    pub fn blame(
        &self,
        victim: TargetId,
        world: &World,
        scope: Scope<'_>,
        sure: Sure,
        acted_on: impl Fn(Resource) -> bool,
    ) -> Option<Blame> {
        let open = self.open.iter().filter(|(_, heard)| acted_on(heard.resource));
        let blames = open.filter_map(|(key, heard)| blame(*key, heard, victim, world, scope, sure));
        blames.max_by(|a, b| a.severity.total_cmp(&b.severity))
    }

    /// How many times worse than its baseline the victim is by the worst open finding; 0 where none is.
    pub fn worst(&self) -> f64 {
        self.open.values().map(|heard| heard.severity).fold(0.0, f64::max)
    }

    /// A target went.
    pub fn forget(&mut self, target: TargetId) {
        self.used.remove(&target);
        for heard in self.open.values_mut() {
            heard.culprits.retain(|(culprit, _)| *culprit != target);
        }
    }
}

fn blame(
    key: FindingKey,
    heard: &Heard,
    victim: TargetId,
    world: &World,
    scope: Scope<'_>,
    sure: Sure,
) -> Option<Blame> {
    let may = |culprit: &TargetId| world.may_restrain(*culprit, victim, scope);
    let scored = heard.culprits.iter().filter(|(_, score)| *score >= sure.least_score);
    let culprits: Vec<TargetId> = match sure.whom {
        Whom::Named => scored.map(|(culprit, _)| *culprit).filter(may).collect(),
        Whom::Everybody => world.targets.keys().copied().filter(may).collect(),
    };
    (heard.confidence >= sure.least_confidence && !culprits.is_empty()).then(|| Blame {
        key,
        severity: heard.severity,
        resource: heard.resource,
        cpus: heard.cpus.clone(),
        culprits,
    })
}

/// The CPUs that a finding's evidence names, in order.
fn cpus_of(finding: &Finding) -> Vec<u32> {
    let mut cpus: Vec<u32> = finding
        .evidence
        .iter()
        .filter_map(|reading| reading.part.cpu_index())
        .collect();
    cpus.sort_unstable();
    cpus.dedup();
    cpus.truncate(MOST_CPUS);
    cpus
}
