//! The CPUs on which a culprit may be put so that a victim has its own, or is harmed by fewer. Who may be put anywhere at all
//! is the world's to say.

use super::World;
use pipeline_plugin_api::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeSet;

impl World {
    /// The CPUs to which a culprit is sent so that the victim has its own: some of those that it may use, or else, where it
    /// `may_move`, others. `None` where there are none, or it is nowhere else already.
    pub fn haven(&self, culprit: TargetId, victim: TargetId, avoid: &[u32], may_move: bool) -> Option<Vec<u32>> {
        let beyond = || self.asylum(culprit, avoid).filter(|_| may_move);
        let haven = self.refuge(culprit, victim, avoid).or_else(beyond)?;
        let has = self.targets.get(&culprit).map_or(&[][..], |known| &known.cpus);
        (haven != has).then_some(haven)
    }

    /// So many of the CPUs that a culprit may use: those first that are neither the victim's nor those of any target of class
    /// Latency, nor siblings of these; of the same kind the last. Where it may use all, those only. `None` where it has no more,
    /// or not as many are known of.
    pub fn some_cpus(&self, culprit: TargetId, victim: TargetId, count: usize) -> Option<Vec<u32>> {
        let own = self.targets.get(&victim).map_or(&[][..], |known| &known.cpus);
        let near = self.with_siblings(self.protected.iter().chain(own).copied().collect());
        let mut cpus: Vec<u32> = match &self.targets.get(&culprit)?.cpus {
            cpus if cpus.is_empty() => self.cpus().difference(&near).copied().collect(),
            cpus => cpus.clone(),
        };
        cpus.sort_by_key(|cpu| (near.contains(cpu), Reverse(*cpu)));
        let some = cpus.get(..count).filter(|some| !some.is_empty());
        let mut some = some?.to_vec();
        some.sort_unstable();
        Some(some)
    }

    /// The CPUs to which a culprit can go so that the victim has its own, away from every target of
    /// class Latency if that leaves any, and never on those to `avoid`; `None` where there are none.
    fn refuge(&self, culprit: TargetId, victim: TargetId, avoid: &[u32]) -> Option<Vec<u32>> {
        let own = &self.targets.get(&victim).filter(|known| !known.cpus.is_empty())?.cpus;
        let may: BTreeSet<u32> = match &self.targets.get(&culprit)?.cpus {
            cpus if cpus.is_empty() => self.cpus(),
            cpus => cpus.iter().copied().collect(),
        };
        let taken = |cpu: &&u32| own.contains(cpu) || avoid.contains(cpu);
        let free: Vec<u32> = may.iter().filter(|cpu| !taken(cpu)).copied().collect();
        let best: Vec<u32> = free
            .iter()
            .filter(|cpu| !self.protected.contains(cpu))
            .copied()
            .collect();
        let refuge = if best.is_empty() { free } else { best };
        (!refuge.is_empty()).then_some(refuge)
    }

    /// The CPUs beyond its own to which a culprit can go where its own leave none: of all that are known of, away from
    /// those to `avoid` and from every target of class Latency and the siblings of its CPUs; those to which nobody else
    /// is bound if there are any. `None` where there are none.
    fn asylum(&self, culprit: TargetId, avoid: &[u32]) -> Option<Vec<u32>> {
        let others = || {
            self.targets
                .iter()
                .filter(|(id, _)| **id != culprit)
                .map(|(_, known)| known)
        };
        let protected = others()
            .filter(|known| known.latency)
            .flat_map(|known| known.cpus.iter().copied());
        let mut protected = self.with_siblings(protected.collect());
        protected.extend(avoid);
        let free: Vec<u32> = self.cpus().difference(&protected).copied().collect();
        let bound: BTreeSet<u32> = others().flat_map(|known| known.cpus.iter().copied()).collect();
        let best: Vec<u32> = free.iter().filter(|cpu| !bound.contains(cpu)).copied().collect();
        let asylum = if best.is_empty() { free } else { best };
        (!asylum.is_empty()).then_some(asylum)
    }

    /// These CPUs and those that share a core with one of them.
    fn with_siblings(&self, mut cpus: BTreeSet<u32>) -> BTreeSet<u32> {
        let shared = self
            .cores
            .iter()
            .filter(|core| core.iter().any(|cpu| cpus.contains(cpu)));
        let siblings: Vec<u32> = shared.flatten().copied().collect();
        cpus.extend(siblings);
        cpus
    }

    /// All CPUs that are known of.
    fn cpus(&self) -> BTreeSet<u32> {
        let told = self.targets.values().flat_map(|known| &known.cpus);
        told.chain(self.cores.iter().flatten()).copied().collect()
    }
}

