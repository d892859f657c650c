//! Adapter for actuators: leases, sets that hold all or none, dry runs, and the outcomes of all.
//!
//! What could not be put back is tried again for a while. That it is put back in the end, after all else failed, is
//! the business of the host's journal.

use super::source::{common_calls, report};
use super::{Actuator, Effect, Input, Release, Result, Role, Wish, called};
use crate::abi::{
    Action, Batch, Called, Change, Failure, FailureKind, Fate, KnobId, Level, Nanos, NodeAbi, Outcome, PortBatch,
    Stage, TargetChange, TargetId, Tick,
};
use crate::host::Host;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// How long after a knob could not be put back that is tried again.
const AGAIN_AFTER: Nanos = Nanos::from_secs(1);
/// How often it is tried again at most.
const AGAIN_MOST: u32 = 10;

/// An [`Actuator`] in its stage.
pub struct Actuates<E>(PhantomData<E>);

impl<E: Actuator> Role for Actuates<E> {
    type Element = E;
    type Node = ActuatorNode<E>;
    const STAGE: u32 = Stage::ACTUATOR.0;
    fn node(element: E, host: Host) -> Self::Node {
        ActuatorNode {
            element,
            host,
            leases: BTreeMap::new(),
            dry_run: false,
        }
    }
}

/// A knob of a target.
type Knob = (TargetId, KnobId);

struct Lease {
    action: u64,
    /// When it lapses, or the knob is next tried to be put back.
    until: Nanos,
    stuck: Option<Stuck>,
}

/// Why a knob is put back.
#[derive(Clone)]
struct Parting {
    /// The action that asked for it, 0 for none.
    action: u64,
    fate: Fate,
    why: String,
}

/// A knob that could not be put back yet.
struct Stuck {
    parting: Parting,
    reason: String,
    tries: u32,
}

impl Parting {
    fn new(fate: Fate, why: &str) -> Self {
        Self {
            action: 0,
            fate,
            why: why.to_owned(),
        }
    }
}

/// The node around an [`Actuator`].
pub struct ActuatorNode<E> {
    element: E,
    host: Host,
    leases: BTreeMap<Knob, Lease>,
    dry_run: bool,
}

impl<E: Actuator> NodeAbi for ActuatorNode<E> {
    fn start(&mut self) -> Called {
        let system = self.host.system();
        self.dry_run = system.dry_run();
        called(self.element.start(&system).map(|()| Wish::Nothing))
    }
    fn tick(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Called {
        called(self.act(&Input::new(tick.at, &[]), out))
    }
    fn input(&mut self, at: Nanos, inputs: RSlice<'_, PortBatch<'_>>, out: &mut Batch) -> Called {
        called(self.act(&Input::new(at, inputs.as_slice()), out))
    }
    fn descriptors(&self) -> RVec<i32> {
        RVec::new()
    }
    fn drain(&mut self, _: Nanos, out: &mut Batch) -> Called {
        let at = self.host.system().now();
        let held: Vec<Knob> = self.leases.keys().copied().collect();
        for knob in held.into_iter().rev() {
            self.put_back(at, knob, Parting::new(Fate::UNDONE, "the run ends"), out);
            self.give_up(knob);
        }
        RResult::ROk(Nanos::ZERO)
    }
    fn stop(&mut self) -> Called {
        called(self.element.stop().map(|()| Wish::Nothing))
    }
    common_calls!();
}

impl<E: Actuator> ActuatorNode<E> {
    fn act(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        if let Some(said) = self.element.instead(input, out) {
            return said;
        }
        for change in input.changes() {
            self.change(input.at, change, out)?;
        }
        for set in sets(input.actions().filter(|action| self.element.takes(action.knob))) {
            self.carry_out(input.at, &set, out);
        }
        self.lapse(input.at, out);
        self.tend(input.at, out)?;
        Ok(self
            .leases
            .values()
            .map(|lease| lease.until)
            .min()
            .map_or(Wish::Nothing, Wish::At))
    }

    fn change(&mut self, at: Nanos, change: &TargetChange, out: &mut Batch) -> Result<()> {
        if change.change == Change::GONE {
            for knob in self.held_of(change.target.id) {
                self.leases.remove(&knob);
            }
        } else if self.element.lets_go(change) {
            for knob in self.held_of(change.target.id).into_iter().rev() {
                self.put_back(at, knob, Parting::new(Fate::UNDONE, "the target changed"), out);
                self.give_up(knob);
            }
        }
        match self.element.target(change) {
            Ok(controls) => out.controls.extend(controls),
            Err(failure) if failure.kind == FailureKind::FATAL => return Err(failure),
            Err(failure) => report(&self.host, change.target.id, change.change, &failure),
        }
        Ok(())
    }

