//! Which processes belong together: those of one process, group, session or name, and the children of these. Pure.

use super::sweep::find;
use crate::config::GroupBy;
use crate::parse::{Comm, ProcStat};
use std::collections::BTreeMap;
use std::fmt;

/// What makes a target out of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The process, group or session of that id.
    Id(u32),
    /// The processes of that name.
    Name(Comm),
}

/// The processes of one target, as places in a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Herd {
    /// The one that stands for it: the process itself, the leader of the group, else the oldest of the key.
    pub first: usize,
    /// All of them, in the order of their ids.
    pub members: Vec<usize>,
}

impl Key {
    /// The key of a process.
    pub fn of(by: GroupBy, stat: &ProcStat) -> Self {
        match by {
            GroupBy::Process => Self::Id(stat.pid),
            GroupBy::Group => Self::Id(stat.group),
            GroupBy::Session => Self::Id(stat.session),
            GroupBy::Name => Self::Name(stat.comm),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Unknown,
    Asked,
    Nobody,
    Key(Key),
}

/// The herds of those keys. A process belongs to its own key if that is one of them, else to whom its parent belongs;
/// `is_barred` ones belong to nobody, and nor do their children through them.
pub fn herds(
    all: &[ProcStat],
    by: GroupBy,
    is_wanted: impl Fn(&Key) -> bool,
    is_barred: impl Fn(&ProcStat) -> bool,
) -> BTreeMap<Key, Herd> {
    let mut owners = vec![Owner::Unknown; all.len()];
    let mut herds: BTreeMap<Key, Herd> = BTreeMap::new();
    let mut way = Vec::new();
    for place in 0..all.len() {
        let owner = climb(place, all, &mut owners, &mut way, |stat| {
            let key = Key::of(by, stat);
            match is_barred(stat) {
                true => Some(Owner::Nobody),
                false => is_wanted(&key).then_some(Owner::Key(key)),
            }
        });
        if let Owner::Key(key) = owner {
            herds.entry(key).or_default().members.push(place);
        }
    }
    for (key, herd) in &mut herds {
        herd.first = first(*key, by, all, &herd.members);
    }
    herds
}

/// Whether a process descends from one that `is_root`, or is one.
pub fn descends(all: &[ProcStat], stat: &ProcStat, is_root: impl Fn(&ProcStat) -> bool) -> bool {
    let mut at = *stat;
    // A snapshot of ids that were used again may show a ring; no line of parents is longer than there are processes.
    for _ in 0..all.len() {
        if is_root(&at) {
            return true;
        }
        match find(all, at.parent) {
            Some(parent) => at = all[parent],
            None => return false,
        }
    }
    false
}

/// Goes up from parent to parent until somebody's owner is known, and keeps that for all on the way.
fn climb(
    place: usize,
    all: &[ProcStat],
    owners: &mut [Owner],
    way: &mut Vec<usize>,
    own: impl Fn(&ProcStat) -> Option<Owner>,
) -> Owner {
    way.clear();
    let mut at = place;
    let found = loop {
        match owners[at] {
            Owner::Unknown => {}
            Owner::Asked => break Owner::Nobody,
            known => break known,
        }
        way.push(at);
        if let Some(owner) = own(&all[at]) {
            break owner;
        }
        owners[at] = Owner::Asked;
        match find(all, all[at].parent) {
            Some(parent) => at = parent,
            None => break Owner::Nobody,
        }
    };
    for at in way.iter() {
        owners[*at] = found;
    }
    found
}

fn first(key: Key, by: GroupBy, all: &[ProcStat], members: &[usize]) -> usize {
    let of_key = members.iter().copied().filter(|place| Key::of(by, &all[*place]) == key);
    of_key
        .min_by_key(|place| (Key::Id(all[*place].pid) != key, all[*place].start_time, all[*place].pid))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stat(pid: u32, parent: u32, group: u32, name: &str) -> ProcStat {
        ProcStat {
            pid,
            parent,
            group,
            session: group / 100 * 100,
            comm: Comm::new(name.as_bytes()),
            start_time: u64::from(pid),
            ..ProcStat::default()
        }
    }

    /// A shell (100) with a job of two (110, 111), of which one has a child in a group of its own (120).
    fn tree() -> Vec<ProcStat> {
        vec![
            stat(1, 0, 1, "init"),
            stat(100, 1, 100, "sh"),
            stat(110, 100, 110, "nginx"),
            stat(111, 110, 110, "nginx"),
            stat(120, 111, 120, "cgi"),
        ]
    }

    fn pids(by: GroupBy, wanted: &[Key]) -> Vec<(Key, u32, Vec<u32>)> {
        let all = tree();
        let found = herds(&all, by, |key| wanted.contains(key), |stat| stat.pid == 1);
        let of = |(key, herd): (Key, Herd)| {
            (
                key,
                all[herd.first].pid,
                herd.members.iter().map(|place| all[*place].pid).collect(),
            )
        };
        found.into_iter().map(of).collect()
    }

    #[test]
    fn children_belong_to_it_unless_they_are_chosen_themselves() {
        let id = Key::Id;
        assert_eq!(
            pids(GroupBy::Process, &[id(110)]),
            [(id(110), 110, vec![110, 111, 120])]
        );
        let both = [id(110), id(111)];
        assert_eq!(
            pids(GroupBy::Process, &both),
            [(id(110), 110, vec![110]), (id(111), 111, vec![111, 120])]
        );
    }

    #[test]
    fn a_group_has_its_processes_and_what_they_started() {
        let id = Key::Id;
        assert_eq!(pids(GroupBy::Group, &[id(110)]), [(id(110), 110, vec![110, 111, 120])]);
        assert_eq!(
            pids(GroupBy::Group, &[id(100), id(110), id(120)]),
            [
                (id(100), 100, vec![100]),
                (id(110), 110, vec![110, 111]),
                (id(120), 120, vec![120])
            ]
        );
        assert_eq!(
            pids(GroupBy::Session, &[id(100)]),
            [(id(100), 100, vec![100, 110, 111, 120])]
        );
    }

    #[test]
    fn the_oldest_stands_for_a_name() {
        let name = Key::Name(Comm::new(b"nginx"));
        assert_eq!(pids(GroupBy::Name, &[name]), [(name, 110, vec![110, 111, 120])]);
    }

    #[test]
    fn what_is_barred_passes_nothing_on() {
        assert_eq!(pids(GroupBy::Process, &[Key::Id(1)]), []);
    }

    #[test]
    fn descent_is_followed_over_generations() {
        let all = tree();
        assert!(descends(&all, &all[4], |stat| stat.pid == 100));
        assert!(descends(&all, &all[1], |stat| stat.pid == 100));
        assert!(!descends(&all, &all[1], |stat| stat.pid == 110));
    }

    proptest! {
        #[test]
        fn everyone_belongs_to_one_at_most_whatever_the_parents_say(
            parents in proptest::collection::vec(0u32..12, 1..12),
            wanted in proptest::collection::vec(0u32..12, 0..4),
        ) {
            let all: Vec<_> = (1..).zip(parents).map(|(pid, parent)| stat(pid, parent, pid, "x")).collect();
            let found = herds(&all, GroupBy::Process, |key| wanted.iter().any(|id| Key::Id(*id) == *key), |_| false);
            let mut members: Vec<usize> = found.values().flat_map(|herd| herd.members.clone()).collect();
            let many = members.len();
            members.sort_unstable();
            members.dedup();
            prop_assert_eq!(members.len(), many);
            for (key, herd) in &found {
                prop_assert_eq!(Key::Id(all[herd.first].pid), *key);
            }
            let _ = descends(&all, &all[0], |_| false);
        }
    }
}
