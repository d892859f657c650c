//! What a call of a node leads to: its wish, its failure, what it holds and brought, and, when it broke, what of that
//! is undone and told.

use super::Node;
use crate::run::declared::Sifted;
use crate::run::leases::Knob;
use crate::run::undo::{Patience, told};
use pipeline_plugin_api::abi::{
    Batch, Called, Change, Failure, FailureKind, Fate, Level, Nanos, Outcome, Stage, TargetChange,
};

/// What becomes of a node after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    GoOn,
    /// It cannot go on, and why.
    Broken(String),
}

impl Node {
    /// What a call came to.
    pub fn judge(&mut self, at: Nanos, result: Called) -> Verdict {
        self.meter.calls.bump();
        match result.into_result() {
            Ok(wish) => {
                self.wish_for(wish, at);
                Verdict::GoOn
            }
            Err(failure) => self.failed(at, &failure),
        }
    }

    /// A call failed. Kinds that this version does not know are like a call that may do better.
    pub fn failed(&mut self, at: Nanos, failure: &Failure) -> Verdict {
        match failure.kind {
            FailureKind::GONE => {
                self.log(Level::DEBUG, &failure.message);
                Verdict::GoOn
            }
            FailureKind::FATAL | FailureKind::PANIC => {
                self.meter.failures.bump();
                Verdict::Broken(failure.message.to_string())
            }
            _ => {
                self.meter.failures.bump();
                self.warn(at, &failure.message);
                Verdict::GoOn
            }
        }
    }

    /// Tells what it said and may not say.
    pub fn tell_sifted(&self, sifted: &Sifted) {
        self.host.add("undeclared", sifted.undeclared);
        self.host.add("excess", sifted.excess);
        sifted.news.iter().for_each(|news| self.log(Level::WARN, news));
    }

    /// Takes in what became of the actions that an actuator was given, and of targets that went.
    pub fn note_leases<'a>(&mut self, at: Nanos, out: &Batch, given: impl Iterator<Item = &'a Batch> + Clone) {
        let changes = given.clone().flat_map(|batch| &batch.changes);
        let gone = changes.filter(|change| change.change == Change::GONE);
        self.leases.forget(gone.map(|change| change.target.id));
        if !out.outcomes.is_empty() {
            let actions = given.flat_map(|batch| batch.actions.iter());
            self.leases.note(at, &out.outcomes, actions);
        }
    }

    /// Whether it lets a knob stand past the end of its lease, though it was called.
    pub fn overdue(&mut self, at: Nanos) -> Verdict {
        match self.leases.overdue(at) {
            None => Verdict::GoOn,
            Some((knob, until)) => {
                self.meter.failures.bump();
                Verdict::Broken(self.outlived(knob, at.since(until)))
            }
        }
    }

    fn outlived(&self, (target, knob): Knob, by: Nanos) -> String {
        let names = self
            .shared
            .names
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let knob = names
            .knob_name(knob)
            .map(|knob| knob.name.to_string())
            .unwrap_or_default();
        let of = self
            .known
            .get(&target)
            .map(|target| target.name.to_string())
            .unwrap_or_default();
        format!("the lease of `{knob}` of `{of}` ended {by} ago and it was not put back; it is undone from the journal")
    }

    /// What it is to say itself or is said for it, after a call or when it broke.
    pub fn conclude(&mut self, at: Nanos, out: &mut Batch) {
        out.outcomes.extend(self.superseded.drain(..));
        if self.plan.stage == Stage::TARGETS {
            self.follow(&out.changes);
        }
        self.tell_broken(at, out);
    }

    /// Of a node that broke, all that it held and brought is told.
    pub fn tell_broken(&mut self, at: Nanos, out: &mut Batch) {
        if std::mem::take(&mut self.broke) {
            self.tell_gone(at, out);
        }
    }

    /// Keeps what a provider brings.
    fn follow(&mut self, changes: &[TargetChange]) {
        for change in changes {
            match change.change {
                Change::GONE => drop(self.brought.remove(&change.target.id)),
                _ => drop(self.brought.insert(change.target.id, change.target.clone())),
            }
        }
    }

    /// Of a node that broke, what it held is told undone, as it was from the journal, and what it brought gone,
    /// since nobody looks after it any more and its next life brings targets of its own.
    fn tell_gone(&mut self, at: Nanos, out: &mut Batch) {
        out.outcomes
            .extend(self.leases.end().into_iter().map(|((target, knob), action)| Outcome {
                at,
                action,
                target,
                knob,
                fate: Fate::UNDONE,
                why: "its actuator broke".into(),
                ..Outcome::default()
            }));
        let left = std::mem::take(&mut self.brought).into_values();
        out.changes.extend(left.map(|target| TargetChange {
            at,
            change: Change::GONE,
            target,
        }));
    }

    /// It broke: what it changed is undone. A life whose call is still under way may change nothing any more.
    pub fn fall(&mut self, hangs: bool) {
        self.broke = true;
        let journal = &self.shared.journal;
        let reports = if hangs {
            journal.condemn(self.host.life())
        } else {
            journal.undo_node(&self.plan.name)
        };
        for report in reports {
            // What other nodes still use waits for the end of the run; all else was told.
            told(&report, &self.shared.logger, Patience::Once);
        }
    }
}
