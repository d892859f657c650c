//! What a successor of `policy.budget` takes over: what is in force, and the changes of the last minute. What waits does
//! not: the policy asks again when its lease is to be renewed.

use super::Budget;
use super::gate::Held;
use crate::lease::Leases;
use crate::saved::Common;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// The state of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    common: Common,
    changes_ns: Vec<u64>,
    held: Vec<Row>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Row {
    target: u32,
    knob: u32,
    value: f64,
    text: String,
    first: u64,
    last: u64,
    changed_ns: u64,
}

impl State {
    /// What is so now.
    pub fn of(node: &Budget) -> Self {
        let row = |((target, knob), held): (&(TargetId, KnobId), &Held)| Row {
            target: target.0,
            knob: knob.0,
            value: held.value,
            text: held.text.clone(),
            first: held.first,
            last: held.last,
            changed_ns: held.changed.0,
        };
        Self {
            common: Common::of(&node.world, &Leases::new(Nanos::ZERO)),
            changes_ns: node.rate.changes().map(|at| at.0).collect(),
            held: node.held.iter().map(row).collect(),
        }
    }

    /// Takes it over.
    pub fn restore(self, node: &mut Budget) {
        self.common.restore(&mut node.world, &mut Leases::new(Nanos::ZERO));
        self.changes_ns.into_iter().for_each(|at| node.rate.note(Nanos(at), 1));
        node.held.extend(self.held.into_iter().map(|row| {
            let knob = (TargetId(row.target), KnobId(row.knob));
            (knob, row.held())
        }));
    }
}

impl Row {
    fn held(self) -> Held {
        Held {
            value: self.value,
            text: self.text,
            first: self.first,
            last: self.last,
            changed: Nanos(self.changed_ns),
        }
    }
}
