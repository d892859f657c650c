//! From what a victim suffers, by accounting: who had the CPU while it waited, what its own quota
//! and its own load did, what the hypervisor took. Nobody is named whom the accounts do not show.

use crate::account::{Eye, Rival, Sight};
use crate::config::BaselineConfig;
use crate::learn::Context;
use pipeline_plugin_api::prelude::*;

/// How sure one can be at most of neighbours when waiting could not be seen at all.
const BLIND: f64 = 0.4;
/// CPU time of neighbours, in CPUs above the usual, that makes them suspects without waiting seen.
const BLIND_RIVALS: f64 = 0.3;
/// A hundredth of a CPU: less than that between two rates is noise.
const LEAST_HELD: f64 = 0.01;
/// Spreads by which waiting must exceed the usual. Fewer than for the signal, which is bad already
/// when the cause is asked for.
const SPREADS: f64 = 2.0;

/// What a judgement rests on.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Ground {
    /// The victim's own quota stopped it for that share of the time.
    Quota(f64),
    /// It waited that share of the time for a CPU while neighbours had that many CPUs.
    Neighbours {
        /// Seconds a second; `None` where waiting could not be seen.
        wait: Option<f64>,
        /// In CPUs.
        rivals: f64,
    },
    /// It is asked for that many times as much as usual.
    Load(f64),
    /// It uses that many times the CPU time that it usually does.
    Work(f64),
    /// The hypervisor took that share of its CPUs' time.
    Steal(f64),
    /// It waited that share of the time for something that is not a target.
    Stranger(f64),
    /// Nothing that was seen explains it.
    Nothing,
}

/// From what a victim suffers.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Through what.
    pub resource: Resource,
    /// From whom, most likely first; the score is the share of the neighbours' CPU time.
    pub culprits: Vec<Culprit>,
    /// 0..=1.
    pub confidence: f64,
    /// Why.
    pub ground: Ground,
}

impl Cause {
    fn of(resource: Resource, confidence: f64, ground: Ground) -> Self {
        Self {
            resource,
            culprits: Vec::new(),
            confidence: confidence.clamp(0.0, 1.0),
            ground,
        }
    }
}

/// Judges what was seen of a victim against what is usual of it.
pub fn find(sight: &Sight, usual: &Context, config: &BaselineConfig) -> Cause {
    let extra = extra_wait(sight, usual, config);
    quota(sight, extra, config)
        .or_else(|| neighbours(sight, usual, extra, config))
        .or_else(|| load(sight, usual, config))
        .or_else(|| steal(sight, usual, config))
        .unwrap_or_else(|| unknown(extra))
}

/// How long the victim waits for a CPU beyond what is usual, in seconds a second; `None` where it
/// does not clearly. It must wait longer for the same work too: twice the load waits twice as long.
fn extra_wait(sight: &Sight, usual: &Context, config: &BaselineConfig) -> Option<f64> {
    let (wait, eye) = sight.wait?;
    let base = usual.waiting(eye).unwrap_or_default();
    let extra = wait - base.rate.middle;
    let more = extra > 0.0 && extra >= config.wait && wait >= base.rate.above(SPREADS);
    let for_work = sight.wait_for_work().unwrap_or(f64::INFINITY);
    let larger = for_work >= base.for_work.above(SPREADS) && for_work >= 1.5 * base.for_work.middle;
    (more && larger).then(|| held_by_others(sight, extra, eye))
}

/// Run delay adds up over threads. While the victim waits, somebody else has its CPUs, and that is
/// at most what it does not use itself.
fn held_by_others(sight: &Sight, extra: f64, eye: Eye) -> f64 {
    match (sight.cpus, sight.cpu, eye) {
        (Some(cpus), Some(own), Eye::RunDelay) => extra.min((cpus as f64 - own).max(LEAST_HELD)),
        _ => extra,
    }
}

fn quota(sight: &Sight, extra: Option<f64>, config: &BaselineConfig) -> Option<Cause> {
    let throttled = sight
        .throttled
        .filter(|share| *share > 0.0 && *share >= config.throttled)?;
    let others = extra.unwrap_or(0.0);
    let explains = others <= 2.0 * throttled;
    explains.then(|| {
        Cause::of(
            Resource::SELF,
            throttled / (throttled + others),
            Ground::Quota(throttled),
        )
    })
}

