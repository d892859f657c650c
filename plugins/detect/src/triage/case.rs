//! The case of one target: whether what it loses persists, and since when.

use super::past::{Past, Usual};
use super::queue::Reach;
use super::sheet::{Item, Sheet};
use super::stack::Stack;
use crate::config::TriageConfig;
use crate::votes::Votes;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// The last spans are none of the reference: whatever is wrong may have begun already.
const GUARD: u64 = 4;
/// A longer tail has a cause from which at least that much is lost.
const LEAST_CAUSE: f64 = 0.02;
/// How much the latest span counts in what is told.
const FOLLOW: f64 = 0.35;

/// See the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Case {
    bad: Votes,
    quiet: Votes,
    /// The first span of the trouble, while there is any.
    since: Option<u64>,
    usual: Option<Usual>,
    /// The span in which that was looked for last.
    made: u64,
    /// How much slower answers can be for what is lost.
    reach: Reach,
    /// What is lost, smoothed over the trouble.
    pub stack: Stack,
    /// Who is to blame, smoothed likewise.
    pub blame: Vec<(u32, f64)>,
    /// Whether a finding is open.
    pub is_open: bool,
}

/// What a span says of a target.
#[derive(Copy, Clone, Debug)]
pub struct Said {
    /// What is lost.
    pub lost: Stack,
    /// How many times longer than usual the tail is, less one, where that can be told.
    pub tail: Option<f64>,
    /// How many times longer answers can be for what is lost, less one, where there is such a bound.
    pub bound: Option<f64>,
}

/// Where a case goes after a span.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is nothing.
    Peace,
    /// A finding begins, or lasts.
    Trouble,
    /// It lasts, though nothing was lost in this span.
    Lull,
    /// It ends.
    Ends,
}

impl Case {
    /// Since which span it asks for another reference: where its own does not fit what the target does now, or it is due
    /// and there is no trouble.
    pub fn asks(&self, now: &Sheet, is_due: bool) -> Option<u64> {
        let is_stale = is_due && self.since.is_none();
        (is_stale || !self.fits(now)).then_some(self.made)
    }

    /// Makes the reference anew, for what the target does now. While there is trouble, of the time before it.
    pub fn refer(&mut self, id: TargetId, span: u64, now: &Sheet, past: &Past) {
        self.made = span;
        let before = self.since.unwrap_or(span).min(span).saturating_sub(GUARD);
        if let Some(found) = past.usual(id, before, now) {
            self.usual = Some(found);
        } else if !self.fits(now) {
            self.usual = None;
        }
    }

    /// Whether the target does something else than when its reference was made, and another is not made yet.
    pub fn waits(&self, now: &Sheet) -> bool {
        self.usual.as_ref().is_some_and(|usual| !usual.serves(now))
    }

    fn fits(&self, now: &Sheet) -> bool {
        self.usual.as_ref().is_some_and(|usual| usual.fits(now))
    }

    /// The reference that was made last.
    pub fn usual(&self) -> Option<&Usual> {
        self.usual.as_ref()
    }

    /// Takes in what a span says.
    pub fn hear(&mut self, span: u64, said: Said, config: &TriageConfig) -> Turn {
        let lost = said.lost;
        self.reach.follow(said.bound);
        let (bad, quiet) = judged(&said, self.reach, config);
        self.bad.add(bad);
        self.quiet.add(quiet);
        if bad && self.since.is_none() {
            self.since = Some(span);
            self.stack = lost;
        } else if bad {
            self.stack.follow(&lost, FOLLOW);
        }
        if self.is_open {
            let ends = self.quiet.of_last(config.quiet_of) >= config.quiet;
            return match (ends, bad) {
                (true, _) => self.close(),
                (false, true) => Turn::Trouble,
                (false, false) => Turn::Lull,
            };
        }
        if self.bad.of_last(config.of_last) >= config.votes {
            self.is_open = true;
            self.quiet.clear();
            return Turn::Trouble;
        }
        if self.bad.of_last(config.of_last) == 0 {
            self.since = None;
            self.blame.clear();
        }
        Turn::Peace
    }

    /// Takes in who is to blame in this span; gives who is over the whole trouble, most first. Whoever left a moment ago is
    /// still to blame for what it did.
    pub fn blame(&mut self, culprits: &[Culprit]) -> Vec<Culprit> {
        let share = if self.blame.is_empty() { 1.0 } else { FOLLOW };
        for (_, score) in &mut self.blame {
            *score *= 1.0 - share;
        }
        for culprit in culprits {
            match self.blame.iter_mut().find(|(target, _)| *target == culprit.target.0) {
                Some((_, score)) => *score += share * culprit.score,
                None => self.blame.push((culprit.target.0, share * culprit.score)),
            }
        }
        self.blame.retain(|(_, score)| *score > 0.01);
        let culprit = |(target, score): &(u32, f64)| Culprit {
            target: TargetId(*target),
            score: *score,
        };
        let mut all: Vec<Culprit> = self.blame.iter().map(culprit).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.target.cmp(&b.target)));
        all
    }

    fn close(&mut self) -> Turn {
        self.is_open = false;
        self.since = None;
        self.bad.clear();
        self.blame.clear();
        Turn::Ends
    }
}

/// Whether a span is bad, and whether it is quiet. What somebody who waits notices is the tail: where it is steady enough
/// to tell, it decides, if there is a cause at all; else what is lost does. Neither counts for more than what was lost can
/// do to whoever waits.
fn judged(said: &Said, reach: Reach, config: &TriageConfig) -> (bool, bool) {
    let own = if config.own { said.lost.get(Resource::SELF) } else { 0.0 };
    let harm = said.lost.harm();
    let (mut bad, mut quiet) = (harm >= config.loss, harm < config.release);
    if let Some(tail) = said.tail.filter(|_| harm > 0.0) {
        bad = tail >= config.tail && harm >= LEAST_CAUSE;
        quiet = tail < config.tail / 2.0 || harm < LEAST_CAUSE;
    }
    bad &= reach.reaches(config.slower);
    quiet |= !reach.reaches(config.slower / 2.0);
    (bad || own >= config.loss, quiet && own < config.release)
}

/// Whether there is anything to judge by.
pub fn is_blank(now: &Sheet) -> bool {
    [Item::Cpu, Item::Cost, Item::Wait, Item::Latency]
        .iter()
        .all(|item| now.get(*item).is_none())
}
