//! `policy.budget`: stands between a policy and its actuators, and passes, delays or refuses what the policy asks for, so
//! that a limit on changes a minute and on the work taken holds whatever policy it is. Releases are never held back.
//!
//! It decides nothing of its own: every action that leaves it came in, with its id. What became of it goes back to the
//! policy, and so do its refusals and the knobs on offer. Proof is the policy's, which sees what was refused.

mod gate;
mod saved;
#[cfg(test)]
mod tests;

use crate::config::BudgetConfig;
use crate::lease::KnobOf;
use crate::presence::Presence;
use crate::rate::Rate;
use crate::taken::Work;
use crate::world::World;
use gate::{Held, Pass, Waiting};
use pipeline_plugin_api::abi::LAST_PORT;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// See the file.
pub struct Budget {
    config: BudgetConfig,
    host: Host,
    world: World,
    /// The work of all that may be restrained, until a target comes, changes or goes.
    work: Option<Work>,
    rate: Rate,
    held: BTreeMap<KnobOf, Held>,
    /// Actions that wait for room, with all of their set; at most one for a knob.
    waiting: Vec<Waiting>,
    presence: Presence,
    passed: u64,
    refused: u64,
}

impl Element for Budget {
    const NAME: &'static str = "policy.budget";
    const SUMMARY: &'static str = "keeps the policy before it within a limit of changes a minute and of work taken";
    type Config = BudgetConfig;

    fn ports(_: &BudgetConfig) -> Ports {
        Ports::new()
            .takes_any_action("what the policy before it asks for")
            .takes_outcomes("knobs on offer, and what became of actions")
            .gives_any_action("those of them for which there is room")
            .gives_outcomes("the same knobs and outcomes for the policy before it, and what was refused here")
            .gives(&vocabulary::POLICY_ACTIVE)
            .gives(&vocabulary::POLICY_HELD)
    }

    fn create(config: BudgetConfig, host: &Host) -> Result<Self> {
        let sources = host.sources();
        if sources.len() > 1 {
            let named = sources.join("`, `");
            return Err(Failure::fatal(format!(
                "it reads `{named}`; a budget stands before one policy, so give each its own"
            )));
        }
        Ok(Self {
            rate: Rate::new(config.most_changes),
            world: World::default(),
            work: None,
            held: BTreeMap::new(),
            waiting: Vec::new(),
            presence: Presence::new(host)?,
            passed: 0,
            refused: 0,
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        format!(
            "{} knobs are held, {} actions wait, {} changes passed, {} were refused",
            self.held.len(),
            self.waiting.len(),
            self.passed,
            self.refused
        )
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        crate::saved::write(&saved::State::of(self))
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        crate::saved::read(state).map(|state: saved::State| state.restore(self))
    }
}

impl Scheduler for Budget {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let at = input.at;
        self.learn(input, out);
        for (_, batch) in input.batches().filter(|(port, _)| *port < LAST_PORT) {
            for set in sets(&batch.actions) {
                self.ask(at, set, out);
            }
        }
        self.retry(at, out);
        let tell = self.presence.tell(at, true, self.held.len(), out);
        let ends = self.waiting.iter().map(|waits| waits.ends(&self.config));
        let soon = ends.chain(self.next_room(at)).chain([tell]).min().unwrap_or(tell);
        Ok(Wish::At(soon.max(at + Nanos(1))))
    }
}

impl Budget {
    /// Takes in targets, offers and outcomes; passes the latter two on to the policy.
    fn learn(&mut self, input: &Input<'_>, out: &mut Batch) {
        for change in input.changes() {
            self.world.change(change, false);
            self.work = None;
            if change.change == Change::GONE {
                crate::world::forget(&mut self.held, change.target.id);
                for waits in &mut self.waiting {
                    waits.actions.retain(|action| action.target != change.target.id);
                }
                self.waiting.retain(|waits| !waits.actions.is_empty());
            }
        }
        for control in input.controls() {
            let knob = (control.target, control.knob);
            self.world.control(control, self.held.contains_key(&knob));
            out.controls.push(control.clone());
        }
        for outcome in input.outcomes() {
            self.outcome(outcome);
            out.outcomes.push(outcome.clone());
        }
    }

    /// What an outcome says of what is held. A knob that somebody else took is left alone for good.
    fn outcome(&mut self, outcome: &Outcome) {
        let knob = (outcome.target, outcome.knob);
        let known = self.held.get(&knob).is_some_and(|held| held.knows(outcome.action));
        match outcome.fate {
            Fate::TAKEN if known => {
                self.held.remove(&knob);
                self.world.bar(knob, Nanos::FOREVER);
            }
            Fate::REFUSED | Fate::LAPSED | Fate::UNDONE if known => {
                self.held.remove(&knob);
            }
            _ => {}
        }
    }

