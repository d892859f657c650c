//! A scenario as it passes: time, who is there, what was turned, what was used. The equations are in `solve` and below.
//!
//! Time goes on in steps of a tenth of a second at most, and to every instant at which the scenario changes something;
//! within a step rates stand still. Asked for an instant twice, it does nothing the second time.

mod account;
mod life;

use crate::demand::Demand;
use crate::knob::{Dial, Settings};
use crate::latency::Latency;
use crate::machine::Machine;
use crate::placement::{self, Placed};
use crate::scenario::{Scenario, Work};
use crate::solve::{Ground, Layout, State, Stolen};
use crate::totals::{Levels, Totals};
use crate::truth::{self, Truth};
pub use life::Life;
use pipeline_plugin_api::abi::Nanos;
use std::sync::Arc;

/// Noise is drawn anew, and rates are computed anew, so often.
const GRID: Nanos = Nanos::from_millis(100);
/// How many rounds of the equations a step takes; each begins where the one before ended.
const ROUNDS: u32 = 3;

/// Whether a workload is there.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It came.
    Came,
    /// It went.
    Went,
}

/// Something about a workload that others want to know at once.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Nanos,
    /// Whose: its place in the order of names.
    pub workload: usize,
    /// What.
    pub presence: Presence,
}

/// A node that is simulated.
#[derive(Clone, Debug)]
pub struct Simulation {
    scenario: Arc<Scenario>,
    machine: Machine,
    now: Nanos,
    lives: Vec<Life>,
    demands: Vec<Demand>,
    present: Vec<bool>,
    layout: Layout,
    stolen: Vec<Stolen>,
    /// Time that the hypervisor took of each CPU while somebody wanted it, in ns.
    taken: Vec<f64>,
    state: State,
    changes: Vec<Change>,
    /// Whether somebody came, went or was turned, so that threads are spread anew.
    is_moved: bool,
    /// Whether phases or noise are others now.
    is_fresh: bool,
}

impl Simulation {
    /// A node at the beginning of a scenario, which is to be one that [`crate::parse`] gave or that checks.
    pub fn new(scenario: Scenario) -> Self {
        let machine = Machine::of(&scenario.machine);
        let lives: Vec<Life> = scenario
            .workloads
            .iter()
            .map(|(name, workload)| Life::new(&machine, name, workload, scenario.seed))
            .collect();
        let demands = lives.iter().map(|life| life.own.clone()).collect();
        let mut node = Self {
            now: Nanos::ZERO,
            demands,
            present: vec![false; lives.len()],
            layout: Layout::default(),
            stolen: vec![Stolen::default(); machine.cpus],
            taken: vec![0.0; machine.cpus],
            state: State::new(&machine, lives.len()),
            changes: Vec::new(),
            is_moved: true,
            is_fresh: true,
            lives,
            machine,
            scenario: Arc::new(scenario),
        };
        node.draw();
        node.turn_over();
        node.settle();
        node
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The instant at which it stands.
    pub const fn now(&self) -> Nanos {
        self.now
    }

    /// The names of the workloads, in the order of their places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.scenario.workloads.keys().map(String::as_str)
    }

