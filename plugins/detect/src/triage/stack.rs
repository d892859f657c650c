//! The stack: how much time a target loses for each second of its work, by the resource through which it loses it.
//!
//! Time stacks as in Eyerman and Eeckhout, "Per-thread cycle accounting in SMT processors" (ASPLOS 2009), made of what the
//! kernel and common counters tell: waiting for a CPU, the quota, steal and blocking are times already; of the cycles per
//! instruction beyond the usual, those stalled on memory are lost to the cache as far as there are more misses, and to
//! bandwidth as far as each costs more, and the rest to the sibling thread. Nothing is put down to a neighbour unless there
//! is more of what neighbours do; what is left is the target's own phase.

use super::past::Usual;
use super::sheet::{Item, Sheet};
use crate::config::TriageConfig;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// The resources of a stack.
pub const RESOURCES: [Resource; 9] = [
    Resource::SELF,
    Resource::CPU_TIME,
    Resource::L3,
    Resource::MEMORY_BANDWIDTH,
    Resource::SMT,
    Resource::IO,
    Resource::HYPERVISOR,
    Resource::MEMORY,
    Resource::UNKNOWN,
];

/// The crowd through which a resource is lost.
pub fn crowd_of(resource: Resource) -> Option<Item> {
    Some(match resource {
        Resource::CPU_TIME => Item::NearCpu,
        Resource::SMT => Item::NearSibling,
        Resource::L3 => Item::NearOccupancy,
        Resource::MEMORY_BANDWIDTH => Item::NearTraffic,
        Resource::IO => Item::NearIo,
        Resource::UNKNOWN => Item::NearElse,
        _ => return None,
    })
}

/// How much more than time lost on a CPU time waited for one weighs in a tail.
const SLICES: f64 = 4.0;
/// Who runs or waits for that share of the time cannot keep up: then all requests wait, and it is time that counts.
const FULL: f64 = 0.95;
/// Others must have had so much of the time for which somebody waited, or it was for somebody else.
const EXPLAINED: f64 = 0.3;
/// Waiting below that share of the time is nothing.
const LEAST_WAIT: f64 = 0.005;
/// Loads that differ by less are the same; tails whose spread is less of them are steady.
const SAME_LOAD: f64 = 0.15;
const STEADY: f64 = 0.04;
/// How many times the usual load is a greater load.
const MORE_LOAD: f64 = 1.2;
/// Neighbours move more of the memory's traffic than before if they do so by that share of all of it, or by as large a share as
/// the work costs more: one that moves a tenth of it may cost a tenth, and one that moves a hundredth hardly does.
const MORE_TRAFFIC: f64 = 0.1;
/// Blocked for less than that share of the time, or for that share of the usual longer, is as usual.
const LEAST_BLOCKED: f64 = 0.02;
const MORE_BLOCKED: f64 = 0.2;
/// The cycles that a miss of the last-level cache costs where stalls are not counted: 85 ns at 2.4 GHz, four at a time.
const MISS_CYCLES: f64 = 50.0;
/// The most that one costs: some 120 ns, none beside another.
const MOST_MISS_CYCLES: f64 = 300.0;

/// See the file. Shares of a second of work.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    lost: [f64; RESOURCES.len()],
}

impl Stack {
    /// One of these losses.
    #[cfg(test)]
    pub fn of(lost: &[(Resource, f64)]) -> Self {
        let mut stack = Self::default();
        lost.iter().for_each(|(resource, lost)| stack.set(*resource, *lost));
        stack
    }

    /// What is lost through a resource.
    pub fn get(&self, resource: Resource) -> f64 {
        let at = RESOURCES.iter().position(|this| *this == resource);
        at.map_or(0.0, |at| self.lost[at])
    }

    fn set(&mut self, resource: Resource, lost: f64) {
        if let Some(at) = RESOURCES.iter().position(|this| *this == resource) {
            self.lost[at] = lost.max(0.0);
        }
    }

