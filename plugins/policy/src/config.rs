//! What the policies can be told. What they do with it is in `throttle` and `fixed`.

use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A remedy, by the knob that it turns.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Rung {
    /// `cpu.idle`: the culprit runs only when nobody else wants the CPU.
    Idle,
    /// `cpu.weight`: the least share under contention. Left out where `Idle` was tried and did not help.
    Weight,
    /// `cpu.set`: the culprit moves to CPUs that the victim does not use.
    CpuSet,
    /// `cpu.quota`: the culprit gets a small part of the CPU time that it had.
    Quota,
    /// `freeze`: the culprit stops.
    Freeze,
}

impl Rung {
    /// The knob that it turns.
    pub fn knob(self) -> &'static Knob {
        match self {
            Self::Idle => &vocabulary::CPU_IDLE,
            Self::Weight => &vocabulary::CPU_WEIGHT,
            Self::CpuSet => &vocabulary::CPU_SET,
            Self::Quota => &vocabulary::CPU_QUOTA,
            Self::Freeze => &vocabulary::FREEZE,
        }
    }

    /// Whether it can be taken back little by little.
    pub fn graded(self) -> bool {
        matches!(self, Self::Weight | Self::Quota)
    }
}

/// Config of `policy.throttle`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleConfig {
    /// The remedies in the order in which they are tried. Default `[Idle, Weight, CpuSet, Quota]`;
    /// `Freeze` only where asked for.
    pub ladder: Vec<Rung>,
    /// When the policy may act; outside it only watches and holds nothing. Always by default.
    pub during: Window,
    /// The targets that may be restrained, `*` for any text. All by default.
    pub only: Vec<String>,
    /// The targets that are never restrained, `*` for any text. None by default; those of class
    /// `Latency` never are in any case.
    pub spare: Vec<String>,
    /// The least score of a culprit for it to be restrained. 0..=1; default 0.05, for a detector names
    /// many small culprits where together they do the harm.
    pub least_score: f64,
    /// How sure a finding must be to be acted on. 0..=1; default 0.3.
    pub least_confidence: f64,
    /// How long a remedy takes to show. 0 s to 1 min; default 1 s.
    pub settle: Span,
    /// How long the victim then has to recover. 100 ms to 10 min; default 3 s.
    pub proof: Span,
    /// The part of the harm that must be gone by then. 0..=1; default 0.3.
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
    /// How often a graded remedy is loosened. 100 ms to 10 min; default 1 s.
    pub release_every: Span,
    /// By how much a quota is loosened each time, in CPUs. Above 0; default 0.1.
    pub quota_step: f64,
    /// By how much a weight is loosened each time. Above 0; default 10.
    pub weight_step: f64,
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
            during: Window::default(),
            only: Vec::new(),
            spare: Vec::new(),
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
            release_every: Span::secs(1),
            quota_step: 0.1,
            weight_step: 10.0,
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
        check_window(&self.during, faults);
    }
}

const DAY_MS: u64 = 86_400_000;

impl ThrottleConfig {
    fn check_ladder(&self, faults: &mut Faults) {
        faults.require(
            !self.ladder.is_empty(),
            "ladder",
            "`ladder` has no remedy",
            "give some, such as `[Idle]`",
        );
        let twice = (1..self.ladder.len()).any(|i| self.ladder[..i].contains(&self.ladder[i]));
        faults.require(!twice, "ladder", "`ladder` has a remedy twice", "keep one of them");
        let rate = (1..=100_000).contains(&self.most_changes);
        faults.require(
            rate,
            "most_changes",
            "`most_changes` is not between 1 and 100000",
            "30 is usual",
        );
    }

    fn check_numbers(&self, faults: &mut Faults) {
        for (share, name) in [
            (self.least_score, "least_score"),
            (self.least_confidence, "least_confidence"),
            (self.improvement, "improvement"),
            (self.cut, "cut"),
        ] {
            let good = (0.0..=1.0).contains(&share);
            faults.require(good, name, format!("`{name}` is a share"), "give 0..=1");
        }
        for (number, name) in [
            (self.floor, "floor"),
            (self.quota_step, "quota_step"),
            (self.weight_step, "weight_step"),
        ] {
            let good = number > 0.0 && number.is_finite();
            faults.require(good, name, format!("`{name}` is not above 0"), "give a positive number");
        }
        let release = self.release >= 1.0 && self.release.is_finite();
        faults.require(
            release,
            "release",
            "`release` is below 1",
            "1 is undisturbed; give a value such as 1.5",
        );
    }

