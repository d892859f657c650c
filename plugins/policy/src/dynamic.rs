//! `policy.dynamic`: container-bench's scheduler. Targets with a priority are guaranteed an IPC efficiency, by the ways and
//! the bandwidth that trying finds to suffice; the rest share a pool. Who has no priority is moved between sockets until
//! their stalls are even. A guarantee is admitted where most is free.
//!
//! Unlike its model it never turns a knob of a target of class `Latency` unless told so, leaves the pool a part, takes back
//! a move that did not help, and keeps to a rate of changes. This file moves values between the rooms below.

mod books;
mod grant;
mod member;
mod place;
mod probe;
mod rebalance;
mod saved;
mod shape;
#[cfg(test)]
mod tests;

use crate::config::{DynamicConfig, cpus};
use crate::lease::{Leases, Turn};
use crate::presence::Presence;
use crate::rate::Rate;
use crate::world::World;
use books::Books;
use member::{Member, Status};
use pipeline_plugin_api::prelude::*;
use place::Trial;
use probe::Probe;
use shape::Knobs;
use std::collections::BTreeMap;

/// A socket.
#[derive(Clone, Debug, PartialEq)]
struct Socket {
    cpus: Vec<u32>,
    l3: u32,
}

/// See the file.
pub struct Dynamic {
    config: DynamicConfig,
    host: Host,
    efficiency: MetricId,
    stalls: MetricId,
    knobs: Knobs,
    /// One without CPUs where the config names none.
    sockets: Vec<Socket>,
    world: World,
    members: BTreeMap<TargetId, Member>,
    books: Books,
    probe: Option<Probe>,
    /// When the next tries may begin.
    next_probe: Nanos,
    /// When moves are considered next.
    next_move: Nanos,
    trial: Option<Trial>,
    leases: Leases,
    rate: Rate,
    presence: Presence,
    at: Nanos,
}

impl Element for Dynamic {
    const NAME: &'static str = "policy.dynamic";
    const SUMMARY: &'static str =
        "guarantees IPC efficiency by ways and bandwidth found by trying, and balances sockets by stalls";
    type Config = DynamicConfig;

    fn ports(_: &DynamicConfig) -> Ports {
        Ports::new()
            .takes(&vocabulary::PERF_IPC_EFFICIENCY)
            .takes(&vocabulary::PERF_STALLED_L3_MISS)
            .takes_outcomes("knobs on offer, and what became of actions")
            .gives(&vocabulary::POLICY_ACTIVE)
            .gives(&vocabulary::POLICY_HELD)
            .gives_any_action("ways, bandwidth and CPUs, as far as actuators offer them")
    }

    fn create(config: DynamicConfig, host: &Host) -> Result<Self> {
        let socket = |socket: &crate::config::SocketConfig| {
            Ok(Socket {
                cpus: cpus(&socket.cpus).map_err(Failure::fatal)?,
                l3: socket.l3,
            })
        };
        let mut sockets = config.sockets.iter().map(socket).collect::<Result<Vec<Socket>>>()?;
        if sockets.is_empty() {
            sockets.push(Socket {
                cpus: Vec::new(),
                l3: 0,
            });
        }
        Ok(Self {
            efficiency: host.metric(&vocabulary::PERF_IPC_EFFICIENCY)?,
            stalls: host.metric(&vocabulary::PERF_STALLED_L3_MISS)?,
            knobs: Knobs::new(host)?,
            sockets,
            world: World::default(),
            members: BTreeMap::new(),
            books: Books::default(),
            probe: None,
            next_probe: Nanos::ZERO,
            next_move: Nanos::ZERO,
            trial: None,
            leases: Leases::new(config.lease.nanos()),
            rate: Rate::new(config.most_changes),
            presence: Presence::new(host)?,
            at: Nanos::ZERO,
            host: host.clone(),
            config,
        })
    }

    fn status(&self) -> String {
        let socket = |socket: usize| {
            let held = self.books.parts.values().filter(|part| part.socket == socket).count();
            let (ways, bandwidth) = self.books.pool(socket);
            format!("socket {socket}: {held} guarantees, the pool has {ways} ways and {bandwidth:.2} of the bandwidth")
        };
        let sockets: Vec<String> = (0..self.sockets.len()).map(socket).collect();
        let tried = self.probe.as_ref().map(|probe| {
            let (ways, bandwidth) = probe.candidate();
            format!(
                "; {ways} ways and {bandwidth:.2} are tried for {}",
                self.world.name(probe.target)
            )
        });
        format!("{}{}", sockets.join("; "), tried.unwrap_or_default())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        crate::saved::write(&saved::State::of(self))
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        crate::saved::read(state).map(|state: saved::State| state.restore(self))
    }
}