    /// What is lost through others.
    pub fn harm(&self) -> f64 {
        self.lost.iter().sum::<f64>() - self.get(Resource::SELF)
    }

    /// The resource through which most is lost. With `slices`, waiting for a CPU weighs more than time lost on one: it
    /// comes in slices of milliseconds, which the few requests that meet one bear alone.
    pub fn worst(&self, slices: bool) -> Resource {
        let weigh = |resource| match resource {
            Resource::CPU_TIME | Resource::HYPERVISOR if slices => SLICES,
            _ => 1.0,
        };
        let weighed = RESOURCES
            .iter()
            .zip(self.lost)
            .map(|(resource, lost)| (*resource, lost * weigh(*resource)));
        let most = weighed.fold(
            (Resource::UNKNOWN, 0.0),
            |most, this| if this.1 > most.1 { this } else { most },
        );
        most.0
    }

    /// Moves that share of the way to another stack.
    pub fn follow(&mut self, other: &Self, share: f64) {
        for (lost, now) in self.lost.iter_mut().zip(other.lost) {
            *lost += (now - *lost) * share;
        }
    }
}

/// What a target loses now against what is usual of it. Without a reference only times count that are lost in any case.
pub fn stack(now: &Sheet, usual: Option<&Usual>, config: &TriageConfig) -> Stack {
    let mut stack = Stack::default();
    stack.set(Resource::CPU_TIME, waiting(now, usual, config));
    let steal = now.or_none(Item::Steal).min(0.95);
    stack.set(Resource::HYPERVISOR, steal / (1.0 - steal));
    if let Some(usual) = usual {
        if rose(now, usual, Item::NearIo) > 0.1 * now.or_none(Item::NearIo) {
            let blocked = blocked(now, usual, Item::IoSome, config);
            stack.set(Resource::IO, blocked.max(saturated(now, usual, config)));
        }
        stack.set(Resource::MEMORY, blocked(now, usual, Item::MemorySome, config));
        cycles(now, usual, config, &mut stack);
    }
    let own = quota(now, usual, config);
    // A heavier load is no excuse for others who harm it.
    let loaded = if stack.harm() < config.release {
        load(now, usual, config)
    } else {
        0.0
    };
    stack.set(Resource::SELF, own.max(loaded));
    stack
}

/// Whether slices of others show in the tail: somebody waits for answers, and the target keeps up with them.
pub fn meets_slices(now: &Sheet, cpus: usize) -> bool {
    let taken = now.or_none(Item::Cpu) + now.or_none(Item::Wait);
    now.get(Item::Load).is_some() && taken < FULL * cpus.max(1) as f64
}

/// What the own quota takes: time, and where latencies are seen, what they are longer for it. A quota that runs out for one
/// request in a hundred takes hardly any time and makes the tail many times as long.
fn quota(now: &Sheet, usual: Option<&Usual>, config: &TriageConfig) -> f64 {
    let throttled = now.or_none(Item::Throttled);
    let Some(cpu) = now.get(Item::Cpu).filter(|cpu| *cpu > 0.0 && throttled > 0.0) else {
        return 0.0;
    };
    let share = throttled / cpu;
    let tail = if share >= LEAST_WAIT {
        stretched(now, usual, config)
    } else {
        0.0
    };
    share.max(tail)
}

/// How many times longer the tail of the latencies is than it usually is under the same load, less one; `None` where it
/// strays too much by itself to tell.
pub fn tail(now: &Sheet, usual: Option<&Usual>) -> Option<f64> {
    let usual = usual?;
    let (now_load, load) = (now.get(Item::Load)?, usual.load()?);
    let (now, usually) = (now.get(Item::Tail)?, usual.get(Item::Tail)?);
    let same = (now_load / load.max(1e-9) - 1.0).abs() <= SAME_LOAD;
    let steady = usually.middle > 0.0 && usually.spread <= STEADY * usually.middle;
    (same && steady).then(|| now / usually.middle - 1.0)
}

