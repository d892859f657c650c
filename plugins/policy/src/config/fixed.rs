//! What `policy.fixed` can be told.

use super::check;
use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::pattern::fits;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
        check::window(&self.during, faults);
        check::span(self.lease, "lease", 200, 600_000, faults);
        check::span(self.retry, "retry", 1000, check::DAY_MS, faults);
    }
}

impl EndState {
    /// Whether it is wanted of a target of that name.
    pub fn means(&self, target: &str) -> bool {
        fits(self.target.as_bytes(), target.as_bytes())
    }

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
