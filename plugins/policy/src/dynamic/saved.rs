//! What a successor of `policy.dynamic` takes over: who runs where, what was found to suffice, what was moved. Tries that
//! were under way begin anew, and stalls are heard anew.

use super::Dynamic;
use super::books::Part;
use super::member::{Member, Status};
use crate::saved::Common;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// The state of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    common: Common,
    at_ns: u64,
    next_probe_ns: u64,
    next_move_ns: u64,
    changes_ns: Vec<u64>,
    ways: (u32, u32),
    members: Vec<Row>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Row {
    target: u32,
    name: String,
    since_ns: u64,
    priority: i32,
    home: Option<u32>,
    moved: Option<u32>,
    stays_ns: u64,
    unmet_ns: Option<u64>,
    waits: bool,
    /// Socket, ways, bandwidth of what was found to suffice.
    part: Option<(u32, u32, f64)>,
}

impl State {
    /// What is so now.
    pub fn of(node: &Dynamic) -> Self {
        let row = |(target, member): (&TargetId, &Member)| Row::of(*target, member, node);
        Self {
            common: Common::of(&node.world, &node.leases),
            at_ns: node.at.0,
            next_probe_ns: node.next_probe.0,
            next_move_ns: node.next_move.0,
            changes_ns: node.rate.changes().map(|at| at.0).collect(),
            ways: (node.books.ways, node.books.pool_least),
            members: node.members.iter().map(row).collect(),
        }
    }

    /// Takes it over. A socket that the new config does not have is nobody's home.
    pub fn restore(self, node: &mut Dynamic) {
        self.common.restore(&mut node.world, &mut node.leases);
        node.at = Nanos(self.at_ns);
        node.next_probe = Nanos(self.next_probe_ns);
        node.next_move = Nanos(self.next_move_ns);
        self.changes_ns.into_iter().for_each(|at| node.rate.note(Nanos(at), 1));
        (node.books.ways, node.books.pool_least) = self.ways;
        node.books.pool_least_bandwidth = 1.0 - node.config.most_taken;
        for row in self.members {
            let sockets = node.sockets.len();
            let (target, member, part) = row.member(sockets);
            node.members.insert(target, member);
            node.books.parts.extend(part.map(|part| (target, part)));
        }
    }
}

impl Row {
    fn of(target: TargetId, member: &Member, node: &Dynamic) -> Self {
        let part = node.books.parts.get(&target).filter(|_| member.status == Status::Held);
        let place = |socket: Option<usize>| socket.map(|socket| socket as u32);
        Self {
            target: target.0,
            name: member.name.clone(),
            since_ns: member.since.0,
            priority: member.priority,
            home: place(member.home),
            moved: place(member.moved),
            stays_ns: member.stays.0,
            unmet_ns: match member.status {
                Status::Unmet(until) => Some(until.0),
                _ => None,
            },
            waits: matches!(member.status, Status::Waiting | Status::Probing),
            part: part.map(|part| (part.socket as u32, part.ways, part.bandwidth)),
        }
    }

    fn member(self, sockets: usize) -> (TargetId, Member, Option<Part>) {
        let place = |socket: Option<u32>| socket.map(|socket| socket as usize).filter(|socket| *socket < sockets);
        let part = self.part.map(|(socket, ways, bandwidth)| Part {
            socket: socket as usize,
            ways,
            bandwidth,
        });
        let part = part.filter(|part| part.socket < sockets);
        let status = match (part, self.unmet_ns) {
            (Some(_), _) => Status::Held,
            (None, Some(until)) => Status::Unmet(Nanos(until)),
            (None, None) if self.waits => Status::Waiting,
            (None, None) => Status::Pool,
        };
        let mut member = Member::new(Nanos(self.since_ns));
        member.name = self.name;
        member.priority = self.priority;
        (member.home, member.moved) = (place(self.home), place(self.moved));
        member.stays = Nanos(self.stays_ns);
        member.status = status;
        (TargetId(self.target), member, part)
    }
}
