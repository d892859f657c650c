//! What waits for a node to be called with it, and the list of batches that one call is given.

use abi_stable::std_types::RVec;
use pipeline_plugin_api::abi::{Batch, LAST_PORT, Nanos, OUTCOMES_PORT, PortBatch, TARGETS_PORT};
use std::sync::Arc;

/// How many values of a kind may wait for a node that is not called for long; the oldest go.
pub const MOST_WAITING: usize = 65_536;

/// What waits for a node.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Changes of targets.
    pub changes: Batch,
    /// Outcomes and controls.
    pub feedback: Batch,
    /// What later nodes said, by port.
    pub lasts: Vec<(u32, Batch)>,
    /// What came from other lanes, by port.
    pub arrived: Vec<(u32, Arc<Batch>)>,
}

impl Waiting {
    /// Nothing, for a node with that many entries in `last`.
    pub fn new(lasts: usize) -> Self {
        Self {
            lasts: (0..lasts)
                .map(|place| (LAST_PORT + place as u32, Batch::default()))
                .collect(),
            ..Self::default()
        }
    }

    /// The batches of one call, of a node whose upstream nodes in its lane are `local` and said `above` at this instant.
    /// None if it is not due and has no input.
    pub fn ports<'a>(&'a self, local: &[(u32, usize)], above: &'a [Batch], due: bool) -> Option<Ports<'a>> {
        let mut ports = Ports::new();
        if !self.changes.is_empty() {
            ports.push(TARGETS_PORT, &self.changes);
        }
        for (port, place) in local {
            if !above[*place].is_empty() {
                ports.push(*port, &above[*place]);
            }
        }
        for (port, batch) in &self.arrived {
            ports.push(*port, batch);
        }
        if !due && ports.is_empty() {
            return None;
        }
        for (port, batch) in &self.lasts {
            if !batch.is_empty() {
                ports.push(*port, batch);
            }
        }
        if !self.feedback.is_empty() {
            ports.push(OUTCOMES_PORT, &self.feedback);
        }
        Some(ports)
    }

    /// It was called with all of it.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.feedback.clear();
        self.lasts.iter_mut().for_each(|(_, batch)| batch.clear());
        self.arrived.clear();
    }
}

/// What waits for a node that is not called for long is bounded; the oldest goes.
pub fn bound(batch: &mut Batch) {
    trim(&mut batch.readings);
    trim(&mut batch.outcomes);
    trim(&mut batch.controls);
    trim(&mut batch.findings);
    trim(&mut batch.actions);
}

fn trim<T>(list: &mut RVec<T>) {
    let extra = list.len().saturating_sub(MOST_WAITING);
    drop(list.drain(..extra));
}

/// The batches of one call, without an allocation for the usual few.
pub struct Ports<'a> {
    few: [PortBatch<'a>; 8],
    len: usize,
    many: Vec<PortBatch<'a>>,
}

static NOTHING: Batch = Batch {
    at: Nanos::ZERO,
    changes: RVec::new(),
    readings: RVec::new(),
    findings: RVec::new(),
    controls: RVec::new(),
    actions: RVec::new(),
    outcomes: RVec::new(),
    spare: RVec::new(),
};

impl<'a> Ports<'a> {
    fn new() -> Self {
        Self {
            few: [PortBatch {
                port: 0,
                batch: &NOTHING,
            }; 8],
            len: 0,
            many: Vec::new(),
        }
    }

    fn push(&mut self, port: u32, batch: &'a Batch) {
        let item = PortBatch { port, batch };
        if self.len < self.few.len() {
            self.few[self.len] = item;
        } else {
            if self.many.is_empty() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(item);
        }
        self.len += 1;
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// As it crosses the boundary.
    pub fn as_slice(&self) -> &[PortBatch<'a>] {
        if self.many.is_empty() {
            &self.few[..self.len]
        } else {
            &self.many
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::Reading;

    #[test]
    fn what_waits_too_long_is_bounded_and_the_oldest_goes() {
        let mut batch = Batch::default();
        let reading = |number: usize| Reading {
            value: number as f64,
            ..Reading::default()
        };
        batch.readings.extend((0..MOST_WAITING).map(reading));
        bound(&mut batch);
        assert_eq!((batch.len(), batch.readings[0].value), (MOST_WAITING, 0.0));
        batch.readings.push(reading(MOST_WAITING));
        bound(&mut batch);
        assert_eq!((batch.len(), batch.readings[0].value), (MOST_WAITING, 1.0));
    }

    #[test]
    fn more_batches_than_usual_are_all_passed_in_their_order() {
        let mut waiting = Waiting::new(0);
        let batch = Arc::new(Batch {
            readings: vec![Reading::default()].into(),
            ..Batch::default()
        });
        waiting.arrived = (0..20).map(|port| (port, batch.clone())).collect();
        let ports = waiting.ports(&[], &[], false).unwrap();
        let numbers: Vec<u32> = ports.as_slice().iter().map(|port| port.port).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn without_input_only_a_node_that_is_due_is_called() {
        let waiting = Waiting::new(1);
        assert!(waiting.ports(&[], &[], false).is_none());
        assert!(waiting.ports(&[], &[], true).is_some());
    }
}