fn neighbours(sight: &Sight, usual: &Context, extra: Option<f64>, config: &BaselineConfig) -> Option<Cause> {
    let rivals = sight.rivals_cpu();
    let sure = match (sight.wait, extra) {
        (Some((_, eye)), Some(extra)) => explained(rivals, extra, config)? * trust(eye, usual),
        (Some(_), None) => return None,
        (None, _) => suspected(sight, usual, rivals, config)?,
    };
    let culprits = named(&sight.rivals, rivals, config);
    let certain = culprits
        .iter()
        .all(|culprit| sight.rivals.iter().any(|r| r.target == culprit.target && r.certain));
    let ground = Ground::Neighbours { wait: extra, rivals };
    let cause = Cause::of(Resource::CPU_TIME, if certain { sure } else { sure * 0.8 }, ground);
    (!culprits.is_empty()).then_some(Cause { culprits, ..cause })
}

/// How much of the waiting the neighbours' CPU time accounts for; `None` where that is too little.
fn explained(rivals: f64, extra: f64, config: &BaselineConfig) -> Option<f64> {
    let share = (rivals / extra).min(1.0);
    (share >= config.explained).then_some(share)
}

/// Pressure says less than run delay, and either says less where one does not know what is usual.
fn trust(eye: Eye, usual: &Context) -> f64 {
    let seen = match eye {
        Eye::RunDelay => 1.0,
        Eye::Pressure => 0.8,
    };
    if usual.waiting(eye).is_some() { seen } else { seen * 0.7 }
}

/// Where waiting cannot be seen, neighbours are suspects if they took much more CPU time than usual
/// and nothing else explains the harm.
fn suspected(sight: &Sight, usual: &Context, rivals: f64, config: &BaselineConfig) -> Option<f64> {
    let usually = usual.rivals.unwrap_or_default();
    let rose = rivals >= usually.middle + BLIND_RIVALS && rivals >= usually.above(config.spreads);
    let else_explained = load(sight, usual, config).is_some() || steal(sight, usual, config).is_some();
    (rose && !else_explained).then_some(BLIND)
}

/// The neighbours with most of the CPU time: those that make up half of it, and whoever else has a
/// notable share; none that has too little to matter.
fn named(rivals: &[Rival], total: f64, config: &BaselineConfig) -> Vec<Culprit> {
    let mut covered = 0.0;
    let mut culprits = Vec::new();
    for rival in rivals.iter().filter(|rival| rival.cpu >= config.culprit_use) {
        let score = (rival.cpu / total).min(1.0);
        if score >= config.culprit_share || covered < 0.5 {
            culprits.push(Culprit {
                target: rival.target,
                score,
            });
        }
        covered += score;
    }
    culprits
}

fn load(sight: &Sight, usual: &Context, config: &BaselineConfig) -> Option<Cause> {
    let asked = growth(sight.load, usual.load.map(|load| load.middle));
    if let Some(asked) = asked.filter(|growth| *growth >= config.load) {
        return Some(Cause::of(Resource::SELF, 0.8, Ground::Load(asked)));
    }
    // The same requests cost more CPU time in a cache that others use too, so it proves nothing then.
    let alone = asked.is_none() || !sight.busy_elsewhere;
    let worked = growth(sight.cpu, usual.cpu.map(|cpu| cpu.middle)).filter(|growth| *growth >= config.load)?;
    alone.then(|| Cause::of(Resource::SELF, 0.5, Ground::Work(worked)))
}

fn growth(now: Option<f64>, usual: Option<f64>) -> Option<f64> {
    let usual = usual.filter(|usual| *usual > 0.0)?;
    Some(now? / usual)
}

fn steal(sight: &Sight, usual: &Context, config: &BaselineConfig) -> Option<Cause> {
    let usually = usual.steal.map_or(0.0, |steal| steal.middle);
    let taken = sight
        .steal
        .filter(|share| *share > 0.0 && *share >= config.steal && *share >= 1.5 * usually)?;
    Some(Cause::of(Resource::HYPERVISOR, 0.7, Ground::Steal(taken)))
}

fn unknown(extra: Option<f64>) -> Cause {
    Cause::of(Resource::UNKNOWN, 0.0, extra.map_or(Ground::Nothing, Ground::Stranger))
}

#[cfg(test)]
mod tests;
