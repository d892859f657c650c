//! `policy.adaptive`: feedback on slack and contention. It turns one knob at a time, the cheapest that the resource of the
//! finding suggests, cuts fast, turns back what did not help, and gives back slowly while the victim has slack.
//!
//! After Heracles (Lo et al., ISCA'15: slack thresholds, growth only with slack), PARTIES (Chen et al., ASPLOS'19: one
//! resource at a time, undo what did not help) and Intel's resource manager (drop at once, one level up after quiet
//! cycles). Unlike theirs its knobs are whatever actuators offer, so it weighs remedies that it never heard of.
//! This file moves values between what was heard, the cases and the leases. It holds no clock.

mod case;
mod fit;
mod grip;
mod ledger;
mod options;
mod saved;
mod slack;
#[cfg(test)]
mod tests;

use crate::config::AdaptiveConfig;
use crate::lease::{self, KnobOf, Leases, Turn, Wanted};
use crate::presence::Presence;
use crate::rate::Rate;
use crate::taken::Uses;
use crate::world::World;
use case::{Bench, Case, Gauge};
use fit::Experience;
use ledger::Ledger;
use options::Named;
use pipeline_plugin_api::abi::LAST_PORT;
use pipeline_plugin_api::prelude::*;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// See the file.
pub struct Adaptive {
    config: AdaptiveConfig,
    host: Host,
    ratio: MetricId,
    loss: MetricId,
    cpu_time: MetricId,
    world: World,
    goals: BTreeMap<TargetId, Vec<Goal>>,
    named: BTreeMap<KnobId, Named>,
    uses: Uses,
    experience: Experience,
    cases: BTreeMap<TargetId, Case>,
    /// What all cases want together, until something is told or done that may change it.
    wanted: Option<BTreeMap<KnobOf, Wanted>>,
    leases: Leases,
    rate: Rate,
    presence: Presence,
    at: Nanos,
}

impl Element for Adaptive {
    const NAME: &'static str = "policy.adaptive";
    const SUMMARY: &'static str =
        "turns the cheapest knob for the harm, proves it, and gives back while there is slack";
    type Config = AdaptiveConfig;

    fn ports(_: &AdaptiveConfig) -> Ports {
        Ports::new()
            .needs_findings("who suffers, from whom, through what")
            .takes(&vocabulary::DETECT_RATIO)
            .takes(&vocabulary::DETECT_LOSS)
            .takes_any_reading("CPU time used, and metrics that targets have goals for")
            .takes_outcomes("knobs on offer, and what became of actions")
            .gives(&vocabulary::POLICY_ACTIVE)
            .gives(&vocabulary::POLICY_HELD)
            .gives_any_action("whatever knobs the actuators offer")
    }

