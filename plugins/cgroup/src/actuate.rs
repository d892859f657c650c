//! `cgroup.limit`: turns the knobs of control groups, and puts them back. The only file here that changes how
//! workloads run.
//!
//! Each knob is journalled before its first write, amended in the journal before each later one, written only if it
//! stands elsewhere, read back, and put back only if it still reads what we left: what somebody else changed is theirs.
//! Which value is wise is a policy's business; leases, sets and dry runs are dealt with by the host.

mod ask;
mod held;
mod hold;
mod pending;
mod subject;
mod tree;
mod within;

use crate::config::LimitConfig;
use crate::{group, probe};
use ask::{Ask, Reach, effect};
use held::Owner;
use hold::{Hold, record_all, settle};
use pending::Pending;
use pipeline_cgroup_fs::{CpuSet, Error, FileWrite, Knob, KnobKind, Setting, Undone};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use subject::{Subject, Turn};
use tree::below;
use within::Waiting;

/// The `cgroup.limit` element.
pub struct Limit {
    kinds: Vec<(KnobKind, KnobId)>,
    latency: bool,
    host: Host,
    owner: Owner,
    system: Option<System>,
    subjects: BTreeMap<TargetId, Subject>,
    waiting: Waiting,
}

/// Who turns a knob, and through what.
struct Hand<'a> {
    system: &'a System,
    host: &'a Host,
    owner: &'a Owner,
    target: TargetId,
}

impl Element for Limit {
    const NAME: &'static str = "cgroup.limit";
    const SUMMARY: &'static str = "holds control groups back: idle, weight, cpuset, quota, freeze";
    type Config = LimitConfig;

    fn ports(config: &LimitConfig) -> Ports {
        let knobs = config.kinds().into_iter().map(knob_of);
        knobs
            .fold(Ports::new(), |ports, knob| ports.takes_actions(&knob))
            .gives_outcomes("what became of actions")
    }

    fn create(config: LimitConfig, host: &Host) -> Result<Self> {
        let with_id = |kind| Ok((kind, host.knob(&knob_of(kind))?));
        Ok(Self {
            kinds: config.kinds().into_iter().map(with_id).collect::<Result<_>>()?,
            latency: config.latency,
            host: host.clone(),
            owner: Owner::new(host),
            system: None,
            subjects: BTreeMap::new(),
            waiting: Waiting::default(),
        })
    }

    fn probe() -> Vec<Probe> {
        probe::knobs()
    }

    fn status(&self) -> String {
        let turns = self.subjects.values().flat_map(|subject| &subject.turns);
        let held = turns.filter(|turn| turn.hold.is_some()).count();
        format!("holds {held} knobs of {} targets", self.subjects.len())
    }
}

impl Actuator for Limit {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>> {
        let target = &change.target;
        let is_protected = self.protects(target);
        if change.change == Change::GONE || self.lets_go(change) {
            self.forget(target.id)?;
        }
        if change.change == Change::GONE {
            self.waiting.forget(target.id);
            return Ok(Vec::new());
        }
        self.waiting.update(target);
        if !self.subjects.contains_key(&target.id) {
            let subject = Subject::open(&self.kinds, target, is_protected);
            let subject = subject.map_err(|error| group::failure(target.id, &error))?;
            self.subjects.insert(target.id, subject);
        }
        Ok(self
            .subjects
            .get(&target.id)
            .map(|subject| subject.controls(change.at, target.id))
            .unwrap_or_default())
    }

    fn lets_go(&self, change: &TargetChange) -> bool {
        let target = &change.target;
        let is_other = |known: &Subject| known.dirs != *target.cgroups || known.is_protected != self.protects(target);
        self.subjects.get(&target.id).is_some_and(is_other)
    }

    fn takes(&self, knob: KnobId) -> bool {
        self.kinds.iter().any(|(_, id)| *id == knob)
    }

