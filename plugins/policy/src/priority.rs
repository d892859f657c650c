//! `policy.priority`: a static partition of the last-level cache and of the memory bandwidth by class, after RDT4NN's groups
//! of high, medium and low priority. It needs no detector; where it hears one it undoes a partition that made it worse for
//! those whom it is to protect.

mod saved;
#[cfg(test)]
mod tests;

use crate::config::{PriorityConfig, Shares};
use crate::lease::{KnobOf, Leases, Turn, Wanted};
use crate::presence::Presence;
use crate::proof::Trial;
use crate::rate::Rate;
use crate::taken::{Uses, Work};
use crate::world::{Offer, World};
use pipeline_plugin_api::pattern::fits_one;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// How many samples of what was before are kept for each who is protected.
const BEFORE: usize = 32;
/// How often parts are made larger to keep within what may be taken.
const STEPS: u32 = 10;

/// See the file.
pub struct Priority {
    config: PriorityConfig,
    host: Host,
    ratio: MetricId,
    ways: KnobId,
    bandwidth: KnobId,
    world: World,
    class: BTreeMap<TargetId, Class>,
    /// What was heard of those who are protected before anything was held, newest last.
    before: BTreeMap<TargetId, Vec<f64>>,
    /// Whether it helps or harms, by who is protected.
    trials: BTreeMap<TargetId, Trial>,
    judged: bool,
    rests: Nanos,
    /// The parts of all, until something is told that may change them.
    parts: Option<BTreeMap<KnobOf, Wanted>>,
    leases: Leases,
    rate: Rate,
    presence: Presence,
    at: Nanos,
}

impl Element for Priority {
    const NAME: &'static str = "policy.priority";
    const SUMMARY: &'static str = "divides the last-level cache and the memory bandwidth by class, and leaves it so";
    type Config = PriorityConfig;

    fn ports(_: &PriorityConfig) -> Ports {
        Ports::new()
            .takes(&vocabulary::DETECT_RATIO)
            .takes_any_reading("observed, and not acted on")
            .takes_findings("observed, and not acted on")
            .takes_outcomes("knobs on offer, and what became of actions")
            .gives(&vocabulary::POLICY_ACTIVE)
            .gives(&vocabulary::POLICY_HELD)
            .gives_any_action("ways and bandwidth, as far as actuators offer them")
    }

    fn create(config: PriorityConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            ratio: host.metric(&vocabulary::DETECT_RATIO)?,
            ways: host.knob(&vocabulary::L3_WAYS)?,
            bandwidth: host.knob(&vocabulary::MEMORY_BANDWIDTH_SHARE)?,
            world: World::default(),
            class: BTreeMap::new(),
            before: BTreeMap::new(),
            trials: BTreeMap::new(),
            judged: false,
            rests: Nanos::ZERO,
            parts: None,
            leases: Leases::new(config.lease.nanos()),
            rate: Rate::new(config.most_changes),
            presence: Presence::new(host)?,
            at: Nanos::ZERO,
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        let proof = match (self.leases.held.is_empty(), self.judged) {
            (true, _) => "nothing is divided",
            (false, true) => "nobody is worse for it",
            (false, false) => "whether it harms is not known yet",
        };
        format!("{} parts are held; {proof}", self.leases.held.len())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        crate::saved::write(&saved::State::of(self))
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        crate::saved::read(state).map(|state: saved::State| state.restore(self))
    }
}

impl Scheduler for Priority {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let at = input.at;
        self.at = at;
        self.learn(input);
        for outcome in input.outcomes() {
            self.outcome(at, outcome);
        }
        let ratio = self.ratio;
        for reading in input.readings().filter(|reading| reading.metric == ratio) {
            self.hear(reading);
        }
        self.judge(at);
        let active = self.config.during.holds(at) && at >= self.rests;
        if self.world.barred.values().any(|until| *until <= at) {
            self.world.barred.retain(|_, until| *until > at);
            self.parts = None;
        }
        let wanted = match self.parts.take().filter(|_| active) {
            Some(parts) => parts,
            None if active => self.wanted(at),
            None => BTreeMap::new(),
        };
        self.rate.note(at, self.leases.unwanted(&wanted));
        let was = self.leases.held.is_empty();
        if self.leases.stands(&wanted) {
            self.leases.reconcile(at, &wanted, &BTreeMap::new(), out);
        } else {
            let allowed = self.leases.afford(at, wanted.clone(), &mut self.rate);
            self.leases.reconcile(at, &allowed, &BTreeMap::new(), out);
        }
        self.parts = active.then_some(wanted);
        if was && !self.leases.held.is_empty() {
            self.begin(at);
        }
        let tell = self.presence.tell(at, active, self.leases.held.len(), out);
        let terms = self.config.terms();
        let trial = self.trials.values().map(|trial| trial.deadline(&terms)).min();
        let barred = self.world.barred.values().copied().filter(|until| *until > at).min();
        let edge = self.config.during.next_edge(at);
        let wishes = [trial, barred, edge, self.leases.next(), Some(self.rests), Some(tell)];
        let soon = wishes.into_iter().flatten().filter(|soon| *soon > at).min();
        Ok(soon.map_or(Wish::Nothing, Wish::At))
    }
}

impl Priority {
    fn learn(&mut self, input: &Input<'_>) {
        for change in input.changes() {
            self.world.change(change, false);
            let id = change.target.id;
            if change.change == Change::GONE {
                self.leases.forget(id);
                self.class.remove(&id);
                self.before.remove(&id);
                self.trials.remove(&id);
            } else {
                self.class.insert(id, change.target.class);
            }
        }
        if input.changes().next().is_some() || input.controls().next().is_some() {
            self.parts = None;
        }
        for control in input.controls() {
            let held = self.leases.holds((control.target, control.knob));
            self.world.control(control, held);
        }
    }

