//! `detect.class`: whether a target is limited by computing, by memory, or by some of both.
//!
//! The rules and their thresholds are Micro-Container's: its profiler estimates arithmetic intensity and the saturation
//! of a dense matrix product from IPC and miss rate; its second classifier goes by the IPC. Both are crude and meant to
//! say which remedy is worth a try, not how much it will help. Needs counters: without a PMU nothing is said.

mod rule;
#[cfg(test)]
mod tests;

use crate::config::KindConfig;
use crate::saved;
use crate::seen::Seen;
use crate::signal::{self, Signal};
use crate::votes::Votes;
use crate::watch::{Kept, Watch, is_listed};
use pipeline_plugin_api::prelude::*;
use rule::{Kind, Traits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// See the file.
pub struct Classes {
    config: KindConfig,
    watch: Watch,
    ids: [MetricId; 3],
    judged: BTreeMap<TargetId, Judged>,
}

/// What was said of a target, and how many spans said something else.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Judged {
    kind: Kind,
    other: Kind,
    votes: Votes,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    kept: Kept,
    judged: BTreeMap<u32, Judged>,
}

fn wanted(signal: Signal) -> bool {
    use Signal::{Cpi, Cycles, Instructions, Ipc, LoadMisses, Loads, MissRate, Misses, References};
    [
        Cycles,
        Instructions,
        Ipc,
        Cpi,
        Misses,
        References,
        Loads,
        LoadMisses,
        MissRate,
    ]
    .contains(&signal)
}

impl Element for Classes {
    const NAME: &'static str = "detect.class";
    const SUMMARY: &'static str = "says whether a target is limited by computing, by memory, or by some of both";
    type Config = KindConfig;

    fn ports(_: &KindConfig) -> Ports {
        signal::take(Ports::new(), wanted)
            .gives(&vocabulary::DETECT_CLASS)
            .gives(&vocabulary::DETECT_INTENSITY)
            .gives(&vocabulary::DETECT_SATURATION)
    }

    fn create(config: KindConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            watch: Watch::new(host, config.window.nanos(), wanted)?,
            ids: [
                host.metric(&vocabulary::DETECT_CLASS)?,
                host.metric(&vocabulary::DETECT_INTENSITY)?,
                host.metric(&vocabulary::DETECT_SATURATION)?,
            ],
            judged: BTreeMap::new(),
            config,
        })
    }

    fn status(&self) -> String {
        let count = |kind| self.judged.values().filter(|judged| judged.kind == kind).count();
        let [compute, mixed, memory] = [Kind::Compute, Kind::Mixed, Kind::Memory].map(count);
        format!("{compute} targets compute, {memory} are limited by memory, {mixed} by some of both")
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        saved::write(&State {
            kept: self.watch.kept(),
            judged: self.judged.iter().map(|(id, judged)| (id.0, *judged)).collect(),
        })
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let state: State = saved::read(state)?;
        self.watch.restore(state.kept);
        self.judged = state
            .judged
            .into_iter()
            .map(|(id, judged)| (TargetId(id), judged))
            .collect();
        Ok(())
    }
}

impl Transform for Classes {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let judged = &mut self.judged;
        if self.watch.hear(input, out, |id| {
            judged.remove(&id);
        }) {
            for (id, seen) in self.watch.ledger.seen() {
                let known = self.watch.roster.find(*id);
                let meant = self.config.of.is_empty() || known.is_some_and(|known| is_listed(known, &self.config.of));
                if let Some(traits) = meant.then(|| rule::traits(seen)).flatten() {
                    let kind = judge(self.judged.entry(*id), traits, seen, &self.config);
                    tell(input.at, *id, kind, traits, self.ids, out);
                }
            }
        }
        Ok(self.watch.ledger.due())
    }
}

/// The class that is told: another one only after it persisted.
fn judge(
    entry: std::collections::btree_map::Entry<'_, TargetId, Judged>,
    traits: Traits,
    seen: &Seen,
    config: &KindConfig,
) -> Kind {
    let kind = rule::kind(traits, seen, config.rule);
    let judged = entry.or_insert(Judged {
        kind,
        ..Judged::default()
    });
    let another = kind != judged.kind;
    if another && kind != judged.other {
        judged.votes.clear();
        judged.other = kind;
    }
    judged.votes.add(another);
    if judged.votes.of_last(config.of_last) >= config.votes {
        *judged = Judged {
            kind: judged.other,
            ..Judged::default()
        };
    }
    judged.kind
}

fn tell(at: Nanos, id: TargetId, kind: Kind, traits: Traits, ids: [MetricId; 3], out: &mut Batch) {
    let numbers = [kind.number(), traits.intensity, traits.saturation];
    let readings = ids.into_iter().zip(numbers);
    out.readings
        .extend(readings.map(|(metric, number)| Reading::gauge(at, id, metric, number).estimated()));
}
