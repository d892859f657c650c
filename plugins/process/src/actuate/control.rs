//! `process.control`: the knobs `process.paused` and `process.running`.
//!
//! A pause is undone by letting the processes go on. Ending a command of `process.run` is left to its own node, which
//! starts it again when the lease is over; ending anything else cannot be undone, and so must be allowed.

use super::crowd::Crowd;
use super::ending::Ending;
use super::pause::Pause;
use super::strangers::{Kin, Strangers};
use super::{not_held, not_started, unknown};
use crate::config::ControlConfig;
use crate::target::steering::{self, Order};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The `process.control` element.
pub struct ControlProcesses {
    config: ControlConfig,
    paused: KnobId,
    running: KnobId,
    host: Host,
    system: Option<System>,
    subjects: BTreeMap<TargetId, Subject>,
    strangers: Strangers,
}

struct Subject {
    name: String,
    /// The node that brought it.
    provider: String,
    class: Class,
    crowd: Crowd,
    pause: Option<Pause>,
    course: Option<Course>,
    told: bool,
    /// The trouble that was told last, so that it is told once.
    trouble: String,
}

/// What was done about whether it runs.
enum Course {
    /// Its own node was told.
    Steered,
    /// It was asked to end.
    Ending(Ending),
}

impl Element for ControlProcesses {
    const NAME: &'static str = "process.control";
    const SUMMARY: &'static str = "pauses, ends and keeps running the processes of a target";
    const BLOCKING: bool = true;
    const EVERY: Nanos = Nanos::from_millis(100);
    type Config = ControlConfig;

    fn ports(_: &ControlConfig) -> Ports {
        Ports::new()
            .takes_actions(&vocabulary::PROCESS_PAUSED)
            .takes_actions(&vocabulary::PROCESS_RUNNING)
            .gives_outcomes("what became of actions")
    }

    fn create(config: ControlConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            config,
            paused: host.knob(&vocabulary::PROCESS_PAUSED)?,
            running: host.knob(&vocabulary::PROCESS_RUNNING)?,
            host: host.clone(),
            system: None,
            subjects: BTreeMap::new(),
            strangers: Strangers::default(),
        })
    }

    fn status(&self) -> String {
        let paused = self.subjects.values().filter(|subject| subject.pause.is_some()).count();
        let steered = self
            .subjects
            .values()
            .filter(|subject| subject.course.is_some())
            .count();
        format!("{paused} targets paused, {steered} ended or kept running")
    }
}

impl Actuator for ControlProcesses {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>> {
        let target = &change.target;
        if change.change == Change::GONE {
            self.strangers.forget(target.id);
            return self.forget(target.id).map(|()| Vec::new());
        }
        self.strangers.update(target);
        let subject = self.subjects.entry(target.id).or_insert_with(|| Subject {
            name: target.name.to_string(),
            provider: target.provider.to_string(),
            class: target.class,
            crowd: Crowd::of(target),
            pause: None,
            course: None,
            told: false,
            trouble: String::new(),
        });
        subject.class = target.class;
        subject.crowd.update(target);
        let subject = &self.subjects[&target.id];
        let mut offers = Vec::new();
        if self.never_paused(subject).is_none() {
            offers.push((self.paused, f64::from(u8::from(subject.pause.is_some())), 1));
        }
        if self.never_ended(subject).is_none() {
            offers.push((self.running, 1.0, -1));
        }
        let control = |(knob, value, stricter)| Control {
            at: change.at,
            target: target.id,
            knob,
            resource: Resource::CPU_TIME,
            least: 0.0,
            most: 1.0,
            step: 1.0,
            value,
            stricter,
            cost: 1.0,
            ..Control::default()
        };
        Ok(offers.into_iter().map(control).collect())
    }

    fn lets_go(&self, change: &TargetChange) -> bool {
        let becomes_protected = change.target.class == Class::LATENCY && !self.config.latency;
        let held = |subject: &Subject| subject.pause.is_some() && subject.class != Class::LATENCY;
        becomes_protected && self.subjects.get(&change.target.id).is_some_and(held)
    }