    fn check_spans(&self, faults: &mut Faults) {
        for (span, name, least, most) in [
            (self.settle, "settle", 0, 60_000),
            (self.proof, "proof", 100, 600_000),
            (self.hold, "hold", 0, DAY_MS),
            (self.relapse, "relapse", 0, DAY_MS),
            (self.cooldown, "cooldown", 1000, DAY_MS),
            (self.release_every, "release_every", 100, 600_000),
            (self.lease, "lease", 200, 600_000),
        ] {
            check_span(span, name, least, most, faults);
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

fn check_span(span: Span, name: &'static str, least: u64, most: u64, faults: &mut Faults) {
    let (least, most) = (Span::millis(least), Span::millis(most));
    let good = (least..=most).contains(&span);
    faults.require(
        good,
        name,
        format!("`{name}` is {span}"),
        format!("give {least} to {most}"),
    );
}

fn check_window(during: &Window, faults: &mut Faults) {
    if let Some(fault) = during.fault() {
        faults.add(
            "during",
            fault,
            "write it as `(from: \"12s\", to: \"24s\", every: \"48s\")`",
        );
    }
}

/// An end state that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EndState {
    /// The target's name, `*` for any text, as in `pods/*`. Must be given.
    pub target: String,
    /// The knob, one of the vocabulary such as `cpu.idle`. Must be given.
    pub knob: String,
    /// The value, in the knob's unit; for knobs that are numbers. Default 0.
    pub value: f64,
    /// The value of knobs that are not numbers, such as the `0-3` of `cpu.set`. Empty by default.
    pub text: String,
}

/// Config of `policy.fixed`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FixedConfig {
    /// The end states that are wanted. None by default: then the policy only observes. Where two are
    /// about the same knob of the same target, the first counts.
    pub actions: Vec<EndState>,
    /// When they are wanted; outside of it nothing is held. Always by default.
    pub during: Window,
    /// How long an action holds unless it is renewed, which happens before half of it is over.
    /// 200 ms to 10 min; default 5 s.
    pub lease: Span,
    /// How long is waited until a refused action is tried again. 1 s to 1 day; default 10 s. A knob
    /// that someone else took is left alone for good.
    pub retry: Span,
}

impl Default for FixedConfig {
    fn default() -> Self {
        Self {
            actions: Vec::new(),
            during: Window::default(),
            lease: Span::secs(5),
            retry: Span::secs(10),
        }
    }
}

impl Configure for FixedConfig {
    fn check(&self, faults: &mut Faults) {
        for action in &self.actions {
            action.check(faults);
        }
        check_window(&self.during, faults);
        check_span(self.lease, "lease", 200, 600_000, faults);
        check_span(self.retry, "retry", 1000, DAY_MS, faults);
    }
}

impl EndState {
    fn check(&self, faults: &mut Faults) {
        faults.require(
            !self.target.is_empty(),
            "actions",
            "an action names no `target`",
            "give a name or a pattern",
        );
        match vocabulary::knob(&self.knob) {
            None => {
                let names = vocabulary::KNOBS.iter().map(|knob| knob.name);
                faults.add(
                    "actions",
                    format!("there is no knob `{}`", self.knob),
                    nearest_help(&self.knob, names),
                );
            }
            Some(knob) if knob.unit == "list" && self.text.is_empty() => {
                faults.add(
                    "actions",
                    format!("`{}` is no number", knob.name),
                    "give its `text`, such as `\"0-3\"`",
                );
            }
            Some(knob) if knob.unit != "list" && !self.text.is_empty() => {
                faults.add(
                    "actions",
                    format!("`{}` is a number", knob.name),
                    "give its `value` and no `text`",
                );
            }
            Some(_) if self.value.is_nan() => faults.add("actions", "a `value` is no number", "give a number"),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn the_defaults_run() {
        assert_eq!(parse::<ThrottleConfig>("").unwrap().ladder.len(), 4);
        assert!(parse::<FixedConfig>("").unwrap().actions.is_empty());
    }

    #[test]
    fn all_that_cannot_be_is_told_at_once() {
        let text = "(ladder: [Idle, Idle], cut: 2.0, floor: 0.0, settle: \"2h\", hold: \"20m\", release: 0.5, \
                    during: (from: \"5s\", to: \"1s\"), most_changes: 0)";
        assert_eq!(parse::<ThrottleConfig>(text).unwrap_err().len(), 8);
    }

    #[test]
    fn a_knob_that_is_none_is_refused_with_the_nearest() {
        let faults =
            parse::<FixedConfig>("(actions: [(target: \"batch\", knob: \"cpu.idel\", value: 1.0)])").unwrap_err();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].help.contains("`cpu.idle`"), "{faults:?}");
    }

    #[test]
    fn a_list_needs_its_text_and_a_number_has_none() {
        for action in [
            "(target: \"batch\", knob: \"cpu.set\", value: 1.0)",
            "(target: \"batch\", knob: \"cpu.idle\", text: \"1\")",
            "(knob: \"cpu.idle\")",
        ] {
            assert_eq!(
                parse::<FixedConfig>(&format!("(actions: [{action}])"))
                    .unwrap_err()
                    .len(),
                1,
                "{action}"
            );
        }
    }
}