    fn apply(&mut self, action: &Action) -> Result<Effect> {
        let hand = Hand {
            system: self.system.as_ref().ok_or_else(not_started)?,
            host: &self.host,
            owner: &self.owner,
            target: action.target,
        };
        let subject = self.subjects.get_mut(&action.target);
        let subject = subject.ok_or_else(|| unknown(action.target))?;
        if let Some(inner) = self.waiting.below(&subject.dirs).filter(|_| !self.latency) {
            let inner = self.host.target(inner).map(|target| target.name.to_string());
            return Err(Failure::retry(format!(
                "the group holds that of `{}`, which is of class Latency; choose a group beside it, or set `latency: true`",
                inner.unwrap_or_default()
            )));
        }
        let is_idled = subject.is_idled();
        let turn = subject.turn(action.knob).ok_or_else(|| unknown(action.target))?;
        let failed = |error: Error| group::failure(action.target, &error);
        let knob = turn.knob.clone().map_err(Failure::retry)?;
        let ask = Ask::of(turn.kind, action, &reach(&knob).map_err(failed)?).map_err(Failure::retry)?;
        if is_idled && turn.kind == KnobKind::Weight {
            return turn.hidden_weight(ask);
        }
        turn.bring(&knob, ask, &hand)
    }

    fn release(&mut self, target: TargetId, knob: KnobId) -> Result<Release> {
        let Self { subjects, system, .. } = self;
        let system = system.as_ref().ok_or_else(not_started)?;
        let subject = subjects.get_mut(&target).ok_or_else(|| unknown(target))?;
        release(subject, knob, system, target)
    }
}

impl Hand<'_> {
    /// A knob that stands as it was found and that nobody else may turn meanwhile.
    fn hold(&self, found: Setting, files: Vec<PathBuf>) -> Result<Hold> {
        Ok(Hold::of(found, self.owner.claim(files, self.target, self.host)?))
    }
}

impl Limit {
    fn protects(&self, target: &Target) -> bool {
        target.class == Class::LATENCY && !self.latency
    }

    /// Puts back what we hold of a target that is no longer dealt with, or is another one now.
    fn forget(&mut self, target: TargetId) -> Result<()> {
        let Some(mut subject) = self.subjects.remove(&target) else {
            return Ok(());
        };
        let system = self.system.as_ref().ok_or_else(not_started)?;
        let held = subject.turns.iter().rev().filter(|turn| turn.hold.is_some());
        for knob in held.map(|turn| turn.id).collect::<Vec<_>>() {
            match release(&mut subject, knob, system, target) {
                Ok(_) => {}
                Err(failure) if failure.kind == FailureKind::GONE => {}
                Err(failure) => {
                    let name = self
                        .host
                        .target(target)
                        .map(|target| target.name.to_string())
                        .unwrap_or_default();
                    self.host.log(Level::ERROR, &failure.message, &[("target", &name)]);
                }
            }
        }
        Ok(())
    }
}

impl Turn {
    /// Brings the knob to what is asked, unless it stands there or is somebody else's, of which nothing is held then.
    fn bring(&mut self, knob: &Knob, ask: Ask, hand: &Hand<'_>) -> Result<Effect> {
        let target = hand.target;
        let failed = |error: Error| group::failure(target, &error);
        let now = knob.read().map_err(failed)?;
        if self.hold.as_ref().is_some_and(|hold| hold.in_force != now) {
            self.let_go(knob, hand.system, target)?;
            let path = knob.path();
            let why = format!("somebody else set `{}` to {now}; it is theirs now", path.display());
            return Err(Failure::taken(target, why));
        }
        if now == ask.setting {
            if self.hold.is_none() {
                self.hold = Some(hand.hold(now.clone(), files_of(knob, &[]))?);
            }
        } else {
            if let Some(why) = subject::never(knob.directory()).map_err(failed)? {
                return Err(Failure::retry(why));
            }
            let below = below(knob, &ask.setting).map_err(failed)?;
            let hold = match (&self.hold, below.is_empty()) {
                (Some(hold), true) => hold.clone(),
                _ => hand.hold(now.clone(), files_of(knob, &below))?,
            };
            self.hold = match below.is_empty() {
                true => Some(self.write(knob, &ask.setting, hold, hand)?),
                false => Some(self.write_tree(knob, &below, &ask.setting, hold, hand.system, target)?),
            };
        }
        let in_force = self.hold.as_ref().map_or(&now, |hold| &hold.in_force);
        let clamped = match ask.clamped.is_empty() && *in_force != ask.setting {
            true => format!("the kernel made it {in_force}"),
            false => ask.clamped,
        };
        Ok(Effect {
            clamped,
            ..effect(in_force)
        })
    }

