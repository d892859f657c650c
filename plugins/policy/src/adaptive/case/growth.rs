//! After the proof: what was taken is given back slowly, one knob a step, while the victim has slack; the step that brings
//! the harm back is undone at once, and held off for twice as long each time.

use super::{Bench, Case, Stage, Step};
use crate::heard::{Blame, FindingKey};
use crate::lease::KnobOf;
use pipeline_plugin_api::prelude::*;

impl Case {
    pub(super) fn keep(&mut self, proven_for: Option<FindingKey>, next: Nanos, bench: &mut Bench<'_>) {
        let blame = self.blame(bench);
        let slack = self.slack.now(bench.at);
        let harmed = blame.as_ref().is_some_and(|blame| proven_for != Some(blame.key))
            || slack.is_some_and(|slack| slack < bench.config.slack_cut);
        if harmed && self.step_in_again(bench) {
            return;
        }
        if let Some(blame) = blame {
            if proven_for != Some(blame.key) {
                return self.turn(&blame, bench);
            }
            if !self.plans && slack.is_some_and(|slack| slack < 0.0) {
                // What the finding says may be of when it was worse.
                let severity = self.harm(blame.key.0, bench.at).unwrap_or(blame.severity);
                return self.turn(&Blame { severity, ..blame }, bench);
            }
            // Still told, though it is well enough: wait for its end.
            return self.wait(proven_for, next.max(bench.at + bench.config.grow_every.nanos()));
        }
        if bench.at < next {
            return;
        }
        if slack.is_some_and(|slack| slack < bench.config.slack_grow) || !self.findings.open.is_empty() {
            return self.wait(None, bench.at + bench.config.grow_every.nanos());
        }
        self.give_back(bench);
    }

    fn wait(&mut self, proven_for: Option<FindingKey>, next: Nanos) {
        self.stage = Stage::Kept { proven_for, next };
    }

    /// The last step back brought the harm back: it is undone.
    fn step_in_again(&mut self, bench: &mut Bench<'_>) -> bool {
        let Some(step) = self.step.take() else {
            return false;
        };
        let may = bench.world.may_restrain(step.knob.0, self.victim, bench.config.scope());
        if bench.at > step.at + watched(bench) || !may || bench.world.offer(step.knob, bench.at).is_none() {
            return false;
        }
        let most = bench.config.hold_most.nanos();
        self.hold = Nanos(self.hold.0.saturating_mul(2)).min(most);
        let hold = Span(self.hold);
        self.say(
            bench,
            Level::INFO,
            &format!("the last step back brought the harm back; it is undone and held off for {hold}"),
        );
        self.grips.insert(step.knob, step.before);
        bench.made += 1;
        self.slack.forget();
        // The finding that this step brought is over once the step is undone.
        let told = self.blame(bench).map(|blame| blame.key);
        self.wait(told, bench.at + self.hold);
        true
    }

    /// One knob a step looser: the one that takes most.
    fn give_back(&mut self, bench: &mut Bench<'_>) {
        let every = bench.config.grow_every.nanos();
        let Some(knob) = self.dearest(bench) else {
            let seen = self
                .step
                .as_ref()
                .map(|step| step.at + watched(bench))
                .filter(|seen| *seen > bench.at);
            if let Some(seen) = seen {
                return self.wait(None, seen);
            }
            // All was given back and nothing happened since.
            self.step = None;
            self.hold = bench.config.hold.nanos();
            self.stage = Stage::Watching;
            return;
        };
        if bench.left == 0 {
            return self.wait(None, bench.room.max(bench.at + every));
        }
        bench.left -= 1;
        bench.made += 1;
        let Some(before) = self.grips.remove(&knob) else { return };
        let why = format!("`{}` has slack; given back step by step", bench.world.name(self.victim));
        let offer = bench.world.offers.get(&knob).copied().unwrap_or_default();
        let looser = before.looser(&offer, bench.config, &why);
        let looser = looser.and_then(|looser| {
            if looser.is_count() {
                self.on_cpus(knob.0, looser, bench.world)
            } else {
                Some(looser)
            }
        });
        match looser {
            Some(looser) => self.grips.insert(knob, looser),
            None => {
                bench.parting.insert(knob, why);
            }
        }
        self.step = Some(Step {
            knob,
            before,
            at: bench.at,
        });
        self.wait(None, bench.at + every);
    }

    /// The knob that takes most of its culprit's work.
    fn dearest(&self, bench: &Bench<'_>) -> Option<KnobOf> {
        let price = |knob: &KnobOf| {
            let (offer, grip) = (bench.world.offers.get(knob)?, self.grips.get(knob)?);
            Some(1.0 - grip.left(offer))
        };
        let knobs = self.grips.keys().copied();
        knobs.max_by(|a, b| price(a).unwrap_or(0.0).total_cmp(&price(b).unwrap_or(0.0)))
    }
}

/// For how long harm is laid to the last step back.
fn watched(bench: &Bench<'_>) -> Nanos {
    let config = bench.config;
    config.settle.nanos() + config.proof.nanos() + config.grow_every.nanos()
}