    /// The place of a name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names().position(|this| this == name)
    }

    /// Whether a workload is there.
    pub fn is_present(&self, workload: usize) -> bool {
        self.present[workload]
    }

    /// Who came and went since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The next instant after now at which somebody comes or goes, if anybody does.
    pub fn next_change(&self) -> Option<Nanos> {
        let windows = self.scenario.workloads.values().map(|workload| workload.during);
        windows.filter_map(|window| window.next_edge(self.now)).min()
    }

    /// Goes on to an instant; an earlier one is none.
    pub fn advance(&mut self, to: Nanos) {
        while self.now < to {
            let grid = Nanos((self.now.0 / GRID.0 + 1) * GRID.0);
            let edge = self.next_edge();
            let next = to.min(grid).min(edge);
            self.step(next - self.now);
            self.now = next;
            if next == grid {
                self.draw();
            }
            if next == edge {
                self.turn_over();
            }
            self.settle();
        }
    }

    /// Turns a knob of a workload, from now on.
    pub fn set(&mut self, workload: usize, dial: Dial, settings: &Settings) {
        let demand = &mut self.demands[workload];
        if demand.settings.agrees(dial, settings) {
            return;
        }
        demand.settings.take(dial, settings);
        self.is_moved |= !matches!(dial, Dial::Ways | Dial::Bandwidth);
        self.is_fresh = true;
        self.settle();
    }

    /// How the knobs of a workload stand.
    pub fn settings(&self, workload: usize) -> &Settings {
        &self.demands[workload].settings
    }

    /// How they stand in the scenario.
    pub fn own_settings(&self, workload: usize) -> &Settings {
        &self.lives[workload].own.settings
    }

    /// What a workload used since it came.
    pub fn totals(&self, workload: usize) -> &Totals {
        &self.lives[workload].totals
    }

    /// The useful work that a workload did since it came, in seconds of what it does undisturbed: instructions of batch
    /// work over those that it does alone, requests over those that its rate brings.
    pub fn work(&self, workload: usize) -> f64 {
        let life = &self.lives[workload];
        match &life.spec.kind {
            Work::Service { rate, .. } => life.totals.answered / rate.max(1e-9),
            Work::Batch { .. } => life.totals.instructions / life.undisturbed.max(1e-9),
        }
    }

    /// How many times a workload came so far.
    pub fn lives(&self, workload: usize) -> u32 {
        self.lives[workload].life
    }

    /// How a workload stands.
    pub fn levels(&self, workload: usize) -> Levels {
        let demand = &self.demands[workload];
        let cpus: Vec<u32> = demand.allowed.iter().collect();
        let runs_at = |cache: usize| cpus.iter().any(|cpu| self.machine.cache_of[*cpu as usize] == cache);
        let spec = &self.lives[workload].spec;
        Levels {
            held: (0..self.machine.caches)
                .map(|cache| runs_at(cache).then(|| self.state.caches[cache].held(workload)))
                .collect(),
            memory: spec.nature.memory.0 as f64,
            threads: f64::from(spec.threads),
            cpus,
            backlog: self.lives[workload].backlog,
        }
    }

    /// How long the requests of a workload took that were answered since an instant, as far back as is kept (a minute at
    /// most, to 10 ms); `None` where it answers none by its nature.
    pub fn latency(&self, workload: usize, since: Nanos) -> Option<Latency> {
        self.lives[workload].latency(since)
    }

    /// Time that the hypervisor took of a CPU since the beginning, while somebody wanted it, in ns.
    pub fn taken(&self, cpu: u32) -> f64 {
        self.taken.get(cpu as usize).copied().unwrap_or_default()
    }

    /// The logical CPUs of one core each, where a core has two.
    pub fn siblings(&self) -> Vec<(u32, u32)> {
        let pair = |(cpu, sibling): (usize, &Option<usize>)| {
            let sibling = (*sibling)?;
            (cpu < sibling).then_some((cpu as u32, sibling as u32))
        };
        self.machine.sibling.iter().enumerate().filter_map(pair).collect()
    }

    /// Who suffers how much, from whom and through what, by solving the equations again without them. Dear: some tens of
    /// microseconds for each pair where somebody suffers.
    pub fn truth(&self) -> Vec<Truth> {
        truth::tell(&self.ground(), &self.state, &self.lives)
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            machine: &self.machine,
            demands: &self.demands,
            layout: &self.layout,
            stolen: &self.stolen,
            active: &self.present,
        }
    }

    fn next_edge(&self) -> Nanos {
        let workloads = self.scenario.workloads.values();
        let edges = workloads.flat_map(|workload| {
            let phases = workload.phases.iter().map(|phase| phase.during);
            std::iter::once(workload.during).chain(phases)
        });
        let edges = edges.chain(self.scenario.steal.iter().map(|steal| steal.during));
        let edges = edges.filter_map(|window| window.next_edge(self.now));
        let takers = self.scenario.takers.iter().map(|taker| taker.at.nanos());
        let takers = takers.filter(|at| *at > self.now);
        edges.chain(takers).min().unwrap_or(Nanos::FOREVER)
    }

    /// New noise.
    fn draw(&mut self) {
        for life in &mut self.lives {
            life.draw(self.now);
        }
        self.is_fresh = true;
    }

    /// Follows the scenario to this instant: who is there, phases, the hypervisor, those who turn knobs.
    fn turn_over(&mut self) {
        let now = self.now;
        for (i, life) in self.lives.iter_mut().enumerate() {
            let is_there = life.spec.during.holds(now);
            if is_there != self.present[i] {
                self.present[i] = is_there;
                self.is_moved = true;
                let presence = if is_there { Presence::Came } else { Presence::Went };
                self.changes.push(Change {
                    at: now,
                    workload: i,
                    presence,
                });
                match is_there {
                    true => life.begin(&self.machine),
                    false => self.state.forget(&self.machine, i),
                }
                // Whoever comes finds its knobs as the scenario has them.
                self.demands[i].settings = life.own.settings.clone();
            }
            let phase = crate::demand::phase_at(&life.spec, now);
            if phase != life.phase {
                life.phase = phase;
                self.is_moved = true;
            }
        }
        self.steal();
        self.take();
        self.is_fresh = true;
    }

    fn steal(&mut self) {
        self.stolen.fill(Stolen::default());
        for steal in self.scenario.steal.iter().filter(|steal| steal.during.holds(self.now)) {
            let list = steal.cpus.as_deref().and_then(|list| crate::Cpus::parse(list).ok());
            for (cpu, stolen) in self.stolen.iter_mut().enumerate() {
                if list.as_ref().is_none_or(|list| list.holds(cpu as u32)) {
                    stolen.share = 1.0 - (1.0 - stolen.share) * (1.0 - steal.share);
                    stolen.stall = stolen.stall.max(steal.stall.nanos().0 as f64);
                }
            }
        }
    }

    fn take(&mut self) {
        for taker in self.scenario.takers.iter().filter(|taker| taker.at.nanos() == self.now) {
            let place = self.scenario.workloads.keys().position(|name| *name == taker.target);
            let dial = Dial::named(&taker.knob);
            if let (Some(place), Some(dial)) = (place, dial) {
                // A list that is none was refused with the scenario.
                let _ = self.demands[place].settings.turn(dial, taker.value, &taker.text);
                self.is_moved = true;
            }
        }
    }

    /// Brings demands and places up to date with what is fresh.
    fn settle(&mut self) {
        if self.is_fresh || self.is_moved {
            for ((demand, life), present) in self.demands.iter_mut().zip(&mut self.lives).zip(&self.present) {
                if *present {
                    demand.settle(&self.machine, &life.spec);
                    demand.follow(&self.machine, &life.spec, &life.phase, life.noise());
                    life.follow(&self.machine);
                }
            }
            self.is_fresh = false;
        }
        if self.is_moved {
            self.place_all();
            self.is_moved = false;
        }
    }

    fn place_all(&mut self) {
        let here: Vec<usize> = (0..self.lives.len()).filter(|i| self.present[*i]).collect();
        let placed: Vec<Placed> = here
            .iter()
            .map(|i| Placed {
                allowed: self.demands[*i].allowed.clone(),
                demand: self.demands[*i].rough_cpus(&self.machine),
                threads: self.demands[*i].threads,
            })
            .collect();
        let spread = placement::spread(&self.machine, &placed);
        for (i, cpus) in here.into_iter().zip(spread) {
            self.demands[i].cpus = cpus;
        }
        self.layout = Layout::of(&self.machine, &self.demands, &self.present);
    }

    fn step(&mut self, span: Nanos) {
        let ground = Ground {
            machine: &self.machine,
            demands: &self.demands,
            layout: &self.layout,
            stolen: &self.stolen,
            active: &self.present,
        };
        self.state.pass(&ground, Some(span.seconds()), ROUNDS);
        let end = self.now + span;
        for (i, life) in self.lives.iter_mut().enumerate().filter(|(i, _)| self.present[*i]) {
            account::add(life, &self.machine, &self.demands[i], &self.state.flows[i], span, end);
        }
        account::taken(
            &mut self.taken,
            &self.stolen,
            &self.state,
            &self.demands,
            &self.present,
            span,
        );
    }
}

#[cfg(test)]
mod tests;
