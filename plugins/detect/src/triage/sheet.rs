//! A sheet: what matters of one target in one span, small enough to keep hundreds of spans of hundreds of targets. Absent
//! numbers are absent.

use crate::seen::Seen;
use crate::signal::Signal;
use serde::{Deserialize, Serialize};

/// What stands on a sheet. Times are seconds a second unless said otherwise.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// What a piece of its work costs: cycles per instruction or, without counters, seconds of CPU time per request.
    Cost,
    /// References of the last-level cache per instruction: what a program does whoever is beside it, and so tells its phase.
    References,
    /// Misses of it per instruction.
    Misses,
    /// Cycles per instruction that were stalled on such a miss.
    Stalls,
    /// Waiting for a CPU without what the own quota did.
    Wait,
    /// The same for each second of CPU time.
    WaitForWork,
    /// Stopped by the own quota.
    Throttled,
    /// Taken by the hypervisor for each second for which its CPUs were wanted.
    Steal,
    /// Some task waited for a device.
    IoSome,
    /// Some task waited for memory.
    MemorySome,
    /// Requests a second that it is asked for.
    Load,
    /// CPU time, in CPUs.
    Cpu,
    /// Median or mean latency, in nanoseconds.
    Latency,
    /// 99th percentile of the latency, in nanoseconds.
    Tail,
    /// Last-level cache held, in bytes.
    Occupancy,
    /// Memory traffic, in bytes a second.
    Traffic,
    /// Device traffic, in bytes a second.
    Io,
    /// CPU time of others on its CPUs, in CPUs.
    NearCpu,
    /// CPU time of others on the siblings of its CPUs, in CPUs.
    NearSibling,
    /// Cache that others hold where it holds some, in bytes.
    NearOccupancy,
    /// Memory traffic of others where it has some, in bytes a second.
    NearTraffic,
    /// Device traffic of others, in bytes a second.
    NearIo,
    /// CPU time of others anywhere else, in CPUs.
    NearElse,
}

/// How many items there are.
pub const COUNT: usize = Item::NearElse as usize + 1;

/// How crowded it is around a target: what neighbours use of what it uses.
pub const CROWD: [Item; 5] = [
    Item::NearCpu,
    Item::NearSibling,
    Item::NearOccupancy,
    Item::NearTraffic,
    Item::NearIo,
];

/// See the file. Single precision is more than any of the signals has.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Sheet([f32; COUNT]);

impl Default for Sheet {
    fn default() -> Self {
        Self([f32::NAN; COUNT])
    }
}

impl Sheet {
    /// An item.
    pub fn get(&self, item: Item) -> Option<f64> {
        let number = self.0[item as usize];
        number.is_finite().then_some(f64::from(number))
    }

    /// An item, 0 where it is absent: for sums of what was seen.
    pub fn or_none(&self, item: Item) -> f64 {
        self.get(item).unwrap_or(0.0)
    }

    /// Sets an item.
    pub fn set(&mut self, item: Item, number: Option<f64>) {
        self.0[item as usize] = number.map_or(f32::NAN, |number| number as f32);
    }

    /// What was seen of the target itself; steal and how crowded it is around it are set by others.
    pub fn of(seen: &Seen) -> Self {
        let mut sheet = Self::default();
        let cpu = seen.get(Signal::Cpu);
        let throttled = seen.get(Signal::Throttled);
        let waits = seen.get(Signal::RunDelay).or_else(|| seen.get(Signal::CpuSome));
        // In the kernel's books a throttled group's tasks wait as well.
        let wait = waits.map(|wait| (wait - throttled.unwrap_or(0.0)).max(0.0));
        sheet.set(Item::Cost, seen.cpi().or_else(|| per_request(seen)));
        sheet.set(Item::References, seen.references());
        sheet.set(Item::Misses, seen.misses());
        sheet.set(Item::Stalls, seen.stalls());
        sheet.set(Item::Wait, wait);
        sheet.set(
            Item::WaitForWork,
            wait.zip(cpu).and_then(|(wait, cpu)| for_each(wait, cpu)),
        );
        sheet.set(Item::Throttled, throttled);
        sheet.set(Item::IoSome, seen.get(Signal::IoSome));
        sheet.set(Item::MemorySome, seen.get(Signal::MemorySome));
        sheet.set(Item::Load, seen.load());
        sheet.set(Item::Cpu, cpu);
        let latency = seen.get(Signal::LatencyMean).or_else(|| seen.get(Signal::LatencyP50));
        sheet.set(Item::Latency, latency);
        sheet.set(Item::Tail, seen.get(Signal::LatencyP99));
        sheet.set(Item::Occupancy, seen.get(Signal::Occupancy));
        sheet.set(Item::Traffic, seen.get(Signal::Bandwidth));
        sheet.set(Item::Io, seen.io());
        sheet
    }
}

/// CPU time for each request. Requests cost more of it when the CPU is slower, whatever makes it so.
fn per_request(seen: &Seen) -> Option<f64> {
    let answered = seen.get(Signal::Answered).filter(|answered| *answered > 0.0)?;
    seen.get(Signal::Cpu).map(|cpu| cpu / answered)
}

/// A time for each second of work, 1000 at most.
fn for_each(time: f64, work: f64) -> Option<f64> {
    const MOST: f64 = 1e3;
    (work > 0.0).then(|| (time / work).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_under_the_own_quota_is_no_waiting_for_others() {
        let mut seen = Seen::default();
        for (signal, number) in [(Signal::Cpu, 0.5), (Signal::RunDelay, 0.4), (Signal::Throttled, 0.3)] {
            seen.set(signal, Some(number));
        }
        let sheet = Sheet::of(&seen);
        assert!((sheet.or_none(Item::Wait) - 0.1).abs() < 1e-6);
        assert!((sheet.or_none(Item::WaitForWork) - 0.2).abs() < 1e-6);
    }

    #[test]
    fn what_was_not_seen_stays_absent() {
        let sheet = Sheet::of(&Seen::default());
        assert!(CROWD.iter().all(|item| sheet.get(*item).is_none()));
        assert_eq!((sheet.get(Item::Cost), sheet.get(Item::WaitForWork)), (None, None));
    }
}
