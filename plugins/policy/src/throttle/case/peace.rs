//! After the proof: a remedy is held while it is needed and a while longer, then taken back.

use super::{Bench, Case, Stage};
use crate::heard::FindingKey;
use crate::throttle::ladder::Remedy;
use pipeline_plugin_api::prelude::*;

impl Case {
    pub(super) fn hold_on(&mut self, proven_for: Option<FindingKey>, quiet: Option<Nanos>, bench: &mut Bench<'_>) {
        let blame = self.blame(bench);
        let Some(blame) = blame else {
            let since = quiet.unwrap_or(bench.at);
            self.stage = Stage::Held {
                proven_for,
                quiet: Some(since),
            };
            if bench.at >= since + self.hold {
                self.release(bench);
            }
            return;
        };
        // The same harm although the remedy is in force, or someone new: it has to be proven again.
        if proven_for != Some(blame.key) || self.join_newcomers(bench) {
            self.join_newcomers(bench);
            return self.try_now(blame.severity, bench);
        }
        self.stage = Stage::Held {
            proven_for,
            quiet: None,
        };
    }

    /// What can only be on or off goes at once, the rest step by step.
    fn release(&mut self, bench: &mut Bench<'_>) {
        let hold = Span(self.hold);
        let why = format!("`{}` has been well for {hold}", bench.world.name(self.victim));
        let culprits: Vec<TargetId> = self.remedies.keys().copied().collect();
        self.say(
            bench,
            Level::INFO,
            &format!("the remedy is taken back after {hold} of peace"),
            &culprits,
        );
        self.remember(bench.at, false);
        for remedy in self.remedies.values().filter(|remedy| !remedy.rung.graded()) {
            bench.part(remedy.knob, why.clone());
        }
        self.remedies.retain(|_, remedy| remedy.rung.graded());
        self.stage = Stage::Easing(bench.at);
        self.ease(bench.at, bench);
    }

    pub(super) fn ease(&mut self, next: Nanos, bench: &mut Bench<'_>) {
        if self.blame(bench).is_some() {
            return self.begin(bench);
        }
        if bench.at >= next {
            self.loosen(bench);
            self.stage = Stage::Easing(bench.at + bench.config.release_every.nanos());
        }
        if self.remedies.is_empty() {
            self.stage = Stage::Watching;
        }
    }

    fn loosen(&mut self, bench: &mut Bench<'_>) {
        let culprits: Vec<TargetId> = self.remedies.keys().copied().collect();
        for culprit in culprits {
            match self.remedies[&culprit].looser(bench.config) {
                Some(looser) if bench.budget.take(bench.at, 1) == 1 => {
                    let why = format!("`{}` is well; taken back step by step", bench.world.name(self.victim));
                    self.remedies.insert(culprit, Remedy { why, ..looser });
                }
                Some(_) => {}
                None => {
                    self.remedies.remove(&culprit);
                }
            }
        }
        if let Some(memory) = &mut self.memory {
            memory.released = bench.at;
        }
    }
}
