//! What the elements can be told: `detect.baseline` here, the others each in a file of their own. What `detect.baseline`
//! does with it is in `baseline`, `learn`, `judge` and `cause`.

mod class;
mod culprit;
mod outlier;
mod pattern;
mod triage;

pub use class::{ClassRule, KindConfig};
pub use culprit::{CulpritConfig, Method};
pub use outlier::OutlierConfig;
pub use pattern::{PatternConfig, PatternRule};
pub use triage::TriageConfig;

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which way a signal gets worse.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Worse {
    /// Greater is worse, as for latencies.
    Higher,
    /// Smaller is worse, as for rates.
    Lower,
}

/// Where a baseline comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Source {
    /// Learnt from the signal while nothing disturbs the victim.
    Learn,
    /// This value, in the signal's unit, for every victim.
    Given(f64),
    /// What an earlier run stored under this key; a victim that is not found there is learnt.
    Load(String),
}

/// Config of `detect.baseline`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineConfig {
    /// The metric by which a victim's well-being is judged. Default `kpi.latency.p99`.
    pub signal: String,
    /// Which way the signal gets worse: `Higher` (default) or `Lower`.
    pub worse: Worse,
    /// How many times worse than its baseline the signal must be to count against the neighbours'
    /// peace. Above 1; default 2. Raise it where the signal is noisy.
    pub threshold: f64,
    /// Below how many times its baseline the signal is quiet again. 1 up to `threshold`; default 1.5.
    pub release: f64,
    /// How many spreads (median absolute deviations, scaled to a standard deviation) worse than its
    /// baseline the signal must be as well. 0 to 100; default 4. 0 leaves it to `threshold`.
    pub spreads: f64,
    /// The least worsening that matters, in the signal's unit. 0 or more; none by default. Set it
    /// where a baseline is so low that twice of it still serves.
    pub floor: Option<f64>,
    /// How many bad samples begin a finding. 1 up to `of_last`; default 3.
    pub votes: u32,
    /// Among how many of the last samples they are counted. 1 to 64; default 5.
    pub of_last: u32,
    /// How many quiet samples end a finding. 1 up to `quiet_of`; default 6.
    pub quiet: u32,
    /// Among how many of the last samples they are counted. 1 to 64; default 8.
    pub quiet_of: u32,
    /// The span over which the cause is accounted: CPU time, waiting, throttling, steal. 100 ms to
    /// 10 s; default 1 s. It should hold several samples of the slowest collector.
    pub window: Span,
    /// How long accepted samples must have been taken before a baseline stands; it is learnt better until there are
    /// five times as many. 100 ms to 1 day; default 15 s.
    pub learn: Span,
    /// Where the baseline comes from: `Learn` (default), `Given(value)` or `Load("key")`.
    pub baseline: Source,
    /// The key under which what is learnt is kept for later runs. Nothing is kept by default.
    pub store: Option<String>,
    /// The names of the targets that are protected, or of the nodes that bring them. All targets of
    /// class `Latency` by default.
    pub victims: Vec<String>,
    /// The least share of the time that a victim must wait for a CPU, beyond its baseline, for others
    /// to be its cause. 0..=1; default 0.01: what delays one request in a hundred moves a p99.
    pub wait: f64,
    /// The share of that waiting that the neighbours' CPU time must be able to explain. 0..=1; default 0.5.
    pub explained: f64,
    /// The share of the neighbours' CPU time on the victim's CPUs from which one of them is named.
    /// 0..=1; default 0.2. The first few that make up half of it are named in any case.
    pub culprit_share: f64,
    /// The least CPU time on the victim's CPUs, in CPUs, for a neighbour to be named. 0..=1; default 0.05.
    pub culprit_use: f64,
    /// The share of the time that a victim's own quota must have stopped it to be its cause. 0..=1;
    /// default 0.01. Samples taken meanwhile are not learnt.
    pub throttled: f64,
    /// The share of the victim's CPUs' time that the hypervisor must have taken to be its cause.
    /// 0..=1; default 0.03. Samples taken while it took twice as much are not learnt.
    pub steal: f64,
    /// How many times its usual load the victim must have to be its own cause. Above 1; default 1.2.
    pub load: f64,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        Self {
            signal: vocabulary::KPI_LATENCY_P99.name.to_owned(),
            worse: Worse::Higher,
            threshold: 2.0,
            release: 1.5,
            spreads: 4.0,
            floor: None,
            votes: 3,
            of_last: 5,
            quiet: 6,
            quiet_of: 8,
            window: Span::secs(1),
            learn: Span::secs(15),
            baseline: Source::Learn,
            store: None,
            victims: Vec::new(),
            wait: 0.01,
            explained: 0.5,
            culprit_share: 0.2,
            culprit_use: 0.05,
            throttled: 0.01,
            steal: 0.03,
            load: 1.2,
        }
    }
}