    /// What it holds of a target, without a look at all that it holds.
    fn held_of(&self, target: TargetId) -> Vec<Knob> {
        let all = (target, KnobId(0))..=(target, KnobId(u32::MAX));
        self.leases.range(all).map(|(knob, _)| *knob).collect()
    }

    /// All or none: when one of a set is refused, those before it are put back.
    fn carry_out(&mut self, at: Nanos, set: &[&Action], out: &mut Batch) {
        let mut done: Vec<Knob> = Vec::new();
        let mut refused: Option<String> = None;
        for action in set {
            match &refused {
                Some(why) => out.outcomes.push(refusal(at, action, why)),
                None => match self.one(at, action, out) {
                    Ok(()) => done.push((action.target, action.knob)),
                    Err(failure) => {
                        match failure.kind {
                            FailureKind::TAKEN => {
                                let knob = (action.target, action.knob);
                                self.leases.remove(&knob);
                                self.taken(at, action.id, knob, &failure.message, out);
                            }
                            _ => out.outcomes.push(refusal(at, action, &failure.message)),
                        }
                        refused = Some(format!("another action of its set was refused: {}", failure.message));
                    }
                },
            }
        }
        if refused.is_some() {
            for knob in done.into_iter().rev() {
                let parting = Parting::new(Fate::UNDONE, "another action of its set was refused");
                self.put_back(at, knob, parting, out);
            }
        }
    }

    fn one(&mut self, at: Nanos, action: &Action, out: &mut Batch) -> Result<()> {
        let knob = (action.target, action.knob);
        if action.is_release() {
            let parting = Parting {
                action: action.id,
                ..Parting::new(Fate::UNDONE, &action.why)
            };
            self.put_back(at, knob, parting, out);
            return Ok(());
        }
        if self.dry_run {
            let asked = Effect {
                value: action.value,
                text: action.text.to_string(),
                clamped: String::new(),
            };
            out.outcomes.push(outcome(
                at,
                action.id,
                knob,
                Fate::PLANNED,
                &asked,
                "a dry run writes nothing",
            ));
            return Ok(());
        }
        let effect = self.element.apply(action)?;
        let renewed = self
            .leases
            .insert(
                knob,
                Lease {
                    action: action.id,
                    until: action.until,
                    stuck: None,
                },
            )
            .is_some();
        let fate = if effect.clamped.is_empty() {
            Fate::APPLIED
        } else {
            Fate::CLAMPED
        };
        self.note(
            if renewed { Level::DEBUG } else { Level::INFO },
            fate,
            knob,
            &effect,
            &action.why,
        );
        out.outcomes
            .push(outcome(at, action.id, knob, fate, &effect, &effect.clamped));
        Ok(())
    }

    fn lapse(&mut self, at: Nanos, out: &mut Batch) {
        let parting = |lease: &Lease| match &lease.stuck {
            Some(stuck) => stuck.parting.clone(),
            None => Parting::new(Fate::LAPSED, "nobody renewed the lease"),
        };
        let over: Vec<(Knob, Parting)> = self
            .leases
            .iter()
            .filter(|(_, lease)| lease.until <= at)
            .map(|(knob, lease)| (*knob, parting(lease)))
            .collect();
        for (knob, parting) in over {
            self.put_back(at, knob, parting, out);
        }
    }

    /// Has what is held looked after, but for what is stuck on its way back.
    fn tend(&mut self, at: Nanos, out: &mut Batch) -> Result<()> {
        let held = self.leases.iter().filter(|(_, lease)| lease.stuck.is_none());
        let held: Vec<(Knob, u64)> = held.map(|(knob, lease)| (*knob, lease.action)).collect();
        for (knob, action) in held {
            match self.element.tend(at, knob.0, knob.1) {
                Ok(()) => {}
                Err(failure) if failure.kind == FailureKind::TAKEN => {
                    self.leases.remove(&knob);
                    self.taken(at, action, knob, &failure.message, out);
                }
                Err(failure) if failure.kind == FailureKind::FATAL => return Err(failure),
                Err(failure) => report(&self.host, knob.0, Change::CHANGED, &failure),
            }
        }
        Ok(())
    }

