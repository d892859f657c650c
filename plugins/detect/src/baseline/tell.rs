//! Telling findings: that one begins, lasts, ends, with its evidence and its sentence.

use super::{Baseline, Victim};
use crate::account::Sight;
use crate::cause::Cause;
use crate::judge::{Judge, Turn};
use crate::learn::Learned;
use crate::saved::Open;
use crate::words;
use pipeline_plugin_api::prelude::*;

/// How often a finding that lasts unchanged is told.
const REPEAT: Nanos = Nanos::from_secs(1);

/// The numbers that a finding is told with.
pub(super) struct Told {
    pub(super) ratio: Reading,
    pub(super) signal: Reading,
    pub(super) severity: f64,
}

impl Baseline {
    #[expect(clippy::too_many_arguments, reason = "one finding is made of all of these, once")]
    pub(super) fn tell(
        &mut self,
        victim: &mut Victim,
        turn: Turn,
        told: &Told,
        cause: Cause,
        sight: &Sight,
        learned: &Learned,
        out: &mut Batch,
    ) {
        let (at, id) = (told.signal.at, told.signal.target);
        let begins = turn == Turn::Begins;
        if !begins && victim.open.as_ref().is_some_and(|open| !is_news(open, &cause, at)) {
            return;
        }
        let number = victim.open.as_ref().map_or(self.last_id + 1, |open| open.id);
        self.last_id = self.last_id.max(number);
        let against = words::amount(learned.signal.middle, &self.unit);
        let now = words::amount(told.signal.value, &self.unit);
        let signal = &self.config.signal;
        let how = format!(
            "is {:.1} times worse than alone ({signal} {now} against {against})",
            told.severity
        );
        let mut evidence = vec![told.ratio, told.signal];
        evidence.extend(self.books.evidence(id, &cause.culprits));
        out.findings.push(Finding {
            at,
            id: number,
            phase: if begins { Phase::BEGINS } else { Phase::LASTS },
            victim: id,
            resource: cause.resource,
            severity: told.severity,
            confidence: cause.confidence,
            culprits: cause.culprits.clone().into(),
            evidence: evidence.into(),
            why: words::sentence(id, &how, &cause, sight, &self.roster).into(),
            ..Finding::default()
        });
        victim.open = Some(Open {
            id: number,
            resource: cause.resource.0,
            culprits: cause
                .culprits
                .iter()
                .map(|culprit| (culprit.target.0, culprit.score))
                .collect(),
            confidence: cause.confidence,
            told_ns: at.0,
            heard_ns: at.0,
        });
    }

    pub(super) fn ends(&self, victim: &mut Victim, told: &Told, out: &mut Batch) {
        let Some(open) = victim.open.take() else { return };
        let id = told.signal.target;
        let why = format!("`{}` is well again", self.roster.name(id));
        let mut finding = ended(told.signal.at, id, &open, told.severity, why);
        finding.evidence = vec![told.ratio, told.signal].into();
        out.findings.push(finding);
    }

    /// Ends a victim's finding, if one is open, for a reason other than that it is well.
    pub(super) fn close(&mut self, at: Nanos, id: TargetId, why: &str, out: &mut Batch) {
        let name = self.roster.name(id).to_owned();
        let Some(victim) = self.victims.get_mut(&id) else {
            return;
        };
        victim.judge = Judge::default();
        if let Some(open) = victim.open.take() {
            out.findings.push(ended(at, id, &open, 1.0, format!("`{name}` {why}")));
        }
    }
}

/// Whether a finding that lasts is worth telling again.
fn is_news(open: &Open, cause: &Cause, at: Nanos) -> bool {
    let mut before: Vec<u32> = open.culprits.iter().map(|(target, _)| *target).collect();
    let mut now: Vec<u32> = cause.culprits.iter().map(|culprit| culprit.target.0).collect();
    before.sort_unstable();
    now.sort_unstable();
    at.since(Nanos(open.told_ns)) >= REPEAT || before != now || open.resource != cause.resource.0
}

fn ended(at: Nanos, victim: TargetId, open: &Open, severity: f64, why: String) -> Finding {
    let culprit = |(target, score): &(u32, f64)| Culprit {
        target: TargetId(*target),
        score: *score,
    };
    Finding {
        at,
        id: open.id,
        phase: Phase::ENDS,
        victim,
        resource: Resource(open.resource),
        severity,
        confidence: open.confidence,
        culprits: open.culprits.iter().map(culprit).collect(),
        why: why.into(),
        ..Finding::default()
    }
}
