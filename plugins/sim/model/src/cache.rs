//! Who holds how much of a last-level cache, way by way.
//!
//! A line that is fetched falls into one of the ways that its owner may fill, and evicts whoever is there, in proportion
//! to what each holds:
//!
//! dE(i,w)/dt = f(i,w) − E(i,w)/W · Σj f(j,w)
//!
//! with E the bytes held, W the bytes of a way and f the bytes fetched into it a second. That is the occupancy model of
//! West, Zaroo, Waldspurger and Zhang ("Online cache modeling for commodity multicore processors", ACM SIGOPS OSR 44(4),
//! 2010), applied to each way, so that the masks of resctrl hold as in hardware: they restrict where a class may fill, not
//! where it may hit (Documentation/filesystems/resctrl.rst). For rates that stand still the solution is exponential and
//! is taken exactly. What it leaves out: a line used often is evicted as soon as one used once, as by random replacement.

use crate::machine::Machine;

/// How much of the way to the new state is gone at most in one step, since the rates follow the state.
const DAMPING: f64 = 0.5;

/// Bytes held of one cache, by workload and way.
#[derive(Clone, Debug, Default)]
pub struct Occupancy {
    ways: usize,
    way_bytes: f64,
    held: Vec<f64>,
    totals: Vec<f64>,
    /// Of each way in this step: bytes fetched a second, the share that stays, and seconds' worth of fetching that is added.
    fills: Vec<f64>,
    keeps: Vec<f64>,
    gains: Vec<f64>,
}

impl Occupancy {
    /// A cache that holds nothing of that many workloads.
    pub fn new(machine: &Machine, workloads: usize) -> Self {
        Self {
            ways: machine.ways,
            way_bytes: machine.way_bytes,
            held: vec![0.0; workloads * machine.ways],
            totals: vec![0.0; workloads],
            fills: vec![0.0; machine.ways],
            keeps: vec![1.0; machine.ways],
            gains: vec![0.0; machine.ways],
        }
    }

    /// Bytes that a workload holds.
    pub fn held(&self, workload: usize) -> f64 {
        self.totals[workload]
    }

    /// Time passes in which each workload fetches so many bytes a second into the ways of its mask. `None` for so much
    /// time that nothing changes any more.
    pub fn pass(&mut self, fetched: &[f64], masks: &[u32], seconds: Option<f64>) {
        self.fill(fetched, masks);
        for (way, fill) in self.fills.iter().copied().enumerate() {
            // A cache into which nothing is fetched stays as it is.
            let step = match seconds {
                _ if fill <= 1.0 => 0.0,
                Some(seconds) => (1.0 - libm::exp(-fill * seconds / self.way_bytes)).min(DAMPING),
                None => DAMPING,
            };
            self.keeps[way] = 1.0 - step;
            self.gains[way] = step * self.way_bytes / fill.max(1.0);
        }
        let all = u32::MAX >> (32 - self.ways as u32);
        for (i, held) in self.held.chunks_exact_mut(self.ways).enumerate() {
            let mask = masks[i] & all;
            let each = fetched[i] / f64::from(mask.count_ones().max(1));
            let mut total = 0.0;
            for (way, held) in held.iter_mut().enumerate() {
                let own = if mask >> way & 1 == 1 { each } else { 0.0 };
                *held = *held * self.keeps[way] + own * self.gains[way];
                total += *held;
            }
            self.totals[i] = total;
        }
    }

    /// What was there of a workload is gone, as after it ended.
    pub fn forget(&mut self, workload: usize) {
        let ways = self.ways;
        self.held[workload * ways..(workload + 1) * ways].fill(0.0);
        self.totals[workload] = 0.0;
    }

    fn fill(&mut self, fetched: &[f64], masks: &[u32]) {
        self.fills.fill(0.0);
        let all = u32::MAX >> (32 - self.ways as u32);
        for (rate, mask) in fetched.iter().zip(masks).filter(|(rate, _)| **rate > 0.0) {
            let mask = mask & all;
            let each = rate / f64::from(mask.count_ones().max(1));
            for (way, fill) in self.fills.iter_mut().enumerate() {
                if mask >> way & 1 == 1 {
                    *fill += each;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    const MIB: f64 = 1_048_576.0;

    fn settled(fetched: &[f64], masks: &[u32]) -> Vec<f64> {
        let machine = Machine::of(&scenario::Machine::default());
        let mut cache = Occupancy::new(&machine, fetched.len());
        for _ in 0..60 {
            cache.pass(fetched, masks, None);
        }
        (0..fetched.len()).map(|i| cache.held(i) / MIB).collect()
    }

    #[test]
    fn who_fetches_more_holds_more() {
        let held = settled(&[1e9, 3e9], &[u32::MAX; 2]);
        assert!(
            (held[0] - 5.0).abs() < 1e-6 && (held[1] - 15.0).abs() < 1e-6,
            "{held:?}"
        );
    }

    #[test]
    fn a_mask_keeps_others_out_of_the_ways_that_are_not_theirs() {
        let held = settled(&[1e8, 9e9], &[0xfff00, 0x000ff]);
        assert!(
            (held[0] - 12.0).abs() < 1e-6 && (held[1] - 8.0).abs() < 1e-6,
            "{held:?}"
        );
    }

    #[test]
    fn a_cache_turns_over_with_time() {
        let machine = Machine::of(&scenario::Machine::default());
        let mut cache = Occupancy::new(&machine, 1);
        cache.pass(&[20.0 * MIB], &[u32::MAX], Some(0.25));
        assert!((cache.held(0) / MIB - 20.0 * (1.0 - (-0.25_f64).exp())).abs() < 1e-6);
        cache.forget(0);
        assert_eq!(cache.held(0), 0.0);
    }
}
