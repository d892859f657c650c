//! What `detect.outlier` can be told.

use crate::watch::{check_list, check_range, check_span, check_votes};
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `detect.outlier`. The defaults are those that CPI² published.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutlierConfig {
    /// The span over which cycles and instructions are added up for one sample. 10 ms to 1 h; default 10 s.
    pub window: Span,
    /// How often a sample is taken: one window of each such span counts. `window` to 1 day; default 1 min.
    pub every: Span,
    /// How many standard deviations above the mean of its job a sample must lie. 0 to 100; default 2.
    pub sigmas: f64,
    /// The least CPU time that a target must use for its sample to count, in CPUs. 0 to 1000; default 0.25.
    pub least_cpu: f64,
    /// How many outliers begin a finding. 1 up to `of_last`; default 3.
    pub votes: u32,
    /// Among how many of the last samples they are counted; fewer than `votes` end it. 1 to 64; default 5.
    pub of_last: u32,
    /// How many samples a profile must rest on before anything is judged by it. 2 to 1000000; default 60.
    pub samples: u32,
    /// What a day-old profile still weighs beside today's samples. 0 to 1; default 0.9.
    pub aging: f64,
    /// The kind of CPU, for profiles that are shared by machines: profiles of another kind are not used. Empty by default.
    pub platform: String,
    /// The label that names a target's job. None by default.
    pub label: Option<String>,
    /// Jobs by name of targets: the first pattern that fits is the job of a target that has no such label. Where none fits,
    /// the job is the target's name without the number at its end, as `web` of `web-3`.
    pub jobs: Vec<String>,
    /// The targets that are judged: names, or nodes that bring them, with `*` at the end for any rest. All by default.
    pub victims: Vec<String>,
    /// The key under which profiles are kept for later runs, and found by them. None by default.
    pub store: Option<String>,
}

impl Default for OutlierConfig {
    fn default() -> Self {
        Self {
            window: Span::secs(10),
            every: Span::secs(60),
            sigmas: 2.0,
            least_cpu: 0.25,
            votes: 3,
            of_last: 5,
            samples: 60,
            aging: 0.9,
            platform: String::new(),
            label: None,
            jobs: Vec::new(),
            victims: Vec::new(),
            store: None,
        }
    }
}

impl Configure for OutlierConfig {
    fn check(&self, faults: &mut Faults) {
        check_span(self.window, 10, 3_600_000, "window", faults);
        check_span(self.every, 10, 86_400_000, "every", faults);
        faults.require(
            self.every >= self.window,
            "every",
            "`every` is shorter than `window`",
            "give at least the window",
        );
        check_range(self.sigmas, 0.0..=100.0, "sigmas", faults);
        check_range(self.least_cpu, 0.0..=1000.0, "least_cpu", faults);
        check_votes(self.votes, self.of_last, ["votes", "of_last"], faults);
        let enough = (2..=1_000_000).contains(&self.samples);
        faults.require(
            enough,
            "samples",
            "`samples` is not between 2 and 1000000",
            "60 is usual",
        );
        check_range(self.aging, 0.0..=1.0, "aging", faults);
        check_list(&self.jobs, "jobs", faults);
        check_list(&self.victims, "victims", faults);
    }
}
