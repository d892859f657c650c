//! What was said beside what was true: which episodes were found, and which findings were right.

use crate::alarm::{Alarm, View, alarms};
use crate::episode::{Blame, Episode, disturbances, episodes};
use crate::rules::Rules;
use crate::stretch::Stretch;
use crate::trial::{Moment, Trial};
use pipeline_plugin_api::abi::{Nanos, Resource};
use std::collections::BTreeMap;

/// What became of all episodes and all findings of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What truly was, and whether it was found.
    pub episodes: Vec<Judged>,
    /// What was said, and whether it was so.
    pub alarms: Vec<(Alarm, Found)>,
}

/// An episode, and what was said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What truly was.
    pub episode: Episode,
    /// How long after its beginning it was told, zero where it was told before; none where it was not.
    pub delay: Option<Nanos>,
    /// Whether the right neighbour was named first for most of the time; none where none is to blame, or nothing was found.
    pub culprit: Option<bool>,
    /// The same, of the first word.
    pub at_once: Option<bool>,
    /// Where no neighbour is to blame, as for what the hypervisor does: whether none was named who adds nothing.
    pub innocent: Option<bool>,
    /// Whether the right resource was named for most of the time; none where nothing was found.
    pub resource: Option<bool>,
}

/// What a finding is worth.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It names a victim that suffers meanwhile from what others do.
    Right,
    /// It names one that suffers from its own doing, says so, and blames nobody. It counts as right.
    Own,
    /// It names one that suffers from its own doing, and does not say so. It counts as a false alarm.
    Misplaced,
    /// It does, but what it tells of is shorter than an episode. It counts as a false alarm.
    Brief,
    /// It names one that does not suffer.
    False,
}

/// Compares what was said in a trial with what was true.
///
/// Where `beside` is given, the same run without any policy, its episodes are those to be found: what a remedy prevents
/// is no less true. A finding is right if it fits an episode of either; so is a culprit or a resource, for after a remedy
/// somebody else may be what is left.
pub fn judge(trial: &Trial, beside: Option<&Trial>, rules: &Rules) -> Verdict {
    let said = alarms(trial, rules);
    let mut wanted = episodes(beside.unwrap_or(trial), rules);
    wanted.retain(|episode| episode.span.from >= rules.since);
    let truth = Truth::new(trial, beside, rules);
    Verdict {
        episodes: wanted
            .into_iter()
            .map(|episode| {
                let here = trial.truth.get(&episode.victim).map_or(&[][..], Vec::as_slice);
                judged(episode, here, &said, rules)
            })
            .collect(),
        alarms: said
            .into_iter()
            .map(|alarm| {
                let found = truth.found(&alarm);
                (alarm, found)
            })
            .collect(),
    }
}

/// `here` is the truth of the run in which it was said.
fn judged(episode: Episode, here: &[Moment], said: &[Alarm], rules: &Rules) -> Judged {
    let about: Vec<&Alarm> = said
        .iter()
        .filter(|alarm| alarm.victim == episode.victim && alarm.span.overlaps(episode.span))
        .collect();
    let Some(first) = about.first() else {
        return Judged {
            episode,
            delay: None,
            culprit: None,
            at_once: None,
            innocent: None,
            resource: None,
        };
    };
    let views = || about.iter().flat_map(|alarm| &alarm.views);
    let named = longest(views(), episode.span, |view| view.culprits.first().map(String::as_str)).flatten();
    let resource = longest(views(), episode.span, |view| view.resource);
    let blames = [&episode.blame, &Blame::of(here, episode.span)];
    let is = |name: Option<&str>| name.is_some_and(|name| blames.iter().any(|blame| blame.is_culprit(name, rules.tie)));
    let is_resource = |resource: Resource| blames.iter().any(|blame| blame.is_resource(resource, rules.tie));
    let blamed = episode.blame.culprit().is_some();
    let at_once = first
        .views
        .first()
        .and_then(|view| view.culprits.first())
        .map(String::as_str);
    Judged {
        delay: Some(first.span.from.since(episode.span.from)),
        culprit: blamed.then(|| is(named)),
        at_once: blamed.then(|| is(at_once)),
        innocent: (!blamed).then(|| named.is_none_or(|name| episode.blame.of_culprit(name) >= rules.least_slowdown)),
        resource: Some(resource.is_some_and(is_resource)),
        episode,
    }
}

/// What was said for the longest part of an episode; of two that were said equally long the lesser, so that it is one.
fn longest<'a, T: Ord + Copy>(
    views: impl Iterator<Item = &'a View>,
    span: Stretch,
    of: impl Fn(&'a View) -> T,
) -> Option<T> {
    let mut lengths: BTreeMap<T, Nanos> = BTreeMap::new();
    for view in views {
        if let Some(common) = view.span.common(span) {
            let length = lengths.entry(of(view)).or_default();
            *length = *length + common.length();
        }
    }
    let most = lengths.values().copied().max()?;
    lengths
        .into_iter()
        .find(|(_, length)| *length == most)
        .map(|(said, _)| said)
}

/// When whom something truly happened to, whatever the class.
struct Truth {
    episodes: Vec<(String, Stretch)>,
    disturbances: Vec<(String, Stretch)>,
    own: Vec<(String, Stretch)>,
}

impl Truth {
    fn new(trial: &Trial, beside: Option<&Trial>, rules: &Rules) -> Self {
        let all = Rules {
            latency_only: false,
            ..rules.clone()
        };
        let trials = || std::iter::once(trial).chain(beside);
        let found = trials().flat_map(|trial| episodes(trial, &all));
        let spells = |slowdown: fn(&Moment) -> f64| -> Vec<(String, Stretch)> {
            let truth = trials().flat_map(|trial| &trial.truth);
            let spells = truth.flat_map(|(victim, moments)| {
                let spans = disturbances(moments, rules, slowdown).into_iter();
                spans.map(|span| (victim.clone(), span))
            });
            spells.collect()
        };
        Self {
            episodes: found.map(|episode| (episode.victim, episode.span)).collect(),
            disturbances: spells(Moment::inflicted),
            own: spells(Moment::own),
        }
    }

    fn found(&self, alarm: &Alarm) -> Found {
        let fits = |known: &[(String, Stretch)]| {
            known
                .iter()
                .any(|(victim, span)| *victim == alarm.victim && span.overlaps(alarm.span))
        };
        match () {
            () if fits(&self.episodes) => Found::Right,
            () if fits(&self.own) && says_own(alarm) => Found::Own,
            () if fits(&self.disturbances) => Found::Brief,
            () if fits(&self.own) => Found::Misplaced,
            () => Found::False,
        }
    }
}

/// Whether a finding says for most of the time that its victim does it itself, and that nobody else does.
fn says_own(alarm: &Alarm) -> bool {
    let said = longest(alarm.views.iter(), alarm.span, |view| {
        (view.resource, view.culprits.is_empty())
    });
    said == Some((Resource::SELF, true))
}

#[cfg(test)]
mod tests;
