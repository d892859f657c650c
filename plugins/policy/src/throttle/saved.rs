//! What a successor of `policy.throttle` takes over: open findings, remedies in force, what helped
//! last time. A trial begins anew, for what was heard in it is not kept.

use super::Throttle;
use super::case::{Case, Memory, Stage};
use super::ladder::Remedy;
use crate::config::{Rung, ThrottleConfig};
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
    cases: Vec<CaseRow>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct CaseRow {
    victim: u32,
    findings: Vec<FindingRow>,
    used: Vec<(u32, f64)>,
    stage: StageRow,
    remedies: Vec<RemedyRow>,
    memory: Option<MemoryRow>,
    hold_ns: u64,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum StageRow {
    #[default]
    Watching,
    Trying(f64),
    Held(Option<(u32, u64)>, Option<u64>),
    Easing(u64),
    GivenUp(u64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RemedyRow {
    rung: Rung,
    target: u32,
    knob: u32,
    value: f64,
    text: String,
    free: f64,
    why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct MemoryRow {
    rungs: Vec<(u32, Rung)>,
    released_ns: u64,
    by_window: bool,
}

impl State {
    /// What is so now.
    pub fn of(node: &Throttle) -> Self {
        Self {
            common: Common::of(&node.world, &node.leases),
            at_ns: node.at.0,
            changes_ns: node.budget.changes().map(|at| at.0).collect(),
            cases: node.cases.values().map(CaseRow::of).collect(),
        }
    }

    /// Takes it over. A remedy that the new ladder does not have is not wanted any more.
    pub fn restore(self, node: &mut Throttle) {
        self.common.restore(&mut node.world, &mut node.leases);
        node.at = Nanos(self.at_ns);
        self.changes_ns
            .into_iter()
            .for_each(|at| node.budget.note(Nanos(at), 1));
        for row in self.cases {
            let case = row.case(node.at, &node.config);
            node.cases.insert(case.victim, case);
        }
    }
}

impl CaseRow {
    fn of(case: &Case) -> Self {
        Self {
            victim: case.victim.0,
            findings: saved::rows(&case.findings),
            used: case
                .findings
                .used
                .iter()
                .map(|(target, used)| (target.0, *used))
                .collect(),
            stage: StageRow::of(&case.stage),
            remedies: case.remedies.values().map(RemedyRow::of).collect(),
            memory: case.memory.as_ref().map(MemoryRow::of),
            hold_ns: case.hold.0,
        }
    }

    fn case(self, at: Nanos, config: &ThrottleConfig) -> Case {
        let mut case = Case::new(TargetId(self.victim), config);
        case.findings.open = saved::open(self.findings);
        case.findings.used = self
            .used
            .into_iter()
            .map(|(target, used)| (TargetId(target), used))
            .collect();
        let known = self
            .remedies
            .into_iter()
            .filter(|row| config.ladder.contains(&row.rung));
        case.remedies = known.map(|row| (TargetId(row.target), row.remedy())).collect();
        case.memory = self.memory.map(MemoryRow::memory);
        case.hold = Nanos(self.hold_ns).min(config.hold_most.nanos());
        case.stage = self.stage.stage(at);
        if case.remedies.is_empty() && !matches!(case.stage, Stage::GivenUp(_)) {
            case.stage = Stage::Watching;
        }
        case
    }
}

impl StageRow {
    fn of(stage: &Stage) -> Self {
        match stage {
            Stage::Watching => Self::Watching,
            Stage::Trying(trial) => Self::Trying(trial.before),
            Stage::Held { proven_for, quiet } => Self::Held(*proven_for, quiet.map(|since| since.0)),
            Stage::Easing(next) => Self::Easing(next.0),
            Stage::GivenUp(until) => Self::GivenUp(until.0),
        }
    }

    fn stage(self, at: Nanos) -> Stage {
        match self {
            Self::Watching => Stage::Watching,
            Self::Trying(before) => Stage::Trying(Trial::new(at, before)),
            Self::Held(proven_for, quiet) => Stage::Held {
                proven_for,
                quiet: quiet.map(Nanos),
            },
            Self::Easing(next) => Stage::Easing(Nanos(next)),
            Self::GivenUp(until) => Stage::GivenUp(Nanos(until)),
        }
    }
}

impl RemedyRow {
    fn of(remedy: &Remedy) -> Self {
        Self {
            rung: remedy.rung,
            target: remedy.knob.0.0,
            knob: remedy.knob.1.0,
            value: remedy.value,
            text: remedy.text.clone(),
            free: remedy.free,
            why: remedy.why.clone(),
        }
    }

    fn remedy(self) -> Remedy {
        Remedy {
            rung: self.rung,
            knob: (TargetId(self.target), KnobId(self.knob)),
            value: self.value,
            text: self.text,
            free: self.free,
            why: self.why,
        }
    }
}

impl MemoryRow {
    fn of(memory: &Memory) -> Self {
        Self {
            rungs: memory.rungs.iter().map(|(target, rung)| (target.0, *rung)).collect(),
            released_ns: memory.released.0,
            by_window: memory.by_window,
        }
    }

    fn memory(self) -> Memory {
        Memory {
            rungs: self
                .rungs
                .into_iter()
                .map(|(target, rung)| (TargetId(target), rung))
                .collect(),
            released: Nanos(self.released_ns),
            by_window: self.by_window,
        }
    }
}
