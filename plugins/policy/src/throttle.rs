//! `policy.throttle`: the cheapest remedy for CPU time first, each with proof that it helped.
//!
//! This file moves values between what was heard, the cases and the leases. It holds no clock:
//! instants come with the input.

mod case;
mod duty;
mod ladder;
mod saved;

use crate::config::{Rung, ThrottleConfig};
use crate::lease::{self, KnobOf, Leases, Turn, Wanted};
use crate::presence::Presence;
use crate::rate::Rate;
use crate::world::World;
use case::{Bench, Case};
use ladder::Ladder;
use pipeline_plugin_api::abi::LAST_PORT;
use pipeline_plugin_api::prelude::*;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// See the file.
pub struct Throttle {
    config: ThrottleConfig,
    host: Host,
    ratio: MetricId,
    loss: MetricId,
    cpu_time: MetricId,
    ladder: Ladder,
    world: World,
    cases: BTreeMap<TargetId, Case>,
    leases: Leases,
    budget: Rate,
    presence: Presence,
    at: Nanos,
}

impl Element for Throttle {
    const NAME: &'static str = "policy.throttle";
    const SUMMARY: &'static str = "restrains culprits with the cheapest remedy that proves to help";
    const STATE_VERSION: u32 = 2;
    type Config = ThrottleConfig;

    fn ports(config: &ThrottleConfig) -> Ports {
        let ports = Ports::new()
            .needs_findings("who suffers, from whom, through what")
            .takes(&vocabulary::DETECT_RATIO)
            .takes(&vocabulary::DETECT_LOSS)
            .takes_outcomes("knobs on offer, and what became of actions")
            .gives(&vocabulary::POLICY_ACTIVE)
            .gives(&vocabulary::POLICY_HELD);
        let mut knobs: Vec<&Knob> = Vec::new();
        for knob in config.ladder.iter().map(|rung| rung.knob()) {
            if !knobs.contains(&knob) {
                knobs.push(knob);
            }
        }
        knobs.into_iter().fold(ports, Ports::gives_actions)
    }

    fn create(config: ThrottleConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            ratio: host.metric(&vocabulary::DETECT_RATIO)?,
            loss: host.metric(&vocabulary::DETECT_LOSS)?,
            cpu_time: host.metric(&vocabulary::CPU_TIME)?,
            ladder: Ladder::new(&config, host)?,
            world: World::on(&config.siblings)?,
            cases: BTreeMap::new(),
            leases: Leases::new(config.lease.nanos()),
            budget: Rate::new(config.most_changes),
            presence: Presence::new(host)?,
            at: Nanos::ZERO,
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        let told: Vec<String> = self.cases.values().map(|case| case.describe(&self.world)).collect();
        if told.is_empty() {
            "nobody suffered yet".to_owned()
        } else {
            told.join("; ")
        }
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        crate::saved::write(&saved::State::of(self))
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        crate::saved::read(state).map(|state: saved::State| state.restore(self))
    }
}

impl Scheduler for Throttle {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        self.at = input.at;
        self.learn(input);
        let mut parting = BTreeMap::new();
        for outcome in input.outcomes() {
            self.outcome(input.at, outcome, &mut parting);
        }
        for (port, batch) in input.batches().filter(|(port, _)| *port < LAST_PORT) {
            self.hear(port, batch);
        }
        let active = self.config.during.holds(input.at);
        let next = self.step(input.at, &mut parting);
        let wanted = self.wanted(input.at);
        let released = self.leases.reconcile(input.at, &wanted, &parting, out);
        self.budget.note(input.at, released);
        let tell = self.presence.tell(input.at, active, self.leases.held.len(), out);
        let edge = self.config.during.next_edge(input.at);
        let wishes = [next, self.next_pulse(input.at), self.leases.next(), edge, Some(tell)];
        let soon = wishes.into_iter().flatten().filter(|soon| *soon > input.at).min();
        Ok(soon.map_or(Wish::Nothing, Wish::At))
    }
}

impl Throttle {
    /// Takes in targets and offers; nothing is decided.
    fn learn(&mut self, input: &Input<'_>) {
        for change in input.changes() {
            let moved = self.leases.holds_list(change.target.id);
            self.world.change(change, moved);
            if change.change == Change::GONE {
                self.gone(change.target.id);
            }
        }
        for control in input.controls() {
            let held = self.leases.holds((control.target, control.knob));
            self.world.control(control, held);
        }
    }

