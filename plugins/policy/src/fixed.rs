//! `policy.fixed`: the end states that the config asks for, as long as it may hold them. With none
//! it only observes.

use crate::config::{EndState, FixedConfig};
use crate::lease::{KnobOf, Leases, Turn, Wanted};
use crate::presence::Presence;
use crate::saved;
use crate::unmet::Unmet;
use crate::world::World;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// See the file.
pub struct Fixed {
    config: FixedConfig,
    host: Host,
    actions: Vec<(KnobId, EndState)>,
    world: World,
    leases: Leases,
    presence: Presence,
    unmet: Unmet,
}

impl Element for Fixed {
    const NAME: &'static str = "policy.fixed";
    const SUMMARY: &'static str = "holds the end states that the config asks for; with none it only observes";
    type Config = FixedConfig;

    fn ports(config: &FixedConfig) -> Ports {
        let ports = Ports::new()
            .takes_any_reading("observed, and not acted on")
            .takes_findings("observed, and not acted on")
            .takes_outcomes("knobs on offer, and what became of actions")
            .gives(&vocabulary::POLICY_ACTIVE)
            .gives(&vocabulary::POLICY_HELD);
        let mut knobs: Vec<Knob> = Vec::new();
        for knob in config
            .actions
            .iter()
            .filter_map(|action| vocabulary::knob(&action.knob))
        {
            if !knobs.contains(&knob) {
                knobs.push(knob);
            }
        }
        knobs.iter().fold(ports, Ports::gives_actions)
    }

    fn create(config: FixedConfig, host: &Host) -> Result<Self> {
        let known = |action: &EndState| {
            let knob = vocabulary::knob(&action.knob);
            let knob = knob.ok_or_else(|| Failure::fatal(format!("there is no knob `{}`", action.knob)))?;
            Ok((host.knob(&knob)?, action.clone()))
        };
        let actions: Result<Vec<(KnobId, EndState)>> = config.actions.iter().map(known).collect();
        Ok(Self {
            actions: actions?,
            world: World::default(),
            leases: Leases::new(config.lease.nanos()),
            presence: Presence::new(host)?,
            unmet: Unmet::default(),
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        format!(
            "{} of {} end states are held",
            self.leases.held.len(),
            self.actions.len()
        )
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        saved::write(&saved::Common::of(&self.world, &self.leases))
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let state: saved::Common = saved::read(state)?;
        state.restore(&mut self.world, &mut self.leases);
        Ok(())
    }
}

impl Scheduler for Fixed {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        self.learn(input);
        for outcome in input.outcomes() {
            self.outcome(input.at, outcome);
        }
        let active = self.config.during.holds(input.at);
        let wanted = if active { self.wanted(input.at) } else { BTreeMap::new() };
        let over = wanted_no_more(&self.leases, &wanted, active);
        self.leases.reconcile(input.at, &wanted, &over, out);
        self.tell_unmet(input.at);
        let tell = self.presence.tell(input.at, active, self.leases.held.len(), out);
        let edge = self.config.during.next_edge(input.at);
        let retry = self
            .world
            .barred
            .values()
            .copied()
            .filter(|until| *until > input.at)
            .min();
        let wishes = [self.leases.next(), edge, retry, self.unmet.next()];
        let soon = wishes.into_iter().flatten().min().map_or(tell, |soon| soon.min(tell));
        Ok(Wish::At(soon.max(input.at + Nanos(1))))
    }
}

impl Fixed {
    fn learn(&mut self, input: &Input<'_>) {
        for change in input.changes() {
            self.world.change(change, false);
            let (id, name) = (change.target.id, &change.target.name);
            if change.change == Change::GONE {
                self.leases.forget(id);
                self.unmet.forget(id);
            } else if change.change == Change::APPEARED && self.actions.iter().any(|(_, action)| action.means(name)) {
                self.unmet.meet(input.at, id);
            }
        }
        for control in input.controls() {
            let held = self.leases.holds((control.target, control.knob));
            self.world.control(control, held);
        }
    }

    fn outcome(&mut self, at: Nanos, outcome: &Outcome) {
        let (until, level) = match self.leases.hear(outcome) {
            Some(Turn::Refused | Turn::Lost) => (at + self.config.retry.nanos(), Level::WARN),
            // Its actuator warns of that; once is enough.
            Some(Turn::Taken) => (Nanos::FOREVER, Level::DEBUG),
            Some(Turn::Planned) | None => return,
        };
        self.world.bar((outcome.target, outcome.knob), until);
        let target = self.world.name(outcome.target);
        let why = outcome.why.as_str();
        let fields: [(&str, &dyn std::fmt::Display); 3] = [("target", &target), ("fate", &outcome.fate), ("why", &why)];
        self.host.log(level, "a wanted end state does not hold", &fields);
    }

    /// A wanted end state whose knob nobody offers would else be silent for ever: it is told once for each target and
    /// knob, in one line for all targets that are due at an instant.
    fn tell_unmet(&mut self, at: Nanos) {
        let due = self.unmet.due(at);
        if due.is_empty() {
            return;
        }
        for (knob, action) in &self.actions {
            let is_wanted = |id: &&TargetId| {
                let known = self.world.targets.get(id);
                known.is_some_and(|known| action.means(&known.name))
            };
            let lacks = |id: &&TargetId| is_wanted(id) && !self.world.offers.contains_key(&(**id, *knob));
            let mut without = due.iter().filter(lacks);
            let Some(first) = without.next() else { continue };
            let offered = self.world.offered(*first).filter_map(|knob| self.host.knob_name(knob));
            let offered: Vec<String> = offered.map(|knob| knob.name.to_string()).collect();
            let offered = if offered.is_empty() {
                "none".to_owned()
            } else {
                offered.join(", ")
            };
            let (target, others) = (self.world.name(*first), without.count());
            let mut fields: Vec<(&str, &dyn std::fmt::Display)> = vec![("knob", &action.knob), ("target", &target)];
            if others > 0 {
                fields.push(("others", &others));
            }
            fields.push(("offered", &offered));
            self.host.log(
                Level::WARN,
                "no actuator offers the knob for the target, so what is wanted of it does not hold; the actuator that \
                 has the knob may lack the right, or the target a control group: `pipeline doctor` tells",
                &fields,
            );
        }
    }

    /// The first of two end states for the same knob counts.
    fn wanted(&self, at: Nanos) -> BTreeMap<KnobOf, Wanted> {
        let mut all = BTreeMap::new();
        for (knob, action) in &self.actions {
            let named = self.world.targets.iter().filter(|(_, known)| action.means(&known.name));
            let offered = named
                .map(|(id, _)| (*id, *knob))
                .filter(|knob| self.world.offer(*knob, at).is_some());
            for knob in offered {
                all.entry(knob).or_insert_with(|| Wanted {
                    value: action.value,
                    text: action.text.clone(),
                    why: format!(
                        "the config asks for it: `{}` of `{}`",
                        action.knob,
                        self.world.name(knob.0)
                    ),
                    ..Wanted::default()
                });
            }
        }
        all
    }
}

fn wanted_no_more(leases: &Leases, wanted: &BTreeMap<KnobOf, Wanted>, active: bool) -> BTreeMap<KnobOf, String> {
    let why = if active {
        "it is no longer asked for"
    } else {
        "the window in which the policy may act is over"
    };
    let over = leases.held.keys().filter(|knob| !wanted.contains_key(knob));
    over.map(|knob| (*knob, why.to_owned())).collect()
}

#[cfg(test)]
mod tests;
