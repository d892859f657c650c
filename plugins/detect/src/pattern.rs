//! `detect.pattern`: interference by a rule of thumb from one look at a target's own counters.
//!
//! `Score` is that of RDT4NN's adaptive scheduler: 1, times `1 - misses` where the miss rate exceeds 0.1, times
//! `1 - 2 (bandwidth - 0.8)` where the share of the memory bandwidth exceeds 0.8; interference below 0.7. `MissRate` is
//! the test of container-bench's default scheduler: a miss rate above 0.1. Neither knows a baseline: a workload that
//! misses much by nature is found all the time, and one that misses little is never found. They are here so that users of
//! those systems find them, and as the simplest thing that others must beat. Nobody is ever named.

#[cfg(test)]
mod tests;

use crate::config::{PatternConfig, PatternRule};
use crate::saved;
use crate::seen::Seen;
use crate::signal::{self, Signal};
use crate::votes::Votes;
use crate::watch::{Kept, Watch, is_listed};
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How sure one can be of a rule of thumb.
const CONFIDENCE: f64 = 0.3;

/// See the file.
pub struct Patterns {
    config: PatternConfig,
    watch: Watch,
    score: MetricId,
    votes: BTreeMap<TargetId, Votes>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    kept: Kept,
    votes: BTreeMap<u32, Votes>,
}

/// What a rule says of a target.
#[derive(Copy, Clone, Debug, PartialEq)]
struct Verdict {
    /// 0..=1; 1 is free of interference.
    score: f64,
    found: bool,
    /// What lowered the score most.
    resource: Resource,
}

fn wanted(signal: Signal) -> bool {
    use Signal::{Bandwidth, LoadMisses, Loads, MissRate, Misses, References};
    [Misses, References, Loads, LoadMisses, MissRate, Bandwidth].contains(&signal)
}

impl Element for Patterns {
    const NAME: &'static str = "detect.pattern";
    const SUMMARY: &'static str = "finds interference by the rules of thumb of RDT4NN and container-bench";
    type Config = PatternConfig;

    fn ports(_: &PatternConfig) -> Ports {
        signal::take(Ports::new(), wanted)
            .gives(&vocabulary::DETECT_SCORE)
            .gives_findings("that a rule of thumb says interference")
    }

    fn create(config: PatternConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            watch: Watch::new(host, config.window.nanos(), wanted)?,
            score: host.metric(&vocabulary::DETECT_SCORE)?,
            votes: BTreeMap::new(),
            config,
        })
    }

    fn status(&self) -> String {
        format!("{} of {} targets are found", self.watch.docket.len(), self.votes.len())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        saved::write(&State {
            kept: self.watch.kept(),
            votes: self.votes.iter().map(|(id, votes)| (id.0, *votes)).collect(),
        })
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let state: State = saved::read(state)?;
        self.watch.restore(state.kept);
        self.votes = state
            .votes
            .into_iter()
            .map(|(id, votes)| (TargetId(id), votes))
            .collect();
        Ok(())
    }
}

impl Transform for Patterns {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let votes = &mut self.votes;
        if self.watch.hear(input, out, |id| {
            votes.remove(&id);
        }) {
            self.judge(input.at, out);
        }
        Ok(self.watch.ledger.due())
    }
}

impl Patterns {
    fn judge(&mut self, at: Nanos, out: &mut Batch) {
        let Watch {
            ledger, roster, docket, ..
        } = &mut self.watch;
        for (id, seen) in ledger.seen() {
            let Some(known) = roster.find(*id) else { continue };
            if !self.config.victims.is_empty() && !is_listed(known, &self.config.victims) {
                continue;
            }
            let Some(verdict) = judge(seen, &self.config) else {
                docket.end(at, *id, format!("`{}` is no longer counted", known.name), out);
                continue;
            };
            out.readings
                .push(Reading::gauge(at, *id, self.score, verdict.score).estimated());
            let votes = self.votes.entry(*id).or_default();
            votes.add(verdict.found);
            if votes.of_last(self.config.of_last) >= self.config.votes {
                docket.tell(finding(at, *id, &known.name, verdict, seen), out);
            } else {
                let why = format!("`{}` shows no interference by that rule", known.name);
                docket.end(at, *id, why, out);
            }
        }
    }
}

/// What the rule says; `None` where nothing was counted.
fn judge(seen: &Seen, config: &PatternConfig) -> Option<Verdict> {
    let misses = seen.miss_rate()?.clamp(0.0, 1.0);
    let cache = if misses > config.miss_rate { 1.0 - misses } else { 1.0 };
    let memory = bandwidth_share(seen, config)
        .filter(|share| *share > config.busy)
        .map_or(1.0, |share| (1.0 - (share - config.busy) * 2.0).max(0.0));
    let score = match config.rule {
        PatternRule::Score => cache * memory,
        PatternRule::MissRate => cache,
    };
    Some(Verdict {
        score,
        found: match config.rule {
            PatternRule::Score => score < config.score,
            PatternRule::MissRate => misses > config.miss_rate,
        },
        resource: if cache <= memory {
            Resource::L3
        } else {
            Resource::MEMORY_BANDWIDTH
        },
    })
}

fn bandwidth_share(seen: &Seen, config: &PatternConfig) -> Option<f64> {
    Some(seen.get(Signal::Bandwidth)? / config.bandwidth?.0 as f64)
}

fn finding(at: Nanos, victim: TargetId, name: &str, verdict: Verdict, seen: &Seen) -> Finding {
    let misses = seen.miss_rate().unwrap_or_default();
    let score = verdict.score;
    let unseen = if seen.get(Signal::Bandwidth).is_none() {
        " (not seen: memory bandwidth)"
    } else {
        ""
    };
    Finding {
        at,
        victim,
        resource: verdict.resource,
        severity: 1.0 / score.max(0.01),
        confidence: CONFIDENCE,
        why: format!(
            "`{name}` misses {misses:.2} of its cache references, a score of {score:.2}; a rule of thumb that knows no \
             baseline{unseen}"
        )
        .into(),
        ..Finding::default()
    }
}
