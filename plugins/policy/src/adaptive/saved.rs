//! What a successor of `policy.adaptive` takes over: open findings, what is in force, what trials taught. What was on trial
//! is put on trial again, for what was heard in it is not kept.

use super::Adaptive;
use super::case::{Attempt, Case, Stage, Step};
use super::grip::Grip;
use super::name_of;
use crate::config::AdaptiveConfig;
use crate::proof::Trial;
use crate::saved::{self, Common, FindingRow};
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// The state of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    common: Common,
    at_ns: u64,
    changes_ns: Vec<u64>,
    uses: Vec<(u32, f64)>,
    experience: Vec<(u32, u32, u32, u32)>,
    cases: Vec<CaseRow>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct CaseRow {
    victim: u32,
    findings: Vec<FindingRow>,
    stage: StageRow,
    grips: Vec<GripRow>,
    spent: Vec<u32>,
    step: Option<(GripRow, u64)>,
    hold_ns: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum StageRow {
    #[default]
    Watching,
    /// The harm before, the knob, the resource; what was in force before, `None` for nothing, by target.
    Trying(f64, u32, u32, Vec<(u32, Option<GripRow>)>),
    Kept(Option<(u32, u64)>, u64),
    Resting(u64),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct GripRow {
    target: u32,
    knob: u32,
    value: f64,
    text: String,
    free: f64,
    why: String,
}

impl State {
    /// What is so now.
    pub fn of(node: &Adaptive) -> Self {
        let trials = node.experience.trials.iter();
        Self {
            common: Common::of(&node.world, &node.leases),
            at_ns: node.at.0,
            changes_ns: node.rate.changes().map(|at| at.0).collect(),
            uses: node.uses.iter().map(|(target, used)| (target.0, *used)).collect(),
            experience: trials
                .map(|((knob, of), (tried, good))| (knob.0, *of, *tried, *good))
                .collect(),
            cases: node.cases.values().map(CaseRow::of).collect(),
        }
    }

    /// Takes it over.
    pub fn restore(self, node: &mut Adaptive) {
        self.common.restore(&mut node.world, &mut node.leases);
        node.at = Nanos(self.at_ns);
        self.changes_ns.into_iter().for_each(|at| node.rate.note(Nanos(at), 1));
        node.uses
            .extend(self.uses.into_iter().map(|(target, used)| (TargetId(target), used)));
        let trials = self.experience.into_iter();
        node.experience
            .trials
            .extend(trials.map(|(knob, of, tried, good)| ((KnobId(knob), of), (tried, good))));
        let knobs: Vec<KnobId> = node.world.offers.keys().map(|(_, knob)| *knob).collect();
        for knob in knobs {
            let named = name_of(&node.host, knob);
            node.named.insert(knob, named);
        }
        for row in self.cases {
            let case = row.case(node.at, &node.config);
            node.cases.insert(case.victim, case);
        }
        node.wanted = None;
    }
}

impl CaseRow {
    fn of(case: &Case) -> Self {
        Self {
            victim: case.victim.0,
            findings: saved::rows(&case.findings),
            stage: StageRow::of(&case.stage),
            grips: case.grips.iter().map(|(knob, grip)| GripRow::of(*knob, grip)).collect(),
            spent: case.spent.iter().map(|knob| knob.0).collect(),
            step: case
                .step
                .as_ref()
                .map(|step| (GripRow::of(step.knob, &step.before), step.at.0)),
            hold_ns: case.hold.0,
        }
    }

    fn case(self, at: Nanos, config: &AdaptiveConfig) -> Case {
        let mut case = Case::new(TargetId(self.victim), config);
        case.findings.open = saved::open(self.findings);
        case.grips = self.grips.into_iter().map(GripRow::grip).collect();
        case.spent = self.spent.into_iter().map(KnobId).collect();
        case.hold = Nanos(self.hold_ns).min(config.hold_most.nanos());
        let port = case.findings.open.keys().next().map_or(0, |(port, _)| *port);
        case.stage = self.stage.stage(at, port);
        case.step = self.step.map(|(row, at)| {
            let (knob, before) = row.grip();
            Step {
                knob,
                before,
                at: Nanos(at),
            }
        });
        case
    }
}

impl StageRow {
    fn of(stage: &Stage) -> Self {
        match stage {
            Stage::Watching => Self::Watching,
            Stage::Trying(attempt) => {
                let before = attempt.before.iter();
                let before = before.map(|(knob, grip)| (knob.0.0, grip.as_ref().map(|grip| GripRow::of(*knob, grip))));
                Self::Trying(
                    attempt.trial.before,
                    attempt.knob.0,
                    attempt.resource.0,
                    before.collect(),
                )
            }
            Stage::Kept { proven_for, next } => Self::Kept(*proven_for, next.0),
            Stage::Resting(until) => Self::Resting(until.0),
        }
    }

    /// `port` is that of an open finding: whose gauge the trial listened to is not kept.
    fn stage(self, at: Nanos, port: u32) -> Stage {
        match self {
            Self::Watching => Stage::Watching,
            Self::Trying(harm, knob, resource, before) => Stage::Trying(Attempt {
                trial: Trial::new(at, harm),
                port,
                knob: KnobId(knob),
                resource: Resource(resource),
                before: before
                    .into_iter()
                    .map(|(target, row)| ((TargetId(target), KnobId(knob)), row.map(|row| row.grip().1)))
                    .collect(),
                put_off: 0,
            }),
            Self::Kept(proven_for, next) => Stage::Kept {
                proven_for,
                next: Nanos(next),
            },
            Self::Resting(until) => Stage::Resting(Nanos(until)),
        }
    }
}

impl GripRow {
    fn of(knob: (TargetId, KnobId), grip: &Grip) -> Self {
        Self {
            target: knob.0.0,
            knob: knob.1.0,
            value: grip.value,
            text: grip.text.clone(),
            free: grip.free,
            why: grip.why.clone(),
        }
    }

    fn grip(self) -> ((TargetId, KnobId), Grip) {
        let grip = Grip {
            value: self.value,
            text: self.text,
            free: self.free,
            why: self.why,
        };
        ((TargetId(self.target), KnobId(self.knob)), grip)
    }
}
