//! How crowded it is around each target: what all others use of the CPUs, the cores, the caches, the memory and the devices
//! that it uses too. Sums over all targets are made once a span, so that one target costs as much as its own CPUs.

use super::cores::{Cores, MOST_CPUS};
use super::sheet::{Item, Sheet};
use crate::caps::Caps;
use crate::roster::Roster;
use crate::seen::Seen;
use crate::signal::Signal;
use pipeline_plugin_api::prelude::*;

/// A target in its place, over one span.
pub struct Member {
    /// Who.
    pub id: TargetId,
    /// The CPUs that it may use; empty where not restricted.
    pub cpus: Vec<u32>,
    /// Whether it holds other targets: their use is its own, and counts once, as theirs.
    pub is_holder: bool,
    /// Whether another holds it: of most it is not worth asking which.
    pub is_held: bool,
    /// What was seen of it.
    pub sheet: Sheet,
    /// The share of its CPUs' time that the hypervisor took.
    steal: Option<f64>,
    caches: Parts,
    memories: Parts,
}

/// Numbers by part; without a list where parts are not told apart.
enum Parts {
    Whole([(Part, f64); 1]),
    Each(Vec<(Part, f64)>),
}

impl std::ops::Deref for Parts {
    type Target = [(Part, f64)];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Whole(whole) => whole,
            Self::Each(each) => each,
        }
    }
}

impl Member {
    fn of(id: TargetId, seen: &Seen, roster: &Roster, caps: &Caps, is_holder: bool) -> Self {
        let cpus = roster.cpus(id, caps);
        let parts = |signal| {
            let parts: Vec<(Part, f64)> = seen.of_parts(signal).collect();
            match (parts.is_empty(), seen.get(signal)) {
                (true, Some(whole)) => Parts::Whole([(Part::WHOLE, whole)]),
                _ => Parts::Each(parts),
            }
        };
        Self {
            id,
            sheet: Sheet::of(seen),
            steal: steal(seen, &cpus),
            caches: parts(Signal::Occupancy),
            memories: parts(Signal::Bandwidth),
            cpus,
            is_holder,
            is_held: roster.find(id).is_some_and(|known| known.parent != 0),
        }
    }

    fn cpu(&self) -> f64 {
        self.sheet.or_none(Item::Cpu)
    }
}

/// The share of its CPUs' time that the hypervisor took: of each CPU where they are told apart.
fn steal(seen: &Seen, cpus: &[u32]) -> Option<f64> {
    let own = |part: Part| {
        part.cpu_index()
            .is_some_and(|cpu| cpus.is_empty() || cpus.contains(&cpu))
    };
    let each = seen.of_parts(Signal::Steal).filter(|(part, _)| own(*part));
    let (sum, count) = each.fold((0.0, 0_u32), |(sum, count), (_, share)| (sum + share, count + 1));
    match count {
        0 => seen.get(Signal::Steal),
        count => Some(sum / f64::from(count)),
    }
}

/// See the file.
#[derive(Default)]
pub struct Crowd {
    /// The targets, in the order of ids.
    pub members: Vec<Member>,
    /// CPU time by CPU, of those whose CPUs are known.
    load: Vec<f64>,
    /// CPU time of those that may run anywhere.
    roaming: f64,
    cpus: f64,
    caches: Vec<(Part, f64)>,
    memories: Vec<(Part, f64)>,
    io: f64,
}

impl Crowd {
    /// All targets of a span, each with how crowded it is around it.
    pub fn of(seen: &[(TargetId, Seen)], roster: &Roster, caps: &Caps, cores: &Cores) -> Self {
        let mut holders: Vec<u32> = roster.iter().map(|(_, known)| known.parent).collect();
        holders.sort_unstable();
        let known = seen.iter().filter(|(id, _)| roster.find(*id).is_some());
        let member = |(id, seen): &(TargetId, Seen)| {
            let is_holder = holders.binary_search(&id.0).is_ok();
            Member::of(*id, seen, roster, caps, is_holder)
        };
        let mut crowd = Self {
            members: known.map(member).collect(),
            ..Self::default()
        };
        crowd.add_up(roster, cores);
        crowd.look_around(cores);
        crowd
    }

    /// The member with that id.
    pub fn find(&self, id: TargetId) -> Option<&Member> {
        let at = self.members.binary_search_by_key(&id, |member| member.id).ok()?;
        self.members.get(at)
    }

