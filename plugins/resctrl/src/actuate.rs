//! `resctrl.partition`: puts targets into classes that have their own ways of the last-level cache and their own share of
//! the memory bandwidth, and takes them out again. The only file here, with those below it, that changes how workloads
//! run.
//!
//! Everything is a class that this node made: a removed class gives its tasks back to the default group, so the removal
//! of its folder, recorded before it is made, undoes all of it. The default group and the groups of others are read and
//! never written. Who shares a class with whom is `plan`, which ways it gets is `fit`; leases, sets and dry runs are dealt
//! with by the host.

mod arrange;
mod class;
mod ground;
mod subject;

use crate::config::{KnobName, PartitionConfig};
use crate::{collect, demand, mount, probe};
use class::Made;
use ground::Ground;
use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::Error;
use std::collections::BTreeMap;
use subject::{Held, Subject};

/// How soon a target is looked after again, however often the node is called: it takes some reads for each thread.
const TEND_AGAIN: Nanos = Nanos::from_millis(500);

/// The `resctrl.partition` element.
pub struct Partition {
    config: PartitionConfig,
    knobs: Vec<(KnobName, KnobId)>,
    host: Host,
    ground: Option<Ground>,
    /// Why there is nothing to divide, where there is not.
    why_not: String,
    subjects: BTreeMap<TargetId, Subject>,
    classes: Vec<Made>,
    /// How many classes were made so far, for their names.
    made: u32,
    /// Somebody left, and how the others share what is free now is not decided yet.
    is_stale: bool,
}

impl Element for Partition {
    const NAME: &'static str = "resctrl.partition";
    const SUMMARY: &'static str = "gives targets ways of the last-level cache and shares of the memory bandwidth";
    const EVERY: Nanos = Nanos::from_secs(1);
    // All threads of all targets are looked at, and each is a call under one lock of the kernel, which others hold too.
    const BLOCKING: bool = true;
    type Config = PartitionConfig;

    fn ports(config: &PartitionConfig) -> Ports {
        let knobs = config.knobs.iter().map(|name| name.knob());
        knobs
            .fold(Ports::new(), |ports, knob| ports.takes_actions(&knob))
            .gives_outcomes("what became of actions")
    }

    fn create(config: PartitionConfig, host: &Host) -> Result<Self> {
        let with_id = |name: &KnobName| Ok((*name, host.knob(&name.knob())?));
        Ok(Self {
            knobs: config.knobs.iter().map(with_id).collect::<Result<_>>()?,
            config,
            host: host.clone(),
            ground: None,
            why_not: "it was not started".to_owned(),
            subjects: BTreeMap::new(),
            classes: Vec::new(),
            made: 0,
            is_stale: false,
        })
    }

    fn probe() -> Vec<Probe> {
        probe::partition()
    }

    fn status(&self) -> String {
        let held = self.subjects.values().filter(|subject| subject.holds()).count();
        format!(
            "holds {held} of {} targets in {} classes",
            self.subjects.len(),
            self.classes.len()
        )
    }
}