/// CPUs as a list such as `0-3,8` (cgroup-v2.rst, "List of CPUs").
pub fn cpu_list(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *cpu => *last = *cpu,
            _ => ranges.push((*cpu, *cpu)),
        }
    }
    let text = |(first, last): &(u32, u32)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Known;
    use crate::world::tests::world;

    #[test]
    fn a_refuge_is_away_from_the_victim_and_from_others_that_are_protected() {
        type Row<'a> = (&'a [u32], &'a [u32], &'a [u32], &'a str);
        let cases: &[Row<'_>] = &[
            (&[0], &[0, 1, 2], &[], "2"),
            (&[0], &[0, 1, 2], &[2], "1"),
            (&[0], &[0, 1, 2], &[1, 2], ""),
            (&[0], &[0, 1], &[], "1"),
            (&[0], &[0], &[], ""),
            (&[], &[0, 1], &[], ""),
            (&[0], &[], &[], "3"),
        ];
        for (victim, culprit, avoid, refuge) in cases {
            let world = world(&[
                (1, "web", true, 0, victim),
                (2, "batch", false, 0, culprit),
                (3, "api", true, 0, &[1]),
                (4, "else", false, 0, &[3]),
            ]);
            let found = world.refuge(TargetId(2), TargetId(1), avoid).unwrap_or_default();
            assert_eq!(cpu_list(&found), *refuge, "{victim:?} {culprit:?} {avoid:?}");
        }
    }

    #[test]
    fn whoever_is_away_already_is_sent_nowhere() {
        let world = world(&[
            (1, "web", true, 0, &[0]),
            (2, "batch", false, 0, &[2, 3]),
            (3, "else", false, 0, &[4]),
        ]);
        let haven = |avoid: &[u32], may_move| world.haven(TargetId(2), TargetId(1), avoid, may_move);
        assert_eq!(haven(&[], true), None);
        assert_eq!(haven(&[2], true), Some(vec![3]));
        assert_eq!((haven(&[2, 3], true), haven(&[2, 3], false)), (Some(vec![4]), None));
    }

    #[test]
    fn of_the_cpus_of_a_culprit_those_stay_that_are_farthest_from_whoever_is_protected() {
        let mut world = world(&[
            (1, "web", true, 0, &[0]),
            (2, "batch", false, 0, &[0, 1, 2, 3, 4]),
            (3, "api", true, 0, &[4]),
        ]);
        let some = |world: &World, count| {
            let some = world.some_cpus(TargetId(2), TargetId(1), count);
            some.map_or_else(|| "none".to_owned(), |cpus| cpu_list(&cpus))
        };
        assert_eq!(
            [some(&world, 2), some(&world, 4), some(&world, 6)],
            ["2-3", "1-4", "none"]
        );
        world.cores = vec![vec![0, 3], vec![1, 4], vec![5, 6]];
        assert_eq!([some(&world, 1), some(&world, 2)], ["2", "2,4"]);
        // Where it may use all, nobody knows how many there are besides these.
        world.targets.insert(TargetId(2), Known::default());
        assert_eq!([some(&world, 2), some(&world, 3)], ["5-6", "none"]);
    }

    #[test]
    fn an_asylum_is_away_from_all_who_are_protected_and_from_their_siblings() {
        let mut world = world(&[
            (1, "web", true, 0, &[0]),
            (2, "batch", false, 0, &[4]),
            (3, "other", false, 0, &[1]),
        ]);
        assert_eq!(world.asylum(TargetId(2), &[4]), Some(vec![1]), "of none else is known");
        world.cores = vec![vec![0, 4], vec![1, 5], vec![2, 6]];
        assert_eq!(world.asylum(TargetId(2), &[4]), Some(vec![2, 5, 6]));
        assert_eq!(world.asylum(TargetId(2), &[2, 5, 6]), Some(vec![1]));
        assert_eq!(world.asylum(TargetId(2), &[1, 2, 5, 6]), None);
    }

    #[test]
    fn cpus_that_only_the_config_names_are_an_asylum() {
        let mut given = World::on(&["0,1".to_owned(), "2,3".to_owned()]).unwrap();
        given.targets = world(&[(1, "web", true, 0, &[0]), (2, "batch", false, 0, &[1])]).targets;
        given.recall_cores(vec![vec![0, 2]]);
        assert_eq!(given.asylum(TargetId(2), &[1]), Some(vec![2, 3]));
        assert!(World::on(&["0-".to_owned()]).is_err());
    }

    #[test]
    fn lists_of_cpus_are_short() {
        assert_eq!(cpu_list(&[0, 1, 2, 3, 8, 10, 11]), "0-3,8,10-11");
        assert_eq!(cpu_list(&[]), "");
    }
}
