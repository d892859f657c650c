//! What `detect.culprit` can be told.

use crate::config::Worse;
use crate::watch::{check_range, check_span};
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a neighbour is scored.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Method {
    /// As CPI² published it: by CPU time alone, each neighbour for itself.
    Published,
    /// By whatever is used, with lags, and given what others explain already.
    Conditional,
}

/// Config of `detect.culprit`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CulpritConfig {
    /// How neighbours are scored: `Conditional` (default) or `Published`.
    pub method: Method,
    /// The metric that tells how a victim does. Default `detect.ratio`, which other detectors give.
    pub signal: String,
    /// Which way the signal gets worse: `Higher` (default) or `Lower`.
    pub worse: Worse,
    /// From which value of the signal a victim suffers, in the signal's unit; `Published` needs it. Above 0; default 1.2,
    /// for a ratio.
    pub threshold: f64,
    /// The span over which signal and use are added up. 10 ms to 5 min; default 1 s.
    pub span: Span,
    /// How far back is looked, at most 1200 spans. `span` to 1 day; default 10 min, as published.
    pub window: Span,
    /// The least score of a culprit. 0 to 1; default 0.35, as published.
    pub least: f64,
    /// How clearly `Conditional` must see it: the correlation as a multiple of its own error (Student's t). 0 to 100;
    /// default 4, which chance passes in one of some ten thousand looks.
    pub clear: f64,
    /// For how long a finding that lasts is not looked at again. `span` to 1 day; default 10 s.
    pub every: Span,
}

impl Default for CulpritConfig {
    fn default() -> Self {
        Self {
            method: Method::Conditional,
            signal: vocabulary::DETECT_RATIO.name.to_owned(),
            worse: Worse::Higher,
            threshold: 1.2,
            span: Span::secs(1),
            window: Span::secs(600),
            least: 0.35,
            clear: 4.0,
            every: Span::secs(10),
        }
    }
}

impl Configure for CulpritConfig {
    fn check(&self, faults: &mut Faults) {
        faults.require(
            !self.signal.is_empty(),
            "signal",
            "`signal` names no metric",
            "give one such as `perf.cpi`",
        );
        let above = self.threshold > 0.0 && self.threshold.is_finite();
        faults.require(
            above,
            "threshold",
            "`threshold` is not above 0",
            "give it in the signal's unit",
        );
        check_span(self.span, 10, 300_000, "span", faults);
        check_span(self.window, 10, 86_400_000, "window", faults);
        check_span(self.every, 10, 86_400_000, "every", faults);
        let spans = self.window.nanos().0 / self.span.nanos().0.max(1);
        faults.require(
            (8..=1200).contains(&spans),
            "window",
            "`window` does not hold 8 to 1200 times `span`",
            "give a longer span or another window",
        );
        check_range(self.least, 0.0..=1.0, "least", faults);
        check_range(self.clear, 0.0..=100.0, "clear", faults);
    }
}
