//! What a slower CPU makes of the time that an answer takes, at most.
//!
//! Requests queue for the CPUs of whoever answers them. Where each costs `h` times more of a CPU, an answer takes at most
//! `(1 + h) (1 - u) / (1 - u (1 + h))` times as long, with `u` the share of its CPUs that the target used before: the time in
//! a queue with one server goes with `s / (1 - u)` (Pollaczek and Khinchine; with more servers there is less waiting), and
//! what an answer spends elsewhere is no longer for it. A tail of a few hundred requests strays by more than the slowdowns
//! that are worth telling, and so does one window after another now and then; what is lost on the CPU is known to a
//! hundredth. So the tail says whether somebody suffers, and this how much can be put down to what was seen.

use super::sheet::{Item, Sheet};
use super::stack::Stack;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// Through what work costs more of a CPU.
const ON_CPU: [Resource; 3] = [Resource::L3, Resource::MEMORY_BANDWIDTH, Resource::SMT];
/// Where anything is lost otherwise, as waiting for a CPU, a queue is no bound: slices of others come in milliseconds.
const OTHERWISE: f64 = 1e-6;
/// Who uses that share of its CPUs cannot keep up: its queue grows for as long as it lasts.
const FULL: f64 = 0.95;
/// How much the latest span counts.
const FOLLOW: f64 = 0.25;

/// How many times longer answers take for that, less one, at most; `None` where there is no such bound: nobody waits for
/// answers, time is lost otherwise too, or the queue is full.
pub fn bound(now: &Sheet, lost: &Stack, cpus: usize) -> Option<f64> {
    now.get(Item::Load)?;
    let dearer: f64 = ON_CPU.iter().map(|resource| lost.get(*resource)).sum();
    let used = now.get(Item::Cpu)? / cpus.max(1) as f64;
    let usually = used / (1.0 + dearer);
    let is_bound = lost.harm() - dearer < OTHERWISE && used < FULL;
    is_bound.then(|| (1.0 + dearer) * (1.0 - usually) / (1.0 - used) - 1.0)
}

/// The bound over the last spans, smoothed.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reach(Option<f64>);

impl Reach {
    /// Takes in the bound of a span.
    pub fn follow(&mut self, bound: Option<f64>) {
        self.0 = bound.map(|bound| self.0.map_or(bound, |before| before + (bound - before) * FOLLOW));
    }

    /// Whether answers may take that many times longer, less one, for what is lost.
    pub fn reaches(self, slower: f64) -> bool {
        self.0.is_none_or(|bound| bound >= slower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(cpu: f64, load: Option<f64>) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.set(Item::Cpu, Some(cpu));
        sheet.set(Item::Load, load);
        sheet
    }

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-3)
    }

    #[test]
    fn a_busier_queue_makes_more_of_the_same_loss() {
        let lost = Stack::of(&[(Resource::L3, 0.05), (Resource::SMT, 0.05)]);
        let bound = |cpu: f64, cpus| bound(&sheet(cpu, Some(1000.0)), &lost, cpus);
        // An idle queue adds nothing; at half a CPU before, a tenth more work leaves 0.45 of 0.5.
        assert!(near(bound(0.0, 1), 0.1), "{:?}", bound(0.0, 1));
        assert!(near(bound(0.55, 1), 1.1 * 0.5 / 0.45 - 1.0), "{:?}", bound(0.55, 1));
        assert!(near(bound(1.1, 2), 1.1 * 0.5 / 0.45 - 1.0), "{:?}", bound(1.1, 2));
    }

    #[test]
    fn there_is_no_bound_where_time_is_lost_otherwise_or_nobody_waits_or_the_queue_is_full() {
        let cycles = Stack::of(&[(Resource::L3, 0.05)]);
        let waiting = Stack::of(&[(Resource::L3, 0.05), (Resource::CPU_TIME, 0.006)]);
        assert_eq!(bound(&sheet(0.3, Some(9.0)), &waiting, 1), None);
        assert_eq!(bound(&sheet(0.3, None), &cycles, 1), None);
        assert_eq!(bound(&sheet(0.96, Some(9.0)), &cycles, 1), None);
        assert!(bound(&sheet(0.3, Some(9.0)), &cycles, 1).is_some());
    }

    #[test]
    fn one_span_alone_does_not_reach_and_what_is_unbounded_always_does() {
        let mut reach = Reach::default();
        assert!(reach.reaches(0.1), "nothing is known of a bound");
        (0..8).for_each(|_| reach.follow(Some(0.08)));
        reach.follow(Some(0.13));
        assert!(!reach.reaches(0.1) && reach.reaches(0.09));
        reach.follow(None);
        assert!(reach.reaches(0.1));
    }
}