    /// What a neighbour uses of what a victim uses, in the unit of the item; 0 where they do not meet.
    pub fn share(&self, victim: &Member, neighbour: &Member, item: Item, cores: &Cores) -> f64 {
        match item {
            Item::NearCpu => neighbour.cpu() * self.overlap(&victim.cpus, &neighbour.cpus),
            Item::NearSibling => self.beside(victim, neighbour, cores),
            Item::NearOccupancy => met(&victim.caches, &neighbour.caches),
            Item::NearTraffic => met(&victim.memories, &neighbour.memories),
            Item::NearElse => neighbour.cpu() * (1.0 - self.overlap(&victim.cpus, &neighbour.cpus)),
            _ => neighbour.sheet.or_none(Item::Io),
        }
    }

    fn add_up(&mut self, roster: &Roster, cores: &Cores) {
        let mut load = Vec::new();
        for member in self.members.iter().filter(|member| !member.is_holder) {
            let each = member.cpu() / member.cpus.len().max(1) as f64;
            for cpu in member.cpus.iter().filter(|cpu| **cpu < MOST_CPUS) {
                let at = *cpu as usize;
                load.resize(load.len().max(at + 1), 0.0);
                load[at] += each;
            }
            if member.cpus.is_empty() {
                self.roaming += member.cpu();
            }
            member.caches.iter().for_each(|part| add(&mut self.caches, *part));
            member.memories.iter().for_each(|part| add(&mut self.memories, *part));
            self.io += member.sheet.or_none(Item::Io);
        }
        self.cpus = (roster.cpu_count().max(cores.cpus()).max(load.len()) as f64).max(1.0);
        self.load = load;
    }

    fn look_around(&mut self, cores: &Cores) {
        let mut members = std::mem::take(&mut self.members);
        let all_load = self.load.iter().sum::<f64>();
        for member in members.iter_mut().filter(|member| !member.is_holder) {
            let near_cpu = (self.on(&member.cpus) - member.cpu()).max(0.0);
            let near_sibling = cores.is_known().then(|| self.near_sibling(member, cores));
            let others = |all: &[(Part, f64)], own: &[(Part, f64)]| {
                let sum: f64 = own.iter().map(|(_, own)| own).sum();
                let near = own.iter().map(|(part, own)| own * (find(all, *part) - own).max(0.0));
                (sum > 0.0).then(|| near.sum::<f64>() / sum)
            };
            let near_cache = others(&self.caches, &member.caches);
            let near_traffic = others(&self.memories, &member.memories);
            let near_io = member.sheet.get(Item::Io).map(|own| (self.io - own).max(0.0));
            let steal = member.steal.map(|steal| self.wanted(member, steal, near_cpu));
            member.sheet.set(Item::Steal, steal);
            let has_cpu = member.sheet.get(Item::Cpu).is_some();
            member.sheet.set(Item::NearCpu, has_cpu.then_some(near_cpu));
            member.sheet.set(Item::NearSibling, near_sibling);
            member.sheet.set(Item::NearOccupancy, near_cache);
            member.sheet.set(Item::NearTraffic, near_traffic);
            member.sheet.set(Item::NearIo, near_io);
            let elsewhere = (all_load + self.roaming - member.cpu() - near_cpu).max(0.0);
            member.sheet.set(Item::NearElse, has_cpu.then_some(elsewhere));
        }
        self.members = members;
    }

    /// What the hypervisor took of a target's CPUs, for each second for which somebody wanted them: it takes nothing of a
    /// CPU that nobody wants, so that a little of an idle machine may be much for whoever runs there.
    fn wanted(&self, member: &Member, steal: f64, near: f64) -> f64 {
        let cpus = if member.cpus.is_empty() {
            self.cpus
        } else {
            member.cpus.len() as f64
        };
        let taken = steal * cpus;
        let used = member.cpu() + near;
        if taken > 0.0 { taken / (taken + used) } else { 0.0 }
    }

    /// CPU time on those CPUs, of whoever.
    fn on(&self, cpus: &[u32]) -> f64 {
        if cpus.is_empty() {
            return self.load.iter().sum::<f64>() + self.roaming;
        }
        let pinned: f64 = cpus
            .iter()
            .map(|cpu| self.load.get(*cpu as usize).copied().unwrap_or(0.0))
            .sum();
        pinned + self.roaming * (cpus.len() as f64 / self.cpus).min(1.0)
    }

    /// The mean, over its CPUs, of the time that others run on their siblings.
    fn near_sibling(&self, member: &Member, cores: &Cores) -> f64 {
        let all: Vec<u32>;
        let own = if member.cpus.is_empty() {
            all = (0..self.cpus as u32).collect();
            &all
        } else {
            &member.cpus
        };
        let each = member.cpu() / own.len().max(1) as f64;
        let others = |cpu: u32| {
            let mine = if own.contains(&cpu) { each } else { 0.0 };
            (self.on(&[cpu]) - mine).max(0.0)
        };
        let beside = own.iter().flat_map(|cpu| cores.siblings(*cpu)).map(|cpu| others(*cpu));
        beside.sum::<f64>() / own.len().max(1) as f64
    }

