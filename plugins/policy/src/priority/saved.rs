//! What a successor of `policy.priority` takes over: classes, what is held, and until when nothing is. What was on trial is
//! not judged any more.

use super::Priority;
use crate::saved::Common;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// The state of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    common: Common,
    classes: Vec<(u32, u32)>,
    changes_ns: Vec<u64>,
    rests_ns: u64,
    judged: bool,
}

impl State {
    /// What is so now.
    pub fn of(node: &Priority) -> Self {
        Self {
            common: Common::of(&node.world, &node.leases),
            classes: node.class.iter().map(|(target, class)| (target.0, class.0)).collect(),
            changes_ns: node.rate.changes().map(|at| at.0).collect(),
            rests_ns: node.rests.0,
            judged: node.judged,
        }
    }

    /// Takes it over.
    pub fn restore(self, node: &mut Priority) {
        self.common.restore(&mut node.world, &mut node.leases);
        let classes = self.classes.into_iter();
        node.class
            .extend(classes.map(|(target, class)| (TargetId(target), Class(class))));
        self.changes_ns.into_iter().for_each(|at| node.rate.note(Nanos(at), 1));
        node.rests = Nanos(self.rests_ns);
        node.judged = self.judged;
    }
}