    /// Puts a knob back if we hold it; where that fails, it is still held.
    fn put_back(&mut self, at: Nanos, knob: Knob, parting: Parting, out: &mut Batch) {
        let Some(lease) = self.leases.remove(&knob) else { return };
        let Parting { action, fate, why } = &parting;
        let action = if *action == 0 { lease.action } else { *action };
        match self.element.release(knob.0, knob.1) {
            Ok(Release::Restored(effect)) => {
                self.note(Level::INFO, *fate, knob, &effect, why);
                out.outcomes.push(outcome(at, action, knob, *fate, &effect, why));
            }
            Ok(Release::Taken(found)) => self.taken(at, action, knob, &found, out),
            Err(failure) if failure.kind == FailureKind::TAKEN => {
                self.taken(at, action, knob, &failure.message, out);
            }
            Err(failure) if failure.kind == FailureKind::GONE => {
                let why = "the target went, and its knobs with it";
                out.outcomes
                    .push(outcome(at, action, knob, *fate, &Effect::default(), why));
            }
            Err(failure) => {
                let parting = Parting { action, ..parting };
                self.stuck(at, knob, lease, parting, &failure.message, out);
            }
        }
    }

    fn taken(&self, at: Nanos, action: u64, knob: Knob, found: &str, out: &mut Batch) {
        self.note(Level::WARN, Fate::TAKEN, knob, &Effect::default(), found);
        out.outcomes
            .push(outcome(at, action, knob, Fate::TAKEN, &Effect::default(), found));
    }

    /// Keeps a lease whose knob could not be put back. Each action is told that once, however often it is tried.
    fn stuck(&mut self, at: Nanos, knob: Knob, lease: Lease, parting: Parting, reason: &str, out: &mut Batch) {
        let before = lease.stuck.as_ref();
        if before.is_none_or(|stuck| stuck.parting.action != parting.action) {
            self.note(Level::WARN, Fate::REFUSED, knob, &Effect::default(), reason);
            out.outcomes.push(outcome(
                at,
                parting.action,
                knob,
                Fate::REFUSED,
                &Effect::default(),
                reason,
            ));
        }
        let tries = before.map_or(1, |stuck| stuck.tries + 1);
        self.leases.insert(
            knob,
            Lease {
                action: parting.action,
                until: at + AGAIN_AFTER,
                stuck: Some(Stuck {
                    parting,
                    reason: reason.to_owned(),
                    tries,
                }),
            },
        );
        if tries > AGAIN_MOST {
            self.give_up(knob);
        }
    }

    /// Ends the lease of a knob that could not be put back, if it is one.
    fn give_up(&mut self, knob: Knob) {
        let Some(Stuck { reason, tries, .. }) = self.leases.remove(&knob).and_then(|lease| lease.stuck) else {
            return;
        };
        let why = format!("not put back, and given up after {tries} tries: {reason}");
        self.note(Level::ERROR, Fate::REFUSED, knob, &Effect::default(), &why);
    }

    fn note(&self, level: Level, fate: Fate, knob: Knob, effect: &Effect, why: &str) {
        let target = self
            .host
            .target(knob.0)
            .map(|target| target.name.to_string())
            .unwrap_or_default();
        let name = self
            .host
            .knob_name(knob.1)
            .map(|knob| knob.name.to_string())
            .unwrap_or_default();
        let value = if effect.text.is_empty() {
            effect.value.to_string()
        } else {
            effect.text.clone()
        };
        let fields: [(&str, &dyn std::fmt::Display); 4] =
            [("fate", &fate), ("target", &target), ("knob", &name), ("value", &value)];
        self.host.log(level, why, &fields);
    }
}

/// Groups actions of one set, in order; an action without a set is a group of its own.
fn sets<'a>(actions: impl Iterator<Item = &'a Action>) -> Vec<Vec<&'a Action>> {
    let mut groups: Vec<Vec<&Action>> = Vec::new();
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    for action in actions {
        let place = match action.set {
            0 => groups.len(),
            set => *places.entry(set).or_insert(groups.len()),
        };
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(action);
    }
    groups
}

fn refusal(at: Nanos, action: &Action, why: &str) -> Outcome {
    outcome(
        at,
        action.id,
        (action.target, action.knob),
        Fate::REFUSED,
        &Effect::default(),
        why,
    )
}

fn outcome(at: Nanos, action: u64, knob: Knob, fate: Fate, effect: &Effect, why: &str) -> Outcome {
    Outcome {
        at,
        action,
        target: knob.0,
        knob: knob.1,
        fate,
        value: effect.value,
        text: effect.text.as_str().into(),
        why: why.into(),
        ..Outcome::default()
    }
}

#[cfg(test)]
mod tests;
