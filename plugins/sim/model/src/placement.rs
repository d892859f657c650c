//! Where the threads of each workload run: spread over the CPUs that it may use, more on those where less is going on, as
//! the kernel's load balancer would have it after a while (Documentation/scheduler/sched-domains.rst). A whole core comes
//! before a thread whose sibling is busy.
//!
//! Spread is a share of each CPU, not an assignment of threads: what wanders in reality is everywhere a little here. It
//! is computed anew when somebody comes, goes or may use other CPUs, not from moment to moment.

use crate::cpus::Cpus;
use crate::machine::Machine;

/// How many times it is spread anew; it settles within a few.
const ROUNDS: usize = 12;
/// How much the load of a sibling counts.
const SIBLING: f64 = 0.6;
/// Shares below that are nothing.
const LEAST: f64 = 1e-3;

/// What is to be placed.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it may run.
    pub allowed: Cpus,
    /// How many CPUs it would use.
    pub demand: f64,
    /// Most CPUs that it can use at a time.
    pub threads: f64,
}

/// For each workload its CPUs, with the share of its work that is done there; the shares add up to 1.
pub fn spread(machine: &Machine, all: &[Placed]) -> Vec<Vec<(usize, f64)>> {
    let mut shares: Vec<Vec<(usize, f64)>> = all.iter().map(even).collect();
    let mut load = vec![0.0; machine.cpus];
    for (placed, share) in all.iter().zip(&shares) {
        add(&mut load, share, placed.demand);
    }
    for _ in 0..ROUNDS {
        for (placed, share) in all.iter().zip(&mut shares).filter(|(_, share)| share.len() > 1) {
            add(&mut load, share, -placed.demand);
            rebalance(machine, placed, share, &load);
            add(&mut load, share, placed.demand);
        }
    }
    for share in &mut shares {
        share.retain(|(_, part)| *part > LEAST);
        let total: f64 = share.iter().map(|(_, part)| part).sum();
        share.iter_mut().for_each(|(_, part)| *part /= total.max(1e-12));
    }
    shares
}

fn even(placed: &Placed) -> Vec<(usize, f64)> {
    let part = 1.0 / placed.allowed.len().max(1) as f64;
    placed.allowed.iter().map(|cpu| (cpu as usize, part)).collect()
}

fn add(load: &mut [f64], share: &[(usize, f64)], demand: f64) {
    for (cpu, part) in share {
        load[*cpu] += part * demand;
    }
}

/// Moves half of the way to where there is room, by how much there is; a CPU takes no more than one thread's worth.
fn rebalance(machine: &Machine, placed: &Placed, share: &mut [(usize, f64)], load: &[f64]) {
    let room = |cpu: usize| {
        let beside = machine.sibling[cpu].map_or(0.0, |sibling| load[sibling].min(1.0));
        1.0 / (0.05 + load[cpu] + SIBLING * beside).powi(2)
    };
    let total: f64 = share.iter().map(|(cpu, _)| room(*cpu)).sum();
    let most = (1.0 / placed.threads.max(1.0)).max(1.0 / share.len() as f64);
    for (cpu, part) in share.iter_mut() {
        let aim = (room(*cpu) / total).min(most);
        *part += (aim - *part) * 0.5;
    }
    let sum: f64 = share.iter().map(|(_, part)| part).sum();
    share.iter_mut().for_each(|(_, part)| *part /= sum.max(1e-12));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    fn placed(list: &str, demand: f64) -> Placed {
        Placed {
            allowed: Cpus::parse(list).unwrap(),
            demand,
            threads: demand.max(1.0),
        }
    }

    fn spread_of(all: &[Placed]) -> Vec<Vec<(usize, f64)>> {
        spread(&Machine::of(&scenario::Machine::default()), all)
    }

    #[test]
    fn one_cpu_takes_all_of_what_is_pinned_there() {
        assert_eq!(spread_of(&[placed("3", 1.0)]), [[(3, 1.0)]]);
    }

    #[test]
    fn who_may_go_elsewhere_leaves_a_busy_cpu_and_its_sibling() {
        let shares = spread_of(&[placed("0", 1.0), placed("0-1,4-5", 1.0)]);
        let at = |cpu: usize| {
            shares[1]
                .iter()
                .find(|(this, _)| *this == cpu)
                .map_or(0.0, |(_, part)| *part)
        };
        assert!(at(1) > 2.0 * at(4) && at(0) < 0.05, "{shares:?}");
    }

    #[test]
    fn shares_add_up_to_one() {
        for share in spread_of(&[placed("0-7", 8.0), placed("0-3", 2.0), placed("2", 1.0)]) {
            assert!((share.iter().map(|(_, part)| part).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