    fn gone(&mut self, target: TargetId) {
        self.cases.remove(&target);
        self.leases.forget(target);
        for case in self.cases.values_mut() {
            case.forget(target);
        }
    }

    fn hear(&mut self, port: u32, batch: &Batch) {
        let config = &self.config;
        for finding in &batch.findings {
            if self.world.targets.contains_key(&finding.victim) {
                let case = self
                    .cases
                    .entry(finding.victim)
                    .or_insert_with(|| Case::new(finding.victim, config));
                case.hear(port, finding, self.cpu_time, config);
            }
        }
        for reading in batch.readings.iter().filter(|reading| reading.part == Part::WHOLE) {
            // What is lost for each second of work makes it that much worse than 1.
            let usual = match reading.metric {
                metric if metric == self.ratio => 0.0,
                metric if metric == self.loss => 1.0,
                _ => continue,
            };
            if let (Some(case), Some(told)) = (self.cases.get_mut(&reading.target), reading.number()) {
                case.ratio(reading.at, usual + told, config);
            }
        }
    }

    fn outcome(&mut self, at: Nanos, outcome: &Outcome, parting: &mut BTreeMap<KnobOf, String>) {
        let cooldown = self.config.cooldown.nanos();
        let heeded = self
            .leases
            .heed(outcome, at, cooldown, &mut self.world, &mut self.budget);
        let Some((turn, until)) = heeded else { return };
        let knob = (outcome.target, outcome.knob);
        let why = format!("{}, {}", outcome.fate, outcome.why);
        self.with_cases(at, parting, |case, bench| match turn {
            Turn::Planned if case.remedies.values().any(|remedy| remedy.knob == knob) => case.planned(bench),
            _ if until.is_some() => case.lose(knob, &why, bench),
            _ => {}
        });
    }

    fn step(&mut self, at: Nanos, parting: &mut BTreeMap<KnobOf, String>) -> Option<Nanos> {
        let mut next = None;
        self.with_cases(at, parting, |case, bench| {
            case.step(bench);
            let soon = case.next(bench).filter(|soon| *soon > at);
            next = [next, soon].into_iter().flatten().min();
        });
        next
    }

    fn with_cases(
        &mut self,
        at: Nanos,
        parting: &mut BTreeMap<KnobOf, String>,
        mut each: impl FnMut(&mut Case, &mut Bench<'_>),
    ) {
        let victims: Vec<TargetId> = self.cases.keys().copied().collect();
        for victim in victims {
            // Out of the books while it decides, so that those that are left are the others.
            let Some(mut case) = self.cases.remove(&victim) else {
                continue;
            };
            let mut bench = Bench {
                at,
                active: self.config.during.holds(at),
                config: &self.config,
                world: &self.world,
                ladder: &self.ladder,
                budget: &mut self.budget,
                others: &self.cases,
                work: OnceCell::new(),
                parting,
                host: &self.host,
            };
            each(&mut case, &mut bench);
            self.cases.insert(victim, case);
        }
    }

    /// When a culprit under `Duty` is stopped, or runs again.
    fn next_pulse(&self, at: Nanos) -> Option<Nanos> {
        let mut remedies = self.cases.values().flat_map(|case| case.remedies.values());
        let pulses = remedies.any(|remedy| remedy.rung == Rung::Duty);
        pulses.then(|| duty::next(at, &self.config))
    }

    /// What all cases want together: of two values for a knob the stricter.
    fn wanted(&self, at: Nanos) -> BTreeMap<KnobOf, Wanted> {
        let mut all: BTreeMap<KnobOf, Wanted> = BTreeMap::new();
        let protected = |target: TargetId| self.world.targets.get(&target).is_none_or(|known| known.latency);
        let remedies = self.cases.values().flat_map(|case| case.remedies.values());
        for remedy in remedies.filter(|remedy| !protected(remedy.knob.0)) {
            let offer = self.world.offers.get(&remedy.knob).copied().unwrap_or_default();
            let wanted = Wanted {
                value: duty::value(remedy, &offer, at, &self.config),
                text: remedy.text.clone(),
                why: remedy.why.clone(),
                pulses: remedy.rung == Rung::Duty,
            };
            lease::want(&mut all, remedy.knob, wanted, &offer);
        }
        all
    }
}

#[cfg(test)]
mod tests;
