//! What trials come to, added up.

use crate::changes::changes;
use crate::judge::{Found, Judged, judge};
use crate::mean::Mean;
use crate::recovery::{Recovery, paid, recovery};
use crate::rules::Rules;
use crate::share::Share;
use crate::trial::Trial;
use pipeline_plugin_api::abi::{Nanos, Resource};
use std::collections::BTreeMap;

/// What any number of trials come to. Added to [`Default`] one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// How many trials.
    pub trials: u64,
    /// Of how many it is known what truly happened.
    pub with_truth: u64,
    /// How long they lasted, together.
    pub span: Nanos,
    /// Findings that were told, right or not.
    pub told: u64,
    /// Episodes that were found.
    pub recall: Share,
    /// The same, by the resource through which they came.
    pub recall_by: BTreeMap<Resource, Share>,
    /// Findings that were right.
    pub precision: Share,
    /// Findings about what is shorter than an episode, which count as false.
    pub brief: u64,
    /// Findings about what the victim does itself which do not say so; they count as false.
    pub misplaced: u64,
    /// Findings about what the victim does itself which say so and blame nobody.
    pub own: Share,
    /// The right neighbour first for most of the time.
    pub culprit: Share,
    /// The right neighbour in the first word.
    pub at_once: Share,
    /// No neighbour blamed in episodes for which none is to blame.
    pub innocent: Share,
    /// The right resource for most of the time.
    pub resource: Share,
    /// From an episode's beginning to its first word, in seconds.
    pub delays: Vec<f64>,
    /// What is gone of the slowdown.
    pub recovery: Recovery,
    /// What others paid, by trial.
    pub paid: Mean,
    /// How often knobs were turned.
    pub changes: u64,
}

impl Score {
    /// The score of one trial, `beside` being the same without a policy.
    pub fn of(trial: &Trial, beside: Option<&Trial>, rules: &Rules) -> Self {
        let mut score = Self {
            trials: 1,
            span: trial.span.to.since(trial.span.from.max(rules.since)),
            changes: changes(&trial.turns, rules.since),
            ..Self::default()
        };
        if let Some(paid) = beside.and_then(|beside| paid(trial, beside)) {
            score.paid.add(paid);
        }
        let verdict = judge(trial, beside, rules);
        score.told = verdict.alarms.len() as u64;
        if trial.has_truth() || beside.is_some_and(Trial::has_truth) {
            score.with_truth = 1;
            score.recovery = recovery(trial, beside, rules);
            verdict.episodes.iter().for_each(|judged| score.episode(judged));
            verdict.alarms.iter().for_each(|(_, found)| score.alarm(*found));
        }
        score
    }

    fn episode(&mut self, judged: &Judged) {
        let found = judged.delay.is_some();
        self.recall.count(found);
        let resource = judged.episode.blame.resource().unwrap_or(Resource::UNKNOWN);
        self.recall_by.entry(resource).or_default().count(found);
        self.delays.extend(judged.delay.map(Nanos::seconds));
        for (share, right) in [
            (&mut self.culprit, judged.culprit),
            (&mut self.at_once, judged.at_once),
            (&mut self.innocent, judged.innocent),
            (&mut self.resource, judged.resource),
        ] {
            if let Some(right) = right {
                share.count(right);
            }
        }
    }

    fn alarm(&mut self, found: Found) {
        self.precision.count(matches!(found, Found::Right | Found::Own));
        self.brief += u64::from(found == Found::Brief);
        self.misplaced += u64::from(found == Found::Misplaced);
        if matches!(found, Found::Own | Found::Misplaced) {
            self.own.count(found == Found::Own);
        }
    }

    /// Adds other trials.
    pub fn add(&mut self, other: &Self) {
        self.trials += other.trials;
        self.with_truth += other.with_truth;
        self.span = self.span + other.span;
        self.told += other.told;
        self.brief += other.brief;
        self.misplaced += other.misplaced;
        self.own += other.own;
        self.changes += other.changes;
        for (resource, share) in &other.recall_by {
            *self.recall_by.entry(*resource).or_default() += *share;
        }
        self.recall += other.recall;
        self.precision += other.precision;
        self.culprit += other.culprit;
        self.at_once += other.at_once;
        self.innocent += other.innocent;
        self.resource += other.resource;
        self.delays.extend_from_slice(&other.delays);
        self.recovery.append(&other.recovery);
        self.paid.append(&other.paid);
    }

    /// Findings that were not right.
    pub fn false_alarms(&self) -> u64 {
        self.precision.of - self.precision.hits
    }
}

#[cfg(test)]
mod tests;
