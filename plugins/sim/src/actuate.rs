//! `sim.knobs`: turns the knobs of a simulated node, clamped and rounded as the real ones are. The only file here, with
//! those below it, that changes how a workload runs.
//!
//! Nothing real is touched, so nothing is journalled: when the run ends the node is gone with all that was set on it.
//! What somebody else of the scenario set meanwhile is theirs, as on a real machine.

mod ask;
mod ways;

use crate::config::KnobsConfig;
use crate::registry::{Ground, Held, Known, Shared};
use ask::Ask;
use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::{Dial, Settings};
use std::collections::BTreeMap;

/// The `sim.knobs` element.
pub struct Knobs {
    dials: Vec<(Dial, KnobId)>,
    latency: bool,
    host: Host,
    system: Option<System>,
    known: Known,
    subjects: BTreeMap<TargetId, Subject>,
}

/// A target whose knobs may be turned.
struct Subject {
    shared: Shared,
    place: usize,
    is_latency: bool,
}

impl Element for Knobs {
    const NAME: &'static str = "sim.knobs";
    const SUMMARY: &'static str = "turns the knobs of workloads on a simulated node";
    const EVERY: Nanos = Nanos::from_secs(1);
    const VIRTUAL_TIME: bool = true;
    type Config = KnobsConfig;

    fn ports(config: &KnobsConfig) -> Ports {
        let knobs = config
            .dials()
            .into_iter()
            .filter_map(|dial| vocabulary::knob(dial.name()));
        knobs
            .fold(Ports::new(), |ports, knob| ports.takes_actions(&knob))
            .gives_outcomes("what became of actions")
    }

    fn create(config: KnobsConfig, host: &Host) -> Result<Self> {
        let id = |dial: Dial| {
            let knob = vocabulary::knob(dial.name());
            let knob = knob.ok_or_else(|| Failure::fatal(format!("there is no knob `{}`", dial.name())))?;
            Ok((dial, host.knob(&knob)?))
        };
        Ok(Self {
            dials: config.dials().into_iter().map(id).collect::<Result<_>>()?,
            latency: config.latency,
            host: host.clone(),
            system: None,
            known: Known::default(),
            subjects: BTreeMap::new(),
        })
    }

    fn status(&self) -> String {
        let name = self.host.name();
        let held: usize = self
            .known
            .all()
            .map(|shared| shared.lock().held.values().filter(|held| held.by == name).count())
            .sum();
        format!("holds {held} knobs of {} targets", self.subjects.len())
    }
}

impl Actuator for Knobs {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>> {
        let target = &change.target;
        if change.change == Change::GONE {
            self.subjects.remove(&target.id);
            return Ok(Vec::new());
        }
        let shared = self.known.of(&self.host, target)?;
        let ground = shared.lock();
        let place = ground
            .places
            .get(&target.id)
            .copied()
            .ok_or_else(|| Failure::gone(target.id, "it left the node"))?;
        let subject = Subject {
            shared: shared.clone(),
            place,
            is_latency: target.class == Class::LATENCY,
        };
        let dials = self.dials.iter().filter(|(dial, _)| self.may(&subject, *dial));
        let controls = dials
            .map(|(dial, knob)| ask::control(&ground, place, *dial, *knob, change))
            .collect();
        drop(ground);
        self.subjects.insert(target.id, subject);
        Ok(controls)
    }

    fn takes(&self, knob: KnobId) -> bool {
        self.dials.iter().any(|(_, id)| *id == knob)
    }

    fn apply(&mut self, action: &Action) -> Result<Effect> {
        let (dial, name) = (self.dial(action.knob)?, self.host.name());
        let now = self.now()?;
        let subject = self.subject(action.target)?;
        if !self.may(subject, dial) {
            return Err(Failure::retry(
                "the target is of class `Latency`, which is not held back unless `latency` is set",
            ));
        }
        let mut ground = subject.shared.lock();
        ground.simulation.advance(now);
        look(&mut ground, subject.place, dial, &name, action.target)?;
        let ask = Ask::of(&ground, dial, action).map_err(Failure::retry)?;
        bring(&mut ground, subject, dial, &name, &ask)
    }

