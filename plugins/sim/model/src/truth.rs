//! Who suffers how much, from whom, through what: the equations solved again without one of them.
//!
//! - Slowdown compares a workload with itself alone on the machine: the p99 of a service as it is at its usual load and
//!   without a quota, so that trouble of its own counts too; the instructions a second of batch work with its own settings.
//! - What a neighbour causes is the mean (of logarithms) of two counterfactuals: everybody but that neighbour, and nobody
//!   but that neighbour. Either alone misleads where two are each enough by themselves: without one of them nothing is
//!   better, and yet both are to blame (Shapley's value, cut short at its two ends).
//! - What a resource does is found by exchanging its terms alone (`solve::Terms`).
//!
//! The caches are taken as settled, and threads stay where they are placed.

use crate::demand::Demand;
use crate::simulation::Life;
use crate::solve::{Ground, Outcome, State, Stolen, Terms, alone, outcome};
use pipeline_plugin_api::abi::Resource;

/// Below that slowdown nobody is looked for.
const TELL: f64 = 1.03;
/// Causes below that are not told.
const LEAST: f64 = 1.01;
/// Whoever uses less of a CPU disturbs nobody.
const LEAST_CPU: f64 = 0.002;
/// Nor does whoever fetches less of what all fetch.
const LEAST_FETCHED: f64 = 0.01;
/// Rounds until a changed node has settled.
const ROUNDS: u32 = 9;

/// Through what a workload is slower than it could be.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Time on a CPU.
    Cpu,
    /// The last-level cache.
    Cache,
    /// Memory bandwidth.
    Bandwidth,
    /// The sibling thread of a core.
    Smt,
    /// The block device.
    Io,
    /// The hypervisor.
    Hypervisor,
    /// Its own load, its own limits.
    Own,
    /// Its knobs as somebody turned them.
    Remedy,
}

impl Harm {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Cpu,
        Self::Cache,
        Self::Bandwidth,
        Self::Smt,
        Self::Io,
        Self::Hypervisor,
        Self::Own,
        Self::Remedy,
    ];
    /// Those through which a neighbour reaches a workload.
    const SHARED: [Self; 5] = [Self::Cpu, Self::Cache, Self::Bandwidth, Self::Smt, Self::Io];

    /// The resource as findings name it; [`Resource::UNKNOWN`] for a remedy, which is none.
    pub const fn resource(self) -> Resource {
        match self {
            Self::Cpu => Resource::CPU_TIME,
            Self::Cache => Resource::L3,
            Self::Bandwidth => Resource::MEMORY_BANDWIDTH,
            Self::Smt => Resource::SMT,
            Self::Io => Resource::IO,
            Self::Hypervisor => Resource::HYPERVISOR,
            Self::Own => Resource::SELF,
            Self::Remedy => Resource::UNKNOWN,
        }
    }

    /// Its name: that of the resource, or `remedy`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Remedy => "remedy",
            _ => self.resource().name().unwrap_or_default(),
        }
    }
}

/// What a neighbour does to a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The neighbour's place.
    pub culprit: usize,
    /// How many times slower the workload is because of it.
    pub times: f64,
    /// The same through one resource each; those that do nothing are left out.
    pub through: Vec<(Harm, f64)>,
}

/// How a workload really fares.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Its place.
    pub workload: usize,
    /// How many times slower it is than alone on the machine, whatever the reason; 1 for not at all.
    pub slowdown: f64,
    /// How many times slower through each resource; those that do nothing are left out.
    pub through: Vec<(Harm, f64)>,
    /// The neighbours that slow it, the worst first.
    pub causes: Vec<Cause>,
}

/// How everybody who is there really fares.
pub fn tell(ground: &Ground<'_>, state: &State, lives: &[Life]) -> Vec<Truth> {
    let mut without = Without {
        ground,
        state,
        known: vec![None; lives.len()],
        calm: vec![Stolen::default(); ground.stolen.len()],
    };
    let here = (0..lives.len()).filter(|i| ground.active[*i]);
    here.map(|i| one(&mut without, lives, i)).collect()
}

