//! Episodes: when a victim truly suffered, from whom and through what.

use crate::changes::holds;
use crate::rules::Rules;
use crate::stretch::{Stretch, bridged};
use crate::trial::{Moment, Trial};
use pipeline_plugin_api::abi::Resource;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A victim truly suffered for a while from what others do.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Who.
    pub victim: String,
    /// When.
    pub span: Stretch,
    /// How many times slower than alone, on average.
    pub slowdown: f64,
    /// Whose doing it was.
    pub blame: Blame,
}

/// How much of a slowdown is due to whom and to what, on average over an episode, the heaviest first. Of a resource it is
/// how many times slower through it, less 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blame {
    /// By neighbour, through whatever resource.
    pub culprits: Vec<(Arc<str>, f64)>,
    /// By resource, whoever uses it.
    pub resources: Vec<(Resource, f64)>,
}

/// The episodes of a trial, by victim and in order. While a remedy holds that was taken during a disturbance or right
/// behind it, its episode goes on: that the victim is fast then is the remedy's doing.
pub fn episodes(trial: &Trial, rules: &Rules) -> Vec<Episode> {
    let held = holds(&trial.turns, trial.span.to);
    let mut found = Vec::new();
    for (victim, moments) in trial
        .truth
        .iter()
        .filter(|(victim, _)| rules.wants(trial.class(victim)))
    {
        let spans = prolonged(disturbances(moments, rules, Moment::inflicted), &held, rules);
        let long = spans.into_iter().filter(|span| span.length() >= rules.least_length);
        found.extend(long.map(|span| Episode {
            victim: victim.clone(),
            span,
            slowdown: 1.0 + average(moments, span, |moment| moment.inflicted() - 1.0),
            blame: Blame::of(moments, span),
        }));
    }
    found
}

/// When a slowdown was enough, gaps bridged, however short.
pub(crate) fn disturbances(moments: &[Moment], rules: &Rules, slowdown: impl Fn(&Moment) -> f64) -> Vec<Stretch> {
    // A slowdown of exactly 10 % counts, whatever its last bit says.
    let enough = 1.0 + rules.least_slowdown - 1e-9;
    let slow = moments.iter().filter(|moment| slowdown(moment) >= enough);
    bridged(slow.map(|moment| moment.span).collect(), rules.bridge)
}

fn prolonged(mut spans: Vec<Stretch>, held: &[Stretch], rules: &Rules) -> Vec<Stretch> {
    for span in &mut spans {
        let taken = Stretch::new(span.from, span.to + rules.bridge);
        let remedies = held.iter().filter(|hold| taken.holds(hold.from));
        span.to = remedies.map(|hold| hold.to).fold(span.to, Ord::max);
    }
    bridged(spans, rules.bridge)
}

/// The time-weighted average over a stretch; 0 where nothing is known of it.
pub(crate) fn average(moments: &[Moment], span: Stretch, of: impl Fn(&Moment) -> f64) -> f64 {
    let known = moments
        .iter()
        .filter_map(|moment| Some((moment, moment.span.common(span)?.length().seconds())));
    let (sum, seconds) = known.fold((0.0, 0.0), |(sum, seconds), (moment, length)| {
        (sum + of(moment) * length, seconds + length)
    });
    if seconds > 0.0 { sum / seconds } else { 0.0 }
}

impl Blame {
    /// Of a stretch; nobody's where nothing is known of it.
    pub(crate) fn of(moments: &[Moment], span: Stretch) -> Self {
        let (mut culprits, mut resources) = (BTreeMap::new(), BTreeMap::new());
        for moment in moments {
            let Some(common) = moment.span.common(span) else {
                continue;
            };
            let share = common.length().seconds() / span.length().seconds();
            for cause in &moment.causes {
                *culprits.entry(cause.culprit.clone()).or_default() += cause.part * share;
            }
            for (resource, times) in told_resources(moment) {
                *resources.entry(resource).or_default() += (times - 1.0) * share;
            }
        }
        Self {
            culprits: heaviest(culprits),
            resources: heaviest(resources),
        }
    }

    /// The resource through which it came.
    pub fn resource(&self) -> Option<Resource> {
        self.resources.first().map(|(resource, _)| *resource)
    }

    /// The neighbour who did most of it, unless it was the victim's own doing, or the hypervisor's, or a remedy's.
    pub fn culprit(&self) -> Option<&str> {
        let nobody = [Resource::SELF, Resource::HYPERVISOR, Resource::UNKNOWN];
        let own = self.resource().is_none_or(|resource| nobody.contains(&resource));
        (!own).then(|| self.culprits.first()).flatten().map(|(name, _)| &**name)
    }

    /// Whether that resource weighs as much as the heaviest, but for `tie`.
    pub fn is_resource(&self, resource: Resource, tie: f64) -> bool {
        weighs(&self.resources, |known| *known == resource, tie)
    }

    /// Whether that neighbour weighs as much as the heaviest, but for `tie`.
    pub fn is_culprit(&self, name: &str, tie: f64) -> bool {
        weighs(&self.culprits, |known| &**known == name, tie)
    }

    /// How much slower the victim is because of a neighbour.
    pub fn of_culprit(&self, name: &str) -> f64 {
        let known = self.culprits.iter().find(|(known, _)| &**known == name);
        known.map_or(0.0, |(_, weight)| *weight)
    }
}

/// What is told by resource; where nothing is, what neighbours do adds up.
fn told_resources(moment: &Moment) -> Vec<(Resource, f64)> {
    if moment.resources.is_empty() {
        let causes = moment.causes.iter();
        return causes.map(|cause| (cause.resource, 1.0 + cause.part)).collect();
    }
    moment.resources.clone()
}

fn heaviest<T: Ord>(weights: BTreeMap<T, f64>) -> Vec<(T, f64)> {
    let mut weights: Vec<(T, f64)> = weights.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
    weights.sort_by(|one, other| other.1.total_cmp(&one.1));
    weights
}

fn weighs<T>(weights: &[(T, f64)], is: impl Fn(&T) -> bool, tie: f64) -> bool {
    let most = weights.first().map_or(f64::INFINITY, |(_, weight)| *weight);
    weights
        .iter()
        .any(|(known, weight)| is(known) && *weight >= most * (1.0 - tie))
}

#[cfg(test)]
mod tests;