    /// The policy asks for what a set of actions says.
    fn ask(&mut self, at: Nanos, set: Vec<&Action>, out: &mut Batch) {
        // What was asked for before and still waits is not wanted any more.
        let asked: Vec<KnobOf> = set.iter().map(|action| (action.target, action.knob)).collect();
        self.supersede(at, &asked, out);
        let actions: Vec<Action> = set.into_iter().cloned().collect();
        match self.judge(at, &actions) {
            Pass::Now => self.pass(at, actions, out),
            Pass::Never(why) => self.refuse(at, &actions, &why, out),
            Pass::Later(why)
                if self.config.patience.nanos() > Nanos::ZERO && self.waiting.len() < gate::MOST_WAITING =>
            {
                self.waiting.push(Waiting {
                    since: at,
                    why,
                    actions,
                });
            }
            Pass::Later(why) => self.refuse(at, &actions, &why, out),
        }
    }

    /// Those that wait go through where there is room, in the order in which they came, or are refused.
    fn retry(&mut self, at: Nanos, out: &mut Batch) {
        for waits in std::mem::take(&mut self.waiting) {
            match self.judge(at, &waits.actions) {
                Pass::Now => self.pass(at, waits.actions, out),
                Pass::Never(why) => self.refuse(at, &waits.actions, &why, out),
                Pass::Later(why) if at >= waits.ends(&self.config) => self.refuse(at, &waits.actions, &why, out),
                Pass::Later(_) => self.waiting.push(waits),
            }
        }
    }

    fn supersede(&mut self, at: Nanos, asked: &[KnobOf], out: &mut Batch) {
        let hit = |waits: &Waiting| {
            waits
                .actions
                .iter()
                .any(|action| asked.contains(&(action.target, action.knob)))
        };
        let (over, kept): (Vec<Waiting>, Vec<Waiting>) = std::mem::take(&mut self.waiting).into_iter().partition(hit);
        self.waiting = kept;
        for waits in over {
            // A renewal of what waits is no news, and a set that lost a member holds none of it.
            let others: Vec<Action> = waits
                .actions
                .into_iter()
                .filter(|action| !asked.contains(&(action.target, action.knob)))
                .collect();
            self.refuse(at, &others, "another action of its set was superseded", out);
        }
    }

    fn pass(&mut self, at: Nanos, actions: Vec<Action>, out: &mut Batch) {
        for action in actions {
            let knob = (action.target, action.knob);
            let changes = self.changes(&action);
            self.rate.note(at, usize::from(changes));
            self.passed += u64::from(changes);
            if action.is_release() {
                self.held.remove(&knob);
            } else {
                let before = self.held.get(&knob).filter(|_| !changes);
                let held = Held {
                    value: action.value,
                    text: action.text.to_string(),
                    first: before.map_or(action.id, |held| held.first),
                    last: action.id,
                    changed: before.map_or(at, |held| held.changed),
                };
                self.held.insert(knob, held);
            }
            out.actions.push(Action { at, ..action });
        }
    }

    fn refuse(&mut self, at: Nanos, actions: &[Action], why: &str, out: &mut Batch) {
        for action in actions {
            self.refused += 1;
            let target = self.world.name(action.target);
            let fields: [(&str, &dyn std::fmt::Display); 2] = [("target", &target), ("why", &why)];
            self.host
                .log(Level::DEBUG, "an action does not pass the budget", &fields);
            out.outcomes.push(Outcome {
                at,
                action: action.id,
                target: action.target,
                knob: action.knob,
                fate: Fate::REFUSED,
                value: f64::NAN,
                why: why.into(),
                ..Outcome::default()
            });
        }
    }
}

/// The actions of a batch by their sets, in order; one without a set is a set of its own.
fn sets(actions: &[Action]) -> Vec<Vec<&Action>> {
    let mut sets: Vec<Vec<&Action>> = Vec::new();
    let mut place: BTreeMap<u64, usize> = BTreeMap::new();
    for action in actions {
        let known = place.get(&action.set).copied().filter(|_| action.set != 0);
        match known {
            Some(known) => sets[known].push(action),
            None => {
                place.insert(action.set, sets.len());
                sets.push(vec![action]);
            }
        }
    }
    sets
}
