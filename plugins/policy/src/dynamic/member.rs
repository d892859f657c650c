//! A target as `policy.dynamic` sees it: where it runs, how much it stalls, and how far its guarantee is.

use crate::config::DynamicConfig;
use pipeline_plugin_api::pattern::fits_one;
use pipeline_plugin_api::prelude::*;
use std::collections::VecDeque;

/// The most samples of stalls that are kept of a target.
const SAMPLES: usize = 64;

/// How far a guarantee is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It wants none: one of the pool.
    #[default]
    Pool,
    /// It waits for its tries.
    Waiting,
    /// It is tried what it needs.
    Probing,
    /// It has what it needs.
    Held,
    /// It could not be met; one of the pool until then.
    Unmet(Nanos),
}

/// See the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// When it came.
    pub since: Nanos,
    /// Above 0 for a guarantee.
    pub priority: i32,
    /// The socket on which it runs, if on one.
    pub home: Option<usize>,
    /// The socket to which it was moved.
    pub moved: Option<usize>,
    /// Until when it is not moved.
    pub stays: Nanos,
    /// How far its guarantee is.
    pub status: Status,
    stalls: VecDeque<(Nanos, f64)>,
}

impl Member {
    /// One that came now.
    pub fn new(since: Nanos) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }

    /// Takes over what is told of the target. A change of its CPUs that is ours says nothing of its home.
    pub fn told(&mut self, target: &Target, socket: Option<usize>) {
        self.name = target.name.to_string();
        self.priority = target.priority;
        if self.moved.is_none() {
            self.home = socket;
        }
    }

    /// It waits for memory for that share of its cycles.
    pub fn hear(&mut self, at: Nanos, stalls: f64) {
        if self.stalls.len() == SAMPLES {
            self.stalls.pop_front();
        }
        self.stalls.push_back((at, stalls));
    }

    /// The mean over a window.
    pub fn stalls(&self, at: Nanos, window: Nanos) -> Option<f64> {
        let fresh = self.stalls.iter().filter(|(when, _)| *when + window >= at);
        let (sum, count) = fresh.fold((0.0, 0_u32), |(sum, count), (_, value)| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Where it runs now.
    pub fn socket(&self) -> Option<usize> {
        self.moved.or(self.home)
    }

    /// It is left where it is until then.
    pub fn stay(&mut self, until: Nanos) {
        self.moved = None;
        self.stays = until;
    }

    /// Nothing is held for it any more.
    pub fn stand_down(&mut self) {
        self.moved = None;
        self.status = Status::Pool;
    }

    /// Whether the config says that it is never touched.
    pub fn is_spared(&self, config: &DynamicConfig) -> bool {
        fits_one(&config.spare, self.name.as_bytes())
    }
}