impl Configure for BaselineConfig {
    fn check(&self, faults: &mut Faults) {
        self.check_signal(faults);
        self.check_votes(faults);
        self.check_spans(faults);
        self.check_shares(faults);
    }
}

impl BaselineConfig {
    fn check_signal(&self, faults: &mut Faults) {
        let finite = |value: f64| value.is_finite();
        faults.require(
            !self.signal.is_empty(),
            "signal",
            "`signal` names no metric",
            "give one such as `kpi.latency.p99`",
        );
        let above = self.threshold > 1.0 && finite(self.threshold);
        faults.require(
            above,
            "threshold",
            "`threshold` is not above 1",
            "give how many times worse is bad, such as 2",
        );
        let between = (1.0..=self.threshold).contains(&self.release);
        faults.require(
            between,
            "release",
            "`release` is not between 1 and `threshold`",
            "give a value such as 1.5",
        );
        let spreads = (0.0..=100.0).contains(&self.spreads);
        faults.require(
            spreads,
            "spreads",
            "`spreads` is not between 0 and 100",
            "4 is usual, 0 turns it off",
        );
        let floor = self.floor.is_none_or(|floor| floor >= 0.0 && finite(floor));
        faults.require(
            floor,
            "floor",
            "`floor` is below 0",
            "give the least worsening in the signal's unit",
        );
        if let Source::Given(value) = self.baseline {
            let good = value > 0.0 && finite(value);
            faults.require(
                good,
                "baseline",
                "a given baseline must be above 0",
                "give it in the signal's unit",
            );
        }
        let load = self.load > 1.0 && finite(self.load);
        faults.require(load, "load", "`load` is not above 1", "give a growth such as 1.2");
    }

    fn check_votes(&self, faults: &mut Faults) {
        for (count, of, name, of_name) in [
            (self.votes, self.of_last, "votes", "of_last"),
            (self.quiet, self.quiet_of, "quiet", "quiet_of"),
        ] {
            let few = (1..=64).contains(&of);
            faults.require(
                few,
                of_name,
                format!("`{of_name}` is not between 1 and 64"),
                "give a number of samples",
            );
            let fits = (1..=of).contains(&count);
            faults.require(
                fits,
                name,
                format!("`{name}` is not between 1 and `{of_name}`"),
                "give a number of samples",
            );
        }
    }

    fn check_spans(&self, faults: &mut Faults) {
        let within = |span: Span, least: u64, most: u64| {
            (Nanos::from_millis(least)..=Nanos::from_millis(most)).contains(&span.nanos())
        };
        let window = within(self.window, 100, 10_000);
        faults.require(window, "window", "`window` is not between 100ms and 10s", "1s is usual");
        let learn = within(self.learn, 100, 86_400_000);
        faults.require(learn, "learn", "`learn` is not between 100ms and 1day", "15s is usual");
    }

    fn check_shares(&self, faults: &mut Faults) {
        for (share, name) in [
            (self.wait, "wait"),
            (self.explained, "explained"),
            (self.culprit_share, "culprit_share"),
            (self.culprit_use, "culprit_use"),
            (self.throttled, "throttled"),
            (self.steal, "steal"),
        ] {
            let good = (0.0..=1.0).contains(&share);
            faults.require(good, name, format!("`{name}` is a share"), "give 0..=1");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn the_default_runs() {
        assert_eq!(parse::<BaselineConfig>("").unwrap().votes, 3);
    }

    #[test]
    fn every_field_out_of_range_is_told_at_once() {
        let text =
            "(threshold: 1.0, release: 3.0, votes: 9, window: \"1ms\", steal: 3.0, baseline: Given(0.0), load: 1.0)";
        let faults = parse::<BaselineConfig>(text).unwrap_err();
        assert_eq!(faults.len(), 7, "{faults:#?}");
    }

    #[test]
    fn a_baseline_is_learnt_given_or_loaded() {
        for text in [
            "(baseline: Learn)",
            "(baseline: Given(1e5))",
            "(baseline: Load(\"web\"), store: \"web\")",
        ] {
            assert!(parse::<BaselineConfig>(text).is_ok(), "{text}");
        }
    }
}
