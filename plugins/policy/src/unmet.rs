//! Targets that came lately and of which something is wanted: whether an actuator offers it is asked once, when it had
//! time to. What is wanted and what is offered is known elsewhere.

use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// How long actuators have to offer a knob before that it is missing is told.
const GRACE: Nanos = Nanos::from_secs(2);

/// See the file.
#[derive(Clone, Debug, Default)]
pub struct Unmet {
    since: BTreeMap<TargetId, Nanos>,
    /// In the order in which they came; those that went are skipped.
    order: VecDeque<(Nanos, TargetId)>,
}

impl Unmet {
    /// A target came.
    pub fn meet(&mut self, at: Nanos, target: TargetId) {
        self.since.insert(target, at);
        self.order.push_back((at, target));
    }

    /// A target went.
    pub fn forget(&mut self, target: TargetId) {
        self.since.remove(&target);
        while self.order.front().is_some_and(|waits| !self.is_waiting(waits)) {
            self.order.pop_front();
        }
    }

    /// Those whose time is over, each given once.
    pub fn due(&mut self, at: Nanos) -> Vec<TargetId> {
        let mut due = Vec::new();
        while let Some(first) = self.order.front().copied().filter(|(since, _)| at >= *since + GRACE) {
            self.order.pop_front();
            if self.is_waiting(&first) {
                self.since.remove(&first.1);
                due.push(first.1);
            }
        }
        due
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Nanos> {
        let waiting = self.order.iter().find(|waits| self.is_waiting(waits));
        waiting.map(|(since, _)| *since + GRACE)
    }

    fn is_waiting(&self, (since, target): &(Nanos, TargetId)) -> bool {
        self.since.get(target) == Some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_due_once_unless_it_went() {
        let mut unmet = Unmet::default();
        let s = Nanos::from_secs;
        unmet.meet(s(1), TargetId(1));
        unmet.meet(s(1), TargetId(2));
        unmet.meet(s(2), TargetId(3));
        unmet.forget(TargetId(1));
        assert_eq!((unmet.next(), unmet.due(s(2))), (Some(s(3)), Vec::new()));
        assert_eq!(unmet.due(s(3)), [TargetId(2)]);
        assert_eq!(unmet.next(), Some(s(4)));
        assert_eq!(unmet.due(s(60)), [TargetId(3)]);
        assert_eq!((unmet.next(), unmet.due(s(60))), (None, Vec::new()));
    }
}
