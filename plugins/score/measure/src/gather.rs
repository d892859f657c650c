//! One value of a run after the other, gathered into a [`Trial`].

use crate::mean::quantile;
use crate::stretch::Stretch;
use crate::trial::{Cause, Moment, Statement, Trial, Turn};
use pipeline_plugin_api::abi::{Class, Nanos, Resource};
use pipeline_plugin_api::vocabulary;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many times slower a target is than alone.
const SLOWDOWN: &str = "truth.slowdown";
/// How much of the slowdown is a neighbour's doing through a resource: part `NEIGHBOUR/RESOURCE`.
const CAUSE: &str = "truth.cause";
/// How many times slower because of a resource, which is the part.
const RESOURCE: &str = "truth.resource";
/// What shows how much a target got done, the best first.
pub(crate) const WORK: [&str; 3] = [
    "truth.work",
    vocabulary::PERF_INSTRUCTIONS.name,
    vocabulary::CPU_TIME.name,
];

/// Takes the values of a run, in any order of nodes, and gives the trial.
#[derive(Debug, Default)]
pub struct Gatherer {
    span: Option<Stretch>,
    targets: BTreeMap<String, Class>,
    truth: BTreeMap<String, BTreeMap<Nanos, Moment>>,
    gone: BTreeMap<String, Vec<Nanos>>,
    statements: Vec<Statement>,
    turns: Vec<Turn>,
    work: BTreeMap<String, BTreeMap<String, f64>>,
    names: BTreeSet<Arc<str>>,
}

impl Gatherer {
    /// Of a run of which nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something happened then: the run lasts from its first instant to its last.
    pub fn instant(&mut self, at: Nanos) {
        let span = self.span.get_or_insert(Stretch::new(at, at));
        *span = Stretch::new(span.from.min(at), span.to.max(at));
    }

    /// A target appeared or changed.
    pub fn target(&mut self, name: &str, class: Class) {
        self.targets.insert(name.to_owned(), class);
    }

    /// A target went: nothing true is known of it from then on.
    pub fn gone(&mut self, at: Nanos, name: &str) {
        self.gone.entry(name.to_owned()).or_default().push(at);
    }

    /// Whether readings of that metric matter, so that others need not be looked at further.
    pub fn wants(metric: &str) -> bool {
        [SLOWDOWN, CAUSE, RESOURCE].contains(&metric) || WORK.contains(&metric)
    }

    /// A reading that has a number.
    pub fn reading(&mut self, at: Nanos, target: &str, metric: &str, part: &str, value: f64) {
        match metric {
            SLOWDOWN => self.moment(at, target).slowdown = value,
            RESOURCE => {
                let resource = Resource::named(part).unwrap_or(Resource::UNKNOWN);
                self.moment(at, target).resources.push((resource, value));
            }
            CAUSE => self.cause(at, target, part, value),
            _ if part.is_empty() && WORK.contains(&metric) => self.work(target, metric, value),
            _ => {}
        }
    }

    /// A finding was told.
    pub fn statement(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    /// Something became of an action.
    pub fn turn(&mut self, turn: Turn) {
        self.turns.push(turn);
    }

    /// The trial; none where nothing happened at all.
    pub fn finish(mut self) -> Option<Trial> {
        let span = self.span?;
        self.statements.sort_by_key(|statement| statement.at);
        self.turns.sort_by_key(|turn| turn.at);
        let gone = std::mem::take(&mut self.gone);
        let truth = self.truth.into_iter().map(|(victim, moments)| {
            let ends = gone.get(&victim).map_or(&[][..], Vec::as_slice);
            let moments = lasting(moments.into_values().collect(), ends, span.to);
            (victim, moments)
        });
        Some(Trial {
            span,
            targets: self.targets,
            truth: truth.collect(),
            statements: self.statements,
            turns: self.turns,
            work: self.work,
        })
    }

    fn moment(&mut self, at: Nanos, victim: &str) -> &mut Moment {
        if !self.truth.contains_key(victim) {
            self.truth.insert(victim.to_owned(), BTreeMap::new());
        }
        let moments = self.truth.get_mut(victim).expect("it was just put there");
        moments.entry(at).or_insert_with(|| Moment {
            span: Stretch::new(at, at),
            slowdown: 1.0,
            causes: Vec::new(),
            resources: Vec::new(),
        })
    }

    /// A part without a neighbour says no more than `truth.resource` does.
    fn cause(&mut self, at: Nanos, victim: &str, part: &str, value: f64) {
        let Some((culprit, resource)) = part.rsplit_once('/') else {
            return;
        };
        let cause = Cause {
            culprit: self.name(culprit),
            resource: Resource::named(resource).unwrap_or(Resource::UNKNOWN),
            part: value,
        };
        self.moment(at, victim).causes.push(cause);
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.names.insert(name.clone());
        name
    }

    fn work(&mut self, target: &str, metric: &str, value: f64) {
        let targets = self.work.entry(metric.to_owned()).or_default();
        *targets.entry(target.to_owned()).or_default() += value;
    }
}

/// Each moment lasts until the next, until its target goes, and for twice the usual distance at most: behind a longer one
/// nothing is known.
fn lasting(mut moments: Vec<Moment>, gone: &[Nanos], end: Nanos) -> Vec<Moment> {
    let starts: Vec<Nanos> = moments.iter().map(|moment| moment.span.from).collect();
    let gaps: Vec<f64> = starts.windows(2).map(|pair| pair[1].since(pair[0]).0 as f64).collect();
    let longest = quantile(&gaps, 0.5).map_or(Nanos::ZERO, |usual| Nanos((2.0 * usual) as u64));
    for (place, moment) in moments.iter_mut().enumerate() {
        let from = moment.span.from;
        let next = starts.get(place + 1).copied().unwrap_or(end);
        let left = gone
            .iter()
            .copied()
            .filter(|at| *at > from)
            .min()
            .unwrap_or(Nanos::FOREVER);
        moment.span.to = next.min(from + longest).min(left);
    }
    moments
}

#[cfg(test)]
mod tests;
