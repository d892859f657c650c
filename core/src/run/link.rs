//! What passes between lanes: one bounded queue for each edge that crosses from one to another, and
//! a mailbox for each node for what must not be dropped. Actions go by [`super::mailbox`].

use super::plan::{Overflow, Queue};
use super::shared::Shared;
use super::tap::Said;
use super::telemetry::Meter;
use super::wake::Bell;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded, unbounded};
use pipeline_plugin_api::abi::Batch;
use std::sync::Arc;
use std::time::Duration;

/// A batch on its way between lanes.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Who said it.
    pub said: Said,
    /// What was said.
    pub batch: Arc<Batch>,
}

/// Where an edge ends: a node by its place in the graph, and its port.
#[derive(Copy, Clone, Debug, Default)]
pub struct End {
    /// The node's place in the graph.
    pub node: u32,
    /// Its port.
    pub port: u32,
}

/// The sending end of an edge between lanes.
#[derive(Clone, Debug)]
pub struct LinkSender {
    sender: Sender<Passed>,
    /// To take the oldest out when it must make room.
    oldest: Option<Receiver<Passed>>,
    overflow: Overflow,
    bell: Bell,
    reader: Arc<Meter>,
    end: End,
}

/// The receiving end of an edge between lanes.
#[derive(Clone, Debug)]
pub struct LinkReceiver {
    receiver: Receiver<Passed>,
}

/// An edge into the lane with that bell, to the node with those figures: what is dropped is counted there.
pub fn link(queue: Queue, bell: Bell, reader: Arc<Meter>, end: End) -> (LinkSender, LinkReceiver) {
    let (sender, receiver) = bounded(queue.capacity.max(1) as usize);
    let overflow = queue.overflow;
    // A receiver of its own would hide from a sender that waits that the reader is gone.
    let oldest = (overflow == Overflow::DropOldest).then(|| receiver.clone());
    (
        LinkSender {
            sender,
            oldest,
            overflow,
            bell,
            reader,
            end,
        },
        LinkReceiver { receiver },
    )
}

impl LinkSender {
    /// Sends a batch; what does not fit is dealt with as the queue says and counted.
    pub fn send(&self, passed: Passed, shared: &Shared) {
        let left = match self.sender.try_send(passed) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => None,
            Err(TrySendError::Full(passed)) => Some(passed),
        };
        if let Some(passed) = left {
            match self.overflow {
                Overflow::DropNewest => self.count(&passed, shared),
                Overflow::DropOldest => self.push_out(passed, shared),
                Overflow::Block => self.wait(passed, shared),
            }
        }
        self.bell.ring();
    }

    /// Whether its reader is one to send to: a recorder has everything from the tap.
    pub fn is_heard(&self) -> bool {
        !self.reader.is_tapping()
    }

    fn push_out(&self, mut passed: Passed, shared: &Shared) {
        loop {
            if let Some(Ok(oldest)) = self.oldest.as_ref().map(Receiver::try_recv) {
                self.count(&oldest, shared);
            }
            match self.sender.try_send(passed) {
                Err(TrySendError::Full(again)) => passed = again,
                Ok(()) | Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }

    /// Waits for room, and gives up when the run is stopped, so that a dead reader cannot hold it up.
    fn wait(&self, mut passed: Passed, shared: &Shared) {
        self.bell.ring();
        loop {
            match self.sender.send_timeout(passed, Duration::from_millis(20)) {
                Ok(()) | Err(SendTimeoutError::Disconnected(_)) => return,
                Err(SendTimeoutError::Timeout(again)) if shared.is_stopping() => return self.count(&again, shared),
                Err(SendTimeoutError::Timeout(again)) => passed = again,
            }
        }
    }

    fn count(&self, passed: &Passed, shared: &Shared) {
        self.reader.dropped.add(passed.batch.len() as u64);
        if let Some(tap) = shared.tap.get() {
            tap.dropped(self.end.node, passed.said.at_port(self.end.port));
        }
    }
}

impl LinkReceiver {
    /// The next batch, if there is one.
    pub fn take(&self) -> Option<Passed> {
        self.receiver.try_recv().ok()
    }

    /// Whether a batch waits.
    pub fn waits(&self) -> bool {
        !self.receiver.is_empty()
    }
}

/// What reaches a node beside its `from`.
#[derive(Clone, Debug)]
pub enum Mail {
    /// Changes of targets.
    Changes(Passed),
    /// Outcomes and controls of the actuators that it feeds.
    Feedback(Passed),
    /// What the node at that place of `last` said.
    Last(u32, Passed),
    /// A setting is to be changed. What was accepted lasts for the run and outlives a restart of the node.
    Control {
        /// The setting.
        name: String,
        /// Its value as RON.
        value: String,
        /// Where what became of it is told: the value that was set, or why not.
        answer: Sender<Result<String, String>>,
    },
    /// Somebody asks what the node is doing.
    Status {
        /// Where its one line goes.
        answer: Sender<String>,
    },
}

/// What became of mail.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is in the box.
    Taken,
    /// The box is full: its reader has been stuck for a long time.
    Full,
    /// The node was stopped.
    Nowhere,
}

