//! How much of what victims lost a policy gave back, and what the others paid for it.

use crate::changes::holds;
use crate::episode::{Episode, average, episodes};
use crate::gather::WORK;
use crate::mean::Mean;
use crate::rules::Rules;
use crate::stretch::Stretch;
use crate::trial::{Moment, Trial};
use pipeline_plugin_api::abi::{Class, Nanos};

/// Shares of the slowdown that are gone, one for each episode that a neighbour caused: 1 is all of it, 0 nothing, less
/// than 0 worse than without a policy, -1 at the least.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// Over the whole of each episode, what passes until something is done included.
    pub whole: Mean,
    /// Over the second half of each, when what is done should have its effect.
    pub late: Mean,
}

impl Recovery {
    /// All of another's episodes too.
    pub fn append(&mut self, other: &Self) {
        self.whole.append(&other.whole);
        self.late.append(&other.late);
    }
}

/// What is gone of the slowdown. Beside the same run without a policy each episode of that is compared with the same time
/// in this; without it, in each episode of this run, what follows the first remedy with what was before it.
pub fn recovery(trial: &Trial, beside: Option<&Trial>, rules: &Rules) -> Recovery {
    let mut recovery = Recovery::default();
    let by_neighbours = |episode: &Episode| episode.span.from >= rules.since && episode.blame.culprit().is_some();
    for episode in episodes(beside.unwrap_or(trial), rules)
        .into_iter()
        .filter(by_neighbours)
    {
        let here = trial.truth.get(&episode.victim).map_or(&[][..], Vec::as_slice);
        match beside {
            Some(beside) => recovery.compare(here, &beside.truth[&episode.victim], episode.span),
            None => recovery.look_back(here, episode.span, first_remedy(trial, episode.span)),
        }
    }
    recovery
}

impl Recovery {
    fn compare(&mut self, here: &[Moment], there: &[Moment], span: Stretch) {
        let half = Stretch::new(Nanos(span.from.0.midpoint(span.to.0)), span.to);
        for (span, shares) in [(span, &mut self.whole), (half, &mut self.late)] {
            if let Some(share) = gone(harm(there, span), harm(here, span)) {
                shares.add(share);
            }
        }
    }

    fn look_back(&mut self, moments: &[Moment], span: Stretch, remedy: Option<Nanos>) {
        let Some(at) = remedy else {
            self.whole.add(0.0);
            self.late.add(0.0);
            return;
        };
        let before = harm(moments, Stretch::new(span.from, at));
        let (all, half) = (harm(moments, span), Nanos(at.0.midpoint(span.to.0)));
        let late = harm(moments, Stretch::new(half, span.to));
        if let (Some(whole), Some(late)) = (gone(before, all), gone(before, late)) {
            self.whole.add(whole);
            self.late.add(late);
        }
    }
}

fn first_remedy(trial: &Trial, span: Stretch) -> Option<Nanos> {
    let held = holds(&trial.turns, trial.span.to);
    held.into_iter().map(|hold| hold.from).find(|at| span.holds(*at))
}

/// How much slower than alone, on average and by whatever but the victim's own doing; never less than nothing.
fn harm(moments: &[Moment], span: Stretch) -> f64 {
    average(moments, span, |moment| (moment.suffered() - 1.0).max(0.0))
}

fn gone(before: f64, after: f64) -> Option<f64> {
    (before > 0.0).then(|| (1.0 - after / before).max(-1.0))
}

/// The share of their work that targets of class `Batch` and `BestEffort` lost beside the same run without a policy: all
/// of them added up, by the best measure of work that both runs have. Less than nothing where they got more done.
pub fn paid(trial: &Trial, beside: &Trial) -> Option<f64> {
    let done = |trial: &Trial, metric: &str| -> Option<f64> {
        let batch = |name: &str| [Class::BATCH, Class::BEST_EFFORT].contains(&beside.class(name));
        let work = trial.work.get(metric)?.iter();
        Some(work.filter(|(name, _)| batch(name)).map(|(_, work)| work).sum())
    };
    let both = |metric| Some((done(trial, metric)?, done(beside, metric)?));
    let (here, there) = WORK.into_iter().find_map(both)?;
    (there > 0.0).then(|| 1.0 - here / there)
}

#[cfg(test)]
mod tests;
