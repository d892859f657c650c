//! What `policy.adaptive` can be told.

use super::check;
use super::rung::Whom;
use crate::heard::Sure;
use crate::proof::Terms;
use crate::world::Scope;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `policy.adaptive`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveConfig {
    /// When the policy may act; outside it only watches and holds nothing. Always by default.
    pub during: Window,
    /// The targets that may be restrained, `*` for any text. All by default.
    pub only: Vec<String>,
    /// The targets that are never restrained, `*` for any text. None by default; those of class `Latency` never are.
    pub spare: Vec<String>,
    /// The knobs that are never turned, `*` for any text. None by default; `process.running` never is.
    pub never: Vec<String>,
    /// Whether `freeze` and `process.paused` may be used, which stop a culprit. False by default.
    pub may_stop: bool,
    /// Whether a culprit may be moved to CPUs that it was not given, where its own leave none that are away from the
    /// victim; never to those of a target of class `Latency` or their siblings. True by default.
    pub may_move: bool,
    /// The CPUs that are threads of one core, as `["0,4", "1,5"]`, for findings about the sibling thread. Empty by
    /// default: then the label `cpu.siblings` of targets counts, and the CPUs that the evidence of a finding names.
    pub siblings: Vec<String>,
    /// The least score of a culprit for it to be restrained. 0..=1; default 0.05.
    pub least_score: f64,
    /// How sure a finding must be to be acted on. 0..=1; default 0.3.
    pub least_confidence: f64,
    /// The least chance that a knob helps against harm through a resource for it to be tried. 0..=1; default 0.08.
    pub least_fit: f64,
    /// How far towards its strictest value a knob is turned at a time, as a share of what is left. Above 0, up to 1;
    /// default 0.8: what hurts a user is cut fast.
    pub cut: f64,
    /// How far a knob is turned back at a time, as a share of its range. Above 0, up to 1; default 0.1: slowly.
    pub grow: f64,
    /// How long between two steps back. It must suffice to see that the harm is back. 100 ms to 1 h; default 3 s.
    pub grow_every: Span,
    /// How long a remedy takes to show. 0 s to 1 min; default 1 s.
    pub settle: Span,
    /// How long the victim then has to recover. 100 ms to 10 min; default 3 s.
    pub proof: Span,
    /// The part of the harm, of what the victim is worse than its baseline, that must be gone by then. 0..=1; default 0.2.
    pub improvement: f64,
    /// How many times worse than its baseline a victim may be: what slack is counted from where a detector tells
    /// `detect.ratio`, or nothing but findings. 1 or more; default 1.5.
    pub limit: f64,
    /// How much time a victim may lose to others for each second of its work: what slack is counted from where a detector
    /// tells `detect.loss`. Above 0; default 0.04.
    pub loss: f64,
    /// The slack below which nothing is given back. 0..=1; default 0.1, as Heracles has it.
    pub slack_grow: f64,
    /// The slack below which the last step back is undone. 0..=1; default 0.05, as Heracles and PARTIES have it.
    pub slack_cut: f64,
    /// How long a proven remedy is held after the harm is over before it is turned back. 0 s to 1 day; default 30 s, since a
    /// switch that is turned back too early costs the victim two seconds until it is on again.
    pub hold: Span,
    /// The longest that a step which brought the harm back is held off; each time doubles it. From `hold` on; default
    /// 10 min.
    pub hold_most: Span,
    /// How long is waited after all remedies failed, and until a refused knob is tried again. 1 s to 1 day; default 1 min.
    pub cooldown: Span,
    /// The most of the work of all that may be restrained that may be taken at a time, as the knobs' costs say.
    /// 0..=1; default 0.6.
    pub most_taken: f64,
    /// The most changes of knobs in a minute. 1 to 100000; default 60. Undoing is never held back.
    pub most_changes: u32,
    /// How long an action holds unless it is renewed. 200 ms to 10 min; default 5 s.
    pub lease: Span,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self {
            during: Window::default(),
            only: Vec::new(),
            spare: Vec::new(),
            never: Vec::new(),
            may_stop: false,
            may_move: true,
            siblings: Vec::new(),
            least_score: 0.05,
            least_confidence: 0.3,
            least_fit: 0.08,
            cut: 0.8,
            grow: 0.1,
            grow_every: Span::secs(3),
            settle: Span::secs(1),
            proof: Span::secs(3),
            improvement: 0.2,
            limit: 1.5,
            loss: 0.04,
            slack_grow: 0.1,
            slack_cut: 0.05,
            hold: Span::secs(30),
            hold_most: Span::secs(600),
            cooldown: Span::secs(60),
            most_taken: 0.6,
            most_changes: 60,
            lease: Span::secs(5),
        }
    }
}

impl AdaptiveConfig {
    /// What counts as proof.
    pub fn terms(&self) -> Terms {
        Terms {
            settle: self.settle.nanos(),
            proof: self.proof.nanos(),
            improvement: self.improvement,
            release: self.limit,
        }
    }

    /// Which findings are acted on.
    pub fn sure(&self) -> Sure {
        Sure {
            least_confidence: self.least_confidence,
            least_score: self.least_score,
            whom: Whom::Named,
        }
    }

    /// Who may be restrained.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            only: &self.only,
            spare: &self.spare,
        }
    }
}

impl Configure for AdaptiveConfig {
    fn check(&self, faults: &mut Faults) {
        for (share, name) in [
            (self.least_score, "least_score"),
            (self.least_confidence, "least_confidence"),
            (self.least_fit, "least_fit"),
            (self.cut, "cut"),
            (self.grow, "grow"),
            (self.improvement, "improvement"),
            (self.slack_grow, "slack_grow"),
            (self.slack_cut, "slack_cut"),
            (self.most_taken, "most_taken"),
        ] {
            check::share(share, name, faults);
        }
        check::positive(self.cut, "cut", faults);
        check::positive(self.grow, "grow", faults);
        check::ratio(self.limit, "limit", faults);
        check::positive(self.loss, "loss", faults);
        for (span, name, least, most) in [
            (self.grow_every, "grow_every", 100, 3_600_000),
            (self.settle, "settle", 0, 60_000),
            (self.proof, "proof", 100, 600_000),
            (self.hold, "hold", 0, check::DAY_MS),
            (self.cooldown, "cooldown", 1000, check::DAY_MS),
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
        let order = self.slack_grow >= self.slack_cut;
        let message = "`slack_grow` is below `slack_cut`";
        faults.require(order, "slack_grow", message, "give at least `slack_cut`");
        check::rate(self.most_changes, faults);
        check::siblings(&self.siblings, faults);
        check::window(&self.during, faults);
    }
}
