//! Whether actions pass now, later or never: the limits, one by one.

use super::Budget;
use crate::config::BudgetConfig;
use crate::taken::{Uses, Work};
use crate::world::Scope;
use pipeline_plugin_api::pattern::fits_one;
use pipeline_plugin_api::prelude::*;

/// The most sets of actions that wait; more are refused at once.
pub const MOST_WAITING: usize = 1024;

/// What passed and is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// In the knob's unit.
    pub value: f64,
    /// For knobs that are not numbers.
    pub text: String,
    /// The action that asked for it first.
    pub first: u64,
    /// The action that renewed it last.
    pub last: u64,
    /// When it was changed last.
    pub changed: Nanos,
}

impl Held {
    /// Whether an outcome of that action is about it.
    pub fn knows(&self, action: u64) -> bool {
        (self.first..=self.last).contains(&action)
    }
}

/// Actions that wait for room.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Since when.
    pub since: Nanos,
    /// For what.
    pub why: String,
    /// What the policy asked for.
    pub actions: Vec<Action>,
}

impl Waiting {
    /// When it is refused: when patience or one of its leases is over.
    pub fn ends(&self, config: &BudgetConfig) -> Nanos {
        let leases = self.actions.iter().map(|action| action.until);
        leases
            .min()
            .unwrap_or(self.since)
            .min(self.since + config.patience.nanos())
    }
}

/// Whether actions pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Pass {
    /// They do.
    Now,
    /// Not before there is room; for what.
    Later(String),
    /// They never do, and why.
    Never(String),
}

impl Budget {
    /// Whether the actions of a set pass, all or none.
    pub(super) fn judge(&mut self, at: Nanos, actions: &[Action]) -> Pass {
        let strict: Vec<&Action> = actions.iter().filter(|action| self.restrains(action)).collect();
        if strict.is_empty() {
            return Pass::Now;
        }
        if let Some(why) = strict.iter().find_map(|action| self.never(action)) {
            return Pass::Never(why);
        }
        let most = self.config.most_taken;
        if most < 1.0 && self.taken_with(actions) > most + 1e-9 {
            return Pass::Later(format!("more than {most} of the work would be taken"));
        }
        let cooldown = self.config.cooldown;
        if strict.iter().any(|action| self.cools(at, action)) {
            return Pass::Later(format!("the knob was changed less than {cooldown} ago"));
        }
        if self.rate.left(at) < strict.len() {
            return Pass::Later(format!("{} changes a minute are used up", self.config.most_changes));
        }
        Pass::Now
    }

    /// When there is room again for what waits, as far as that is a matter of time.
    pub(super) fn next_room(&self, at: Nanos) -> Option<Nanos> {
        let cooled = self
            .waiting
            .iter()
            .flat_map(|waits| &waits.actions)
            .filter_map(|action| {
                let held = self.held.get(&(action.target, action.knob))?;
                Some(held.changed + self.config.cooldown.nanos())
            });
        let rate = (!self.waiting.is_empty()).then(|| self.rate.next(at));
        cooled.chain(rate).filter(|room| *room > at).min()
    }

    /// Whether it changes a knob: it is no renewal.
    pub(super) fn changes(&self, action: &Action) -> bool {
        let held = self.held.get(&(action.target, action.knob));
        if action.is_release() {
            return held.is_some();
        }
        held.is_none_or(|held| held.value.to_bits() != action.value.to_bits() || held.text != action.text.as_str())
    }

    /// Whether it restrains more than what is in force.
    fn restrains(&self, action: &Action) -> bool {
        if action.is_release() || !self.changes(action) {
            return false;
        }
        let knob = (action.target, action.knob);
        let held = self.held.get(&knob).filter(|_| action.text.is_empty());
        let Some((offer, held)) = self.world.offers.get(&knob).zip(held) else {
            return true;
        };
        offer.stricter(held.value, action.value) == action.value
    }

    fn never(&self, action: &Action) -> Option<String> {
        let knob = (action.target, action.knob);
        let Some(known) = self.world.targets.get(&action.target) else {
            return Some("there is no such target".to_owned());
        };
        if known.latency && self.config.protect {
            return Some(format!("`{}` is of class Latency", known.name));
        }
        if fits_one(&self.config.spare, known.name.as_bytes()) {
            return Some(format!("`{}` is spared", known.name));
        }
        let barred = self
            .world
            .barred
            .get(&knob)
            .is_some_and(|until| *until == Nanos::FOREVER);
        barred.then(|| "somebody else took the knob".to_owned())
    }

    fn cools(&self, at: Nanos, action: &Action) -> bool {
        let held = self.held.get(&(action.target, action.knob));
        held.is_some_and(|held| at < held.changed + self.config.cooldown.nanos())
    }

    /// The share of the work that would be taken with these actions in force.
    fn taken_with(&mut self, actions: &[Action]) -> f64 {
        let weigh = || Work::of(&self.world, Scope::default(), &Uses::new());
        let work = self.work.get_or_insert_with(weigh);
        let changed = |knob| actions.iter().any(|action| (action.target, action.knob) == knob);
        let stays = self.held.iter().filter(|(knob, _)| !changed(**knob));
        let stays = stays.map(|(knob, held)| (*knob, held.value, held.text.as_str()));
        let comes = actions.iter().filter(|action| !action.is_release());
        let comes = comes.map(|action| ((action.target, action.knob), action.value, action.text.as_str()));
        work.taken(&self.world, stays.chain(comes))
    }
}
