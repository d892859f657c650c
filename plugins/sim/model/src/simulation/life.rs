//! One workload through its lives: what it has by the scenario, its noise, its sums, its requests.

use crate::demand::Demand;
use crate::knob::Settings;
use crate::latency::{Latency, Profile};
use crate::machine::Machine;
use crate::noise::noise;
use crate::placement::{self, Placed};
use crate::scenario::{Phase, Work, Workload};
use crate::solve::{alone, outcome};
use crate::totals::Totals;
use pipeline_plugin_api::abi::Nanos;
use std::collections::VecDeque;

/// Moments of requests that are kept: a minute of them, or less where the node is read very often.
const MOMENTS: usize = 600;
/// Moments that are nearer to each other are one.
const MERGED: Nanos = Nanos::from_millis(10);
/// How much of the noise stays from one draw to the next: what varies lasts for some tenths of a second.
const PERSISTENCE: f64 = 0.7;

/// Requests that were answered in a while that ended then.
#[derive(Clone, Copy, Debug)]
struct Moment {
    until: Nanos,
    requests: f64,
    profile: Profile,
}

/// One workload.
#[derive(Clone, Debug)]
pub struct Life {
    /// What the scenario says of it.
    pub spec: Workload,
    /// What it asks for with its own settings, on CPUs that it has to itself.
    pub own: Demand,
    /// The same without its phases and without its own quota: how it is when nothing is wrong at all.
    pub calm: Demand,
    /// Instructions a second that it does alone, by its usual load.
    pub undisturbed: f64,
    /// The phases of this moment.
    pub phase: Phase,
    /// Sums since it came.
    pub totals: Totals,
    /// Requests that wait.
    pub backlog: f64,
    /// How many times it came.
    pub life: u32,
    moments: VecDeque<Moment>,
    seed: u64,
    wander: (f64, f64),
}

impl Life {
    /// A workload that was not there yet.
    pub fn new(machine: &Machine, name: &str, spec: &Workload, seed: u64) -> Self {
        let settings = Settings::of(spec);
        let free = Settings {
            quota: f64::INFINITY,
            ..settings.clone()
        };
        let mut life = Self {
            own: Demand::new(machine, spec, settings),
            calm: Demand::new(machine, spec, free),
            spec: spec.clone(),
            undisturbed: 0.0,
            phase: Phase::default(),
            totals: Totals::default(),
            backlog: 0.0,
            life: 0,
            moments: VecDeque::new(),
            seed: seed ^ stream_of(name),
            wander: (0.0, 0.0),
        };
        life.follow(machine);
        for demand in [&mut life.own, &mut life.calm] {
            let placed = Placed {
                allowed: demand.allowed.clone(),
                demand: demand.rough_cpus(machine),
                threads: demand.threads,
            };
            demand.cpus = placement::spread(machine, &[placed]).pop().unwrap_or_default();
        }
        life.undisturbed = outcome(machine, &life.calm, &alone(machine, &life.calm)).instructions;
        life
    }

    /// It comes.
    pub fn begin(&mut self, machine: &Machine) {
        self.life += 1;
        self.backlog = 0.0;
        self.moments.clear();
        self.totals = Totals {
            moved: vec![0.0; machine.caches],
            ..Totals::default()
        };
    }

    /// New noise: each draw keeps something of the one before (an autoregressive process of order 1).
    pub fn draw(&mut self, at: Nanos) {
        let keep = PERSISTENCE;
        let fresh = (1.0 - keep * keep).sqrt();
        let next = |now: f64, stream: u64| keep * now + fresh * noise(self.seed, stream, at.0);
        self.wander = (next(self.wander.0, 1), next(self.wander.1, 2));
    }

    /// Noise as factors on instructions and on load.
    pub fn noise(&self) -> (f64, f64) {
        let factor = |spread: f64, wander: f64| (1.0 + spread * wander).max(0.1);
        (
            factor(self.spec.noise, self.wander.0),
            factor(self.spec.burst, self.wander.1),
        )
    }

    /// Follows the moment.
    pub fn follow(&mut self, machine: &Machine) {
        let noise = self.noise();
        self.own.follow(machine, &self.spec, &self.phase, noise);
        self.calm.follow(machine, &self.spec, &Phase::default(), noise);
    }

    /// Requests were answered.
    pub fn answered(&mut self, until: Nanos, requests: f64, profile: Profile) {
        if let Some(last) = self
            .moments
            .back_mut()
            .filter(|last| last.until.0 / MERGED.0 == until.0 / MERGED.0)
        {
            last.requests += requests;
            (last.until, last.profile) = (until, profile);
            return;
        }
        if self.moments.len() == MOMENTS {
            self.moments.pop_front();
        }
        self.moments.push_back(Moment {
            until,
            requests,
            profile,
        });
    }

    /// What requests took since an instant, to 10 ms; `None` where it answers none by its nature.
    pub fn latency(&self, since: Nanos) -> Option<Latency> {
        matches!(self.spec.kind, Work::Service { .. }).then_some(())?;
        let mut latency = Latency::default();
        for moment in self.moments.iter().rev().take_while(|moment| moment.until > since) {
            latency.add(moment.requests, moment.profile);
        }
        Some(latency)
    }
}

/// A stream of noise for a name (FNV-1a), so that who else is there changes nothing about it.
fn stream_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
