//! From the first blame to the verdict: a remedy is tried, proven or undone, and the next one tried.

use super::{Bench, Case, Memory, PUT_OFF, Stage};
use crate::heard::Blame;
use crate::proof::{Trial, Verdict};
use pipeline_plugin_api::prelude::*;

impl Case {
    pub(super) fn begin(&mut self, bench: &mut Bench<'_>) {
        if self.findings.open.is_empty() {
            self.tried.clear();
        }
        let Some(blame) = self.blame(bench) else {
            self.waits = false;
            return;
        };
        self.recall(bench);
        let engaged = self.engage(&blame.culprits, &blame, bench);
        if engaged > 0 {
            self.waits = false;
            self.relapse(bench);
            self.try_now(blame.severity, bench);
        } else if bench.budget.left(bench.at) == 0 {
            self.wait(&blame, bench);
        } else {
            self.give_up(bench);
        }
    }

    /// What helped long ago is forgotten.
    fn recall(&mut self, bench: &Bench<'_>) {
        let within = |memory: &Memory| bench.at.since(memory.released) <= bench.config.relapse.nanos();
        if !self.memory.as_ref().is_some_and(within) {
            self.memory = None;
            self.hold = bench.config.hold.nanos();
        }
    }

    fn relapse(&mut self, bench: &mut Bench<'_>) {
        let relapsed = self.memory.take().is_some_and(|memory| !memory.by_window);
        if relapsed {
            let most = bench.config.hold_most.nanos();
            self.hold = Nanos(self.hold.0.saturating_mul(2)).min(most);
            let hold = Span(self.hold);
            self.say(
                bench,
                Level::INFO,
                &format!("a relapse: what helped is back, to be held for {hold}"),
                &[],
            );
        }
    }

    fn wait(&mut self, blame: &Blame, bench: &mut Bench<'_>) {
        if !self.waits {
            let most = bench.config.most_changes;
            let message = format!("{most} changes a minute are used up; nothing more is done for now");
            self.say(bench, Level::WARN, &message, &blame.culprits);
        }
        self.waits = true;
    }

    pub(super) fn try_now(&mut self, before: f64, bench: &mut Bench<'_>) {
        let culprits: Vec<TargetId> = self.remedies.keys().copied().collect();
        self.say(bench, Level::INFO, "a remedy is tried", &culprits);
        self.put_off = 0;
        self.stage = Stage::Trying(Trial::new(bench.at, before));
    }

    pub(super) fn try_on(&mut self, trial: Trial, bench: &mut Bench<'_>) {
        if self.join_newcomers(bench) {
            return self.try_now(trial.before, bench);
        }
        match trial.verdict(bench.at, self.findings.open.is_empty(), &bench.config.terms()) {
            Verdict::Pending => {}
            Verdict::Proven(how) => self.proven(&how, bench),
            Verdict::Failed(_) if self.may_put_off(bench) => {
                self.put_off += 1;
                self.stage = Stage::Trying(Trial::new(bench.at, trial.before));
            }
            Verdict::Failed(how) => self.failed(&trial, &how, bench),
        }
    }

    /// The victim is not well yet, but for another reason, such as the hypervisor: that says nothing
    /// of the remedy, so the proof is put off, but not for ever.
    fn may_put_off(&self, bench: &Bench<'_>) -> bool {
        let blamed = self.blame(bench).is_some();
        !blamed && self.put_off < PUT_OFF
    }

    /// Those who are blamed only now get a remedy too.
    pub(super) fn join_newcomers(&mut self, bench: &mut Bench<'_>) -> bool {
        let Some(blame) = self.blame(bench) else {
            return false;
        };
        let known = |culprit: &TargetId| self.remedies.contains_key(culprit) || self.tried.contains_key(culprit);
        let newcomers: Vec<TargetId> = blame
            .culprits
            .iter()
            .copied()
            .filter(|culprit| !known(culprit))
            .collect();
        self.engage(&newcomers, &blame, bench) > 0
    }

    fn proven(&mut self, how: &str, bench: &mut Bench<'_>) {
        let culprits: Vec<TargetId> = self.remedies.keys().copied().collect();
        self.say(bench, Level::INFO, &format!("the remedy helped: {how}"), &culprits);
        self.tried.clear();
        let proven_for = self.key(bench);
        self.stage = Stage::Held {
            proven_for,
            quiet: None,
        };
        self.hold_on(proven_for, None, bench);
    }

    fn failed(&mut self, trial: &Trial, how: &str, bench: &mut Bench<'_>) {
        let culprits: Vec<TargetId> = self.remedies.keys().copied().collect();
        self.say(
            bench,
            Level::INFO,
            &format!("the remedy did not help and is undone: {how}"),
            &culprits,
        );
        for culprit in &culprits {
            let rung = self.remedies[culprit].rung;
            self.note(*culprit, rung);
        }
        let victim = bench.world.name(self.victim);
        self.drop_all(&format!("it did not help `{victim}`: {how}"), bench);
        let Some(blame) = self.blame(bench) else {
            self.stage = Stage::Watching;
            return;
        };
        let blame = Blame {
            severity: trial.before,
            ..blame
        };
        self.engage(&culprits, &blame, bench);
        self.after_change(trial.before, bench);
    }

    pub(super) fn after_change(&mut self, before: f64, bench: &mut Bench<'_>) {
        if self.remedies.is_empty() {
            self.give_up(bench)
        } else {
            self.try_now(before, bench)
        }
    }

    fn give_up(&mut self, bench: &mut Bench<'_>) {
        let until = bench.at + bench.config.cooldown.nanos();
        let message = format!("no remedy is left; nothing more is tried for {}", bench.config.cooldown);
        self.say(bench, Level::WARN, &message, &[]);
        self.drop_all("no remedy is left", bench);
        self.memory = None;
        self.stage = Stage::GivenUp(until);
    }
}
