//! Finding what a target needs: ways and bandwidth are tried one after the other, and of those that meet the guarantee the
//! least is taken. Pure: readings and instants in, what to try and the end out.

use crate::config::{DynamicConfig, Order};
use pipeline_plugin_api::prelude::*;

/// The least that a try takes, as container-bench has it.
const LEAST: Nanos = Nanos::from_millis(500);
/// The most tries.
const MOST: usize = 256;

/// What is tried: ways and a share of the bandwidth.
pub type Candidate = (u32, f64);

/// How the tries ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The guarantee is met.
    MetGuarantee,
    /// All were tried and none met it.
    Completed,
    /// More bandwidth was of no more use.
    DiminishingReturns,
    /// There was nothing free to try.
    NoCandidates,
    /// Nothing was heard of the target's efficiency.
    NoReadings,
}

impl Reason {
    /// In words.
    pub fn told(self) -> &'static str {
        match self {
            Self::MetGuarantee => "the guarantee is met",
            Self::Completed => "nothing that was tried meets the guarantee",
            Self::DiminishingReturns => "more bandwidth was of no more use",
            Self::NoCandidates => "nothing is free",
            Self::NoReadings => "its efficiency is not known",
        }
    }
}

/// Tries under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// For whom.
    pub target: TargetId,
    /// What is tried, in order.
    pub candidates: Vec<Candidate>,
    /// What was found of those that were.
    pub results: Vec<f64>,
    /// When the present one began.
    pub since: Nanos,
    order: Order,
    each: Nanos,
    heard: Vec<f64>,
}

impl Probe {
    /// Begins now, within what is free.
    pub fn new(
        target: TargetId,
        at: Nanos,
        order: Order,
        free: Candidate,
        config: &DynamicConfig,
    ) -> std::result::Result<Self, Reason> {
        let candidates = candidates(order, free, config);
        if candidates.is_empty() {
            return Err(Reason::NoCandidates);
        }
        let each = Nanos(config.probing.nanos().0 / candidates.len() as u64).max(LEAST);
        Ok(Self {
            target,
            candidates,
            results: Vec::new(),
            since: at,
            order,
            each,
            heard: Vec::new(),
        })
    }

    /// What is to be in force now.
    pub fn candidate(&self) -> Candidate {
        let place = self.results.len().min(self.candidates.len().saturating_sub(1));
        self.candidates.get(place).copied().unwrap_or_default()
    }

    /// The target's efficiency is that, 0..=1.
    pub fn hear(&mut self, at: Nanos, efficiency: f64, config: &DynamicConfig) {
        if at > self.since + config.settle.nanos() && self.heard.len() < 4096 {
            self.heard.push(efficiency);
        }
    }

    /// When the present try is over.
    pub fn due(&self) -> Nanos {
        self.since + self.each
    }

    /// Goes on where a try is over; at the end what was found to suffice, if anything did, and why it ended.
    pub fn go_on(&mut self, at: Nanos, config: &DynamicConfig) -> Option<(Option<Candidate>, Reason)> {
        if at < self.due() {
            return None;
        }
        if self.heard.is_empty() {
            return Some((self.chosen(config), Reason::NoReadings));
        }
        self.results.push(mean(&self.heard));
        self.heard.clear();
        self.since = at;
        let met = self.results.last().is_some_and(|found| *found >= config.guarantee);
        let reason = match self.order {
            Order::Ascending if met => Reason::MetGuarantee,
            Order::Descending if !met && self.results.len() > 1 => Reason::MetGuarantee,
            Order::Descending if !met => Reason::Completed,
            _ if self.diminishes(config) => Reason::DiminishingReturns,
            _ if self.results.len() == self.candidates.len() && met => Reason::MetGuarantee,
            _ if self.results.len() == self.candidates.len() => Reason::Completed,
            _ => return None,
        };
        Some((self.chosen(config), reason))
    }

    /// The least that meets the guarantee, of what was tried in this order.
    fn chosen(&self, config: &DynamicConfig) -> Option<Candidate> {
        let tried: Vec<(Candidate, f64)> = self
            .candidates
            .iter()
            .copied()
            .zip(self.results.iter().copied())
            .collect();
        choose(&tried, self.order, config.guarantee)
    }

    /// Whether the last try, with the same ways as the one before, is hardly better.
    fn diminishes(&self, config: &DynamicConfig) -> bool {
        let [.., before, now] = self.results[..] else {
            return false;
        };
        let place = self.results.len() - 1;
        let same = self.candidates[place].0 == self.candidates[place - 1].0;
        let gain = (now - before) / before;
        self.order == Order::Ascending && same && (0.0..config.diminishing).contains(&gain)
    }
}

/// Of what was tried: ascending the first that meets the guarantee, descending the last before the first that does not.
pub fn choose(tried: &[(Candidate, f64)], order: Order, guarantee: f64) -> Option<Candidate> {
    let meets = |(_, found): &&(Candidate, f64)| *found >= guarantee;
    let found = match order {
        Order::Ascending => tried.iter().find(meets),
        Order::Descending => tried.iter().take_while(meets).last(),
    };
    found.map(|(candidate, _)| *candidate)
}

