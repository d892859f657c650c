//! A target of the actuator: what is held for it, who its tasks are, and how they get into a class and out of it.

use super::class::Made;
use super::ground::Ground;
use crate::config::KnobName;
use crate::crowd::Crowd;
use crate::demand::{Asked, Wants};
use crate::names;
use crate::plan::Wish;
use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{Error, Group};
use std::collections::BTreeSet;
use std::result::Result as Outcome;
use std::sync::Arc;

/// What is held for a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// Of the last-level cache.
    pub ways: Option<Asked<Wants>>,
    /// By which of the two knobs of the cache.
    pub cache_by: Option<KnobName>,
    /// Of the memory bandwidth.
    pub bandwidth: Option<Asked<u64>>,
}

/// A target.
pub struct Subject {
    target: Target,
    crowd: Crowd,
    /// What is held for it.
    pub held: Held,
    /// Its tasks that are in its class.
    known: BTreeSet<u32>,
    /// When it was looked after last.
    pub tended: Nanos,
    /// Why it is somebody else's, if it is.
    pub taken: Option<String>,
}

impl Held {
    /// The knob is held no more; of the two of the cache the other one may be.
    pub fn let_go(&mut self, name: KnobName) {
        match name {
            KnobName::Bandwidth => self.bandwidth = None,
            _ if self.cache_by == Some(name) => (self.ways, self.cache_by) = (None, None),
            _ => {}
        }
    }

    /// How a knob is not quite what was asked for.
    pub fn clamped(&self, name: KnobName) -> &str {
        let clamped = match name {
            KnobName::Ways | KnobName::Part => self.ways.as_ref().map(|asked| &asked.clamped),
            KnobName::Bandwidth => self.bandwidth.as_ref().map(|asked| &asked.clamped),
        };
        clamped.map_or("", String::as_str)
    }
}

impl Subject {
    /// One for which nothing is held.
    pub fn new(target: &Target, ground: &Ground) -> Self {
        Self {
            target: target.clone(),
            crowd: Crowd::of(target, Arc::clone(ground.resctrl.files())),
            held: Held::default(),
            known: BTreeSet::new(),
            tended: Nanos::ZERO,
            taken: None,
        }
    }

    /// Takes over what is told of the target now.
    pub fn told(&mut self, target: &Target, ground: &Ground) {
        self.crowd = Crowd::of(target, Arc::clone(ground.resctrl.files()));
        self.target = target.clone();
    }

    /// Whether anything is held for it.
    pub fn holds(&self) -> bool {
        self.held != Held::default()
    }

    /// What it wants, if anything.
    pub fn wish(&self) -> Option<Wish> {
        (self.holds() && !self.is_taken()).then(|| Wish {
            target: self.target.id,
            class: self.target.class,
            priority: self.target.priority,
            ways: self.held.ways.as_ref().map(|asked| asked.value.clone()),
            bandwidth: self.held.bandwidth.as_ref().map(|asked| asked.value),
        })
    }

    /// Refuses to touch tasks that somebody else put somewhere.
    ///
    /// # Errors
    /// A task is in a group that this node did not make.
    pub fn may_be_moved(&self, ground: &Ground, classes: &[Made], host: &Host) -> Result<()> {
        for task in self.crowd.tasks() {
            let Some(found) = ground.resctrl.membership(task) else {
                continue;
            };
            let is_free = found.control.is_empty() || classes.iter().any(|class| class.group.name() == found.control);
            let is_counted_by_us = found.monitor.is_empty() || names::is_of_this_run(host, &found.monitor);
            let group = match (is_free, is_counted_by_us) {
                (true, true) => continue,
                (false, _) => format!("group `{}`", found.control),
                (true, false) => format!("monitoring group `{}`", found.monitor),
            };
            return Err(Failure {
                target: self.target.id,
                ..Failure::retry(format!(
                    "task {task} is in the {group}, which somebody else made; it is left there"
                ))
            });
        }
        Ok(())
    }

    /// Puts all its tasks into that group, the default group included; with its monitoring group where the kernel lets
    /// it, so that its counts go on.
    ///
    /// # Errors
    /// The kernel refuses, or the group is gone.
    pub fn bring(&mut self, to: &Group, ground: &Ground, host: &Host) -> Outcome<(), Error> {
        let name = to.name();
        let control = |task: &u32| ground.resctrl.membership(*task).map(|found| found.control);
        let stays = |task: &u32| control(task).as_ref() == Some(&name);
        // What somebody else put somewhere is left there.
        let comes = |control: String| control != name && (control.is_empty() || names::is_of_this_run(host, &control));
        for task in self.crowd.tasks() {
            let Some(found) = ground.resctrl.membership(task) else {
                continue;
            };
            if found.control == name || !names::is_of_this_run(host, &found.monitor) {
                continue;
            }
            let monitor = ground.resctrl.group(&found.control).monitor(&found.monitor);
            match monitor.move_to(to) {
                Ok(_) => {}
                // Older kernels move none; the collector makes it anew and tells the gap.
                Err(error) => host.log(Level::DEBUG, &error.sentence(), &[("target", &self.target.name)]),
            }
            break;
        }
        // A task that is written into a class is counted with the class, so those that are there already are left alone.
        let outside = || {
            self.crowd
                .tasks()
                .into_iter()
                .filter(|task| control(task).is_some_and(comes))
                .collect()
        };
        let gathered = to.gather(outside, &mut BTreeSet::new())?;
        self.tended = ground.system.now();
        if !gathered.is_complete {
            let message = "it forks faster than its tasks are moved; the rest follows at the next instant";
            host.log(Level::INFO, message, &[("target", &self.target.name)]);
        }
        self.known = match name.is_empty() {
            true => BTreeSet::new(),
            false => self.crowd.tasks().into_iter().filter(stays).collect(),
        };
        Ok(())
    }

    /// Looks whether a task that we put into the class is in another one: it is somebody else's then.
    pub fn moved_away(&mut self, class: &Group, ground: &Ground) {
        let name = class.name();
        let alive: BTreeSet<u32> = self.crowd.tasks().into_iter().collect();
        let Some(task) = self.known.intersection(&alive).next() else {
            return;
        };
        let Some(found) = ground.resctrl.membership(*task) else {
            return;
        };
        if found.control != name {
            let there = format!("/{}", found.control);
            self.take(format!(
                "somebody else moved task {task} from `{name}` to `{there}`; it is theirs now"
            ));
        }
    }

    /// It is somebody else's from now on.
    pub fn take(&mut self, why: String) {
        self.taken = Some(why);
    }

    /// Whether it is somebody else's.
    pub fn is_taken(&self) -> bool {
        self.taken.is_some()
    }
}
