//! One victim's case: which knobs are turned for it, what is on trial, and how it is turned back.
//!
//! It says what is wanted; asking for it, renewing and putting back is the leases' work.

mod growth;
mod measure;
mod trial;

use super::fit::Experience;
use super::grip::{Grip, Grips};
use super::ledger::Ledger;
use super::options::Named;
use super::slack::Slack;
use crate::config::AdaptiveConfig;
use crate::heard::{Blame, FindingKey, Findings};
use crate::lease::KnobOf;
use crate::proof::Trial;
use crate::taken::Uses;
use crate::world::World;
pub use measure::Gauge;
use pipeline_plugin_api::prelude::*;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// What a case decides with.
pub struct Bench<'a> {
    /// Now.
    pub at: Nanos,
    /// Whether the policy may act.
    pub active: bool,
    /// The config.
    pub config: &'a AdaptiveConfig,
    /// Targets and offers.
    pub world: &'a World,
    /// The knobs by name.
    pub named: &'a BTreeMap<KnobId, Named>,
    /// What trials taught.
    pub experience: &'a mut Experience,
    /// The CPU time that targets used before anything was done, in CPUs.
    pub uses: &'a Uses,
    /// What is in force for all, reckoned when somebody asks.
    pub ledger: &'a OnceCell<Ledger>,
    /// How many changes the rate limit leaves.
    pub left: usize,
    /// When it leaves one more.
    pub room: Nanos,
    /// How many of them were made.
    pub made: usize,
    /// The cases of other victims.
    pub others: &'a BTreeMap<TargetId, Case>,
    /// Why knobs that are no longer wanted are put back.
    pub parting: &'a mut BTreeMap<KnobOf, String>,
    /// For log lines.
    pub host: &'a Host,
}

/// A move that must prove itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The proof.
    pub trial: Trial,
    /// The port of the finding for which it was made.
    pub port: u32,
    /// The knob that was turned.
    pub knob: KnobId,
    /// Against harm through what.
    pub resource: Resource,
    /// What was in force before, to be put back if it did not help.
    pub before: BTreeMap<KnobOf, Option<Grip>>,
    /// How often the proof was put off.
    pub put_off: u32,
}

/// How far a case is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Nobody is blamed, or nothing is in force.
    Watching,
    /// A move must prove itself.
    Trying(Attempt),
    /// What is in force did help.
    Kept {
        /// The finding under which it was proven, if it still was open then.
        proven_for: Option<FindingKey>,
        /// When a step back may be made.
        next: Nanos,
    },
    /// Nothing more can be done until then.
    Resting(Nanos),
}

/// The last step back, in case the harm comes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The knob.
    pub knob: KnobOf,
    /// How it was before.
    pub before: Grip,
    /// When.
    pub at: Nanos,
}

/// See the file.
#[derive(Clone, Debug)]
pub struct Case {
    /// Who suffers.
    pub victim: TargetId,
    /// What was heard of it.
    pub findings: Findings,
    /// Its slack.
    pub slack: Slack,
    /// How far it is.
    pub stage: Stage,
    /// What is in force.
    pub grips: Grips,
    /// The knobs that did not help against what is blamed now.
    pub spent: BTreeSet<KnobId>,
    /// The last step back.
    pub step: Option<Step>,
    /// For how long nothing is turned back after the harm is over.
    pub hold: Nanos,
    /// Whether nothing is really done: a dry run.
    pub plans: bool,
    /// How detectors tell how the victim does, by port.
    gauges: BTreeMap<u32, Gauge>,
}

impl Case {
    /// A case of which nothing is known yet.
    pub fn new(victim: TargetId, config: &AdaptiveConfig) -> Self {
        Self {
            victim,
            findings: Findings::default(),
            slack: Slack::default(),
            stage: Stage::Watching,
            grips: Grips::default(),
            spent: BTreeSet::new(),
            step: None,
            hold: config.hold.nanos(),
            plans: false,
            gauges: BTreeMap::new(),
        }
    }

    /// A target went, and its knobs with it.
    pub fn forget(&mut self, target: TargetId) {
        self.findings.forget(target);
        self.grips.retain(|of| of != target);
        self.step = self.step.take().filter(|step| step.knob.0 != target);
        if let Stage::Trying(attempt) = &mut self.stage {
            attempt.before.retain(|knob, _| knob.0 != target);
        }
        self.settle_down();
    }