impl Scheduler for Dynamic {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let at = input.at;
        self.at = at;
        self.learn(input);
        for outcome in input.outcomes() {
            self.outcome(at, outcome);
        }
        self.hear(input);
        let active = self.config.during.holds(at);
        if active {
            self.grant(at);
            self.place(at);
        } else {
            self.stand_down();
        }
        let wanted = self.wanted();
        self.rate.note(at, self.leases.unwanted(&wanted));
        let wanted = match self.leases.stands(&wanted) {
            true => wanted,
            false => self.leases.afford(at, wanted, &mut self.rate),
        };
        self.leases.reconcile(at, &wanted, &BTreeMap::new(), out);
        let tell = self.presence.tell(at, active, self.leases.held.len(), out);
        let probe = self.probe.as_ref().map_or(self.next_probe, Probe::due);
        let trial = self.trial.as_ref().map(|trial| trial.ends);
        let wishes = [Some(probe), trial, Some(self.next_move), self.leases.next()];
        let edge = self.config.during.next_edge(at);
        let soon = wishes
            .into_iter()
            .chain([edge, Some(tell)])
            .flatten()
            .filter(|soon| *soon > at);
        Ok(soon.min().map_or(Wish::Nothing, Wish::At))
    }
}

impl Dynamic {
    fn learn(&mut self, input: &Input<'_>) {
        for change in input.changes() {
            self.world.change(change, false);
            let id = change.target.id;
            if change.change == Change::GONE {
                self.gone(id);
                continue;
            }
            let socket = self.socket_of(&change.target.cpus);
            let at = input.at;
            let member = self.members.entry(id).or_insert_with(|| Member::new(at));
            member.told(&change.target, socket);
        }
        for control in input.controls() {
            let held = self.leases.holds((control.target, control.knob));
            self.world.control(control, held);
            if (control.knob == self.knobs.part || control.knob == self.knobs.ways) && control.most.is_finite() {
                let keeps = 1.0 - self.config.most_taken;
                self.books.ways = self.books.ways.max(control.most.clamp(0.0, 64.0) as u32);
                self.books.pool_least = ((f64::from(self.books.ways) * keeps).ceil() as u32).max(1);
                self.books.pool_least_bandwidth = keeps;
            }
        }
    }

    fn gone(&mut self, target: TargetId) {
        self.members.remove(&target);
        self.books.parts.remove(&target);
        self.leases.forget(target);
        self.probe = self.probe.take().filter(|probe| probe.target != target);
        if let Some(trial) = &mut self.trial {
            trial.moved.retain(|(moved, _)| *moved != target);
        }
    }

    fn hear(&mut self, input: &Input<'_>) {
        for reading in input.readings().filter(|reading| reading.part == Part::WHOLE) {
            let Some(value) = reading.number() else { continue };
            if reading.metric == self.stalls {
                if let Some(member) = self.members.get_mut(&reading.target) {
                    member.hear(reading.at, value.clamp(0.0, 1.0));
                }
            } else if reading.metric == self.efficiency
                && let Some(probe) = self.probe.as_mut().filter(|probe| probe.target == reading.target)
            {
                probe.hear(reading.at, value, &self.config);
            }
        }
    }

    fn outcome(&mut self, at: Nanos, outcome: &Outcome) {
        let cooldown = self.config.cooldown.nanos();
        let heeded = self.leases.heed(outcome, at, cooldown, &mut self.world, &mut self.rate);
        let until = match heeded {
            Some((Turn::Planned, _)) => return self.planned(outcome.target),
            Some((_, Some(until))) => until,
            _ => return,
        };
        let why = format!("{}, {}", outcome.fate, outcome.why);
        if self.knobs.moves(outcome.knob) {
            if let Some(member) = self.members.get_mut(&outcome.target) {
                member.stay(until);
            }
        } else if self.books.parts.contains_key(&outcome.target) {
            self.give_up(outcome.target, until, &why);
        }
    }

    /// Outside its window a policy holds nothing.
    fn stand_down(&mut self) {
        self.probe = None;
        self.trial = None;
        self.books.parts.clear();
        self.members.values_mut().for_each(Member::stand_down);
    }

    /// The socket on which all of these CPUs are.
    fn socket_of(&self, cpus: &[u32]) -> Option<usize> {
        if self.config.sockets.is_empty() {
            return Some(0);
        }
        let holds = |socket: &Socket| !cpus.is_empty() && cpus.iter().all(|cpu| socket.cpus.binary_search(cpu).is_ok());
        self.sockets.iter().position(holds)
    }

    fn say(&self, target: TargetId, message: &str) {
        let name = self.world.name(target);
        self.host.log(Level::INFO, message, &[("target", &name)]);
    }

    /// Whether a target is to be guaranteed something.
    fn is_guaranteed(&self, target: TargetId, member: &Member) -> bool {
        let latency = self.world.targets.get(&target).is_none_or(|known| known.latency);
        let named = self.world.may_be_restrained(target, self.config.scope());
        member.priority > 0 && (named || latency && self.config.probe_latency && !member.is_spared(&self.config))
    }

    /// Whether a target is one of the pool, which may be restrained and moved.
    fn is_in_pool(&self, target: TargetId, member: &Member) -> bool {
        !self.books.parts.contains_key(&target)
            && member.status != Status::Waiting
            && self.world.may_be_restrained(target, self.config.scope())
    }
}
