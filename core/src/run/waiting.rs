//! What waits for a node to be called with it, and the list of batches that one call is given.

use super::tap::Said;
use abi_stable::std_types::RVec;
use pipeline_plugin_api::abi::{Batch, LAST_PORT, Nanos, OUTCOMES_PORT, PortBatch, TARGETS_PORT, Take};
use std::sync::Arc;

/// How many values of a kind may wait for a node that is not called for long; the oldest go.
pub const MOST_WAITING: usize = 65_536;

/// A batch that came from elsewhere than the node's own lane and instant.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Where it came.
    pub port: u32,
    /// Who said it.
    pub said: Said,
    /// What was said.
    pub batch: Arc<Batch>,
}

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
    pub arrived: Vec<Arrived>,
    /// Who said what waits in `changes`, `feedback` and `lasts`, where somebody records it.
    pub takes: Vec<Take>,
    /// Ports whose upstream in the lane is not heard at this instant, as a timetable says.
    pub masked: Vec<u32>,
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
            if self.hears(*port, &above[*place]) {
                ports.push(*port, &above[*place]);
            }
        }
        for arrived in &self.arrived {
            ports.push(arrived.port, &arrived.batch);
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

    fn hears(&self, port: u32, said: &Batch) -> bool {
        !said.is_empty() && (self.masked.is_empty() || !self.masked.contains(&port))
    }

    /// Who said what is in the [`Waiting::ports`] of one call at that instant, in their order. `local` are the upstream
    /// nodes in its lane by port, each with its place in the lane and in the graph.
    pub fn taken(&self, local: impl Iterator<Item = (u32, usize, u32)>, above: &[Batch], instant: u64) -> Vec<Take> {
        let waited = |ports: std::ops::RangeInclusive<u32>| {
            let mut takes: Vec<Take> = self
                .takes
                .iter()
                .filter(|take| ports.contains(&take.port))
                .copied()
                .collect();
            // One port behind the other, and what is in one in the order in which it came.
            takes.sort_by_key(|take| take.port);
            takes
        };
        let mut takes = waited(TARGETS_PORT..=TARGETS_PORT);
        let heard = local.filter(|(port, place, _)| self.hears(*port, &above[*place]));
        takes.extend(heard.map(|(port, _, node)| Said { node, instant }.at_port(port)));
        takes.extend(self.arrived.iter().map(|arrived| arrived.said.at_port(arrived.port)));
        takes.extend(waited(LAST_PORT..=OUTCOMES_PORT));
        takes
    }

    /// Notes who said what waits at a port. What waits for a node that is not called for long is bounded: `false` if
    /// there is no room.
    pub fn note(&mut self, take: Take) -> bool {
        let room = self.takes.len() < MOST_WAITING;
        if room {
            self.takes.push(take);
        }
        room
    }

    /// It was called with all of it.
    pub fn clear(&mut self) {
        self.takes.clear();
        self.masked.clear();
        self.clear_changes();
        self.feedback.clear();
        self.lasts.iter_mut().for_each(|(_, batch)| batch.clear());
        self.arrived.clear();
    }

    /// It was told of the targets. They are told seldom and may be thousands at once, so that the room which that took
    /// is not kept.
    pub fn clear_changes(&mut self) {
        if !self.changes.is_empty() {
            self.changes = Batch::default();
        }
    }
}

/// The batches of one call by port, and who said what is in them.
pub type Arriving = (Vec<(u32, Arc<Batch>)>, Vec<Take>);

/// What waited for a node when the run ended.
#[derive(Debug, Default)]
pub struct Waited {
    /// Changes of targets.
    pub changes: Option<Batch>,
    /// What is no reason to call it: what later nodes said, outcomes and controls.
    rest: Vec<(u32, Batch)>,
    takes: Vec<Take>,
}

impl Waited {
    /// All of it in one call, with what came from another lane, in the order of [`Waiting::ports`].
    pub fn with(self, arrived: Option<Arrived>) -> Arriving {
        let (before, after): (Vec<Take>, Vec<Take>) =
            self.takes.into_iter().partition(|take| take.port == TARGETS_PORT);
        let said = arrived.iter().map(|arrived| arrived.said.at_port(arrived.port));
        let takes = before.into_iter().chain(said).chain(after).collect();
        let changes = self.changes.map(|changes| (TARGETS_PORT, Arc::new(changes)));
        let arrived = arrived.map(|arrived| (arrived.port, arrived.batch));
        let rest = self.rest.into_iter().map(|(port, batch)| (port, Arc::new(batch)));
        (changes.into_iter().chain(arrived).chain(rest).collect(), takes)
    }
}

impl Waiting {
    /// Takes out all that did not come from another lane.
    pub fn at_last(&mut self) -> Waited {
        let changes = (!self.changes.is_empty()).then(|| std::mem::take(&mut self.changes));
        let mut takes = std::mem::take(&mut self.takes);
        takes.sort_by_key(|take| take.port);
        let lasts = self
            .lasts
            .iter_mut()
            .map(|(port, batch)| (*port, std::mem::take(batch)));
        let feedback = (OUTCOMES_PORT, std::mem::take(&mut self.feedback));
        let rest = lasts
            .chain(std::iter::once(feedback))
            .filter(|(_, batch)| !batch.is_empty());
        Waited {
            changes,
            rest: rest.collect(),
            takes,
        }
    }
}

/// What waits for a node that is not called for long is bounded; the oldest goes.
/// Gives how many values went.
pub fn bound(batch: &mut Batch) -> usize {
    trim(&mut batch.readings)
        + trim(&mut batch.outcomes)
        + trim(&mut batch.controls)
        + trim(&mut batch.findings)
        + trim(&mut batch.actions)
}

fn trim<T>(list: &mut RVec<T>) -> usize {
    let extra = list.len().saturating_sub(MOST_WAITING);
    drop(list.drain(..extra));
    extra
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
        let arrived = |port: u32| Arrived {
            port,
            said: Said::default(),
            batch: batch.clone(),
        };
        waiting.arrived = (0..20).map(arrived).collect();
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
