//! Trials made by hand, in whole seconds, for the tests of this crate.

use crate::stretch::Stretch;
use crate::trial::{Cause, Moment, Statement, Trial, Turn};
use pipeline_plugin_api::abi::{Class, Fate, Nanos, Phase, Resource};
use std::collections::BTreeMap;

/// That many seconds.
pub fn second(number: u64) -> Nanos {
    Nanos::from_secs(number)
}

/// From one second to another.
pub fn stretch(from: u64, to: u64) -> Stretch {
    Stretch::new(second(from), second(to))
}

/// A trial of a hundred seconds in which `web`, of class `Latency`, and `batch` and `other`, of class `BestEffort`, are
/// undisturbed.
pub fn quiet() -> Trial {
    let moment = |at| Moment {
        span: stretch(at, at + 1),
        slowdown: 1.0,
        causes: Vec::new(),
        resources: Vec::new(),
    };
    let classes = [
        ("web", Class::LATENCY),
        ("batch", Class::BEST_EFFORT),
        ("other", Class::BEST_EFFORT),
    ];
    Trial {
        span: stretch(0, 100),
        targets: classes.map(|(name, class)| (name.to_owned(), class)).into(),
        truth: classes
            .map(|(name, _)| (name.to_owned(), (0..100).map(moment).collect()))
            .into(),
        statements: Vec::new(),
        turns: Vec::new(),
        work: BTreeMap::new(),
    }
}

impl Trial {
    /// With a victim that is so many times slower because of neighbours and their resources, each so many times.
    pub fn slow(
        mut self,
        victim: &str,
        seconds: std::ops::Range<usize>,
        times: f64,
        causes: &[(&str, Resource, f64)],
    ) -> Self {
        for moment in &mut self.truth.get_mut(victim).unwrap()[seconds] {
            moment.slowdown = times;
            for (culprit, resource, times) in causes {
                moment.resources.push((*resource, *times));
                if !culprit.is_empty() {
                    moment.causes.push(Cause {
                        culprit: (*culprit).into(),
                        resource: *resource,
                        part: times - 1.0,
                    });
                }
            }
        }
        self
    }

    /// With a word of finding `id`.
    pub fn said(mut self, at: u64, id: u64, phase: Phase, victim: &str, resource: Resource, culprits: &[&str]) -> Self {
        self.statements.push(Statement {
            at: second(at),
            node: "judge".to_owned(),
            id,
            phase,
            victim: victim.to_owned(),
            resource,
            culprits: culprits.iter().map(|name| (*name).to_owned()).collect(),
        });
        self
    }

    /// With a finding about `web` that says the same from its beginning to its end.
    pub fn told(self, seconds: std::ops::Range<u64>, id: u64, resource: Resource, culprits: &[&str]) -> Self {
        self.said(seconds.start, id, Phase::BEGINS, "web", resource, culprits)
            .said(seconds.end, id, Phase::ENDS, "web", resource, culprits)
    }

    /// With a remedy that holds `batch` back.
    pub fn remedy(mut self, seconds: std::ops::Range<u64>) -> Self {
        for (at, fate) in [(seconds.start, Fate::APPLIED), (seconds.end, Fate::UNDONE)] {
            self.turns.push(Turn {
                at: second(at),
                target: "batch".to_owned(),
                knob: "cpu.idle".to_owned(),
                fate,
                value: 1.0,
                text: String::new(),
            });
        }
        self
    }

    /// With work that `target` got done.
    pub fn worked(mut self, metric: &str, target: &str, amount: f64) -> Self {
        self.work
            .entry(metric.to_owned())
            .or_default()
            .insert(target.to_owned(), amount);
        self
    }
}
