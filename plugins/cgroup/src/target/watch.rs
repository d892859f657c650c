//! `cgroup.watch`: control groups as targets, as they come and go.

use super::chosen::Chosen;
use super::described::{self, Described};
use super::places::{Inodes, Places, Verdict};
use super::processes;
use super::sight::Sight;
use crate::config::WatchConfig;
use crate::{group, probe};
use pipeline_cgroup_fs::Hierarchies;
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The `cgroup.watch` element.
pub struct CgroupWatch {
    chosen: Chosen,
    described: Described,
    most: usize,
    processes: bool,
    rescan: Nanos,
    host: Host,
    system: Option<System>,
    looks: Option<Looks>,
    /// The targets that there are, by the paths of their groups.
    lives: BTreeMap<String, Target>,
    /// When groups that are being made or removed are to be judged again.
    asks: BTreeSet<(Nanos, String)>,
    /// That there are more groups than targets was told.
    told: bool,
}

/// What is seen, and what was.
struct Looks {
    sight: Sight,
    places: Places,
}

impl Element for CgroupWatch {
    const NAME: &'static str = "cgroup.watch";
    const SUMMARY: &'static str = "control groups as targets, as they come and go";
    const BLOCKING: bool = true;
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = WatchConfig;

    fn ports(_: &WatchConfig) -> Ports {
        Ports::new()
    }

    fn create(config: WatchConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            chosen: Chosen::of(&config).map_err(|error| described::wrong(&error))?,
            described: Described::of(&config, host)?,
            most: config.most as usize,
            processes: config.processes,
            rescan: config.rescan.nanos(),
            host: host.clone(),
            system: None,
            looks: None,
            lives: BTreeMap::new(),
            asks: BTreeSet::new(),
            told: false,
        })
    }

    fn probe() -> Vec<Probe> {
        probe::statistics()
    }

    fn status(&self) -> String {
        let watched = self.looks.as_ref().map_or(0, |looks| looks.sight.watched());
        format!("{} groups, {watched} directories watched", self.lives.len())
    }
}

impl TargetProvider for CgroupWatch {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        let trees = Hierarchies::discover(root()).map_err(|error| Failure::fatal(group::sentence(&error)))?;
        if trees.trees().is_empty() {
            let why = "no control group tree is mounted; run `mount -t cgroup2 none /sys/fs/cgroup`";
            return Err(Failure::fatal(why));
        }
        self.looks = Some(Looks {
            places: Places::new(trees.trees().len()),
            sight: Sight::new(trees, self.rescan, &self.host),
        });
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let at = tick.at;
        let Some(looks) = &mut self.looks else {
            return Ok(Wish::Nothing);
        };
        looks.sight.look(at, &self.chosen, &mut looks.places);
        while self.asks.first().is_some_and(|(then, _)| *then <= at) {
            if let Some((_, path)) = self.asks.pop_first() {
                looks.places.touch(&path);
            }
        }
        let touched = looks.places.take_touched();
        // What goes is told before what comes, and groups below before those that held them.
        touched.iter().rev().for_each(|path| self.end_if_over(path, at, out));
        for path in touched {
            self.judge(path, at, out)?;
        }
        Ok(self.wish(at))
    }

    fn descriptors(&self) -> Vec<i32> {
        let sight = self.looks.as_ref().map(|looks| &looks.sight);
        sight.and_then(Sight::descriptor).into_iter().collect()
    }
}

impl CgroupWatch {
    /// Tells that a target is gone, if its group is or if nobody is left in it.
    fn end_if_over(&mut self, path: &str, at: Nanos, out: &mut Batch) {
        let (Some(looks), Some(target)) = (&mut self.looks, self.lives.get(path)) else {
            return;
        };
        let over = match looks.places.judge(path, at) {
            Verdict::Ended => true,
            _ if self.chosen.only_populated && !is_populated(&looks.sight, path, &target.cgroups) => {
                looks.places.untold(path);
                true
            }
            _ => false,
        };
        if let Some(target) = over.then(|| self.lives.remove(path)).flatten() {
            self.described.free(&target.name);
            tell(at, Change::GONE, target, out);
        }
    }

