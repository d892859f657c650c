//! What `policy.budget` can be told.

use super::check;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `policy.budget`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// The most changes of knobs in a minute, undoing included, which is never held back itself. 1 to 100000; default 30.
    pub most_changes: u32,
    /// The most of the work of all targets that are not of class `Latency` that may be taken at a time, as the costs of
    /// the knobs say. 0..=1; default 0.6.
    pub most_taken: f64,
    /// How long an action may wait until there is room for it; then it is refused. A policy judges a remedy by what
    /// follows, so it must not wait long. 0 s to 1 min; default 1 s.
    pub patience: Span,
    /// How long a knob is left alone after it was changed, but for loosening. 0 s to 1 h; default 0 s.
    pub cooldown: Span,
    /// Whether actions on targets of class `Latency` are refused. True by default; false where a policy is to give such
    /// targets something, as a partition of the cache.
    pub protect: bool,
    /// Targets on which no action passes, `*` for any text. None by default.
    pub spare: Vec<String>,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            most_changes: 30,
            most_taken: 0.6,
            patience: Span::secs(1),
            cooldown: Span::secs(0),
            protect: true,
            spare: Vec::new(),
        }
    }
}

impl Configure for BudgetConfig {
    fn check(&self, faults: &mut Faults) {
        check::rate(self.most_changes, faults);
        check::share(self.most_taken, "most_taken", faults);
        check::span(self.patience, "patience", 0, 60_000, faults);
        check::span(self.cooldown, "cooldown", 0, 3_600_000, faults);
    }
}
