//! The looks that are due and the one under way, spread over instants: each instant does a bounded amount of work, and
//! asks for another soon where some is left. What is done when depends on the input alone.

use super::lines::Lines;
use super::look::{Look, Request};
use super::suspect::Suspect;
use crate::config::CulpritConfig;
use pipeline_plugin_api::prelude::*;
use std::collections::VecDeque;

/// What an instant may do, in numbers of a line, each of which takes about a nanosecond.
pub const MOST_WORK: usize = 80_000;
/// What it costs to end a span, for each target.
const CLOSING: usize = 250;
/// How soon the next instant is asked for: so late that its lane is free for nine tenths of the time.
const PACE: Nanos = Nanos::from_millis(1);

/// What an instant may still do.
#[derive(Debug)]
pub struct Work(usize);

impl Work {
    /// That of an instant.
    pub fn new() -> Self {
        Self(MOST_WORK)
    }

    /// As much as there is, for tests that look at once.
    #[cfg(test)]
    pub fn endless() -> Self {
        Self(usize::MAX)
    }

    /// So many targets had their span ended. However many, half an instant is left for looking.
    pub fn close(&mut self, targets: usize) {
        self.spend((targets * CLOSING).min(MOST_WORK / 2));
    }

    /// So many numbers were looked at.
    pub fn spend(&mut self, numbers: usize) {
        self.0 = self.0.saturating_sub(numbers);
    }

    /// Whether no more may be done.
    pub fn is_over(&self) -> bool {
        self.0 == 0
    }
}

/// See the file.
#[derive(Debug, Default)]
pub struct Looks {
    due: VecDeque<TargetId>,
    under_way: Option<Look>,
}

impl Looks {
    /// A victim is to be looked at, unless it is already; each in its turn.
    pub fn ask(&mut self, victim: TargetId) {
        let under_way = self.under_way.as_ref().is_some_and(|look| look.victim() == victim);
        if !under_way && !self.due.contains(&victim) {
            self.due.push_back(victim);
        }
    }

    /// A victim suffers no longer.
    pub fn drop_victim(&mut self, victim: TargetId) {
        self.due.retain(|due| *due != victim);
        self.under_way.take_if(|look| look.victim() == victim);
    }

    /// A target went: it is neither a victim nor a neighbour.
    pub fn forget(&mut self, target: TargetId) {
        self.drop_victim(target);
        if let Some(look) = &mut self.under_way {
            look.forget(target);
        }
    }

    /// Works on, until a victim has been looked at or no more may be done. `neighbours` tells those of a victim.
    pub fn go(
        &mut self,
        lines: &Lines,
        config: &CulpritConfig,
        work: &mut Work,
        neighbours: impl FnOnce(TargetId) -> Vec<TargetId>,
    ) -> Option<(Request, Vec<Suspect>)> {
        if self.under_way.is_none() && !work.is_over() {
            let victim = self.due.pop_front()?;
            let neighbours = neighbours(victim);
            let request = Request { victim, neighbours };
            self.under_way = Some(Look::new(request, lines, config, work));
        }
        let look = self.under_way.as_mut()?;
        if !look.go(lines, config, work) {
            return None;
        }
        self.under_way.take().map(Look::end)
    }

    /// When it wants to go on, if there is something left to do.
    pub fn soon(&self, at: Nanos) -> Option<Nanos> {
        let idle = self.under_way.is_none() && self.due.is_empty();
        (!idle).then(|| at + PACE)
    }
}