    /// Journals, writes, reads back. On failure all is as it was before the call.
    fn write(&self, knob: &Knob, to: &Setting, mut hold: Hold, hand: &Hand<'_>) -> Result<Hold> {
        let failed = |error: Error| group::failure(hand.target, &error);
        let prepared = knob.prepare(to).map_err(failed)?;
        let mut pending = Pending::record(&hold, prepared, self.kind, hand.system)?;
        let written = match knob.write(to) {
            Ok(written) => written,
            Err(error) => {
                // Where the write took place all the same, as a freeze that comes late, it must not stand.
                pending.take_back(hand.system).map_err(failed)?;
                return Err(late(&error).unwrap_or_else(|| failed(error)));
            }
        };
        if let Err(failure) = pending.read_back(&written.after, hand.system) {
            pending.take_back(hand.system).map_err(failed)?;
            return Err(failure);
        }
        hold.in_force = written.in_force;
        pending.hold(&mut hold, hand.system);
        if *to == Setting::Idle(false) {
            hold.remember_weight(hand.system).map_err(failed)?;
        }
        Ok(hold)
    }

    /// Puts back what we hold of it; what could not be put back is still held.
    fn let_go(&mut self, knob: &Knob, system: &System, target: TargetId) -> Result<Release> {
        let hold = self.hold.as_mut().ok_or_else(|| not_held(target))?;
        let released = put_back(hold, knob, system, target);
        if released
            .as_ref()
            .err()
            .is_none_or(|failure| failure.kind == FailureKind::GONE)
        {
            self.hold = None;
        }
        released
    }

    /// A weight while the group is idle on our account: it is forgotten, and set again when the group leaves idle.
    fn hidden_weight(&mut self, ask: Ask) -> Result<Effect> {
        match &self.hold {
            Some(hold) if hold.in_force == ask.setting => Ok(Effect {
                clamped: ask.clamped,
                ..effect(&hold.in_force)
            }),
            _ => Err(Failure::retry(
                "the group is idle, which leaves its weight without effect; put `cpu.idle` back first",
            )),
        }
    }
}

impl Hold {
    /// A group that left idle has the weight that it had before, without waiting for the release.
    fn remember_weight(&mut self, system: &System) -> std::result::Result<(), Error> {
        let Some(idle) = self.lines.pop() else { return Ok(()) };
        for line in self.lines.drain(..).rev() {
            line.write.undo()?;
            system.settle(line.record);
        }
        self.lines.push(idle);
        Ok(())
    }

    /// The weight that comes back when the group leaves idle is `weight.before`, which was found before we set one.
    fn forget_weight(&mut self, weight: &FileWrite, system: &System) -> Result<()> {
        let known = self.lines.iter().find(|line| line.write.path == weight.path);
        let default = known.map_or(&weight.after, |line| &line.write.after).clone();
        let forgotten = FileWrite {
            after: default,
            ..weight.clone()
        };
        let others = self
            .lines
            .iter()
            .filter(|line| line.write.path != weight.path)
            .map(|line| line.write.clone());
        let forgotten = (forgotten.before != forgotten.after).then_some(forgotten);
        // Recorded anew as a whole, since they are undone backwards.
        let lines = record_all(system, KnobKind::Idle, forgotten.into_iter().chain(others).collect())?;
        settle(system, &self.lines);
        self.lines = lines;
        Ok(())
    }
}

fn release(subject: &mut Subject, id: KnobId, system: &System, target: TargetId) -> Result<Release> {
    let is_idled = subject.is_idled();
    let turn = subject.turn(id).ok_or_else(|| unknown(target))?;
    let hold = turn.hold.clone().ok_or_else(|| not_held(target))?;
    if is_idled && turn.kind == KnobKind::Weight {
        let released = release_hidden_weight(subject, &hold, system)?;
        subject.turn(id).ok_or_else(|| unknown(target))?.hold = None;
        return Ok(released);
    }
    let knob = turn.knob.clone().map_err(Failure::retry)?;
    turn.let_go(&knob, system, target)
}