/// All ways with all shares, as far as they are free.
fn candidates(order: Order, (ways, bandwidth): Candidate, config: &DynamicConfig) -> Vec<Candidate> {
    let shares: Vec<f64> = shares(config)
        .into_iter()
        .filter(|share| *share <= bandwidth + 1e-9)
        .collect();
    let ways = config.least_ways..=config.most_ways.min(ways);
    let mut all: Vec<Candidate> = ways
        .flat_map(|ways| shares.iter().map(move |share| (ways, *share)))
        .collect();
    if order == Order::Descending {
        all.reverse();
    }
    all.truncate(MOST);
    all
}

/// The shares of the bandwidth, from the least to the greatest in steps.
fn shares(config: &DynamicConfig) -> Vec<f64> {
    let steps = ((config.most_bandwidth - config.least_bandwidth) / config.bandwidth_step + 1e-9).floor();
    let steps = (steps.max(0.0) as usize).min(MOST);
    (0..=steps)
        .map(|step| config.least_bandwidth + step as f64 * config.bandwidth_step)
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the tries for a target that is as efficient as `found` says; gives what was tried, and the end.
    fn run(
        order: Order,
        found: impl Fn(Candidate) -> f64,
        config: &DynamicConfig,
    ) -> (usize, Option<Candidate>, Reason) {
        let mut probe = Probe::new(TargetId(1), Nanos::ZERO, order, (12, 1.0), config).unwrap();
        let mut at = Nanos::ZERO;
        loop {
            at = at + Nanos::from_millis(200);
            let now = found(probe.candidate());
            probe.hear(at, now, config);
            if let Some((chosen, reason)) = probe.go_on(at, config) {
                return (probe.results.len(), chosen, reason);
            }
        }
    }

    #[test]
    fn the_least_that_meets_the_guarantee_is_found_from_either_end() {
        let config = DynamicConfig::default();
        let needs = |least: u32| move |(ways, _): Candidate| if ways >= least { 0.95 } else { 0.7 };
        let close = |found: (usize, Option<Candidate>, Reason)| {
            (
                found.0,
                found.1.map(|(ways, share)| (ways, (share * 10.0).round())),
                found.2,
            )
        };
        use Order::{Ascending, Descending};
        use Reason::{Completed, MetGuarantee};
        for (order, least, expected) in [
            (Ascending, 1, (1, Some((1, 1.0)), MetGuarantee)),
            (Ascending, 3, (7, Some((3, 1.0)), MetGuarantee)),
            (Ascending, 9, (12, None, Completed)),
            (Descending, 3, (7, Some((3, 1.0)), MetGuarantee)),
            (Descending, 1, (12, Some((1, 1.0)), MetGuarantee)),
            (Descending, 9, (1, None, Completed)),
        ] {
            assert_eq!(close(run(order, needs(least), &config)), expected, "{order:?} {least}");
        }
    }

    #[test]
    fn container_benchs_own_tables_give_the_same() {
        let tried = |of: &[(u32, f64)]| {
            of.iter()
                .map(|(ways, found)| ((*ways, 0.1), *found))
                .collect::<Vec<_>>()
        };
        let descending = tried(&[(11, 0.95), (10, 0.92), (9, 0.89)]);
        assert_eq!(choose(&descending, Order::Descending, 0.9), Some((10, 0.1)));
        let ascending = tried(&[(1, 0.70), (2, 0.91), (3, 0.95)]);
        assert_eq!(choose(&ascending, Order::Ascending, 0.9), Some((2, 0.1)));
        let shares: Vec<f64> = shares(&DynamicConfig::default())
            .iter()
            .map(|share| (share * 100.0).round())
            .collect();
        assert_eq!(shares, [10.0, 20.0, 30.0]);
    }

    #[test]
    fn more_bandwidth_of_no_use_ends_the_tries_where_that_is_asked_for() {
        let config = DynamicConfig {
            diminishing: 0.02,
            ..DynamicConfig::default()
        };
        let (tried, chosen, reason) = run(Order::Ascending, |(ways, _)| f64::from(ways) / 10.0, &config);
        assert_eq!((tried, chosen, reason), (2, None, Reason::DiminishingReturns));
    }

    #[test]
    fn nothing_free_and_nothing_heard_are_told() {
        let config = DynamicConfig::default();
        let none = Probe::new(TargetId(1), Nanos::ZERO, Order::Ascending, (0, 1.0), &config);
        assert_eq!(none.err(), Some(Reason::NoCandidates));
        let mut deaf = Probe::new(TargetId(1), Nanos::ZERO, Order::Ascending, (4, 0.1), &config).unwrap();
        assert_eq!((deaf.candidates.len(), deaf.due()), (4, Nanos::from_secs(5)));
        assert_eq!(
            deaf.go_on(Nanos::from_secs(5), &config),
            Some((None, Reason::NoReadings))
        );
    }
}