    /// Whether there is nothing that a new case would not know.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Watching && self.grips.is_empty() && self.findings.open.is_empty() && self.step.is_none()
    }

    /// Goes on as far as it can at this instant.
    pub fn go_on(&mut self, bench: &mut Bench<'_>) {
        if !bench.active {
            return self.stand_down(bench);
        }
        self.let_go(bench);
        match std::mem::replace(&mut self.stage, Stage::Watching) {
            Stage::Watching => self.begin(bench),
            Stage::Trying(attempt) => self.try_on(attempt, bench),
            kept @ Stage::Kept { proven_for, next } => {
                self.stage = kept;
                self.keep(proven_for, next, bench);
            }
            Stage::Resting(until) => {
                self.stage = Stage::Resting(until);
                self.rest(until, bench);
            }
        }
    }

    /// An actuator refused a knob, or someone else took it: what it was is over, and the next is tried.
    pub fn lose(&mut self, knob: KnobOf, why: &str, bench: &mut Bench<'_>) {
        if self.grips.remove(&knob).is_none() {
            return;
        }
        let name = bench.named.get(&knob.1).map_or("?", |named| named.name.as_str());
        self.say(
            bench,
            Level::INFO,
            &format!("`{name}` of `{}` cannot be used: {why}", bench.world.name(knob.0)),
        );
        if let Stage::Trying(attempt) = &mut self.stage {
            attempt.before.remove(&knob);
            if attempt.before.is_empty() {
                self.stage = Stage::Watching;
                self.begin(bench);
            }
        }
        self.settle_down();
    }

    /// In a dry run nothing is changed, so nothing can be proven: what was planned is kept.
    pub fn planned(&mut self, bench: &mut Bench<'_>) {
        self.plans = true;
        if matches!(self.stage, Stage::Trying(_)) {
            self.say(bench, Level::INFO, "a dry run cannot prove a remedy; this one is kept");
            self.keep_now(bench);
        }
    }

    /// When it wants to go on at the latest.
    pub fn next(&self, bench: &Bench<'_>) -> Option<Nanos> {
        match &self.stage {
            Stage::Watching => (!self.findings.open.is_empty()).then_some(bench.room),
            Stage::Trying(attempt) => Some(attempt.trial.deadline(&self.terms(attempt.port, bench.config))),
            Stage::Kept { next, .. } => Some(*next),
            Stage::Resting(until) => Some(*until),
        }
    }

    /// For people: how far it is.
    pub fn describe(&self, world: &World, named: &BTreeMap<KnobId, Named>) -> String {
        let stage = match &self.stage {
            Stage::Watching => "watched",
            Stage::Trying(_) => "on trial",
            Stage::Kept { .. } => "held",
            Stage::Resting(_) => "given up for now",
        };
        let grip = |((culprit, knob), grip): (&KnobOf, &Grip)| {
            let name = named.get(knob).map_or("?", |named| named.name.as_str());
            let to = if grip.text.is_empty() {
                format!("{:.2}", grip.value)
            } else {
                grip.text.clone()
            };
            format!("`{name}` of `{}` at {to}", world.name(*culprit))
        };
        let grips: Vec<String> = self.grips.iter().map(grip).collect();
        format!("{}: {stage} {}", world.name(self.victim), grips.join(", "))
            .trim_end()
            .to_owned()
    }

    /// Outside its window a policy holds nothing.
    fn stand_down(&mut self, bench: &mut Bench<'_>) {
        self.drop_all("the window in which the policy may act is over", bench);
        self.stage = Stage::Watching;
        self.spent.clear();
        self.step = None;
    }

    /// A culprit may have become one that must not be restrained.
    fn let_go(&mut self, bench: &Bench<'_>) {
        let (victim, scope) = (self.victim, bench.config.scope());
        self.grips
            .retain(|culprit| bench.world.may_restrain(culprit, victim, scope));
        self.settle_down();
    }

    /// With nothing in force there is nothing to keep.
    fn settle_down(&mut self) {
        if self.grips.is_empty() && matches!(self.stage, Stage::Trying(_) | Stage::Kept { .. }) && self.step.is_none() {
            self.stage = Stage::Watching;
        }
    }

    fn drop_all(&mut self, why: &str, bench: &mut Bench<'_>) {
        for knob in self.grips.take().into_keys() {
            bench.parting.insert(knob, why.to_owned());
        }
    }

    /// Whom to act against, if anybody.
    fn blame(&self, bench: &Bench<'_>) -> Option<Blame> {
        let config = bench.config;
        let acted_on = |resource| {
            matches!(
                resource,
                Resource::CPU_TIME
                    | Resource::L3
                    | Resource::MEMORY_BANDWIDTH
                    | Resource::SMT
                    | Resource::IO
                    | Resource::MEMORY
            )
        };
        self.findings
            .blame(self.victim, bench.world, config.scope(), config.sure(), acted_on)
    }

    fn say(&self, bench: &Bench<'_>, level: Level, message: &str) {
        let victim = bench.world.name(self.victim);
        bench.host.log(level, message, &[("victim", &victim)]);
    }
}
