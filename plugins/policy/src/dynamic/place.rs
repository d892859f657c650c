//! Moves between sockets: whom stalls move, and whether it helped.

use super::Dynamic;
use super::member::Member;
use super::rebalance::{self, Load, Terms};
use pipeline_plugin_api::prelude::*;

/// Moves that must prove themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Who was moved, and where it was moved to before, if it was.
    pub moved: Vec<(TargetId, Option<usize>)>,
    /// By how much the sockets differed.
    pub before: f64,
    /// When it is judged.
    pub ends: Nanos,
}

impl Dynamic {
    pub(super) fn place(&mut self, at: Nanos) {
        if self.sockets.len() < 2 || !self.config.rebalance {
            return;
        }
        self.judge(at);
        if at < self.next_move {
            return;
        }
        let (loads, all_known) = self.loads(at);
        let most = (self.config.most_moves as usize).min(self.rate.left(at));
        let moves = rebalance::decide(&loads, &self.room(), self.terms(most));
        let Some(first) = moves.first() else { return };
        let before = first.before;
        let mut moved = Vec::new();
        for found in &moves {
            let Some(member) = self.members.get_mut(&found.target) else {
                continue;
            };
            moved.push((found.target, member.moved));
            member.moved = (member.home != Some(found.to)).then_some(found.to);
            let message = format!(
                "it moves from socket {} to {}: stalls differ by {:.2} and will by {:.2}",
                found.from, found.to, found.before, found.after
            );
            self.say(found.target, &message);
        }
        self.next_move = at + self.config.move_rest.nanos();
        // What was only supposed before proves nothing afterwards.
        self.trial = all_known.then(|| Trial {
            moved,
            before,
            ends: at + self.config.window.nanos() + self.config.window.nanos(),
        });
    }

    /// Whether the last moves helped: where all stalls are known, the sockets must differ by less than before.
    fn judge(&mut self, at: Nanos) {
        let Some(trial) = self.trial.take_if(|trial| at >= trial.ends) else {
            return;
        };
        let (loads, all_known) = self.loads(at);
        let now = rebalance::imbalance(&loads, self.sockets.len());
        if !all_known || now <= trial.before - self.config.least_improvement {
            return;
        }
        let until = at + self.config.cooldown.nanos();
        for (target, before) in trial.moved {
            if let Some(member) = self.members.get_mut(&target) {
                member.moved = before;
                member.stays = until;
            }
            let was = trial.before;
            self.say(
                target,
                &format!("its move did not help and is undone: stalls differed by {was:.2} and do by {now:.2}"),
            );
        }
    }

    /// The targets that may be moved, and whether the stalls of all of them are known.
    fn loads(&self, at: Nanos) -> (Vec<Load>, bool) {
        let mut all_known = true;
        let movable = self
            .members
            .iter()
            .filter(|(target, member)| self.is_movable(**target, member));
        let load = |(target, member): (&TargetId, &Member)| {
            let stalls = member.stalls(at, self.config.window.nanos());
            all_known &= stalls.is_some();
            Some(Load {
                target: *target,
                socket: member.socket()?,
                // Nothing known is taken for the worst.
                stalls: stalls.unwrap_or(1.0),
                since: member.since,
            })
        };
        (movable.filter_map(load).collect(), all_known)
    }

    fn is_movable(&self, target: TargetId, member: &Member) -> bool {
        self.at >= member.stays
            && self.is_in_pool(target, member)
            && self.knobs.cpus(&self.world, target, self.at).is_some()
    }

    /// How many more each socket takes.
    fn room(&self) -> Vec<usize> {
        let most = self.config.most_per_socket as usize;
        let room = |socket: usize| {
            let there = self
                .members
                .values()
                .filter(|member| member.socket() == Some(socket))
                .count();
            if most == 0 {
                usize::MAX
            } else {
                most.saturating_sub(there)
            }
        };
        (0..self.sockets.len()).map(room).collect()
    }

    fn terms(&self, most_moves: usize) -> Terms {
        Terms {
            threshold: self.config.threshold,
            least_improvement: self.config.least_improvement,
            most_moves,
        }
    }
}