fn one(without: &mut Without<'_, '_>, lives: &[Life], i: usize) -> Truth {
    let (ground, state) = (without.ground, without.state);
    let demand = &ground.demands[i];
    let case = Case {
        ground,
        demand,
        now: &state.flows[i].terms,
        alone: alone(ground.machine, demand),
    };
    let speed = case.speed(case.now);
    let own = speed_alone(ground, &lives[i].own);
    let calm = if is_service(demand) {
        speed_alone(ground, &lives[i].calm)
    } else {
        own
    };
    let mut truth = Truth {
        workload: i,
        slowdown: ratio(calm, speed),
        through: case.through(speed),
        causes: Vec::new(),
    };
    add(&mut truth.through, Harm::Own, ratio(calm, own));
    add(&mut truth.through, Harm::Remedy, ratio(own, case.speed(&case.alone)));
    if ratio(case.speed(&case.alone), speed) >= TELL {
        let harms: Vec<Harm> = truth.through.iter().map(|(harm, _)| *harm).collect();
        truth.causes = case.causes(without, i, speed, &harms);
    }
    truth
}

/// A workload of which it is asked why it is slow.
struct Case<'a> {
    ground: &'a Ground<'a>,
    demand: &'a Demand,
    now: &'a Terms,
    alone: Terms,
}

impl Case<'_> {
    fn speed(&self, terms: &Terms) -> f64 {
        outcome(self.ground.machine, self.demand, terms).speed(self.demand)
    }

    /// How many times slower through each resource: with its terms as they are alone, and the others as they are.
    fn through(&self, speed: f64) -> Vec<(Harm, f64)> {
        let mut through = Vec::new();
        for harm in Harm::SHARED.into_iter().chain([Harm::Hypervisor]) {
            let freed = self.speed(&exchange(self.now, &self.alone, harm));
            add(&mut through, harm, ratio(freed, speed));
        }
        through
    }

    fn causes(&self, without: &mut Without<'_, '_>, victim: usize, speed: f64, harms: &[Harm]) -> Vec<Cause> {
        let suspects = (0..self.ground.demands.len()).filter(|j| *j != victim && self.ground.active[*j]);
        let suspects: Vec<usize> = suspects.filter(|j| self.is_suspect(without.state, *j, harms)).collect();
        let mut causes: Vec<Cause> = suspects
            .into_iter()
            .filter_map(|j| self.cause(without, victim, j, speed))
            .collect();
        causes.sort_by(|a, b| b.times.total_cmp(&a.times).then(a.culprit.cmp(&b.culprit)));
        causes
    }

    /// Whether a neighbour could have done any of that: solving without everybody else would be dear.
    fn is_suspect(&self, state: &State, neighbour: usize, harms: &[Harm]) -> bool {
        let (flow, demand) = (&state.flows[neighbour], &self.ground.demands[neighbour]);
        let is_near = |cpu: usize| {
            let sibling = self.ground.machine.sibling[cpu];
            self.demand
                .cpus
                .iter()
                .any(|(own, _)| *own == cpu || Some(*own) == sibling)
        };
        harms.iter().any(|harm| match harm {
            Harm::Cpu | Harm::Smt => flow.got() > LEAST_CPU && demand.cpus.iter().any(|(cpu, _)| is_near(*cpu)),
            Harm::Cache | Harm::Bandwidth => {
                let all: f64 = state.flows.iter().flat_map(|flow| &flow.fetched).sum();
                flow.fetched.iter().sum::<f64>() > LEAST_FETCHED * all
            }
            Harm::Io => io_of(demand) > 0.0,
            Harm::Hypervisor | Harm::Own | Harm::Remedy => false,
        })
    }

    fn cause(&self, without: &mut Without<'_, '_>, victim: usize, culprit: usize, speed: f64) -> Option<Cause> {
        let pair = without.only(victim, culprit);
        let rest = without.all_but(culprit)[victim];
        let unharmed = self.speed(&self.alone);
        let mean = |last: f64, first: f64| (last.max(1.0) * first.max(1.0)).sqrt();
        let times = mean(ratio(self.speed(&rest), speed), ratio(unharmed, self.speed(&pair)));
        (times >= LEAST).then_some(())?;
        let mut through = Vec::new();
        for harm in Harm::SHARED {
            let last = ratio(self.speed(&exchange(self.now, &rest, harm)), speed);
            let first = ratio(unharmed, self.speed(&exchange(&self.alone, &pair, harm)));
            add(&mut through, harm, mean(last, first));
        }
        Some(Cause {
            culprit,
            times,
            through,
        })
    }
}