    fn create(config: AdaptiveConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            ratio: host.metric(&vocabulary::DETECT_RATIO)?,
            loss: host.metric(&vocabulary::DETECT_LOSS)?,
            cpu_time: host.metric(&vocabulary::CPU_TIME)?,
            world: World::on(&config.siblings)?,
            goals: BTreeMap::new(),
            named: BTreeMap::new(),
            uses: Uses::new(),
            experience: Experience::default(),
            cases: BTreeMap::new(),
            wanted: None,
            leases: Leases::new(config.lease.nanos()),
            rate: Rate::new(config.most_changes),
            presence: Presence::new(host)?,
            at: Nanos::ZERO,
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        let told: Vec<String> = self
            .cases
            .values()
            .map(|case| case.describe(&self.world, &self.named))
            .collect();
        if told.is_empty() {
            "nobody suffers".to_owned()
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

impl Scheduler for Adaptive {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let at = input.at;
        self.at = at;
        self.learn(input);
        let mut parting = BTreeMap::new();
        for outcome in input.outcomes() {
            self.outcome(at, outcome, &mut parting);
        }
        for (port, batch) in input.batches().filter(|(port, _)| *port < LAST_PORT) {
            self.hear(port, batch);
        }
        let active = self.config.during.holds(at);
        let next = self.go_on(at, &mut parting);
        let wanted = self.wanted.take().unwrap_or_else(|| self.wanted());
        self.rate.note(at, self.leases.unwanted(&wanted));
        self.leases.reconcile(at, &wanted, &parting, out);
        self.wanted = Some(wanted);
        let tell = self.presence.tell(at, active, self.leases.held.len(), out);
        let wishes = [next, self.leases.next(), self.config.during.next_edge(at), Some(tell)];
        let soon = wishes.into_iter().flatten().filter(|soon| *soon > at).min();
        Ok(soon.map_or(Wish::Nothing, Wish::At))
    }
}

impl Adaptive {
    /// Takes in targets and offers; nothing is decided.
    fn learn(&mut self, input: &Input<'_>) {
        if input.changes().next().is_some() || input.controls().next().is_some() {
            self.wanted = None;
        }
        for change in input.changes() {
            let moved = self.leases.holds_list(change.target.id);
            self.world.change(change, moved);
            let id = change.target.id;
            if change.change == Change::GONE {
                self.gone(id);
            } else if change.target.goals.is_empty() {
                self.goals.remove(&id);
            } else {
                self.goals.insert(id, change.target.goals.to_vec());
            }
            if let Some(case) = self.cases.get_mut(&id) {
                case.slack.want(&change.target.goals);
            }
        }
        for control in input.controls() {
            let held = self.leases.holds((control.target, control.knob));
            self.world.control(control, held);
            let host = &self.host;
            self.named
                .entry(control.knob)
                .or_insert_with(|| name_of(host, control.knob));
        }
    }

    fn gone(&mut self, target: TargetId) {
        self.cases.remove(&target);
        self.leases.forget(target);
        self.goals.remove(&target);
        self.uses.remove(&target);
        for case in self.cases.values_mut() {
            case.forget(target);
        }
    }

    fn hear(&mut self, port: u32, batch: &Batch) {
        for finding in &batch.findings {
            self.weigh(&finding.evidence);
            if !self.world.targets.contains_key(&finding.victim) {
                continue;
            }
            if !self.cases.contains_key(&finding.victim) {
                let mut case = Case::new(finding.victim, &self.config);
                case.slack
                    .want(self.goals.get(&finding.victim).map_or(&[][..], |goals| goals));
                self.cases.insert(finding.victim, case);
            }
            if let Some(case) = self.cases.get_mut(&finding.victim) {
                case.hear(port, finding, &self.config);
            }
        }
        self.weigh(&batch.readings);
        if self.cases.is_empty() {
            return;
        }
        for of_one in batch.readings.chunk_by(|a, b| a.target == b.target) {
            let Some(case) = self.cases.get_mut(&of_one[0].target) else {
                continue;
            };
            for reading in of_one {
                // The parts of a loss tell through what.
                let gauge = match reading.metric {
                    _ if reading.part != Part::WHOLE => None,
                    metric if metric == self.ratio => Some(Gauge::Ratio),
                    metric if metric == self.loss => Some(Gauge::Loss),
                    _ => None,
                };
                match gauge.zip(reading.number()) {
                    Some((gauge, shown)) => case.shows(port, gauge, reading.at, shown, &self.config),
                    None => case.slack.hear(reading),
                }
            }
        }
    }

    /// What targets use while nothing of them is turned.
    fn weigh(&mut self, readings: &[Reading]) {
        for reading in readings
            .iter()
            .filter(|reading| reading.metric == self.cpu_time && reading.part == Part::WHOLE)
        {
            let is_free = !self.leases.holds_any(reading.target);
            let used = reading
                .per_second()
                .filter(|_| is_free && self.world.targets.contains_key(&reading.target));
            if let Some(used) = used {
                self.uses.insert(reading.target, used / 1e9);
            }
        }
    }

    fn outcome(&mut self, at: Nanos, outcome: &Outcome, parting: &mut BTreeMap<KnobOf, String>) {
        let cooldown = self.config.cooldown.nanos();
        let heeded = self.leases.heed(outcome, at, cooldown, &mut self.world, &mut self.rate);
        let Some((turn, until)) = heeded else { return };
        let knob = (outcome.target, outcome.knob);
        let why = format!("{}, {}", outcome.fate, outcome.why);
        self.with_cases(at, parting, |case, bench| match turn {
            Turn::Planned if case.grips.contains_key(&knob) => case.planned(bench),
            _ if until.is_some() => case.lose(knob, &why, bench),
            _ => {}
        });
    }

    fn go_on(&mut self, at: Nanos, parting: &mut BTreeMap<KnobOf, String>) -> Option<Nanos> {
        let mut next = None;
        self.with_cases(at, parting, |case, bench| {
            case.go_on(bench);
            let soon = case.next(bench).filter(|soon| *soon > at);
            next = [next, soon].into_iter().flatten().min();
        });
        self.cases.retain(|_, case| !case.is_idle());
        next
    }

    fn with_cases(
        &mut self,
        at: Nanos,
        parting: &mut BTreeMap<KnobOf, String>,
        mut each: impl FnMut(&mut Case, &mut Bench<'_>),
    ) {
        let mut ledger: OnceCell<Ledger> = OnceCell::new();
        for victim in self.worst_first() {
            // Out of the books while it decides, so that those that are left are the others.
            let Some(mut case) = self.cases.remove(&victim) else {
                continue;
            };
            let mut bench = Bench {
                at,
                active: self.config.during.holds(at),
                config: &self.config,
                world: &self.world,
                named: &self.named,
                experience: &mut self.experience,
                uses: &self.uses,
                ledger: &ledger,
                left: self.rate.left(at),
                room: self.rate.next(at),
                made: 0,
                others: &self.cases,
                parting,
                host: &self.host,
            };
            each(&mut case, &mut bench);
            let made = bench.made;
            if case.grips.were_changed() {
                self.wanted = None;
                if let Some(ledger) = ledger.get_mut() {
                    ledger.enter(&case, &self.world);
                }
            }
            self.cases.insert(victim, case);
            self.rate.note(at, made);
        }
    }

    /// Who suffers, the worst first: what may be taken is for whoever needs it most.
    fn worst_first(&self) -> Vec<TargetId> {
        let mut victims: Vec<(TargetId, f64)> = self
            .cases
            .iter()
            .map(|(id, case)| (*id, case.findings.worst()))
            .collect();
        victims.sort_by(|a, b| b.1.total_cmp(&a.1));
        victims.into_iter().map(|(id, _)| id).collect()
    }

    /// What all cases want together: of two values for a knob the stricter.
    fn wanted(&self) -> BTreeMap<KnobOf, Wanted> {
        let mut all: BTreeMap<KnobOf, Wanted> = BTreeMap::new();
        let protected = |target: TargetId| self.world.targets.get(&target).is_none_or(|known| known.latency);
        let grips = self.cases.values().flat_map(|case| case.grips.iter());
        for (knob, grip) in grips.filter(|((target, _), _)| !protected(*target)) {
            let offer = self.world.offers.get(knob).copied().unwrap_or_default();
            lease::want(&mut all, *knob, grip.wanted(), &offer);
        }
        all
    }
}

fn name_of(host: &Host, knob: KnobId) -> Named {
    let found = host.knob_name(knob);
    found.map_or_else(Named::default, |found| Named {
        is_list: found.unit == "list",
        name: found.name.into(),
    })
}
