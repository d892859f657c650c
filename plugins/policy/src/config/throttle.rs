//! What `policy.throttle` can be told.

use super::check;
use super::rung::{Against, Rung, Whom};
use crate::heard::Sure;
use crate::proof::Terms;
use crate::world::Scope;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `policy.throttle`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleConfig {
    /// The remedies in the order in which they are tried, of which those are used that are for the resource of the
    /// finding. Default `[Idle, Weight, CpuSet, Quota]`, which are for CPU time; `Ways` and `Bandwidth` where an actuator
    /// has their knobs, `Duty`, `Pause` and `Freeze` only where asked for.
    pub ladder: Vec<Rung>,
    /// Against which harm a remedy is used: `Fitting` (default), harm through a resource that the remedy is for; `Any`,
    /// whatever a finding is about, for detectors that tell who disturbs and not through what.
    pub against: Against,
    /// Who answers for a finding: `Named` (default), those whom it blames; `Everybody`, all who may be restrained, for
    /// detectors that tell who suffers and not from whom.
    pub whom: Whom,
    /// When the policy may act; outside it only watches and holds nothing. Always by default.
    pub during: Window,
    /// The targets that may be restrained, `*` for any text. All by default.
    pub only: Vec<String>,
    /// The targets that are never restrained, `*` for any text. None by default; those of class
    /// `Latency` never are in any case.
    pub spare: Vec<String>,
    /// Whether `CpuSet` may move a culprit to CPUs that it was not given, where its own leave none that are away from the
    /// victim; never to those of a target of class `Latency` or their siblings. False by default.
    pub may_move: bool,
    /// The least score of a culprit for it to be restrained. 0..=1; default 0.05, for a detector names
    /// many small culprits where together they do the harm.
    pub least_score: f64,
    /// How sure a finding must be to be acted on. 0..=1; default 0.3.
    pub least_confidence: f64,
    /// How long a remedy takes to show. 0 s to 1 min; default 1 s.
    pub settle: Span,
    /// How long the victim then has to recover. 100 ms to 10 min; default 3 s.
    pub proof: Span,
    /// The part of the harm, of what the victim is worse than its baseline, that must be gone by then. 0..=1; default 0.3.
    pub improvement: f64,
    /// Below how many times its baseline the victim has recovered. 1 or more; default 1.5.
    pub release: f64,
    /// How long a proven remedy is held after the harm is over. 0 s to 1 day; default 30 s.
    pub hold: Span,
    /// The longest that it is held after relapses, each of which doubles it. From `hold` on; default 10 min.
    pub hold_most: Span,
    /// How soon after a release the same harm is a relapse, which gets the proven remedy at once.
    /// 0 s to 1 day; default 1 min.
    pub relapse: Span,
    /// How long is waited after all remedies failed, and until a refused knob is tried again; one
    /// that somebody else took never is. 1 s to 1 day; default 1 min.
    pub cooldown: Span,
    /// To which part of its CPU use a culprit is cut by `Quota`. 0..=1; default 0.1.
    pub cut: f64,
    /// The least quota, in CPUs. Above 0; default 0.05.
    pub floor: f64,
    /// To which part of the cache's ways a culprit is cut by `Ways`, rounded down to what the hardware can.
    /// 0..=1; default 0.15.
    pub ways_cut: f64,
    /// To which share of the memory bandwidth a culprit is cut by `Bandwidth`. 0..=1; default 0.2.
    pub bandwidth_cut: f64,
    /// The part of each `duty_period` in which a culprit runs under `Duty`. 0..=1; default 0.2.
    pub duty: f64,
    /// How often `Duty` stops a culprit and lets it run again. 10 ms to 10 s; default 100 ms.
    pub duty_period: Span,
    /// The CPUs that are threads of one core, as `["0,4", "1,5"]`, for findings about the sibling thread. Empty by
    /// default: then the label `cpu.siblings` of targets counts, and the CPUs that the evidence of a finding names.
    pub siblings: Vec<String>,
    /// The most of the work of all that may be restrained that may be taken at a time, as the knobs' costs say.
    /// 0..=1; default 1, for what protects a tail may take all of the work of a single neighbour.
    pub most_taken: f64,
    /// How often a graded remedy is loosened. 100 ms to 10 min; default 1 s.
    pub release_every: Span,
    /// By how much a quota is loosened each time, in CPUs. Above 0; default 0.1.
    pub quota_step: f64,
    /// By how much a weight is loosened each time. Above 0; default 10.
    pub weight_step: f64,
    /// By how much a number of ways is loosened each time. Above 0; default 1.
    pub ways_step: f64,
    /// By how much a share of the bandwidth is loosened each time. Above 0; default 0.1.
    pub bandwidth_step: f64,
    /// How long an action holds unless it is renewed, which happens before half of it is over.
    /// 200 ms to 10 min; default 5 s.
    pub lease: Span,
    /// The most changes of knobs in a minute. 1 to 100000; default 30. Undoing is never held back.
    pub most_changes: u32,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            ladder: vec![Rung::Idle, Rung::Weight, Rung::CpuSet, Rung::Quota],
            against: Against::Fitting,
            whom: Whom::Named,
            during: Window::default(),
            only: Vec::new(),
            spare: Vec::new(),
            may_move: false,
            least_score: 0.05,
            least_confidence: 0.3,
            settle: Span::secs(1),
            proof: Span::secs(3),
            improvement: 0.3,
            release: 1.5,
            hold: Span::secs(30),
            hold_most: Span::secs(600),
            relapse: Span::secs(60),
            cooldown: Span::secs(60),
            cut: 0.1,
            floor: 0.05,
            ways_cut: 0.15,
            bandwidth_cut: 0.2,
            duty: 0.2,
            duty_period: Span::millis(100),
            siblings: Vec::new(),
            most_taken: 1.0,
            release_every: Span::secs(1),
            quota_step: 0.1,
            weight_step: 10.0,
            ways_step: 1.0,
            bandwidth_step: 0.1,
            lease: Span::secs(5),
            most_changes: 30,
        }
    }
}