/// The group is idle: its weight goes back when that ends.
fn release_hidden_weight(subject: &mut Subject, weight: &Hold, system: &System) -> Result<Release> {
    let idle = subject.of_kind(KnobKind::Idle).and_then(|turn| turn.hold.as_mut());
    if let (Some(idle), Some(line)) = (idle, weight.lines.first()) {
        idle.forget_weight(&line.write, system)?;
    }
    settle(system, &weight.lines);
    Ok(Release::Restored(effect(&weight.found)))
}

/// Undoes what we hold, backwards, each file only if it still reads what we left; the lines that failed are still held.
fn put_back(hold: &mut Hold, knob: &Knob, system: &System, target: TargetId) -> Result<Release> {
    let before = knob.read();
    let mut left: Vec<String> = Vec::new();
    for line in std::mem::take(&mut hold.lines).into_iter().rev() {
        match line.write.undo() {
            Ok(Undone::Restored | Undone::Taken(_)) => system.settle(line.record),
            Err(error) if error.is_gone() => system.settle(line.record),
            Err(error) => {
                left.push(by_hand(&error, &line.write));
                hold.lines.insert(0, line);
            }
        }
    }
    if !left.is_empty() {
        // What was put back of several writes is ours still, and not what somebody else set.
        if before.is_ok_and(|before| before == hold.in_force) {
            hold.in_force = knob.read().unwrap_or_else(|_| hold.in_force.clone());
        }
        return Err(Failure {
            target,
            ..Failure::retry(left.join("; "))
        });
    }
    let now = before.map_err(|error| group::failure(target, &error))?;
    match now == hold.in_force {
        true => knob
            .read()
            .map(|now| Release::Restored(effect(&now)))
            .map_err(|error| group::failure(target, &error)),
        false => Ok(Release::Taken(format!(
            "`{}` was set to {now} by somebody else",
            knob.path().display()
        ))),
    }
}

fn by_hand(error: &Error, write: &FileWrite) -> String {
    let sentence = group::sentence(error);
    format!(
        "{sentence}; put it back by hand: `echo '{}' > {}`",
        write.before,
        write.path.display()
    )
}

fn late(error: &Error) -> Option<Failure> {
    let Error::FreezeLate { waited_ms, .. } = error else {
        return None;
    };
    Some(Failure::retry(format!(
        "the group did not stop within {waited_ms} ms and goes on; one that is idle or throttled stops late, so put \
         `cpu.idle` and `cpu.quota` back first"
    )))
}

/// The files that nobody else may turn meanwhile: of an idle group the weight reads as the least, and is forgotten, so
/// these two belong together.
fn files_of(knob: &Knob, below: &[Knob]) -> Vec<PathBuf> {
    let directory = knob.directory();
    let file = |kind: KnobKind| directory.path.join(kind.file(directory.version));
    match knob.kind() {
        KnobKind::Idle | KnobKind::Weight => vec![file(KnobKind::Idle), file(KnobKind::Weight)],
        _ => std::iter::once(knob).chain(below).map(Knob::path).collect(),
    }
}

fn reach(knob: &Knob) -> std::result::Result<Reach, Error> {
    let period_us = match knob.kind() {
        KnobKind::Quota => match knob.read()? {
            Setting::Quota(quota) => quota.period_us,
            _ => pipeline_cgroup_fs::Quota::PERIOD_US,
        },
        _ => pipeline_cgroup_fs::Quota::PERIOD_US,
    };
    let cpus = if knob.kind() == KnobKind::Cpus {
        knob.cpus_of_parent()?
    } else {
        CpuSet::default()
    };
    Ok(Reach { period_us, cpus })
}

fn knob_of(kind: KnobKind) -> vocabulary::Knob {
    match kind {
        KnobKind::Idle => vocabulary::CPU_IDLE,
        KnobKind::Weight => vocabulary::CPU_WEIGHT,
        KnobKind::Cpus => vocabulary::CPU_SET,
        KnobKind::Quota => vocabulary::CPU_QUOTA,
        KnobKind::Freeze => vocabulary::FREEZE,
    }
}

fn unknown(target: TargetId) -> Failure {
    Failure {
        target,
        ..Failure::retry("the target, or this knob of it, is not known here")
    }
}

fn not_held(target: TargetId) -> Failure {
    Failure::gone(target, "nothing is held of it")
}

fn not_started() -> Failure {
    Failure::fatal("asked to act before it was started")
}

#[cfg(test)]
mod tests;
