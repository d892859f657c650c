//! `process.affinity`: the knob `cpu.affinity`. Which threads there are and what becomes of each is `hold`'s business.

use super::cpusets::Cpusets;
use super::crowd::Crowd;
use super::hold::Hold;
use super::strangers::{Kin, Strangers};
use super::{not_held, not_started, unknown};
use crate::config::AffinityConfig;
use crate::fs;
use pipeline_cgroup_fs::CpuSet;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The `process.affinity` element.
pub struct Affinity {
    latency: bool,
    passes: u32,
    knob: KnobId,
    host: Host,
    system: Option<System>,
    cpusets: Cpusets,
    subjects: BTreeMap<TargetId, Subject>,
    strangers: Strangers,
}

struct Subject {
    name: String,
    is_protected: bool,
    crowd: Crowd,
    hold: Option<Hold>,
    /// How many threads of somebody else's were told.
    told: usize,
    /// The trouble that was told last, so that it is told once.
    trouble: String,
}

/// What it takes to go through the threads of one target, each part borrowed by itself.
struct Reach<'a> {
    subject: &'a mut Subject,
    kin: Kin<'a>,
    cpusets: &'a mut Cpusets,
    system: &'a System,
    host: &'a Host,
    passes: u32,
}

impl Element for Affinity {
    const NAME: &'static str = "process.affinity";
    const SUMMARY: &'static str = "pins every thread of a target to CPUs, newcomers and children included";
    const BLOCKING: bool = true;
    const EVERY: Nanos = Nanos::from_millis(100);
    type Config = AffinityConfig;

    fn ports(_: &AffinityConfig) -> Ports {
        Ports::new()
            .takes_actions(&vocabulary::CPU_AFFINITY)
            .gives_outcomes("what became of actions")
    }

    fn create(config: AffinityConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            latency: config.latency,
            passes: config.passes,
            knob: host.knob(&vocabulary::CPU_AFFINITY)?,
            host: host.clone(),
            system: None,
            cpusets: Cpusets::default(),
            subjects: BTreeMap::new(),
            strangers: Strangers::default(),
        })
    }

    fn status(&self) -> String {
        let holds = || self.subjects.values().filter_map(|subject| subject.hold.as_ref());
        let threads: usize = holds().map(|hold| hold.count().0).sum();
        format!("holds {threads} threads of {} targets", holds().count())
    }
}

impl Actuator for Affinity {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        self.cpusets = Cpusets::discover();
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>> {
        let target = &change.target;
        if change.change == Change::GONE {
            let left = self.forget(target.id);
            self.strangers.forget(target.id);
            return left.map(|()| Vec::new());
        }
        self.strangers.update(target);
        let is_protected = self.protects(target);
        let subject = self.subjects.entry(target.id).or_insert_with(|| Subject {
            name: target.name.to_string(),
            is_protected,
            crowd: Crowd::of(target),
            hold: None,
            told: 0,
            trouble: String::new(),
        });
        subject.crowd.update(target);
        subject.is_protected = is_protected;
        if is_protected || subject.crowd.is_unknown() {
            return Ok(Vec::new());
        }
        let online = fs::online_cpus().map_or(1, |cpus| cpus.len()) as f64;
        let value = match target.cpus.len() {
            0 => online,
            some => some as f64,
        };
        Ok(vec![Control {
            at: change.at,
            target: target.id,
            knob: self.knob,
            resource: Resource::CPU_TIME,
            least: 1.0,
            most: online,
            step: 1.0,
            value,
            stricter: -1,
            // As for a cpuset: an estimate that puts knobs in order, not a measurement.
            cost: 0.5,
            ..Control::default()
        }])
    }

    fn lets_go(&self, change: &TargetChange) -> bool {
        let held = self.subjects.get(&change.target.id);
        self.protects(&change.target) && held.is_some_and(|subject| !subject.is_protected)
    }

    fn takes(&self, knob: KnobId) -> bool {
        knob == self.knob
    }

    fn apply(&mut self, action: &Action) -> Result<Effect> {
        let wanted = wanted(&action.text)?;
        let Reach {
            subject,
            kin,
            cpusets,
            system,
            host,
            passes,
        } = self.reach(action.target)?;
        if subject.is_protected {
            let why = "the target is of class `Latency`, whose CPUs stay as they are unless `latency` is set";
            return Err(Failure::retry(why));
        }
        let is_new = subject.hold.is_none();
        let hold = subject.hold.get_or_insert_with(|| Hold::new(wanted.clone()));
        let earlier = hold.wanted().clone();
        hold.want(wanted.clone());
        let is_all = match go_through(hold, &mut subject.crowd, &kin, cpusets, system, passes) {
            Ok(is_all) => is_all,
            Err(failure) => {
                hold.want(earlier);
                let undone = match is_new {
                    true => hold.put_back(&mut subject.crowd, &kin, cpusets, system, passes),
                    false => go_through(hold, &mut subject.crowd, &kin, cpusets, system, passes).map(drop),
                };
                if is_new && undone.is_ok() {
                    subject.hold = None;
                }
                return Err(undone.err().unwrap_or(failure));
            }
        };
        if hold.count().0 == 0 {
            hold.let_go(system);
            subject.hold = None;
            return Err(unknown(action.target));
        }
        let in_force = hold.in_force();
        subject.find_theirs(host, action.target, system)?;
        Ok(Effect {
            value: in_force.len() as f64,
            text: in_force.to_string(),
            clamped: clamped(&wanted, &in_force, is_all),
        })
    }

