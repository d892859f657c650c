//! One victim's case: which remedies are in force for it, on trial, held, or being taken back.
//!
//! It says what is wanted; asking for it, renewing and putting back is the leases' work.

mod choose;
mod peace;
mod trial;

use super::ladder::{Ladder, Remedy};
use crate::config::{Rung, ThrottleConfig};
use crate::heard::{Blame, FindingKey, Findings};
use crate::lease::KnobOf;
use crate::proof::Trial;
use crate::rate::Rate;
use crate::taken::Work;
use crate::world::World;
use pipeline_plugin_api::prelude::*;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// How often a proof is put off while something else than the culprit is to blame.
const PUT_OFF: u32 = 2;

/// What a case decides with.
pub struct Bench<'a> {
    /// Now.
    pub at: Nanos,
    /// Whether the policy may act.
    pub active: bool,
    /// The config.
    pub config: &'a ThrottleConfig,
    /// Targets and offers.
    pub world: &'a World,
    /// The remedies.
    pub ladder: &'a Ladder,
    /// The rate limit.
    pub budget: &'a mut Rate,
    /// The cases of other victims.
    pub others: &'a BTreeMap<TargetId, Case>,
    /// The work of all that may be restrained, weighed when somebody asks.
    pub work: OnceCell<Work>,
    /// Why knobs that are no longer wanted are put back.
    pub parting: &'a mut BTreeMap<KnobOf, String>,
    /// For log lines.
    pub host: &'a Host,
}

impl Bench<'_> {
    /// A knob is to be put back: a change, which is counted before the next remedy is tried.
    pub fn part(&mut self, knob: KnobOf, why: String) {
        self.budget.note(self.at, 1);
        self.parting.insert(knob, why);
    }
}

/// How far a case is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Nothing is in force.
    Watching,
    /// Remedies are in force and must prove themselves.
    Trying(Trial),
    /// Remedies are in force and did help.
    Held {
        /// The finding under which they were proven, if it still was open then.
        proven_for: Option<FindingKey>,
        /// Since when nobody is blamed any more.
        quiet: Option<Nanos>,
    },
    /// Graded remedies are taken back step by step, the next one then.
    Easing(Nanos),
    /// No remedy helped; nothing is tried until then.
    GivenUp(Nanos),
}

/// Which remedies helped last time, and when they were taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// By culprit.
    pub rungs: BTreeMap<TargetId, Rung>,
    /// When.
    pub released: Nanos,
    /// Whether that was because the policy's window was over, and so no relapse.
    pub by_window: bool,
}

/// See the file.
#[derive(Clone, Debug)]
pub struct Case {
    /// Who suffers.
    pub victim: TargetId,
    /// What was heard of it.
    pub findings: Findings,
    /// How far it is.
    pub stage: Stage,
    /// What is in force, by culprit.
    pub remedies: BTreeMap<TargetId, Remedy>,
    /// What helped last time.
    pub memory: Option<Memory>,
    /// How long a proven remedy is held.
    pub hold: Nanos,
    tried: BTreeMap<TargetId, BTreeSet<Rung>>,
    has_ratio: bool,
    waits: bool,
    put_off: u32,
}

impl Case {
    /// A case of which nothing is known yet.
    pub fn new(victim: TargetId, config: &ThrottleConfig) -> Self {
        Self {
            victim,
            findings: Findings::default(),
            stage: Stage::Watching,
            remedies: BTreeMap::new(),
            memory: None,
            hold: config.hold.nanos(),
            tried: BTreeMap::new(),
            has_ratio: false,
            waits: false,
            put_off: 0,
        }
    }

    /// Takes in a finding.
    pub fn hear(&mut self, port: u32, finding: &Finding, cpu_time: MetricId, config: &ThrottleConfig) {
        self.findings.hear(port, finding);
        // What a culprit uses under a remedy does not say what it wants.
        let free = |reading: &&Reading| !self.remedies.contains_key(&reading.target);
        for reading in finding.evidence.iter().filter(free) {
            self.findings.weigh(reading, cpu_time);
        }
        if !self.has_ratio && finding.phase == Phase::LASTS {
            self.measure(finding.at, finding.severity, config);
        }
    }

    /// The victim is that many times worse than its baseline.
    pub fn ratio(&mut self, at: Nanos, ratio: f64, config: &ThrottleConfig) {
        self.has_ratio = true;
        self.measure(at, ratio, config);
    }

    /// A target went, and its knobs with it.
    pub fn forget(&mut self, target: TargetId) {
        self.findings.forget(target);
        self.remedies.remove(&target);
        self.tried.remove(&target);
        if self.remedies.is_empty() && !matches!(self.stage, Stage::GivenUp(_)) {
            self.stage = Stage::Watching;
        }
    }

    /// Goes on as far as it can at this instant.
    pub fn step(&mut self, bench: &mut Bench<'_>) {
        if !bench.active {
            return self.stand_down(bench);
        }
        self.let_go(bench);
        match self.stage.clone() {
            Stage::Watching => self.begin(bench),
            Stage::Trying(trial) => self.try_on(trial, bench),
            Stage::Held { proven_for, quiet } => self.hold_on(proven_for, quiet, bench),
            Stage::Easing(next) => self.ease(next, bench),
            Stage::GivenUp(until) if bench.at >= until => {
                self.stage = Stage::Watching;
                self.tried.clear();
                self.begin(bench);
            }
            Stage::GivenUp(_) => {}
        }
    }

