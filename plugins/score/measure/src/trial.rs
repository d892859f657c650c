//! What happened in a run and what was said about it, as far as it is judged.

use crate::stretch::Stretch;
use pipeline_plugin_api::abi::{Class, Fate, Nanos, Phase, Resource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// From its first instant to its last.
    pub span: Stretch,
    /// All targets that there were, by name.
    pub targets: BTreeMap<String, Class>,
    /// How slow each victim truly was, in order; empty where the run has no truth.
    pub truth: BTreeMap<String, Vec<Moment>>,
    /// Findings, in the order in which they were told.
    pub statements: Vec<Statement>,
    /// What became of actions, in order.
    pub turns: Vec<Turn>,
    /// What targets got done: by metric, then by target, all of the run added up.
    pub work: BTreeMap<String, BTreeMap<String, f64>>,
}

/// The truth about a victim from an instant until the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When it holds.
    pub span: Stretch,
    /// How many times slower than alone at its usual load and without limits of its own, whatever the reason; 1 is
    /// undisturbed.
    pub slowdown: f64,
    /// What neighbours do to it.
    pub causes: Vec<Cause>,
    /// How many times slower because of each resource, whoever uses it: `SELF` for what it does itself, `UNKNOWN` for what
    /// is no resource, as a knob that somebody turned.
    pub resources: Vec<(Resource, f64)>,
}

impl Moment {
    /// How many times slower because of neighbours, the hypervisor, and knobs that were turned: all but its own doing.
    pub fn suffered(&self) -> f64 {
        self.slowdown / self.own()
    }

    /// How many times slower because of neighbours and the hypervisor.
    pub fn inflicted(&self) -> f64 {
        self.suffered() / self.through(Resource::UNKNOWN)
    }

    /// How many times slower because of its own load and its own limits.
    pub fn own(&self) -> f64 {
        self.through(Resource::SELF)
    }

    fn through(&self, resource: Resource) -> f64 {
        let told = self.resources.iter().filter(|(known, _)| *known == resource);
        told.map(|(_, times)| times).product()
    }
}

/// What one neighbour does to a victim through one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The neighbour's name.
    pub culprit: Arc<str>,
    /// Through what.
    pub resource: Resource,
    /// How much of the victim's slowdown is the neighbour's doing through it: 0.5 of a slowdown of 1.5 is all.
    pub part: f64,
}

/// A finding as it was told once.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// When.
    pub at: Nanos,
    /// By which transform.
    pub node: String,
    /// The finding's number.
    pub id: u64,
    /// Where it stands in its life.
    pub phase: Phase,
    /// Who is said to suffer.
    pub victim: String,
    /// Through what.
    pub resource: Resource,
    /// From whom, the most likely first.
    pub culprits: Vec<String>,
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// When.
    pub at: Nanos,
    /// Whose knob.
    pub target: String,
    /// Which knob.
    pub knob: String,
    /// What became of it.
    pub fate: Fate,
    /// What is in force now.
    pub value: f64,
    /// The same, for knobs that are no numbers.
    pub text: String,
}

impl Trial {
    /// Whether it is known what truly happened.
    pub fn has_truth(&self) -> bool {
        !self.truth.is_empty()
    }

    /// The class of a target; not said for one that never appeared.
    pub fn class(&self, target: &str) -> Class {
        self.targets.get(target).copied().unwrap_or(Class::UNSET)
    }
}
