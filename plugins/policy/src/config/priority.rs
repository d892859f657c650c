//! What `policy.priority` can be told.

use super::check;
use crate::proof::Terms;
use crate::world::Scope;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a class gets, as shares of what there is. A share of 1 turns no knob.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shares {
    /// Of the ways of the last-level cache. Above 0, up to 1; default 1.
    pub ways: f64,
    /// Of the memory bandwidth. Above 0, up to 1; default 1.
    pub bandwidth: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            ways: 1.0,
            bandwidth: 1.0,
        }
    }
}

/// Config of `policy.priority`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriorityConfig {
    /// When the policy may act; outside it holds nothing. Always by default.
    pub during: Window,
    /// What targets of class `Latency` get. All of both by default; less gives each a part of its own, which others are kept
    /// out of, and is the only way in which this policy turns a knob of such a target.
    pub latency: Shares,
    /// What targets of class `Batch` get, and those of no class. Two thirds of the ways and 0.7 of the bandwidth by default,
    /// after RDT4NN's medium priority.
    pub batch: Shares,
    /// What targets of class `BestEffort` get. A third of the ways and 0.3 of the bandwidth by default, after RDT4NN's low
    /// priority.
    pub best_effort: Shares,
    /// Whether a class's share is for all of its targets together, and divided evenly; otherwise each has it. False by
    /// default, as the parts of a class then lie over each other where they must.
    pub together: bool,
    /// The targets that are never touched, `*` for any text. None by default.
    pub spare: Vec<String>,
    /// How long a partition takes to show. 0 s to 1 min; default 2 s.
    pub settle: Span,
    /// How long targets of class `Latency` are then watched. 100 ms to 10 min; default 10 s.
    pub proof: Span,
    /// How many times worse they may be than before; beyond it the partition is undone. 1 or more; default 1.2. Nothing is
    /// judged where no `detect.ratio` is heard.
    pub worse: f64,
    /// How long nothing is held after that, and until a refused knob is tried again. 1 s to 1 day; default 10 min.
    pub cooldown: Span,
    /// The most of the work of all that may be restrained that may be taken, as the knobs' costs say; parts are made larger
    /// where it would be more. 0..=1; default 0.7.
    pub most_taken: f64,
    /// The most changes of knobs in a minute. 1 to 100000; default 240. Undoing is never held back.
    pub most_changes: u32,
    /// How long an action holds unless it is renewed. 200 ms to 10 min; default 5 s.
    pub lease: Span,
}

impl Default for PriorityConfig {
    fn default() -> Self {
        Self {
            during: Window::default(),
            latency: Shares::default(),
            batch: Shares {
                ways: 2.0 / 3.0,
                bandwidth: 0.7,
            },
            best_effort: Shares {
                ways: 1.0 / 3.0,
                bandwidth: 0.3,
            },
            together: false,
            spare: Vec::new(),
            settle: Span::secs(2),
            proof: Span::secs(10),
            worse: 1.2,
            cooldown: Span::secs(600),
            most_taken: 0.7,
            most_changes: 240,
            lease: Span::secs(5),
        }
    }
}

impl PriorityConfig {
    /// Who may be restrained.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            only: &[],
            spare: &self.spare,
        }
    }

    /// What is heard of those who are protected.
    pub fn terms(&self) -> Terms {
        Terms {
            settle: self.settle.nanos(),
            proof: self.proof.nanos(),
            improvement: 0.0,
            release: self.worse,
        }
    }
}

impl Configure for PriorityConfig {
    fn check(&self, faults: &mut Faults) {
        for (shares, name) in [
            (self.latency, "latency"),
            (self.batch, "batch"),
            (self.best_effort, "best_effort"),
        ] {
            for share in [shares.ways, shares.bandwidth] {
                let good = share > 0.0 && share <= 1.0;
                faults.require(
                    good,
                    name,
                    format!("a share of `{name}` is none"),
                    "give more than 0, up to 1",
                );
            }
        }
        check::share(self.most_taken, "most_taken", faults);
        check::ratio(self.worse, "worse", faults);
        for (span, name, least, most) in [
            (self.settle, "settle", 0, 60_000),
            (self.proof, "proof", 100, 600_000),
            (self.cooldown, "cooldown", 1000, check::DAY_MS),
            (self.lease, "lease", 200, 600_000),
        ] {
            check::span(span, name, least, most, faults);
        }
        check::rate(self.most_changes, faults);
        check::window(&self.during, faults);
    }
}