    fn judge(&mut self, path: String, at: Nanos, out: &mut Batch) -> Result<()> {
        let Some(looks) = &mut self.looks else { return Ok(()) };
        let verdict = looks.places.judge(&path, at);
        if !self.chosen.means(&path) {
            return Ok(());
        }
        match verdict {
            Verdict::Ask(then) => drop(self.asks.insert((then, path))),
            Verdict::There(dirs) => self.appear(path, dirs, at, out)?,
            Verdict::Grown(dirs) => self.grow(&path, dirs, at, out),
            Verdict::Same | Verdict::Ended if self.processes => self.list_processes(&path, at, out),
            Verdict::Same | Verdict::Ended => {}
        }
        Ok(())
    }

    fn appear(&mut self, path: String, dirs: Inodes, at: Nanos, out: &mut Batch) -> Result<()> {
        let (Some(looks), Some(system)) = (&mut self.looks, &self.system) else {
            return Ok(());
        };
        // Until everything was looked at once, a group may have been seen in the first of the trees only.
        if !looks.sight.is_complete() {
            looks.places.touch(&path);
            return Ok(());
        }
        let cgroups = described::directories(looks.sight.trees(), &path, &dirs);
        if self.chosen.only_populated && !is_populated(&looks.sight, &path, &cgroups) {
            return Ok(());
        }
        if self.lives.len() >= self.most {
            self.tell_full();
            return Ok(());
        }
        let mut target = self.described.target(&path, &self.chosen);
        (target.id, target.generation) = system.new_target(&target.name);
        target.parent = parent(&path, &self.lives);
        if self.processes {
            target.processes = processes::of(&cgroups).into();
        }
        target.cgroups = cgroups.into();
        looks.places.told(&path, dirs);
        self.lives.insert(path, target.clone());
        tell(at, Change::APPEARED, target, out);
        Ok(())
    }

    fn grow(&mut self, path: &str, dirs: Inodes, at: Nanos, out: &mut Batch) {
        let (Some(looks), Some(target)) = (&mut self.looks, self.lives.get_mut(path)) else {
            return;
        };
        target.cgroups = described::directories(looks.sight.trees(), path, &dirs).into();
        looks.places.told(path, dirs);
        tell(at, Change::CHANGED, target.clone(), out);
    }

    fn list_processes(&mut self, path: &str, at: Nanos, out: &mut Batch) {
        let Some(target) = self.lives.get_mut(path) else { return };
        let processes = processes::of(&target.cgroups);
        if target.processes[..] != processes[..] {
            target.processes = processes.into();
            tell(at, Change::CHANGED, target.clone(), out);
        }
    }

    fn tell_full(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            let why =
                "there are more groups than targets; those beyond are not brought; raise `most`, or narrow `groups`";
            self.host.log(Level::WARN, why, &[("most", &self.most)]);
        }
    }

    fn wish(&self, at: Nanos) -> Wish {
        let looks = self.looks.as_ref().map(|looks| looks.sight.next(at));
        let asks = self.asks.first().map(|(then, _)| *then);
        looks.into_iter().chain(asks).min().map_or(Wish::Nothing, Wish::At)
    }
}

/// Where the files of this machine are seen; a test's folder in tests.
fn root() -> PathBuf {
    #[cfg(test)]
    if let Some(root) = tests::root() {
        return root;
    }
    PathBuf::from("/")
}

/// Whether somebody is in a group or below it, in any of its trees. One that cannot be asked is left as it is.
fn is_populated(sight: &Sight, path: &str, dirs: &[CgroupDir]) -> bool {
    let trees = sight.trees().trees().iter();
    let mut asked = trees
        .filter(|tree| {
            let directory = tree.directory(path);
            dirs.iter().any(|dir| directory.as_os_str() == dir.path.as_str())
        })
        .map(|tree| tree.is_populated(path));
    asked.any(|answer| !matches!(answer, Ok(Some(false) | None)))
}

/// The target of the nearest group above that is one.
fn parent(path: &str, lives: &BTreeMap<String, Target>) -> TargetId {
    let mut above = path;
    while let Some((rest, _)) = above.rsplit_once('/') {
        if let Some(target) = lives.get(rest) {
            return target.id;
        }
        above = rest;
    }
    TargetId::NONE
}

fn tell(at: Nanos, change: Change, target: Target, out: &mut Batch) {
    out.changes.push(TargetChange { at, change, target });
}

#[cfg(test)]
mod tests;
