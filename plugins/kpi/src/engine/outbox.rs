//! The sending side of one connection: requests that wait for room in the socket. They are packed
//! only when there is room, so that a server that stalls does not fill our memory with values.

use super::shared::{Line, Shared};
use crate::commands::{Request, Workload};
use crate::connection::Stream;
use crate::protocol::Protocol;
use pipeline_plugin_api::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;

/// How much is packed at a time.
const PACKED_BYTES: usize = 16 << 10;

/// Requests on their way into a socket.
pub struct Outbox<'a, P: Protocol> {
    shared: &'a Shared<P>,
    line: &'a Line,
    stream: Option<Arc<Stream>>,
    life: u64,
    waiting: VecDeque<Request>,
    packed: Vec<u8>,
    /// How much of `packed` was sent.
    sent: usize,
}

impl<'a, P: Protocol> Outbox<'a, P> {
    /// An empty one.
    pub fn new(shared: &'a Shared<P>, line: &'a Line) -> Self {
        Self {
            shared,
            line,
            stream: None,
            life: 0,
            waiting: VecDeque::new(),
            packed: Vec::new(),
            sent: 0,
        }
    }

    /// Whether requests can be put.
    pub fn is_up(&self) -> bool {
        self.stream.is_some()
    }

    /// Puts a request behind the others.
    pub fn put(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    /// Looks whether the connection came or went; what waited for one that went has failed.
    pub fn renew(&mut self) {
        let state = self.line.lock();
        let (up, life) = (state.up, state.life);
        if up && life == self.life && self.stream.is_some() {
            return;
        }
        let stream = state.stream.clone().filter(|_| up);
        drop(state);
        self.abandon();
        self.life = life;
        self.stream = stream;
    }

    /// What waits has failed.
    pub fn abandon(&mut self) {
        self.packed.clear();
        self.sent = 0;
        if self.waiting.is_empty() {
            return;
        }
        self.shared.settled(self.waiting.len());
        let mut tally = self.shared.tally();
        self.waiting.drain(..).for_each(|request| tally.fail(request.due));
    }

    /// Sends as much as the socket takes now.
    pub fn flush(&mut self, workload: &Workload) {
        let Some(stream) = self.stream.clone() else { return };
        while self.pack(workload) {
            match stream.send_now(self.packed.get(self.sent..).unwrap_or_default()) {
                Ok(0) => return,
                Ok(count) => self.sent += count,
                Err(_) => {
                    // The receiver sees the end, and says why.
                    stream.shutdown();
                    return;
                }
            }
        }
    }

    /// Whether there is something packed to send, packing what waits if not.
    fn pack(&mut self, workload: &Workload) -> bool {
        if self.sent < self.packed.len() {
            return true;
        }
        self.packed.clear();
        self.sent = 0;
        if self.waiting.is_empty() {
            return false;
        }
        let mut state = self.line.lock();
        if !state.up || state.life != self.life {
            return false;
        }
        while let Some(request) = self.waiting.pop_front() {
            workload.encode::<P>(&request, &mut self.packed);
            state.unanswered.ask(request.due);
            if self.packed.len() >= PACKED_BYTES {
                break;
            }
        }
        true
    }

    /// Counts requests that waited too long as failed. A connection whose oldest request waited twice
    /// as long is ended, for its peer may be gone without a word.
    pub fn give_up(&mut self, now: Nanos) {
        let timeout = self.shared.config.timeout.nanos();
        let before = now - timeout;
        let mut late = Vec::new();
        let mut state = self.line.lock();
        late.extend(std::iter::from_fn(|| state.unanswered.give_up(before)));
        let silent = state.unanswered.oldest().is_some_and(|due| due < before - timeout);
        drop(state);
        let sent = late.len();
        while self.waiting.front().is_some_and(|request| request.due < before) {
            late.extend(self.waiting.pop_front().map(|request| request.due));
        }
        if late.len() > sent {
            self.shared.settled(late.len() - sent);
        }
        if !late.is_empty() {
            let mut tally = self.shared.tally();
            late.into_iter().for_each(|due| tally.fail(due));
        }
        if let Some(stream) = self.stream.as_ref().filter(|_| silent) {
            stream.shutdown();
        }
    }
}