impl Actuator for Partition {
    fn start(&mut self, system: &System) -> Result<()> {
        match mount::opened(collect::open, &self.config.mount_point, self.config.mount, system) {
            Ok(resctrl) => self.ground = Some(Ground::new(resctrl, system.clone(), &self.config)),
            Err(why) => {
                self.why_not = why;
                let message = format!("{}; nothing can be divided", self.why_not);
                self.host.log(Level::WARN, &message, &[]);
            }
        }
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>> {
        let target = &change.target;
        let Some(ground) = &self.ground else {
            return Ok(Vec::new());
        };
        if change.change == Change::GONE {
            let held = self.subjects.remove(&target.id).is_some_and(|subject| subject.holds());
            return if held {
                self.let_go().map(|()| Vec::new())
            } else {
                Ok(Vec::new())
            };
        }
        match self.subjects.get_mut(&target.id) {
            Some(subject) => subject.told(target, ground),
            None => {
                self.subjects.insert(target.id, Subject::new(target, ground));
            }
        }
        let offered = self
            .knobs
            .iter()
            .filter_map(|(name, id)| ground.control(*name, *id, change));
        Ok(offered.collect())
    }

    fn takes(&self, knob: KnobId) -> bool {
        self.knobs.iter().any(|(_, id)| *id == knob)
    }

    fn apply(&mut self, action: &Action) -> Result<Effect> {
        let (target, name) = (action.target, self.name_of(action.knob)?);
        self.look(target, name)?;
        let ground = self
            .ground
            .as_ref()
            .ok_or_else(|| Failure::retry(self.why_not.clone()))?;
        let subject = self.subjects.get(&target).ok_or_else(|| unknown(target))?;
        subject.may_be_moved(ground, &self.classes, &self.host)?;
        let (before, mut wanted) = (subject.held.clone(), subject.held.clone());
        match name {
            KnobName::Ways | KnobName::Part => {
                if let Some(held) = before.cache_by.filter(|held| *held != name) {
                    let held = held.knob().name;
                    return Err(Failure::retry(format!(
                        "the target's part of the cache is held by `{held}`; end that lease first"
                    )));
                }
                let cache = ground.cache().ok_or_else(|| ground::no_such(name))?;
                let asked = demand::of_cache(action.value, &action.text, cache, ground.cache_bytes);
                wanted.ways = Some(asked.map_err(Failure::retry)?);
                wanted.cache_by = Some(name);
            }
            KnobName::Bandwidth => {
                let control = ground.bandwidth().ok_or_else(|| ground::no_such(name))?;
                let asked = demand::of_bandwidth(action.value, &action.text, control);
                wanted.bandwidth = Some(asked.map_err(Failure::retry)?);
            }
        }
        if wanted != before {
            self.hold(target, wanted);
            if let Err(failure) = self.arrange() {
                self.hold(target, before);
                // Whoever was moved already goes back; what cannot be is tended at the next instant.
                if let Err(second) = self.arrange() {
                    self.host.log(Level::WARN, &second.message, &[]);
                }
                return Err(failure);
            }
        }
        self.effect(target, name)
    }

    fn release(&mut self, target: TargetId, knob: KnobId) -> Result<Release> {
        let name = self.name_of(knob)?;
        if let Err(failure) = self.look(target, name) {
            return match failure.kind {
                FailureKind::TAKEN => Ok(Release::Taken(failure.message.into())),
                _ => Err(failure),
            };
        }
        let subject = self
            .subjects
            .get(&target)
            .ok_or_else(|| Failure::gone(target, "the target went"))?;
        let before = subject.held.clone();
        let mut wanted = before.clone();
        wanted.let_go(name);
        self.hold(target, wanted);
        if let Err(failure) = self.let_go() {
            self.hold(target, before);
            return Err(failure);
        }
        let ground = self
            .ground
            .as_ref()
            .ok_or_else(|| Failure::retry(self.why_not.clone()))?;
        Ok(Release::Restored(Effect {
            value: ground.undivided(name),
            ..Effect::default()
        }))
    }

    fn tend(&mut self, at: Nanos, target: TargetId, knob: KnobId) -> Result<()> {
        let name = self.name_of(knob)?;
        let tended = self.subjects.get(&target).map(|subject| subject.tended);
        if tended.is_some_and(|tended| tended != at && tended + TEND_AGAIN > at) {
            return Ok(());
        }
        self.look(target, name)?;
        if self.is_stale {
            self.arrange()?;
        }
        let (Some(ground), Some(subject)) = (&self.ground, self.subjects.get_mut(&target)) else {
            return Ok(());
        };
        let class = self.classes.iter().find(|class| class.members.contains(&target));
        match class {
            Some(class) if subject.tended != at => {
                subject.tended = at;
                subject
                    .bring(&class.group, ground, &self.host)
                    .map_err(|error| failure(target, &error))
            }
            _ => Ok(()),
        }
    }

    fn stop(&mut self) -> Result<()> {
        let Some(ground) = &self.ground else { return Ok(()) };
        let classes = std::mem::take(&mut self.classes).into_iter();
        let failed: Vec<String> = classes
            .filter_map(|class| class.remove(&ground.system).err())
            .map(|(_, error)| error.sentence())
            .collect();
        match failed.is_empty() {
            true => Ok(()),
            false => Err(Failure::retry(failed.join("; "))),
        }
    }
}

impl Partition {
    fn name_of(&self, knob: KnobId) -> Result<KnobName> {
        let known = self.knobs.iter().find(|(_, id)| *id == knob);
        known
            .map(|(name, _)| *name)
            .ok_or_else(|| Failure::retry("this node does not turn that knob"))
    }

    fn hold(&mut self, target: TargetId, wanted: Held) {
        if let Some(subject) = self.subjects.get_mut(&target) {
            subject.held = wanted;
        }
    }

    /// Whether what we hold of a target is still as we left it. What somebody else changed is theirs: that knob is
    /// held no more, nor is another of that target, and the class is left as it is until the end.
    fn look(&mut self, target: TargetId, name: KnobName) -> Result<()> {
        let (Some(ground), Some(subject)) = (&self.ground, self.subjects.get_mut(&target)) else {
            return Ok(());
        };
        if let Some(class) = self.classes.iter_mut().find(|class| class.members.contains(&target)) {
            subject.moved_away(&class.group, ground);
            if subject.is_taken() {
                class.members.remove(&target);
            } else if let Some(why) = class.taken_why() {
                subject.take(why);
            }
        }
        let Some(why) = subject.taken.clone() else {
            return Ok(());
        };
        subject.held.let_go(name);
        Err(Failure::taken(target, why))
    }

    /// What is in force of a knob of a target, and how it is not quite what was asked for.
    fn effect(&self, target: TargetId, name: KnobName) -> Result<Effect> {
        let ground = self
            .ground
            .as_ref()
            .ok_or_else(|| Failure::retry(self.why_not.clone()))?;
        let subject = self.subjects.get(&target).ok_or_else(|| unknown(target))?;
        let class = self.classes.iter().find(|class| class.members.contains(&target));
        let class = class.ok_or_else(|| unknown(target))?;
        let mut why = subject.held.clamped(name).to_owned();
        let mut add = |sentence: String| {
            if !why.is_empty() {
                why.push_str("; ");
            }
            why.push_str(&sentence);
        };
        if class.members.len() > 1 {
            let (others, all) = (
                class.members.len() - 1,
                self.subjects.values().filter(|subject| subject.holds()).count(),
            );
            add(format!(
                "it shares a class with {others} others, as {all} targets want one and the hardware has {} for them",
                self.classes.len()
            ));
        }
        let (value, text) = match name {
            KnobName::Ways | KnobName::Part => {
                if self
                    .classes
                    .iter()
                    .any(|other| other.which != class.which && ground.overlaps(class, other))
                {
                    add("it shares ways with another class, as there are not enough for all".to_owned());
                }
                ground.ways_of(class)
            }
            KnobName::Bandwidth => ground.bandwidth_of(class),
        };
        Ok(Effect {
            value,
            text,
            clamped: why,
        })
    }
}

fn unknown(target: TargetId) -> Failure {
    Failure {
        target,
        ..Failure::retry("the target is not known here; name it in the graph's `targets`")
    }
}

/// What an error means for a call that was about `target`.
fn failure(target: TargetId, error: &Error) -> Failure {
    Failure {
        target,
        ..Failure::retry(error.sentence())
    }
}

#[cfg(test)]
mod tests;
