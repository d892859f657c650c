//! How a victim does, as detectors tell it: by how many times worse than its baseline it is, by the time that it loses to
//! others, or only by how severe their findings are. Each has a limit of its own.

use super::{Case, Stage};
use crate::config::AdaptiveConfig;
use crate::proof::Terms;
use pipeline_plugin_api::prelude::*;

/// What a detector tells besides findings.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// How many times worse than its baseline the victim is: `detect.ratio`.
    Ratio,
    /// The time that it loses to others for each second of its work: `detect.loss`. It is that much worse than 1.
    Loss,
}

impl Gauge {
    /// What the gauge may show at most.
    const fn limit(self, config: &AdaptiveConfig) -> f64 {
        match self {
            Self::Ratio => config.limit,
            Self::Loss => config.loss,
        }
    }

    /// How many times worse than its baseline a victim is of which the gauge shows that.
    fn times(self, shown: f64) -> f64 {
        match self {
            Self::Ratio => shown,
            Self::Loss => 1.0 + shown,
        }
    }
}

impl Case {
    /// Takes in a finding.
    pub fn hear(&mut self, port: u32, finding: &Finding, config: &AdaptiveConfig) {
        self.findings.hear(port, finding);
        if self.gauges.is_empty() && finding.phase == Phase::LASTS {
            self.weigh(port, finding.at, finding.severity, config);
        }
    }

    /// A gauge of the detector at that port shows so much.
    pub fn shows(&mut self, port: u32, gauge: Gauge, at: Nanos, shown: f64, config: &AdaptiveConfig) {
        self.gauges.insert(port, gauge);
        self.slack.told(port, at, shown, gauge.limit(config));
        self.weigh(port, at, gauge.times(shown), config);
    }

    /// What counts as proof where that port's finding is acted on.
    pub(super) fn terms(&self, port: u32, config: &AdaptiveConfig) -> Terms {
        let gauge = self.gauges.get(&self.listens(port)).copied();
        let gauge = gauge.unwrap_or(Gauge::Ratio);
        Terms {
            release: gauge.times(gauge.limit(config)),
            ..config.terms()
        }
    }

    /// How many times worse than its baseline the victim of that port's finding is by now.
    pub(super) fn harm(&self, port: u32, at: Nanos) -> Option<f64> {
        let port = self.listens(port);
        let shown = self.slack.shown(port, at)?;
        self.gauges.get(&port).map(|gauge| gauge.times(shown))
    }

    /// The port whose gauge tells how the victim of that port's finding does: its own, or else the first that has one.
    fn listens(&self, port: u32) -> u32 {
        let own = self.gauges.contains_key(&port).then_some(port);
        own.or_else(|| self.gauges.keys().next().copied()).unwrap_or(port)
    }

    fn weigh(&mut self, port: u32, at: Nanos, times: f64, config: &AdaptiveConfig) {
        let Stage::Trying(attempt) = &self.stage else { return };
        let of = attempt.port;
        if !self.gauges.is_empty() && self.listens(of) != port {
            return;
        }
        let terms = self.terms(of, config);
        if let Stage::Trying(attempt) = &mut self.stage {
            attempt.trial.hear(at, times, &terms);
        }
    }
}