    fn beside(&self, victim: &Member, neighbour: &Member, cores: &Cores) -> f64 {
        if victim.cpus.is_empty() || neighbour.cpus.is_empty() {
            return neighbour.cpu() / self.cpus;
        }
        let each = neighbour.cpu() / neighbour.cpus.len() as f64;
        let beside = victim.cpus.iter().flat_map(|cpu| cores.siblings(*cpu));
        let met = beside.filter(|cpu| neighbour.cpus.contains(cpu)).count() as f64;
        each * met / victim.cpus.len() as f64
    }

    /// The share of a neighbour's CPU time that falls on a victim's CPUs.
    fn overlap(&self, own: &[u32], other: &[u32]) -> f64 {
        match (own.is_empty(), other.is_empty()) {
            (true, _) => 1.0,
            (false, true) => (own.len() as f64 / self.cpus).min(1.0),
            (false, false) => other.iter().filter(|cpu| own.contains(cpu)).count() as f64 / other.len() as f64,
        }
    }
}

fn add(all: &mut Vec<(Part, f64)>, (part, number): (Part, f64)) {
    match all.iter_mut().find(|(this, _)| *this == part) {
        Some((_, sum)) => *sum += number,
        None => all.push((part, number)),
    }
}

fn find(all: &[(Part, f64)], part: Part) -> f64 {
    all.iter()
        .find(|(this, _)| *this == part)
        .map_or(0.0, |(_, number)| *number)
}

/// What a neighbour holds of the parts in which a victim has something, each by how much the victim has there.
fn met(own: &[(Part, f64)], other: &[(Part, f64)]) -> f64 {
    let sum: f64 = own.iter().map(|(_, number)| number).sum();
    let near = own.iter().map(|(part, number)| number * find(other, *part));
    if sum > 0.0 { near.sum::<f64>() / sum } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::Known;
    use pipeline_plugin_api::prelude::KnobId;

    struct One {
        cpus: &'static [u32],
        cpu: f64,
        caches: &'static [(u32, f64)],
    }

    fn crowd(all: &[One], cores: &Cores) -> Crowd {
        let mut roster = Roster::default();
        let mut seen = Vec::new();
        for (id, one) in (1..).zip(all) {
            let known = Known {
                cpus: one.cpus.to_vec(),
                ..Known::default()
            };
            roster.put(TargetId(id), known);
            let mut numbers = Seen::default();
            numbers.set(Signal::Cpu, Some(one.cpu));
            for (cache, bytes) in one.caches {
                numbers.parts.push((Signal::Occupancy, Part::l3(*cache), *bytes));
            }
            seen.push((TargetId(id), numbers));
        }
        Crowd::of(&seen, &roster, &Caps::new([KnobId(1), KnobId(2)]), cores)
    }

    fn one(cpus: &'static [u32], cpu: f64) -> One {
        One { cpus, cpu, caches: &[] }
    }

    #[test]
    fn others_count_where_they_meet_it() {
        let cores = Cores::of(&[vec![0, 2], vec![1, 3]]);
        let crowd = crowd(
            &[one(&[0], 0.3), one(&[0], 0.5), one(&[2], 0.7), one(&[1, 3], 0.8)],
            &cores,
        );
        let near = |item| crowd.members[0].sheet.get(item).map(|near| (near * 100.0).round());
        assert_eq!((near(Item::NearCpu), near(Item::NearSibling)), (Some(50.0), Some(70.0)));
        let share = |at: usize, item| crowd.share(&crowd.members[0], &crowd.members[at], item, &cores);
        assert_eq!((share(1, Item::NearCpu), share(2, Item::NearCpu)), (0.5, 0.0));
        assert!((share(2, Item::NearSibling) - 0.7).abs() < 1e-6 && share(3, Item::NearSibling) == 0.0);
    }

    #[test]
    fn caches_are_told_apart() {
        let cached = |caches| One {
            cpus: &[0],
            cpu: 0.1,
            caches,
        };
        let all = [cached(&[(0, 4.0)]), cached(&[(0, 6.0), (1, 50.0)]), cached(&[(1, 9.0)])];
        let crowd = crowd(&all, &Cores::default());
        assert_eq!(crowd.members[0].sheet.get(Item::NearOccupancy), Some(6.0));
        assert_eq!(
            crowd.members[0].sheet.get(Item::NearSibling),
            None,
            "no cores are known"
        );
    }
}