/// How much mail a node may have. It holds changes of targets and outcomes, which are rare.
pub const MAIL: usize = 65_536;

/// The sending end of a node's mailbox.
#[derive(Clone, Debug)]
pub struct MailSender {
    sender: Sender<Mail>,
    bell: Bell,
}

/// The receiving end of a node's mailbox.
pub type MailReceiver = Receiver<Mail>;

/// A mailbox of a node in the lane with that bell.
///
/// A bounded channel lays out room for all that it may ever hold, 5 MB for each node; this one grows with what is in
/// it, and its bound is looked at by whoever posts.
pub fn mailbox(bell: Bell) -> (MailSender, MailReceiver) {
    let (sender, receiver) = unbounded();
    (MailSender { sender, bell }, receiver)
}

impl MailSender {
    /// Puts mail in; mail for a node that was stopped goes nowhere. Lanes that post to a full box at the same moment may
    /// each put one more in.
    pub fn post(&self, mail: Mail) -> Posted {
        let posted = if self.sender.len() >= MAIL {
            Posted::Full
        } else {
            self.sender.send(mail).map_or(Posted::Nowhere, |()| Posted::Taken)
        };
        self.bell.ring();
        posted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::{Nanos, Reading, Stage};

    fn batch(at: u64) -> Passed {
        let batch = Batch {
            at: Nanos(at),
            readings: vec![Reading::default()].into(),
            ..Batch::default()
        };
        Passed {
            said: Said::default(),
            batch: Arc::new(batch),
        }
    }

    fn reader() -> Arc<Meter> {
        Arc::new(Meter::new("out", "test.keep", Stage::SINK, "out"))
    }

    fn left_after(overflow: Overflow, sent: u64) -> (Vec<u64>, u64) {
        let shared = crate::run::tests::shared();
        let reader = reader();
        let (sender, receiver) = link(
            Queue { capacity: 2, overflow },
            Bell::new().unwrap(),
            reader.clone(),
            End::default(),
        );
        (1..=sent).for_each(|at| sender.send(batch(at), &shared));
        let left = std::iter::from_fn(|| receiver.take())
            .map(|passed| passed.batch.at.0)
            .collect();
        (left, reader.dropped.get())
    }

    #[test]
    fn drop_oldest_keeps_the_newest_and_counts_the_rest() {
        assert_eq!(left_after(Overflow::DropOldest, 5), (vec![4, 5], 3));
    }

    #[test]
    fn drop_newest_keeps_the_oldest_and_counts_the_rest() {
        assert_eq!(left_after(Overflow::DropNewest, 5), (vec![1, 2], 3));
    }

    #[test]
    fn at_the_bound_nothing_is_dropped() {
        assert_eq!(left_after(Overflow::DropOldest, 2), (vec![1, 2], 0));
    }

    #[test]
    fn block_waits_for_room_and_loses_nothing() {
        let shared = Arc::new(crate::run::tests::shared());
        let reader = reader();
        let (sender, receiver) = link(
            Queue {
                capacity: 1,
                overflow: Overflow::Block,
            },
            Bell::new().unwrap(),
            reader.clone(),
            End::default(),
        );
        let writer = std::thread::spawn({
            let shared = shared.clone();
            move || (1..=20).for_each(|at| sender.send(batch(at), &shared))
        });
        let mut seen = Vec::new();
        while seen.len() < 20 {
            seen.extend(receiver.take().map(|passed| passed.batch.at.0));
            std::thread::yield_now();
        }
        writer.join().unwrap();
        assert_eq!((seen, reader.dropped.get()), ((1..=20).collect(), 0));
    }

    #[test]
    fn block_does_not_wait_for_a_reader_that_is_gone() {
        let shared = crate::run::tests::shared();
        let queue = Queue {
            capacity: 1,
            overflow: Overflow::Block,
        };
        let (sender, receiver) = link(queue, Bell::new().unwrap(), reader(), End::default());
        sender.send(batch(1), &shared);
        drop(receiver);
        sender.send(batch(2), &shared);
    }

    #[test]
    fn a_mailbox_takes_mail_up_to_its_bound_and_again_when_there_is_room() {
        let (sender, receiver) = mailbox(Bell::new().unwrap());
        let post = || sender.post(Mail::Changes(batch(1)));
        assert!((0..MAIL).all(|_| post() == Posted::Taken));
        assert_eq!((post(), receiver.len()), (Posted::Full, MAIL));
        receiver.recv().unwrap();
        assert_eq!((post(), post()), (Posted::Taken, Posted::Full));
        drop(receiver);
        assert_eq!(post(), Posted::Nowhere, "what nobody takes any more fills no box");
    }

    #[test]
    fn block_gives_up_when_the_run_is_stopped() {
        let shared = crate::run::tests::shared();
        let reader = reader();
        let (sender, _receiver) = link(
            Queue {
                capacity: 1,
                overflow: Overflow::Block,
            },
            Bell::new().unwrap(),
            reader.clone(),
            End::default(),
        );
        sender.send(batch(1), &shared);
        shared.stop();
        sender.send(batch(2), &shared);
        assert_eq!(reader.dropped.get(), 1);
    }
}