impl Configure for ThrottleConfig {
    fn check(&self, faults: &mut Faults) {
        self.check_ladder(faults);
        self.check_numbers(faults);
        self.check_spans(faults);
        check::window(&self.during, faults);
    }
}

impl ThrottleConfig {
    /// What counts as proof.
    pub fn terms(&self) -> Terms {
        Terms {
            settle: self.settle.nanos(),
            proof: self.proof.nanos(),
            improvement: self.improvement,
            release: self.release,
        }
    }

    /// Which findings are acted on.
    pub fn sure(&self) -> Sure {
        Sure {
            least_confidence: self.least_confidence,
            least_score: self.least_score,
            whom: self.whom,
        }
    }

    /// Who may be restrained.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            only: &self.only,
            spare: &self.spare,
        }
    }

    /// Whether the ladder has a remedy for that resource.
    pub fn acts_on(&self, resource: Resource) -> bool {
        self.ladder.iter().any(|rung| self.fits(*rung, resource))
    }

    /// Whether a remedy is used against harm through that resource.
    pub fn fits(&self, rung: Rung, resource: Resource) -> bool {
        self.against == Against::Any || rung.fits(resource)
    }

    fn check_ladder(&self, faults: &mut Faults) {
        faults.require(
            !self.ladder.is_empty(),
            "ladder",
            "`ladder` has no remedy",
            "give some, such as `[Idle]`",
        );
        let twice = (1..self.ladder.len()).any(|i| self.ladder[..i].contains(&self.ladder[i]));
        faults.require(!twice, "ladder", "`ladder` has a remedy twice", "keep one of them");
        check::rate(self.most_changes, faults);
        check::siblings(&self.siblings, faults);
    }

    fn check_numbers(&self, faults: &mut Faults) {
        for (share, name) in [
            (self.least_score, "least_score"),
            (self.least_confidence, "least_confidence"),
            (self.improvement, "improvement"),
            (self.cut, "cut"),
            (self.ways_cut, "ways_cut"),
            (self.bandwidth_cut, "bandwidth_cut"),
            (self.duty, "duty"),
            (self.most_taken, "most_taken"),
        ] {
            check::share(share, name, faults);
        }
        for (number, name) in [
            (self.floor, "floor"),
            (self.quota_step, "quota_step"),
            (self.weight_step, "weight_step"),
            (self.ways_step, "ways_step"),
            (self.bandwidth_step, "bandwidth_step"),
        ] {
            check::positive(number, name, faults);
        }
        check::ratio(self.release, "release", faults);
    }

    fn check_spans(&self, faults: &mut Faults) {
        for (span, name, least, most) in [
            (self.settle, "settle", 0, 60_000),
            (self.proof, "proof", 100, 600_000),
            (self.hold, "hold", 0, check::DAY_MS),
            (self.relapse, "relapse", 0, check::DAY_MS),
            (self.cooldown, "cooldown", 1000, check::DAY_MS),
            (self.release_every, "release_every", 100, 600_000),
            (self.duty_period, "duty_period", 10, 10_000),
            (self.lease, "lease", 200, 600_000),
        ] {
            check::span(span, name, least, most, faults);
        }
        let order = self.hold_most >= self.hold;
        faults.require(
            order,
            "hold_most",
            "`hold_most` is below `hold`",
            "give at least `hold`",
        );
    }
}