/// Counterfactual nodes, each computed once.
struct Without<'a, 'b> {
    ground: &'a Ground<'b>,
    state: &'a State,
    known: Vec<Option<Vec<Terms>>>,
    /// CPUs of which nothing is taken.
    calm: Vec<Stolen>,
}

impl Without<'_, '_> {
    fn settled(&self, active: &[bool], stolen: &[Stolen]) -> State {
        let mut state = self.state.clone();
        let ground = Ground {
            active,
            stolen,
            ..*self.ground
        };
        state.pass(&ground, None, ROUNDS);
        state
    }

    /// The terms of everybody without one of them.
    fn all_but(&mut self, one: usize) -> &[Terms] {
        if self.known[one].is_none() {
            let mut active = self.ground.active.to_vec();
            active[one] = false;
            let state = self.settled(&active, self.ground.stolen);
            self.known[one] = Some(state.flows.iter().map(|flow| flow.terms).collect());
        }
        self.known[one].as_deref().unwrap_or_default()
    }

    /// The terms of a victim with one neighbour and nobody else, not even a hypervisor.
    fn only(&self, victim: usize, neighbour: usize) -> Terms {
        let mut active = vec![false; self.ground.active.len()];
        active[victim] = true;
        active[neighbour] = true;
        self.settled(&active, &self.calm).flows[victim].terms
    }
}

/// Terms with those of one resource taken from others.
fn exchange(terms: &Terms, from: &Terms, harm: Harm) -> Terms {
    let mut terms = *terms;
    match harm {
        Harm::Cpu => {
            // What the hypervisor takes is not the neighbours'.
            let left = (1.0 - terms.steal.0) / (1.0 - from.steal.0).max(0.05);
            terms.capacity = from.capacity * left;
            (terms.slice, terms.brief) = (from.slice, from.brief);
        }
        Harm::Cache => terms.misses = from.misses,
        Harm::Bandwidth => terms.memory = from.memory,
        Harm::Smt => terms.smt = from.smt,
        Harm::Io => (terms.io, terms.io_share) = (from.io, from.io_share),
        Harm::Hypervisor => {
            let left = (1.0 - from.steal.0) / (1.0 - terms.steal.0).max(0.05);
            terms.capacity *= left;
            terms.steal = from.steal;
        }
        Harm::Own | Harm::Remedy => {}
    }
    terms
}

fn speed_alone(ground: &Ground<'_>, demand: &Demand) -> f64 {
    let of: Outcome = outcome(ground.machine, demand, &alone(ground.machine, demand));
    of.speed(demand)
}

fn is_service(demand: &Demand) -> bool {
    matches!(demand.task, crate::demand::Task::Service { .. })
}

/// Bytes a second from and to the block device.
fn io_of(demand: &Demand) -> f64 {
    match demand.task {
        crate::demand::Task::Batch { io, .. } => io,
        crate::demand::Task::Service { rate, io, .. } => rate * io,
    }
}

fn add(through: &mut Vec<(Harm, f64)>, harm: Harm, times: f64) {
    if times >= LEAST {
        through.push((harm, times));
    }
}

/// How many times slower; what stands still is a million times slower, and what never wanted anything is not slower.
fn ratio(could: f64, does: f64) -> f64 {
    const MOST: f64 = 1e6;
    match (could > 0.0, does > 0.0) {
        (true, true) => (could / does).clamp(1e-6, MOST),
        (true, false) => MOST,
        _ => 1.0,
    }
}