/// How much longer latencies are under a load that was never seen, or is greater than the usual.
fn load(now: &Sheet, usual: Option<&Usual>, config: &TriageConfig) -> f64 {
    let usually = usual.and_then(Usual::load);
    let grown = now
        .get(Item::Load)
        .zip(usually)
        .is_some_and(|(now, usually)| now >= MORE_LOAD * usually);
    if grown { stretched(now, usual, config) } else { 0.0 }
}

/// How many times longer latencies are than usual, less one.
fn stretched(now: &Sheet, usual: Option<&Usual>, config: &TriageConfig) -> f64 {
    let of = |item| {
        let (now, usually) = (now.get(item)?, usual?.get(item)?);
        (usually.middle > 0.0 && now > usually.above(config.spreads)).then(|| now / usually.middle - 1.0)
    };
    of(Item::Tail).or_else(|| of(Item::Latency)).unwrap_or(0.0)
}

/// Waiting beyond the usual, as far as others had the CPUs meanwhile. Where others were there in the reference too, what was
/// usual is no excuse.
fn waiting(now: &Sheet, usual: Option<&Usual>, config: &TriageConfig) -> f64 {
    let (Some(wait), Some(cpu), Some(near)) = (now.get(Item::Wait), now.get(Item::Cpu), now.get(Item::NearCpu)) else {
        return 0.0;
    };
    let calm = usual.filter(|usual| usual.crowd(Item::NearCpu).is_some_and(|near| near < 0.05));
    let usually = calm.and_then(|usual| usual.get(Item::WaitForWork)).unwrap_or_default();
    let extra = wait - usually.middle * cpu;
    let clear = extra >= LEAST_WAIT && wait >= usually.above(config.spreads) * cpu;
    let explained = near >= EXPLAINED * extra;
    if clear && explained && cpu > 0.0 {
        extra.min(near) / cpu
    } else {
        0.0
    }
}

fn blocked(now: &Sheet, usual: &Usual, item: Item, config: &TriageConfig) -> f64 {
    let (Some(share), Some(usually)) = (now.get(item), usual.get(item)) else {
        return 0.0;
    };
    let extra = share - usually.middle;
    let clear = share > usually.above(config.spreads) && extra > LEAST_BLOCKED.max(MORE_BLOCKED * usually.middle);
    if clear { extra / (1.0 - share).max(0.05) } else { 0.0 }
}

/// Pressure is the share of time in which any request waits for a device: where it always was so high that there is no room
/// for the rise that counts, it says nothing of how long each waits, and what latencies are longer does.
fn saturated(now: &Sheet, usual: &Usual, config: &TriageConfig) -> f64 {
    let (Some(share), Some(usually)) = (now.get(Item::IoSome), usual.get(Item::IoSome)) else {
        return 0.0;
    };
    let is_full = usually.middle * (1.0 + MORE_BLOCKED) >= 1.0 && share >= usually.middle;
    let longer = tail(now, Some(usual)).filter(|longer| is_full && *longer >= config.tail);
    longer.unwrap_or(0.0)
}

/// How much more of what neighbours do there is than was usual.
fn rose(now: &Sheet, usual: &Usual, item: Item) -> f64 {
    now.or_none(item) - usual.crowd(item).unwrap_or(0.0)
}

/// What its work costs beyond the usual, divided among cache, bandwidth, sibling, and what could not be seen.
fn cycles(now: &Sheet, usual: &Usual, config: &TriageConfig, stack: &mut Stack) {
    let (Some(cost), Some(usually)) = (now.get(Item::Cost), usual.get(Item::Cost)) else {
        return;
    };
    let extra = cost - usually.middle;
    if usually.middle <= 0.0 || cost <= usually.above(config.spreads) || extra <= 0.0 {
        return;
    }
    let near = Near::of(now, usual, extra / usually.middle);
    let (more_misses, dearer_misses, rest) = divided(now, usual, extra);
    let mut lose = |resource, part: f64| stack.set(resource, stack.get(resource) + part / usually.middle);
    if near.cache {
        lose(Resource::L3, more_misses);
    }
    if near.traffic {
        lose(Resource::MEMORY_BANDWIDTH, dearer_misses);
    }
    if let Some(resource) = near.rest(now, rest) {
        lose(resource, rest);
    }
}

