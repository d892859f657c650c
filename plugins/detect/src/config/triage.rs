//! What `detect.triage` can be told.

use crate::watch::{check_list, check_range, check_span, check_votes};
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `detect.triage`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TriageConfig {
    /// The span over which everything is added up. 100 ms to 10 s; default 500 ms. What is read less often is used until
    /// it is read again.
    pub window: Span,
    /// The time lost for each second of work from which a target suffers. 0.01 to 10; default 0.08.
    pub loss: f64,
    /// The time lost below which it is well again. 0 to `loss`; default 0.05.
    pub release: f64,
    /// How many bad spans begin a finding. 1 up to `of_last`; default 3.
    pub votes: u32,
    /// Among how many of the last spans they are counted. 1 to 64; default 4.
    pub of_last: u32,
    /// How many quiet spans end a finding. 1 up to `quiet_of`; default 4.
    pub quiet: u32,
    /// Among how many of the last spans they are counted. 1 to 64; default 5.
    pub quiet_of: u32,
    /// How many spreads (median absolute deviations, scaled to a standard deviation) beyond the usual a number must lie to
    /// count. 0 to 100; default 3.
    pub spreads: f64,
    /// How many times longer than usual the 99th percentile of latencies must be, less one, where it is steady enough to tell:
    /// then it decides, if at least 0.02 are lost to anybody. 0.01 to 1000; default 0.12.
    pub tail: f64,
    /// How much longer answers must be able to take, less one, for what is lost on the CPU: a queue makes so much of it and
    /// no more. 0 to 10; default 0.09: a tenth, less the hundredth to which what is lost is known. 0 leaves it to `loss` and
    /// `tail`.
    pub slower: f64,
    /// The share of the blame from which a neighbour is named; the first is in any case. 0 to 1; default 0.25.
    pub culprit_share: f64,
    /// Whether a target that slows itself, by its own quota or its own load, is told too. Default true; nobody is named then.
    pub own: bool,
    /// Which CPUs are threads of one core, as `[[0, 4], [1, 5]]`; see `/sys/devices/system/cpu/cpu*/topology`. Empty by
    /// default: then as readings of `cpu.core` tell, and without these the siblings are not seen.
    pub cores: Vec<Vec<u32>>,
    /// The targets that are judged: names, or nodes that bring them, with `*` at the end for any rest. All targets of class
    /// `Latency` by default.
    pub victims: Vec<String>,
}

impl Default for TriageConfig {
    fn default() -> Self {
        Self {
            window: Span::millis(500),
            loss: 0.08,
            release: 0.05,
            votes: 3,
            of_last: 4,
            quiet: 4,
            quiet_of: 5,
            spreads: 3.0,
            tail: 0.12,
            slower: 0.09,
            culprit_share: 0.25,
            own: true,
            cores: Vec::new(),
            victims: Vec::new(),
        }
    }
}

impl Configure for TriageConfig {
    fn check(&self, faults: &mut Faults) {
        check_span(self.window, 100, 10_000, "window", faults);
        check_range(self.loss, 0.01..=10.0, "loss", faults);
        let below = (0.0..=self.loss).contains(&self.release);
        faults.require(
            below,
            "release",
            "`release` is not between 0 and `loss`",
            "give a share such as 0.05",
        );
        check_votes(self.votes, self.of_last, ["votes", "of_last"], faults);
        check_votes(self.quiet, self.quiet_of, ["quiet", "quiet_of"], faults);
        check_range(self.spreads, 0.0..=100.0, "spreads", faults);
        check_range(self.tail, 0.01..=1000.0, "tail", faults);
        check_range(self.slower, 0.0..=10.0, "slower", faults);
        check_range(self.culprit_share, 0.0..=1.0, "culprit_share", faults);
        let mut cpus: Vec<u32> = self.cores.iter().flatten().copied().collect();
        let count = cpus.len();
        cpus.sort_unstable();
        cpus.dedup();
        let once = cpus.len() == count && cpus.last().is_none_or(|cpu| *cpu < 8192);
        faults.require(
            once,
            "cores",
            "`cores` names a CPU twice, or one above 8191",
            "give each CPU once, as `[[0, 4], [1, 5]]`",
        );
        check_list(&self.victims, "victims", faults);
    }
}
