//! What was seen of groups in every tree, and what that makes of their lives. No I/O and no clock.
//!
//! On version 1 and hybrid a group is a directory in each tree, and those are made and removed one after the other. A
//! life begins when all trees have it, or when a moment passed since the first had it; it ends as soon as one of its
//! directories is gone or is another one. What is left of a life that ended is not taken for a new one.

use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// How long a group may take to be made in all trees before it counts as made in those that have it.
const SETTLE: Nanos = Nanos::from_millis(20);
/// How long what is left of a life may take to be removed before it counts as a group of its own.
const LEFT_OVER: Nanos = Nanos::from_secs(2);

/// The inode of a group's directory in each tree, 0 for none.
pub type Inodes = Box<[u64]>;

/// The groups that were seen, by path.
#[derive(Debug)]
pub struct Places {
    trees: usize,
    places: BTreeMap<String, Place>,
    touched: BTreeSet<String>,
}

#[derive(Debug)]
struct Place {
    seen: Inodes,
    /// The directories with which it was told; `None` unless it lives.
    told: Option<Inodes>,
    /// What a life that ended left behind, and when it ended.
    left: Option<(Inodes, Nanos)>,
    /// When a directory was seen for the first time after none.
    since: Nanos,
}

/// What has become of a group.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to tell.
    Same,
    /// It is being made or removed; ask again then.
    Ask(Nanos),
    /// It is there, with these directories.
    There(Inodes),
    /// It lives, and now has these directories.
    Grown(Inodes),
    /// Its life ended. There may be another one: ask again.
    Ended,
}

impl Places {
    /// Nothing seen yet in that many trees.
    pub fn new(trees: usize) -> Self {
        Self {
            trees,
            places: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Takes in what directory there is in one tree now, 0 for none; `true` if it is one that was not there before.
    pub fn see(&mut self, tree: usize, path: &str, inode: u64, at: Nanos) -> bool {
        if inode == 0 && !self.places.contains_key(path) {
            return false;
        }
        let trees = self.trees;
        let place = self.places.entry(path.to_owned()).or_insert_with(|| Place {
            seen: vec![0; trees].into(),
            told: None,
            left: None,
            since: at,
        });
        let Some(seen) = place.seen.get_mut(tree).filter(|seen| **seen != inode) else {
            return false;
        };
        let before = std::mem::replace(seen, inode);
        if place.seen.iter().filter(|seen| **seen != 0).count() == 1 && inode != 0 {
            place.since = at;
        }
        self.touched.insert(path.to_owned());
        if before != 0 {
            self.lose_below(tree, path);
        }
        inode != 0
    }

    /// The groups right below one that were seen in that tree.
    pub fn children(&self, tree: usize, path: &str) -> Vec<String> {
        let start = prefix(path);
        self.below(path)
            .filter(|(below, place)| place.seen[tree] != 0 && !below[start.len()..].contains('/'))
            .map(|(below, _)| below.clone())
            .collect()
    }

    /// The trees in which a group was seen; the topmost one is in all of them.
    pub fn trees_of(&self, path: &str) -> Vec<usize> {
        let is_there =
            |tree: &usize| path.is_empty() || self.places.get(path).is_some_and(|place| place.seen[*tree] != 0);
        (0..self.trees).filter(is_there).collect()
    }

    /// The groups of which something may be to be told, in the order of their paths; each is given once.
    pub fn take_touched(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.touched)
    }

    /// Has a group judged although nothing was seen of it.
    pub fn touch(&mut self, path: &str) {
        self.touched.insert(path.to_owned());
    }

    /// Has all groups judged that live, or of whose last life something is left.
    pub fn touch_all(&mut self) {
        let touched = self.places.keys();
        self.touched.extend(touched.cloned());
    }

    /// What has become of a group. [`Verdict::There`] and [`Verdict::Grown`] are given until they are [`Places::told`].
    pub fn judge(&mut self, path: &str, at: Nanos) -> Verdict {
        let Some(place) = self.places.get_mut(path) else {
            return Verdict::Same;
        };
        let verdict = place.judge(at);
        if place.is_empty() {
            self.places.remove(path);
        }
        verdict
    }

    /// The group was told with these directories.
    pub fn told(&mut self, path: &str, dirs: Inodes) {
        if let Some(place) = self.places.get_mut(path) {
            place.told = Some(dirs);
        }
    }

    /// The group was told gone although its directories are there.
    pub fn untold(&mut self, path: &str) {
        if let Some(place) = self.places.get_mut(path) {
            place.told = None;
        }
    }

    fn below(&self, path: &str) -> impl Iterator<Item = (&String, &Place)> {
        let start = prefix(path);
        let from = (Bound::Excluded(start.clone()), Bound::Unbounded);
        self.places
            .range::<String, _>(from)
            .take_while(move |(below, _)| below.starts_with(&start))
    }

    /// A directory that is gone, or is another one, holds nothing that was seen in it.
    fn lose_below(&mut self, tree: usize, path: &str) {
        let lost: Vec<String> = self.below(path).map(|(below, _)| below.clone()).collect();
        for below in lost {
            if let Some(place) = self.places.get_mut(&below) {
                place.seen[tree] = 0;
                self.touched.insert(below);
            }
        }
    }
}

/// What the paths of all groups below begin with.
fn prefix(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("{path}/")
    }
}

impl Place {
    fn judge(&mut self, at: Nanos) -> Verdict {
        match &self.told {
            Some(told)
                if told
                    .iter()
                    .zip(&self.seen)
                    .any(|(told, seen)| *told != 0 && told != seen) =>
            {
                let left = told
                    .iter()
                    .zip(&self.seen)
                    .map(|(told, seen)| if told == seen { *seen } else { 0 });
                self.left = Some((left.collect(), at));
                self.told = None;
                self.since = at;
                Verdict::Ended
            }
            Some(told) if *told == self.seen => Verdict::Same,
            Some(_) => Verdict::Grown(self.seen.clone()),
            None => self.judge_new(at),
        }
    }

    fn judge_new(&mut self, at: Nanos) -> Verdict {
        self.forget_left(at);
        let left = self.left.as_ref().map(|(left, _)| left);
        let new: Inodes = match left {
            Some(left) => left
                .iter()
                .zip(&self.seen)
                .map(|(left, seen)| if left == seen { 0 } else { *seen })
                .collect(),
            None => self.seen.clone(),
        };
        let settled = self.since + SETTLE;
        match new.iter().filter(|inode| **inode != 0).count() {
            0 => self
                .left
                .as_ref()
                .map_or(Verdict::Same, |(_, ended)| Verdict::Ask(*ended + LEFT_OVER)),
            some if some < new.len() && at < settled => Verdict::Ask(settled),
            _ => Verdict::There(new),
        }
    }

    /// What is left of a life is forgotten when it is gone, or when it stayed.
    fn forget_left(&mut self, at: Nanos) {
        if let Some((left, ended)) = &mut self.left {
            for (left, seen) in left.iter_mut().zip(&self.seen) {
                *left = if left == seen { *left } else { 0 };
            }
            if at.since(*ended) >= LEFT_OVER || left.iter().all(|inode| *inode == 0) {
                self.left = None;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.told.is_none() && self.seen.iter().all(|inode| *inode == 0)
    }
}

#[cfg(test)]
mod tests;