/// Cycles per instruction lost to more misses, to dearer ones, and the rest; none below 0.
fn divided(now: &Sheet, usual: &Usual, extra: f64) -> (f64, f64, f64) {
    let middle = |item| usual.get(item).map(|typical| typical.middle);
    let misses = now.get(Item::Misses).zip(middle(Item::Misses));
    let stalls = now.get(Item::Stalls).zip(middle(Item::Stalls));
    let (cache, memory) = match (misses, stalls) {
        (Some((misses, usually)), Some((stalled, stalled_usually))) => {
            // More misses that each cost more: what comes of both together is half of each (Shapley's value).
            let cost = |stalled: f64, misses: f64| {
                if misses > 1e-6 && stalled > 0.0 {
                    stalled / misses
                } else {
                    MISS_CYCLES
                }
            };
            let cost = f64::midpoint(cost(stalled_usually, usually), cost(stalled, misses));
            let cache = ((misses - usually) * cost).max(0.0);
            (cache, (stalled - stalled_usually - cache).max(0.0))
        }
        (Some((misses, usually)), None) => (((misses - usually) * most_of_a_miss(usual)).max(0.0), 0.0),
        (None, Some((stalled, usually))) => (0.0, (stalled - usually).max(0.0)),
        (None, None) => (0.0, 0.0),
    };
    let cache = cache.min(extra);
    let memory = memory.min(extra - cache);
    (cache, memory, extra - cache - memory)
}

/// The most cycles that a miss can cost a target whose stalls are not counted: all of its usual cycles for each of its usual
/// misses, where that is not beyond belief. What more misses can explain is put down to them, for they are seen.
fn most_of_a_miss(usual: &Usual) -> f64 {
    let middle = |item| usual.get(item).map_or(0.0, |typical| typical.middle);
    let all = middle(Item::Cost) / middle(Item::Misses).max(1e-9);
    all.clamp(MISS_CYCLES, MOST_MISS_CYCLES)
}

/// Whether neighbours do more than usual through each of the three.
struct Near {
    cache: bool,
    traffic: bool,
    sibling: bool,
    elsewhere: bool,
}

impl Near {
    /// For work that costs that share more than usual.
    fn of(now: &Sheet, usual: &Usual, dearer: f64) -> Self {
        let held = usual.get(Item::Occupancy).map_or(0.0, |held| held.middle);
        let taken = held - now.or_none(Item::Occupancy);
        let cache = rose(now, usual, Item::NearOccupancy);
        let traffic = rose(now, usual, Item::NearTraffic);
        let all = now.or_none(Item::NearTraffic) + now.or_none(Item::Traffic);
        Self {
            cache: taken > 0.02 * held && cache > 0.3 * taken,
            traffic: traffic > MORE_TRAFFIC.min(dearer) * all && all > 0.0,
            sibling: rose(now, usual, Item::NearSibling) > 0.05,
            elsewhere: rose(now, usual, Item::NearElse) > 0.2,
        }
    }

