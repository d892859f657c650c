//! The neighbours that go with what a victim suffers, by either method.

use super::lines::{Lines, USES, Use};
use super::score::{self, Correlation};
use crate::caps::Caps;
use crate::config::{CulpritConfig, Method, Worse};
use crate::roster::Roster;
use pipeline_plugin_api::prelude::*;

/// How many spans later a use may show.
const LAGS: usize = 2;
/// The most that are named.
const MOST: usize = 5;

/// A neighbour, and how much it goes with what a victim suffers.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Who.
    pub target: TargetId,
    /// -1..=1.
    pub score: f64,
    used: Use,
}

impl Suspect {
    /// As a finding names it.
    pub fn culprit(&self) -> Culprit {
        Culprit {
            target: self.target,
            score: self.score.clamp(0.0, 1.0),
        }
    }

    /// Through what: CPU time only where both run on the same CPUs.
    pub fn resource(&self, victim: TargetId, roster: &Roster, caps: &Caps) -> Resource {
        match self.used {
            Use::Cpu if roster.overlap(victim, self.target, caps).is_some() => Resource::CPU_TIME,
            Use::Cpu => Resource::UNKNOWN,
            Use::Cache => Resource::L3,
            Use::Memory => Resource::MEMORY_BANDWIDTH,
            Use::Io => Resource::IO,
        }
    }
}

/// Those that score enough, most first; empty where it is none of them.
pub fn suspects(lines: &Lines, victim: TargetId, neighbours: &[TargetId], config: &CulpritConfig) -> Vec<Suspect> {
    let signal = worse_upwards(lines.signal(victim), config);
    let mut suspects = match config.method {
        Method::Published => published(lines, &signal, neighbours, config),
        Method::Conditional => conditional(lines, &signal, neighbours, config),
    };
    suspects.truncate(MOST);
    suspects
}

/// A signal that gets worse downwards is turned over, so that more is worse.
fn worse_upwards(signal: Vec<Option<f64>>, config: &CulpritConfig) -> Vec<Option<f64>> {
    let turned = |value: f64| config.threshold * config.threshold / value.max(config.threshold * 1e-6);
    match config.worse {
        Worse::Higher => signal,
        Worse::Lower => signal.into_iter().map(|value| value.map(turned)).collect(),
    }
}

fn published(lines: &Lines, signal: &[Option<f64>], neighbours: &[TargetId], config: &CulpritConfig) -> Vec<Suspect> {
    let suspect = |target: &TargetId| {
        let used = lines.used(*target, Use::Cpu)?;
        let pairs: Vec<score::Pair> = signal.iter().copied().zip(used).collect();
        let score = score::published(&pairs, config.threshold)?;
        let used = Use::Cpu;
        (score >= config.least).then_some(Suspect {
            target: *target,
            score,
            used,
        })
    };
    let mut suspects: Vec<Suspect> = neighbours.iter().filter_map(suspect).collect();
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.target.cmp(&b.target)));
    suspects
}

/// The best first; then the best of what that leaves unexplained, and so on.
fn conditional(lines: &Lines, signal: &[Option<f64>], neighbours: &[TargetId], config: &CulpritConfig) -> Vec<Suspect> {
    let logarithm = |value: &Option<f64>| value.map(|value| value.max(1e-12).ln());
    let mut left: Vec<Option<f64>> = signal.iter().map(logarithm).collect();
    let mut used: Vec<(TargetId, Use, Vec<Option<f64>>)> = Vec::new();
    for target in neighbours {
        for kind in USES {
            used.extend(lines.used(*target, kind).map(|line| (*target, kind, line)));
        }
    }
    let all = score::variation(&left);
    let mut suspects: Vec<Suspect> = Vec::new();
    while suspects.len() < MOST && all > 0.0 {
        // What is explained of the little that is left is little.
        let part = (score::variation(&left) / all).sqrt().min(1.0);
        let Some((at, found)) = best(&left, &used, suspects.len(), part, config) else {
            break;
        };
        let (target, kind, line) = used.swap_remove(at);
        suspects.push(Suspect {
            target,
            score: found.r * part,
            used: kind,
        });
        left = score::residual(&left, &line);
        used.retain(|(id, ..)| *id != target);
        // Whoever does the same at the same time explains nothing more.
        for (.., other) in &mut used {
            *other = score::residual(other, &line);
        }
    }
    suspects
}

/// The use that goes best with what is left, if it does clearly; of equals the first.
fn best(
    left: &[Option<f64>],
    used: &[(TargetId, Use, Vec<Option<f64>>)],
    given: usize,
    part: f64,
    config: &CulpritConfig,
) -> Option<(usize, Correlation)> {
    let found = used.iter().map(|(.., line)| score::lagged(left, line, LAGS));
    let clear = |found: &Correlation| found.r * part >= config.least && found.clear(given) >= config.clear;
    let clear = found.enumerate().filter(|(_, found)| clear(found));
    clear.fold(None, |best: Option<(usize, Correlation)>, this| match best {
        Some(best) if best.1.r >= this.1.r => Some(best),
        _ => Some(this),
    })
}