    fn takes(&self, knob: KnobId) -> bool {
        knob == self.paused || knob == self.running
    }

    fn apply(&mut self, action: &Action) -> Result<Effect> {
        let is_on = match action.value {
            0.0 => false,
            1.0 => true,
            other => return Err(Failure::retry(format!("the knob is 0 or 1, and not {other}"))),
        };
        match action.knob == self.paused {
            true => self.pause(action.target, is_on),
            false => self.steer(action, is_on),
        }
    }

    fn release(&mut self, target: TargetId, knob: KnobId) -> Result<Release> {
        let is_pause = knob == self.paused;
        let run = steering::run_of(&self.host);
        let system = self.system.as_ref().ok_or_else(not_started)?;
        let subject = self.subjects.get_mut(&target).ok_or_else(|| unknown(target))?;
        match is_pause {
            true => subject.go_on(target, system),
            false => match subject.course.take().ok_or_else(|| not_held(target))? {
                Course::Steered => {
                    steering::give(&run, &subject.provider, None);
                    Ok(Release::Restored(Effect::default()))
                }
                Course::Ending(_) => Err(Failure::gone(target, "that it was asked to end cannot be undone")),
            },
        }
    }

    fn tend(&mut self, at: Nanos, target: TargetId, knob: KnobId) -> Result<()> {
        let system = self.system.as_ref().ok_or_else(not_started)?;
        let Some(subject) = self.subjects.get_mut(&target) else {
            return Ok(());
        };
        if knob == self.paused {
            let kin = self.strangers.seen_by(target, !self.config.latency);
            return subject.tend_pause(target, &kin, system, &self.host);
        }
        if let Some(Course::Ending(ending)) = &mut subject.course
            && ending.tend(&mut subject.crowd, &self.strangers.seen_by(target, true), at)?
        {
            let after = self.config.stop_timeout;
            let fields: [(&str, &dyn std::fmt::Display); 2] = [("target", &subject.name), ("after", &after)];
            self.host.log(Level::WARN, "did not end in time and is killed", &fields);
        }
        Ok(())
    }
}

impl ControlProcesses {
    fn pause(&mut self, target: TargetId, is_on: bool) -> Result<Effect> {
        let system = self.system.as_ref().ok_or_else(not_started)?;
        let subject = self.subjects.get(&target).ok_or_else(|| unknown(target))?;
        if let Some(why) = self.never_paused(subject) {
            return Err(Failure::retry(why));
        }
        let subject = self.subjects.get_mut(&target).ok_or_else(|| unknown(target))?;
        let kin = self.strangers.seen_by(target, !self.config.latency);
        let pause = subject.pause.get_or_insert_default();
        let all = match is_on {
            true => pause.stop_all(&mut subject.crowd, &kin, system),
            false => pause.go_on(system).map(|()| true),
        };
        let all = match all {
            Ok(all) => all,
            Err(failure) => {
                // What was stopped must not stand still for an action that was refused.
                pause.go_on(system)?;
                subject.pause = None;
                return Err(failure);
            }
        };
        subject.find_theirs(target, &self.host)?;
        let late = "some processes did not stand still yet; they are waiting in the kernel";
        Ok(Effect {
            value: f64::from(u8::from(is_on)),
            text: String::new(),
            clamped: if all { String::new() } else { late.to_owned() },
        })
    }

    fn steer(&mut self, action: &Action, runs: bool) -> Result<Effect> {
        let run = steering::run_of(&self.host);
        let subject = self
            .subjects
            .get(&action.target)
            .ok_or_else(|| unknown(action.target))?;
        if let Some(why) = self.never_ended(subject).filter(|_| !runs) {
            return Err(Failure::retry(why));
        }
        let subject = self
            .subjects
            .get_mut(&action.target)
            .ok_or_else(|| unknown(action.target))?;
        let until = action.until;
        if steering::give(&run, &subject.provider, Some(Order { runs, until })) {
            subject.course = Some(Course::Steered);
            return Ok(Effect {
                value: f64::from(u8::from(runs)),
                ..Effect::default()
            });
        }
        if runs {
            let what = "this run did not start the target, and so cannot keep it running";
            return Err(Failure::retry(what));
        }
        if subject.course.is_none() {
            let timeout = self.config.stop_timeout.nanos();
            let kin = self.strangers.seen_by(action.target, true);
            let ending = Ending::begin(&mut subject.crowd, &kin, action.at, timeout)?;
            subject.course = Some(Course::Ending(ending));
        }
        Ok(Effect {
            value: 0.0,
            text: String::new(),
            clamped: "its processes were asked to end; that cannot be undone".to_owned(),
        })
    }