    fn release(&mut self, target: TargetId, _: KnobId) -> Result<Release> {
        let Reach {
            subject,
            kin,
            cpusets,
            system,
            passes,
            ..
        } = self.reach(target)?;
        let hold = subject.hold.as_mut().ok_or_else(|| not_held(target))?;
        let (all, _) = hold.count();
        hold.put_back(&mut subject.crowd, &kin, cpusets, system, passes)?;
        let (_, theirs) = hold.count();
        subject.hold = None;
        subject.told = 0;
        Ok(match theirs {
            0 => Release::Restored(Effect::default()),
            _ => Release::Taken(format!(
                "somebody else gave {theirs} of {all} threads other CPUs; these were left alone, the others are as found"
            )),
        })
    }

    fn tend(&mut self, _: Nanos, target: TargetId, _: KnobId) -> Result<()> {
        if !self.subjects.contains_key(&target) {
            return Ok(());
        }
        let Reach {
            subject,
            kin,
            cpusets,
            system,
            host,
            passes,
        } = self.reach(target)?;
        let Some(hold) = subject.hold.as_mut() else {
            return Ok(());
        };
        let trouble = match go_through(hold, &mut subject.crowd, &kin, cpusets, system, passes) {
            Ok(_) => String::new(),
            Err(failure) if failure.kind == FailureKind::FATAL => return Err(failure),
            Err(failure) => failure.message.into(),
        };
        subject.tell_trouble(trouble, host);
        subject.find_theirs(host, target, system)
    }
}

impl Affinity {
    fn reach(&mut self, target: TargetId) -> Result<Reach<'_>> {
        Ok(Reach {
            system: self.system.as_ref().ok_or_else(not_started)?,
            subject: self.subjects.get_mut(&target).ok_or_else(|| unknown(target))?,
            kin: self.strangers.seen_by(target, !self.latency),
            cpusets: &mut self.cpusets,
            host: &self.host,
            passes: self.passes,
        })
    }

    fn protects(&self, target: &Target) -> bool {
        target.class == Class::LATENCY && !self.latency
    }

    /// Gives back what is left of a target that went: some of its processes may live on.
    fn forget(&mut self, target: TargetId) -> Result<()> {
        let Some(mut subject) = self.subjects.remove(&target) else {
            return Ok(());
        };
        let Some(mut hold) = subject.hold.take() else {
            return Ok(());
        };
        let system = self.system.as_ref().ok_or_else(not_started)?;
        let kin = self.strangers.seen_by(target, !self.latency);
        if let Err(failure) = hold.put_back(&mut subject.crowd, &kin, &mut self.cpusets, system, self.passes) {
            self.host
                .log(Level::ERROR, &failure.message, &[("target", &subject.name)]);
        }
        Ok(())
    }
}

impl Subject {
    /// Where somebody else gave all threads other CPUs the knob is theirs; where some, that is told once and the others
    /// are held on.
    fn find_theirs(&mut self, host: &Host, target: TargetId, system: &System) -> Result<()> {
        let (all, theirs) = self.hold.as_ref().map_or((0, 0), Hold::count);
        if all > 0 && all == theirs {
            self.hold.take().into_iter().for_each(|mut hold| hold.let_go(system));
            self.told = 0;
            let why = format!("somebody else gave all {all} threads other CPUs; they are theirs now");
            return Err(Failure::taken(target, why));
        }
        if theirs > 0 && self.told == 0 {
            let fields: [(&str, &dyn std::fmt::Display); 3] =
                [("target", &self.name), ("threads", &theirs), ("of", &all)];
            host.log(
                Level::WARN,
                "somebody else gave threads other CPUs; these are left alone",
                &fields,
            );
        }
        self.told = self.told.max(theirs);
        Ok(())
    }

    fn tell_trouble(&mut self, trouble: String, host: &Host) {
        if !trouble.is_empty() && trouble != self.trouble {
            host.log(Level::WARN, &trouble, &[("target", &self.name)]);
        }
        self.trouble = trouble;
    }
}

/// Passes until one finds nothing to do; `false` where that was not reached.
fn go_through(
    hold: &mut Hold,
    crowd: &mut Crowd,
    kin: &Kin<'_>,
    cpusets: &mut Cpusets,
    system: &System,
    most: u32,
) -> Result<bool> {
    for _ in 0..most {
        if hold.pass(crowd, kin, cpusets, system)? == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The CPUs that an action asks for, as far as they are online.
fn wanted(text: &str) -> Result<CpuSet> {
    let asked: CpuSet = text.parse().map_err(|error| Failure::retry(format!("{error}")))?;
    let Ok(online) = fs::online_cpus() else {
        return Ok(asked);
    };
    let wanted = asked.intersection(&online);
    match wanted.is_empty() {
        true => Err(Failure::retry(format!(
            "none of the CPUs `{asked}` is online; use some of `{online}`"
        ))),
        false => Ok(asked),
    }
}

fn clamped(wanted: &CpuSet, in_force: &CpuSet, is_all: bool) -> String {
    match (is_all, in_force == wanted) {
        (false, _) => "threads came faster than they could be set; the rest follow".to_owned(),
        (true, false) => format!("of `{wanted}` the cpusets of the target have `{in_force}`"),
        (true, true) => String::new(),
    }
}
