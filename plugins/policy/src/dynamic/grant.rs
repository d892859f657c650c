//! Guarantees: who waits for one, where it is admitted, what is tried for it, and what it gets.

use super::Dynamic;
use super::books::Part;
use super::member::{Member, Status};
use super::probe::{Candidate, Probe, Reason};
use crate::config::Order;
use pipeline_plugin_api::prelude::*;

impl Dynamic {
    pub(super) fn grant(&mut self, at: Nanos) {
        self.enqueue(at);
        let ended = self.probe.as_mut().and_then(|probe| probe.go_on(at, &self.config));
        if let Some((chosen, reason)) = ended {
            self.conclude(at, chosen, reason);
        }
        if let Some(probe) = &self.probe {
            let (target, (ways, bandwidth)) = (probe.target, probe.candidate());
            if let Some(part) = self.books.parts.get_mut(&target) {
                (part.ways, part.bandwidth) = (ways, bandwidth);
            }
        } else if at >= self.next_probe {
            self.begin(at);
        }
    }

    /// Who is to have a guarantee waits for it; who is not gives it back.
    fn enqueue(&mut self, at: Nanos) {
        let wants: Vec<(TargetId, bool)> = self
            .members
            .iter()
            .map(|(target, member)| (*target, self.is_guaranteed(*target, member)))
            .collect();
        for (target, wants) in wants {
            let Some(member) = self.members.get_mut(&target) else {
                continue;
            };
            member.status = match (wants, member.status) {
                (true, Status::Pool) => Status::Waiting,
                (true, Status::Unmet(until)) if at >= until => Status::Waiting,
                (true, status) => status,
                (false, _) => {
                    self.books.parts.remove(&target);
                    self.probe = self.probe.take().filter(|probe| probe.target != target);
                    Status::Pool
                }
            };
        }
    }

    /// The first in the queue for whom there is room is tried.
    fn begin(&mut self, at: Nanos) {
        let config = &self.config;
        let ready = |member: &&Member| member.status == Status::Waiting && at >= member.since + config.warmup.nanos();
        let mut queue: Vec<(Nanos, TargetId)> = self
            .members
            .iter()
            .filter(|(_, member)| ready(member))
            .map(|(target, member)| (member.since, *target))
            .collect();
        queue.sort_unstable();
        for (_, target) in queue {
            let Some(socket) = self.admission(target) else {
                continue;
            };
            let free: Candidate = (
                self.books.free_ways(socket, target),
                self.books.free_bandwidth(socket, target),
            );
            let Ok(probe) = Probe::new(target, at, self.order_for(target), free, &self.config) else {
                continue;
            };
            let (ways, bandwidth) = probe.candidate();
            self.books.parts.insert(
                target,
                Part {
                    socket,
                    ways,
                    bandwidth,
                },
            );
            if let Some(member) = self.members.get_mut(&target) {
                member.status = Status::Probing;
                if member.socket() != Some(socket) {
                    member.moved = Some(socket);
                }
            }
            self.say(target, &format!("what it needs is tried on socket {socket}"));
            self.probe = Some(probe);
            return;
        }
    }

    /// On which socket a guarantee is given; `None` while there is none.
    fn admission(&self, target: TargetId) -> Option<usize> {
        let member = self.members.get(&target)?;
        self.knobs.cache(&self.world, target, self.at)?;
        let home = member.socket();
        let can_move = self.sockets.len() > 1
            && self.at >= member.stays
            && self.knobs.cpus(&self.world, target, self.at).is_some();
        let socket = match (can_move, home) {
            (true, _) => self.books.best_socket(self.sockets.len(), home, target),
            (false, home) => home?,
        };
        (self.books.free_ways(socket, target) >= self.config.least_ways).then_some(socket)
    }

    /// Of a target of class Latency too little is never tried at length.
    fn order_for(&self, target: TargetId) -> Order {
        let latency = self.world.targets.get(&target).is_some_and(|known| known.latency);
        if latency { Order::Descending } else { self.config.order }
    }

    fn conclude(&mut self, at: Nanos, chosen: Option<Candidate>, reason: Reason) {
        let Some(probe) = self.probe.take() else { return };
        self.next_probe = at + self.config.rest.nanos();
        let target = probe.target;
        let Some((ways, bandwidth)) = chosen else {
            return self.give_up(target, at + self.config.cooldown.nanos(), reason.told());
        };
        if let Some(part) = self.books.parts.get_mut(&target) {
            (part.ways, part.bandwidth) = (ways, bandwidth);
        }
        if let Some(member) = self.members.get_mut(&target) {
            member.status = Status::Held;
        }
        let told = reason.told();
        self.say(
            target,
            &format!("it is given {ways} ways and {bandwidth:.2} of the bandwidth: {told}"),
        );
    }

    /// A guarantee cannot be given: the target is one of the pool until then.
    pub(super) fn give_up(&mut self, target: TargetId, until: Nanos, why: &str) {
        self.books.parts.remove(&target);
        self.probe = self.probe.take().filter(|probe| probe.target != target);
        if let Some(member) = self.members.get_mut(&target) {
            member.status = Status::Unmet(until);
        }
        self.say(target, &format!("it gets no guarantee: {why}"));
    }

    /// In a dry run nothing is changed, so nothing can be found by trying.
    pub(super) fn planned(&mut self, target: TargetId) {
        if self.probe.as_ref().is_some_and(|probe| probe.target == target) {
            self.give_up(target, Nanos::FOREVER, "a dry run cannot find what it needs");
        }
    }
}