    /// An actuator refused a knob, or someone else took it.
    pub fn lose(&mut self, knob: KnobOf, why: &str, bench: &mut Bench<'_>) {
        let Some(remedy) = self.remedies.get(&knob.0).filter(|remedy| remedy.knob == knob).cloned() else {
            return;
        };
        self.remedies.remove(&knob.0);
        self.say(
            bench,
            Level::INFO,
            &format!("`{}` cannot be used: {why}", remedy.rung.knob().name),
            &[knob.0],
        );
        let Stage::Trying(trial) = &self.stage else {
            if self.remedies.is_empty() {
                self.stage = Stage::Watching;
            }
            return;
        };
        let before = trial.before;
        self.note(knob.0, remedy.rung);
        if let Some(blame) = self.blame(bench) {
            self.engage(&[knob.0], &blame, bench);
        }
        self.after_change(before, bench);
    }

    /// In a dry run nothing is changed, so nothing can be proven: what was planned is kept.
    pub fn planned(&mut self, bench: &mut Bench<'_>) {
        if matches!(self.stage, Stage::Trying(_)) {
            self.say(
                bench,
                Level::INFO,
                "a dry run cannot prove a remedy; this one is kept",
                &[],
            );
            let proven_for = self.key(bench);
            self.stage = Stage::Held {
                proven_for,
                quiet: None,
            };
        }
    }

    /// When it wants to go on at the latest.
    pub fn next(&self, bench: &Bench<'_>) -> Option<Nanos> {
        match &self.stage {
            Stage::Watching => self.waits.then(|| bench.budget.next(bench.at)),
            Stage::Trying(trial) => Some(trial.deadline(&bench.config.terms())),
            Stage::Held { quiet, .. } => quiet.map(|since| since + self.hold),
            Stage::Easing(next) => Some((*next).max(bench.budget.next(bench.at))),
            Stage::GivenUp(until) => Some(*until),
        }
    }

    /// For people: how far it is.
    pub fn describe(&self, world: &World) -> String {
        let stage = match &self.stage {
            Stage::Watching => "watched",
            Stage::Trying(_) => "on trial",
            Stage::Held { .. } => "held",
            Stage::Easing(_) => "taken back",
            Stage::GivenUp(_) => "given up",
        };
        let remedy = |(culprit, remedy): (&TargetId, &Remedy)| {
            format!("`{}` on `{}`", remedy.rung.knob().name, world.name(*culprit))
        };
        let remedies: Vec<String> = self.remedies.iter().map(remedy).collect();
        format!("{}: {stage} {}", world.name(self.victim), remedies.join(", "))
            .trim_end()
            .to_owned()
    }

    fn measure(&mut self, at: Nanos, ratio: f64, config: &ThrottleConfig) {
        if let Stage::Trying(trial) = &mut self.stage {
            trial.hear(at, ratio, &config.terms());
        }
    }

    /// Outside its window a policy holds nothing.
    fn stand_down(&mut self, bench: &mut Bench<'_>) {
        if self.remedies.is_empty() {
            return;
        }
        if matches!(self.stage, Stage::Held { .. } | Stage::Easing(_)) {
            self.remember(bench.at, true);
        }
        self.drop_all("the window in which the policy may act is over", bench);
        self.stage = Stage::Watching;
        self.tried.clear();
    }

    /// A culprit may have become one that must not be restrained.
    fn let_go(&mut self, bench: &Bench<'_>) {
        let before = self.remedies.len();
        let victim = self.victim;
        self.remedies
            .retain(|culprit, _| bench.world.may_restrain(*culprit, victim, bench.config.scope()));
        if before > 0 && self.remedies.is_empty() {
            self.stage = Stage::Watching;
        }
    }

    fn remember(&mut self, at: Nanos, by_window: bool) {
        let rungs = self.remedies.iter().map(|(culprit, remedy)| (*culprit, remedy.rung));
        self.memory = Some(Memory {
            rungs: rungs.collect(),
            released: at,
            by_window,
        });
    }

    fn drop_all(&mut self, why: &str, bench: &mut Bench<'_>) {
        for remedy in self.remedies.values() {
            bench.part(remedy.knob, why.to_owned());
        }
        self.remedies.clear();
    }

    fn key(&self, bench: &Bench<'_>) -> Option<FindingKey> {
        self.blame(bench).map(|blame| blame.key)
    }

    /// Whom to act against, if anybody.
    fn blame(&self, bench: &Bench<'_>) -> Option<Blame> {
        let config = bench.config;
        let acted_on = |resource| config.acts_on(resource);
        self.findings
            .blame(self.victim, bench.world, config.scope(), config.sure(), acted_on)
    }

    fn say(&self, bench: &Bench<'_>, level: Level, message: &str, culprits: &[TargetId]) {
        let with = |culprit: &TargetId| match self.remedies.get(culprit) {
            Some(remedy) => format!("{}:{}", bench.world.name(*culprit), remedy.rung.knob().name),
            None => bench.world.name(*culprit).to_owned(),
        };
        let remedies = culprits.iter().map(with).collect::<Vec<_>>().join(",");
        let fields: [(&str, &dyn std::fmt::Display); 2] =
            [("victim", &bench.world.name(self.victim)), ("remedy", &remedies)];
        bench.host.log(level, message, &fields);
    }
}