    fn outcome(&mut self, at: Nanos, outcome: &Outcome) {
        let knob = (outcome.target, outcome.knob);
        match self.leases.hear(outcome) {
            Some(Turn::Taken) => self.world.bar(knob, Nanos::FOREVER),
            Some(Turn::Refused) => self.world.bar(knob, at + self.config.cooldown.nanos()),
            // It is asked for again as soon as the rate limit allows it.
            Some(Turn::Lost) => {}
            Some(Turn::Planned) => {
                // Nothing is changed, so nothing can be judged.
                self.trials.clear();
                return;
            }
            None => return,
        }
        self.parts = None;
    }

    fn hear(&mut self, reading: &Reading) {
        let protected = self.class.get(&reading.target) == Some(&Class::LATENCY);
        let Some(ratio) = reading.number().filter(|_| protected) else {
            return;
        };
        if let Some(trial) = self.trials.get_mut(&reading.target) {
            trial.hear(reading.at, ratio, &self.config.terms());
        } else if self.leases.held.is_empty() {
            let heard = self.before.entry(reading.target).or_default();
            if heard.len() == BEFORE {
                heard.remove(0);
            }
            heard.push(ratio);
        }
    }

    /// It is divided now: those of whom something was heard before say whether it harms.
    fn begin(&mut self, at: Nanos) {
        let before = std::mem::take(&mut self.before).into_iter();
        let trials = before.filter_map(|(target, mut heard)| {
            heard.sort_by(f64::total_cmp);
            let median = heard.get(heard.len() / 2)?;
            Some((target, Trial::new(at, median.max(1.0))))
        });
        self.trials = trials.collect();
        self.judged = false;
    }

    /// Whoever is protected and worse for it has it undone.
    fn judge(&mut self, at: Nanos) {
        let terms = self.config.terms();
        let over: Vec<TargetId> = self
            .trials
            .iter()
            .filter(|(_, trial)| at >= trial.deadline(&terms))
            .map(|(target, _)| *target)
            .collect();
        for target in over {
            let Some(trial) = self.trials.remove(&target) else {
                continue;
            };
            let Some(now) = trial.now() else { continue };
            self.judged = true;
            if now > trial.before * self.config.worse {
                let name = self.world.name(target);
                let (before, cooldown) = (trial.before, self.config.cooldown);
                let message = format!(
                    "it is {now:.2} times worse than its baseline and was {before:.2}: what was divided is undone for {cooldown}"
                );
                self.host.log(Level::WARN, &message, &[("target", &name)]);
                self.rests = at + cooldown.nanos();
                self.trials.clear();
                return;
            }
        }
    }

    /// The part of each, as large as it must be so that not too much is taken.
    fn wanted(&self, at: Nanos) -> BTreeMap<KnobOf, Wanted> {
        let mut all = BTreeMap::new();
        let work = Work::of(&self.world, self.config.scope(), &Uses::new());
        for step in 0..=STEPS {
            let lenient = f64::from(step) / f64::from(STEPS);
            all = self.parts(at, lenient);
            let states = all
                .iter()
                .map(|(knob, wanted): (&KnobOf, &Wanted)| (*knob, wanted.value, ""));
            if work.taken(&self.world, states) <= self.config.most_taken + 1e-9 {
                break;
            }
        }
        all
    }

    /// The part of each; `lenient` goes from as configured, 0, to nothing taken, 1.
    fn parts(&self, at: Nanos, lenient: f64) -> BTreeMap<KnobOf, Wanted> {
        let mut all = BTreeMap::new();
        for (target, class) in &self.class {
            let shares = self.shares(*class);
            let may = *class == Class::LATENCY && !self.is_spared(*target)
                || self.world.may_be_restrained(*target, self.config.scope());
            let members = self.members(*class);
            for (knob, share) in [(self.ways, shares.ways), (self.bandwidth, shares.bandwidth)] {
                let of = (*target, knob);
                let Some(offer) = self.world.offer(of, at).filter(|_| may && share < 1.0) else {
                    continue;
                };
                let share = if self.config.together { share / members } else { share };
                let share = share + (1.0 - share) * lenient;
                if let Some(value) = part(offer, share) {
                    all.insert(of, self.wanted_at(*target, *class, value));
                }
            }
        }
        all
    }

    fn wanted_at(&self, target: TargetId, class: Class, value: f64) -> Wanted {
        Wanted {
            value,
            why: format!("the part of class {class} for `{}`", self.world.name(target)),
            ..Wanted::default()
        }
    }

    fn members(&self, class: Class) -> f64 {
        if !self.config.together {
            return 1.0;
        }
        let shares = self.shares(class);
        self.class
            .values()
            .filter(|other| self.shares(**other) == shares)
            .count()
            .max(1) as f64
    }

    fn shares(&self, class: Class) -> Shares {
        match class {
            Class::LATENCY => self.config.latency,
            Class::BEST_EFFORT => self.config.best_effort,
            _ => self.config.batch,
        }
    }

    fn is_spared(&self, target: TargetId) -> bool {
        fits_one(&self.config.spare, self.world.name(target).as_bytes())
    }
}

/// A share of all that a knob offers, on its steps and not below its least; `None` where that restrains nothing.
fn part(offer: &Offer, share: f64) -> Option<f64> {
    let most = offer.loosest()?;
    let value = offer.rounded(most * share)?;
    let stricter_set = !offer.value.is_nan() && offer.stricter(value, offer.value) != value;
    (value != most && value.is_finite() && !stricter_set).then_some(value)
}
