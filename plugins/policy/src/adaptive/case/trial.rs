//! From the first blame to the verdict: a knob is turned, proven or turned back, and the next one tried.

use super::{Attempt, Bench, Case, Stage};
use crate::adaptive::options::Move;
use crate::heard::Blame;
use crate::proof::{Trial, Verdict};
use pipeline_plugin_api::prelude::*;

/// How often a proof is put off while something else than the culprits is to blame.
const PUT_OFF: u32 = 2;

impl Case {
    pub(super) fn begin(&mut self, bench: &mut Bench<'_>) {
        if self.findings.open.is_empty() {
            self.spent.clear();
        }
        if let Some(blame) = self.blame(bench) {
            self.turn(&blame, bench);
        }
    }

    /// Makes the cheapest move, if there is one and nobody else tries something on the same culprits.
    pub(super) fn turn(&mut self, blame: &Blame, bench: &mut Bench<'_>) {
        if bench.left == 0 || blame.culprits.iter().any(|culprit| bench.is_busy(*culprit)) {
            return;
        }
        match self.best(blame, bench) {
            Some(found) => self.make(found, blame, bench),
            None => self.exhausted(bench),
        }
    }

    fn make(&mut self, found: Move, blame: &Blame, bench: &mut Bench<'_>) {
        let name = bench.named.get(&found.knob).map_or("?", |named| named.name.as_str());
        let count = found.grips.len();
        self.say(
            bench,
            Level::INFO,
            &format!("`{name}` is turned on {count} of its neighbours"),
        );
        bench.left -= count.min(bench.left);
        bench.made += count;
        let before = found
            .grips
            .iter()
            .map(|(knob, _)| (*knob, self.grips.get(knob).cloned()))
            .collect();
        self.grips.extend(found.grips);
        self.slack.forget();
        self.step = None;
        self.stage = Stage::Trying(Attempt {
            trial: Trial::new(bench.at, blame.severity),
            port: blame.key.0,
            knob: found.knob,
            resource: blame.resource,
            before,
            put_off: 0,
        });
    }

    /// Nothing is left to try: what helped somewhat stays in force, and after a while all is tried anew.
    fn exhausted(&mut self, bench: &mut Bench<'_>) {
        let cooldown = bench.config.cooldown;
        self.say(
            bench,
            Level::WARN,
            &format!("no remedy is left; nothing more is tried for {cooldown}"),
        );
        self.stage = Stage::Resting(bench.at + cooldown.nanos());
    }

    pub(super) fn rest(&mut self, until: Nanos, bench: &mut Bench<'_>) {
        let quiet = self.findings.open.is_empty();
        if bench.at >= until || quiet && !self.grips.is_empty() {
            self.spent.clear();
            self.stage = Stage::Watching;
            if self.grips.is_empty() {
                self.begin(bench)
            } else {
                self.keep_now(bench)
            }
        }
    }

    pub(super) fn try_on(&mut self, mut attempt: Attempt, bench: &mut Bench<'_>) {
        if let Some(blame) = self.blame(bench)
            && self.join(&mut attempt, &blame, bench)
        {
            self.stage = Stage::Trying(attempt);
            return;
        }
        let ended = self.findings.open.is_empty();
        let terms = self.terms(attempt.port, bench.config);
        match attempt.trial.verdict(bench.at, ended, &terms) {
            Verdict::Pending => self.stage = Stage::Trying(attempt),
            Verdict::Proven(how) => self.proven(&attempt, &how, bench),
            Verdict::Failed(_)
                if attempt.put_off < PUT_OFF && (attempt.trial.now().is_none() || self.blame(bench).is_none()) =>
            {
                // Nothing was told yet, or something else is to blame now: that says nothing of the remedy.
                attempt.put_off += 1;
                attempt.trial = Trial::new(bench.at, attempt.trial.before);
                self.stage = Stage::Trying(attempt);
            }
            Verdict::Failed(how) => self.failed(attempt, &how, bench),
        }
    }

    /// Those who are blamed only now get the knob that is on trial too, and the trial begins anew.
    fn join(&mut self, attempt: &mut Attempt, blame: &Blame, bench: &mut Bench<'_>) -> bool {
        let newcomers = self.joining(attempt, blame, bench);
        if newcomers.is_empty() {
            return false;
        }
        bench.left -= newcomers.len().min(bench.left);
        bench.made += newcomers.len();
        attempt.before.extend(newcomers.iter().map(|(knob, _)| (*knob, None)));
        attempt.trial = Trial::new(bench.at, attempt.trial.before.max(blame.severity));
        self.grips.extend(newcomers);
        true
    }

    fn proven(&mut self, attempt: &Attempt, how: &str, bench: &mut Bench<'_>) {
        self.say(bench, Level::INFO, &format!("the remedy helped: {how}"));
        bench.experience.note(attempt.knob, attempt.resource, true);
        let terms = self.terms(attempt.port, bench.config);
        let well = attempt.trial.is_well(&terms) || self.findings.open.is_empty();
        self.keep_now(bench);
        // It helped, and not enough: the next step follows at once, and has to help against what is left of the harm.
        if let Some(blame) = self.blame(bench).filter(|_| !well) {
            let severity = attempt.trial.now().unwrap_or(blame.severity);
            self.turn(&Blame { severity, ..blame }, bench);
        }
    }

    fn failed(&mut self, attempt: Attempt, how: &str, bench: &mut Bench<'_>) {
        self.say(
            bench,
            Level::INFO,
            &format!("the remedy did not help and is undone: {how}"),
        );
        bench.experience.note(attempt.knob, attempt.resource, false);
        self.spent.insert(attempt.knob);
        let why = format!("it did not help `{}`: {how}", bench.world.name(self.victim));
        for (knob, before) in attempt.before {
            match before {
                Some(grip) => self.grips.insert(knob, grip),
                None => {
                    self.grips.remove(&knob);
                    bench.parting.insert(knob, why.clone());
                }
            }
        }
        self.stage = Stage::Watching;
        match self.blame(bench) {
            Some(blame) => {
                let severity = attempt.trial.before;
                self.turn(&Blame { severity, ..blame }, bench);
            }
            None if !self.grips.is_empty() => self.keep_now(bench),
            None => {}
        }
    }

    /// What is in force did help and is held.
    pub(super) fn keep_now(&mut self, bench: &Bench<'_>) {
        let proven_for = self.blame(bench).map(|blame| blame.key);
        self.stage = Stage::Kept {
            proven_for,
            next: bench.at + self.hold,
        };
    }
}