    fn release(&mut self, target: TargetId, knob: KnobId) -> Result<Release> {
        let (dial, name) = (self.dial(knob)?, self.host.name());
        let now = self.now()?;
        let subject = self.subject(target)?;
        let mut ground = subject.shared.lock();
        ground.simulation.advance(now);
        if let Err(failure) = look(&mut ground, subject.place, dial, &name, target) {
            return match failure.kind {
                FailureKind::TAKEN => Ok(Release::Taken(failure.message.into())),
                _ => Err(failure),
            };
        }
        let held = ground.held.remove(&(subject.place, dial));
        let held = held.ok_or_else(|| Failure::gone(target, "nothing is held of it"))?;
        ground.simulation.set(subject.place, dial, &held.found);
        if dial == Dial::Ways {
            ways::arrange(&mut ground);
        }
        Ok(Release::Restored(ask::effect(&ground, subject.place, dial)))
    }

    fn tend(&mut self, at: Nanos, target: TargetId, knob: KnobId) -> Result<()> {
        let (dial, name) = (self.dial(knob)?, self.host.name());
        let subject = self.subject(target)?;
        let mut ground = subject.shared.lock();
        ground.simulation.advance(at);
        look(&mut ground, subject.place, dial, &name, target)
    }
}

impl Knobs {
    fn dial(&self, knob: KnobId) -> Result<Dial> {
        let known = self.dials.iter().find(|(_, id)| *id == knob);
        known
            .map(|(dial, _)| *dial)
            .ok_or_else(|| Failure::retry("this node does not turn that knob"))
    }

    fn subject(&self, target: TargetId) -> Result<&Subject> {
        self.subjects
            .get(&target)
            .ok_or_else(|| Failure::gone(target, "the target left the node"))
    }

    fn now(&self) -> Result<Nanos> {
        let system = self.system.as_ref();
        system
            .map(System::now)
            .ok_or_else(|| Failure::fatal("asked to act before it was started"))
    }

    /// Cache and bandwidth protect whoever has them; all else holds back.
    fn may(&self, subject: &Subject, dial: Dial) -> bool {
        self.latency || !subject.is_latency || matches!(dial, Dial::Ways | Dial::Bandwidth)
    }
}

/// Whether what is held of a knob still stands as it was left. What somebody else changed is theirs, and held no more.
fn look(ground: &mut Ground, place: usize, dial: Dial, name: &str, target: TargetId) -> Result<()> {
    let Some(held) = ground.held.get(&(place, dial)) else {
        return Ok(());
    };
    if held.by != name {
        let message = format!(
            "`{}` holds `{}` of the target; one node turns a knob at a time",
            held.by,
            dial.name()
        );
        return Err(Failure {
            target,
            ..Failure::retry(message)
        });
    }
    if ground.simulation.settings(place).agrees(dial, &held.left) {
        return Ok(());
    }
    ground.held.remove(&(place, dial));
    let now = ask::effect(ground, place, dial);
    let shown = if now.text.is_empty() {
        now.value.to_string()
    } else {
        now.text
    };
    let why = format!("somebody else set `{}` to {shown}; it is theirs now", dial.name());
    Err(Failure::taken(target, why))
}

/// Brings a knob to what is asked.
fn bring(ground: &mut Ground, subject: &Subject, dial: Dial, name: &str, ask: &Ask) -> Result<Effect> {
    let place = subject.place;
    let found = match ground.held.get(&(place, dial)) {
        Some(held) => held.found.clone(),
        None => ground.simulation.settings(place).clone(),
    };
    if dial == Dial::Weight && ground.held.contains_key(&(place, Dial::Idle)) {
        return Err(Failure::retry(
            "the group is idle, which leaves its weight without effect; put `cpu.idle` back first",
        ));
    }
    let mut left: Settings = ground.simulation.settings(place).clone();
    left.turn(dial, ask.value, &ask.text).map_err(Failure::retry)?;
    let held = Held {
        by: name.to_owned(),
        found,
        left: left.clone(),
        ways: ask.value.clamp(0.0, 32.0) as u32,
    };
    let before = ground.held.insert((place, dial), held);
    let mut clamped = ask.clamped.clone();
    match dial {
        Dial::Ways => match ways::room(ground) {
            Ok(()) => clamped = join(clamped, ways::arrange(ground).contains(&place)),
            Err(why) => {
                ground.held.remove(&(place, dial));
                ground.held.extend(before.map(|before| ((place, dial), before)));
                return Err(Failure::retry(why));
            }
        },
        _ => ground.simulation.set(place, dial, &left),
    }
    Ok(Effect {
        clamped,
        ..ask::effect(ground, place, dial)
    })
}

fn join(clamped: String, shares: bool) -> String {
    const SHARES: &str = "it shares ways with another class, as there are not enough for all";
    match (shares, clamped.is_empty()) {
        (false, _) => clamped,
        (true, true) => SHARES.to_owned(),
        (true, false) => format!("{clamped}; {SHARES}"),
    }
}

#[cfg(test)]
mod tests;
