//! Which remedy a culprit gets next: the cheapest that was not tried, as far as the rate limit allows.

use super::{Bench, Case};
use crate::config::Rung;
use crate::cores;
use crate::heard::Blame;
use crate::taken::Work;
use crate::throttle::ladder::{Need, Remedy};
use pipeline_plugin_api::prelude::*;

impl Case {
    /// Puts the next remedy on each of the culprits, as far as the rate limit allows; gives on how many.
    pub(super) fn engage(&mut self, culprits: &[TargetId], blame: &Blame, bench: &mut Bench<'_>) -> usize {
        let mut engaged = 0;
        for culprit in culprits {
            let Some(remedy) = self.pick(*culprit, blame, bench) else {
                continue;
            };
            if bench.budget.take(bench.at, 1) == 0 {
                break;
            }
            self.remedies.insert(*culprit, remedy);
            engaged += 1;
        }
        engaged
    }

    /// The cheapest remedy that was not tried on a culprit; after a relapse the one that helped.
    fn pick(&self, culprit: TargetId, blame: &Blame, bench: &Bench<'_>) -> Option<Remedy> {
        let (victim, world, config) = (self.victim, bench.world, bench.config);
        let why = format!(
            "`{}` slows `{}` {:.1} times through {}",
            world.name(culprit),
            world.name(victim),
            blame.severity,
            blame.resource
        );
        let avoid = cores::avoided(blame, victim, world);
        let need = Need {
            culprit,
            victim,
            used: self.findings.used.get(&culprit).copied(),
            resource: blame.resource,
            avoid: &avoid,
            why: &why,
        };
        let helped = self.memory.as_ref().and_then(|memory| memory.rungs.get(&culprit));
        let from = helped
            .and_then(|rung| config.ladder.iter().position(|this| this == rung))
            .unwrap_or(0);
        let left = config
            .ladder
            .iter()
            .skip(from)
            .filter(|rung| config.fits(**rung, blame.resource) && !self.is_spent(culprit, **rung));
        left.filter_map(|rung| bench.ladder.remedy(*rung, need, bench.at, world, config))
            .find(|remedy| self.may_take(remedy, bench))
    }

    /// Whether at most the stated share of the work would be taken with one remedy more.
    fn may_take(&self, remedy: &Remedy, bench: &Bench<'_>) -> bool {
        let config = bench.config;
        if config.most_taken >= 1.0 {
            return true;
        }
        let mine = self.remedies.values().filter(|held| held.knob.0 != remedy.knob.0);
        let states = mine
            .chain(std::iter::once(remedy))
            .map(|held| (held.knob, held.value, held.text.as_str()));
        let others = bench.others.values().flat_map(|case| case.remedies.values());
        let others = others.map(|held| (held.knob, held.value, held.text.as_str()));
        let work = bench
            .work
            .get_or_init(|| Work::of(bench.world, config.scope(), &self.findings.used));
        work.taken(bench.world, states.chain(others)) <= config.most_taken + 1e-9
    }

    /// The least weight cannot do what idling could not.
    fn is_spent(&self, culprit: TargetId, rung: Rung) -> bool {
        let tried = |rung| self.tried.get(&culprit).is_some_and(|tried| tried.contains(&rung));
        tried(rung) || rung == Rung::Weight && tried(Rung::Idle)
    }

    pub(super) fn note(&mut self, culprit: TargetId, rung: Rung) {
        self.tried.entry(culprit).or_default().insert(rung);
    }
}
