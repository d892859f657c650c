//! The thread that paces: sleeps until requests are due, then sends all that are. It never waits for
//! an answer, nor for room in a socket.

use super::outbox::Outbox;
use super::shared::Shared;
use crate::commands::Workload;
use crate::due::DueTimes;
use crate::protocol::Protocol;
use pipeline_plugin_api::prelude::*;
use std::sync::atomic::Ordering;

/// How often requests that waited too long are looked for, and full sockets tried again.
const SWEEP: Nanos = Nanos::from_millis(1);
/// How long it sleeps at most, so that it sees soon that the load ends.
const GLANCE: Nanos = Nanos::from_millis(20);

/// What the sender alone holds.
pub struct Sender<'a, P: Protocol> {
    shared: &'a Shared<P>,
    times: DueTimes,
    workload: Workload,
    outboxes: Vec<Outbox<'a, P>>,
    /// Whose turn it is.
    turn: usize,
    next_sweep: Nanos,
}

impl<'a, P: Protocol> Sender<'a, P> {
    /// A sender whose schedule begins now.
    pub fn new(shared: &'a Shared<P>) -> Self {
        let now = shared.system.now();
        Self {
            shared,
            times: DueTimes::new(&shared.config, now),
            workload: Workload::new(&shared.config),
            outboxes: shared.lines.iter().map(|line| Outbox::new(shared, line)).collect(),
            turn: 0,
            next_sweep: now,
        }
    }

    /// Sends until the load ends.
    pub fn run(&mut self) {
        while !self.shared.stopping() {
            let now = self.shared.system.now();
            self.outboxes.iter_mut().for_each(Outbox::renew);
            self.take_on(now);
            for outbox in &mut self.outboxes {
                outbox.flush(&self.workload);
            }
            if now >= self.next_sweep {
                self.next_sweep = now + SWEEP;
                self.outboxes.iter_mut().for_each(|outbox| outbox.give_up(now));
            }
            if !self.shared.system.wait_until(self.wake_at(now)) {
                // The run ends, and the receivers need not wait for answers either.
                self.shared.stop();
            }
        }
        self.outboxes.iter_mut().for_each(Outbox::abandon);
    }

    /// All that are due by now get a place in an outbox, or have failed.
    fn take_on(&mut self, now: Nanos) {
        let shared = self.shared;
        let most = shared.config.outstanding as usize;
        while let Some(due) = self.times.due(now) {
            let room = shared.outstanding.load(Ordering::Acquire) < most;
            let outbox = if room { self.next_outbox() } else { None };
            let taken = outbox.is_some();
            if let Some(outbox) = outbox {
                let request = self.workload.request(due);
                shared.outstanding.fetch_add(1, Ordering::AcqRel);
                self.outboxes[outbox].put(request);
            }
            let mut tally = shared.tally();
            tally.offer(due, now);
            if !taken {
                tally.fail(due);
            }
        }
    }

    /// The next connection that is up, in turn.
    fn next_outbox(&mut self) -> Option<usize> {
        let count = self.outboxes.len();
        let found = (0..count)
            .map(|i| (self.turn + i) % count)
            .find(|i| self.outboxes[*i].is_up())?;
        self.turn = found + 1;
        Some(found)
    }

    fn wake_at(&self, now: Nanos) -> Nanos {
        let busy = self.shared.outstanding.load(Ordering::Acquire) > 0;
        let latest = if busy { self.next_sweep } else { now + GLANCE };
        self.times.next().min(latest)
    }
}