    /// Through what the rest is lost. With stalls counted and cores known it is the sibling or nobody. Without stalls dearer
    /// misses are in it too, as far as there are any; else what was not seen may be it.
    fn rest(&self, now: &Sheet, rest: f64) -> Option<Resource> {
        let sees = |item| now.get(item).is_some();
        let dearer = !sees(Item::Stalls) && now.or_none(Item::Misses) * MOST_MISS_CYCLES >= rest;
        match (sees(Item::Misses) || sees(Item::Stalls), self) {
            (_, Self { sibling: true, .. }) => Some(Resource::SMT),
            (true, Self { traffic: true, .. }) if dearer => Some(Resource::MEMORY_BANDWIDTH),
            (true, _) if sees(Item::NearSibling) => None,
            (false, Self { cache: true, .. }) => Some(Resource::L3),
            (false, Self { traffic: true, .. }) => Some(Resource::MEMORY_BANDWIDTH),
            (_, Self { elsewhere: true, .. }) => Some(Resource::UNKNOWN),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::past::Past;

    fn sheet(numbers: &[(Item, f64)]) -> Sheet {
        let mut sheet = Sheet::default();
        for (item, number) in numbers.iter().chain(&[(Item::Cpu, 1.0), (Item::References, 0.03)]) {
            sheet.set(*item, Some(*number));
        }
        sheet
    }

    /// Cycles and misses per instruction, cache held, what others use of the sibling, the cache and the memory.
    fn seen([cost, misses, held, sibling, cache, traffic]: [f64; 6]) -> Sheet {
        sheet(&[
            (Item::Cost, cost),
            (Item::Misses, misses),
            (Item::Occupancy, held),
            (Item::Traffic, 500e6),
            (Item::NearSibling, sibling),
            (Item::NearOccupancy, cache),
            (Item::NearTraffic, traffic),
        ])
    }

    /// What is lost now beside a past that was always the same.
    fn beside(usually: [f64; 6], now: [f64; 6]) -> Stack {
        let mut past = Past::default();
        for _ in 0..30 {
            past.next();
            past.keep(TargetId(1), seen(usually));
        }
        let now = seen(now);
        stack(
            &now,
            past.usual(TargetId(1), 30, &now).as_ref(),
            &TriageConfig::default(),
        )
    }

    #[test]
    fn what_is_lost_to_bandwidth_is_no_more_than_what_neighbours_take_of_it() {
        let usually = [20.8, 0.099, 1e6, 0.1, 1e6, 0.0];
        let lost = |cost: f64, traffic: f64| {
            let stack = beside(usually, [20.8 * cost, 0.099, 1e6, 0.1, 1e6, traffic]);
            stack.get(Resource::MEMORY_BANDWIDTH)
        };
        // The target itself moves 500 MB/s.
        assert!(
            (lost(1.04, 45e6) - 0.04).abs() < 1e-3,
            "8 % of all the traffic, for 4 %"
        );
        assert_eq!(lost(1.04, 10e6), 0.0, "2 % of it, for 4 %");
        assert_eq!(lost(1.30, 45e6), 0.0, "8 % of it, for 30 %");
        assert!((lost(1.30, 80e6) - 0.30).abs() < 1e-3, "from a tenth on it may be all");
    }

    #[test]
    fn where_stalls_are_not_counted_dearer_misses_are_put_down_to_traffic_and_more_of_them_to_the_cache() {
        let worst = |usually: [f64; 6], now: [f64; 6]| {
            let stack = beside(usually, now);
            (stack.worst(false), stack.harm() > 0.15)
        };
        let alone = [1.1, 0.0015, 8e6, 0.1, 0.0, 0.0];
        for (usually, now, expected) in [
            (alone, [5.9, 0.025, 4e6, 0.1, 7e6, 700e6], Resource::L3),
            (alone, [5.9, 0.025, 4e6, 0.9, 7e6, 700e6], Resource::L3),
            (alone, [1.6, 0.0015, 8e6, 0.9, 0.0, 0.0], Resource::SMT),
            (
                [20.8, 0.099, 1e6, 0.1, 1e6, 0.0],
                [24.7, 0.0995, 1e6, 0.1, 1e6, 3e9],
                Resource::MEMORY_BANDWIDTH,
            ),
        ] {
            assert_eq!(worst(usually, now), (expected, true), "{now:?}");
        }
        // Without misses none can be dearer: what it costs more is its own.
        let computes = [0.8, 0.0, 1e5, 0.1, 0.0, 0.0];
        assert!(!worst(computes, [1.2, 0.0, 1e5, 0.1, 1e6, 3e9]).1);
    }
}