    /// Why a target is not paused.
    fn never_paused(&self, subject: &Subject) -> Option<String> {
        if subject.crowd.is_unknown() {
            return Some("the target has no processes that are known here".to_owned());
        }
        let is_protected = subject.class == Class::LATENCY && !self.config.latency;
        is_protected.then(|| "the target is of class `Latency`, which is not paused unless `latency` is set".to_owned())
    }

    /// Why a target is not ended.
    fn never_ended(&self, subject: &Subject) -> Option<String> {
        if subject.class == Class::LATENCY {
            return Some("the target is of class `Latency`, which is never ended".to_owned());
        }
        let is_ours = steering::knows(&steering::run_of(&self.host), &subject.provider);
        (!is_ours && !self.config.allow_stop).then(|| {
            "this run did not start the target, and ending it cannot be undone; set `allow_stop` to allow it".to_owned()
        })
    }

    /// Lets go on what is left of a target that went. A command that was ended for a lease stays down until its end.
    fn forget(&mut self, target: TargetId) -> Result<()> {
        let Some(mut subject) = self.subjects.remove(&target) else {
            return Ok(());
        };
        let system = self.system.as_ref().ok_or_else(not_started)?;
        let released = subject.pause.take().map_or(Ok(()), |mut pause| pause.go_on(system));
        if let Err(failure) = released {
            self.host
                .log(Level::ERROR, &failure.message, &[("target", &subject.name)]);
        }
        Ok(())
    }
}

impl Subject {
    fn go_on(&mut self, target: TargetId, system: &System) -> Result<Release> {
        let pause = self.pause.as_mut().ok_or_else(|| not_held(target))?;
        let (all, _) = pause.count();
        pause.go_on(system)?;
        let (_, theirs) = pause.count();
        self.pause = None;
        self.told = false;
        Ok(match theirs {
            0 => Release::Restored(Effect::default()),
            _ => Release::Taken(format!(
                "somebody else let {theirs} of {all} processes go on; the others go on now too"
            )),
        })
    }

    fn tend_pause(&mut self, target: TargetId, kin: &Kin<'_>, system: &System, host: &Host) -> Result<()> {
        let Some(pause) = &mut self.pause else { return Ok(()) };
        let looked = match pause.count() {
            (0, _) => Ok(0),
            _ => pause.pass(&mut self.crowd, kin, system),
        };
        let trouble: String = match looked {
            Ok(_) => String::new(),
            Err(failure) if failure.kind == FailureKind::FATAL => return Err(failure),
            Err(failure) => failure.message.into(),
        };
        if !trouble.is_empty() && trouble != self.trouble {
            host.log(Level::WARN, &trouble, &[("target", &self.name)]);
        }
        self.trouble = trouble;
        self.find_theirs(target, host)
    }

    /// Where somebody else let all go on the knob is theirs; where some, that is told once.
    fn find_theirs(&mut self, target: TargetId, host: &Host) -> Result<()> {
        let (all, theirs) = self.pause.as_ref().map_or((0, 0), Pause::count);
        if all > 0 && all == theirs {
            self.pause = None;
            self.told = false;
            let why = format!("somebody else let all {all} processes go on; whether they run is theirs now");
            return Err(Failure::taken(target, why));
        }
        if theirs > 0 && !std::mem::replace(&mut self.told, true) {
            let fields: [(&str, &dyn std::fmt::Display); 3] =
                [("target", &self.name), ("processes", &theirs), ("of", &all)];
            host.log(
                Level::WARN,
                "somebody else let processes go on; these are left alone",
                &fields,
            );
        }
        Ok(())
    }
}
