//! A lane: one thread, a flat loop over its nodes, one instant at a time.
//!
//! At an instant the nodes are walked in file order; each is called at most once with input, never
//! from inside another's call. Nodes that are due within a millisecond share the instant. `instant` walks them and
//! makes the calls, `mend` is what becomes of a node that broke; here is what happens between instants.

mod instant;
mod mend;

use super::crew::{Crew, Routes};
use super::host::NodeHost;
use super::node::Node;
use super::seat::Seat;
use super::shared::Shared;
use super::tap::Moment;
use super::telemetry::Count;
use super::timetable::Table;
use super::undo::{Patience, told};
use super::wake::Bell;
use pipeline_plugin_api::abi::{Batch, Level, Nanos, Stage, borrow_descriptor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

/// Nodes that are due this close together share an instant.
pub const TOGETHER: Nanos = Nanos::from_millis(1);

/// What stays the same about a lane, whichever thread runs it.
#[derive(Clone, Debug)]
pub struct Berth {
    /// Its name.
    pub name: String,
    /// What wakes it.
    pub bell: Bell,
    /// The CPU to which it is pinned.
    pub cpu: Option<u32>,
    instants: Arc<Count>,
}

/// A call that did not come back, as the thread that takes the lane over is told.
#[derive(Clone, Debug)]
pub struct Hung {
    /// The place of its node.
    pub place: usize,
    /// What is told of it.
    pub why: String,
}

/// A lane and its nodes, as one thread has them.
pub struct Lane {
    berth: Berth,
    /// None for good once the thread was given up.
    crew: Option<Box<Crew>>,
    seat: Arc<Seat>,
    /// What the nodes said at this instant. It is the thread's, as calls write it.
    outputs: Vec<Batch>,
    shared: Arc<Shared>,
    ready: Vec<i32>,
    /// The instant that is walked.
    moment: Moment,
    /// What says when there are instants, where it is not the nodes.
    table: Option<Box<Table>>,
    /// Something came from outside the lane since the last instant.
    rung: bool,
    /// Somebody wants to know how long calls take.
    timing: bool,
    hung: Option<Hung>,
    /// The node whose call did not come back in time, once it did.
    late: Option<NodeHost>,
}

impl Lane {
    /// A lane with nodes in file order and their routes.
    pub fn new(
        name: &str,
        nodes: Vec<Node>,
        routes: Vec<Routes>,
        shared: Arc<Shared>,
        bell: Bell,
        cpu: Option<u32>,
    ) -> Self {
        let instants = shared.telemetry.enroll_lane(name);
        let berth = Berth {
            name: name.to_owned(),
            bell,
            cpu,
            instants,
        };
        Self::taken_over(berth, Box::new(Crew::new(nodes, routes)), shared, None)
    }

    /// A lane whose thread was given up for a call that hung, for another thread to run.
    pub fn taken_over(berth: Berth, crew: Box<Crew>, shared: Arc<Shared>, hung: Option<Hung>) -> Self {
        Self {
            outputs: crew.nodes.iter().map(|_| Batch::default()).collect(),
            berth,
            crew: Some(crew),
            seat: Arc::default(),
            shared,
            ready: Vec::new(),
            moment: Moment::default(),
            table: None,
            rung: false,
            timing: false,
            hung,
            late: None,
        }
    }

    /// What stays the same about it.
    pub fn berth(&self) -> &Berth {
        &self.berth
    }

    /// What it shares with the others.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where its crew lies during calls.
    pub fn seat(&self) -> Arc<Seat> {
        self.seat.clone()
    }

    /// Its nodes, in file order.
    pub fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.crew.iter_mut().flat_map(|crew| crew.nodes.iter_mut())
    }

    /// Runs until the run is stopped; gives the nodes back, unless this thread was given up.
    pub fn run(mut self) -> Option<Vec<Node>> {
        self.prepare_thread();
        if let Some(hung) = self.hung.take() {
            self.mend_hung(&hung);
        }
        while self.crew.is_some() && !self.shared.is_stopping() {
            match self.next() {
                Next::Now => self.instant(),
                Next::At(at) => self.wait(Some(at)),
                Next::Never => self.wait(None),
            }
        }
        let nodes = self.crew.map(|crew| crew.nodes);
        if let Some(host) = self.late {
            self.shared.came_back();
            came_back(&host);
        }
        nodes
    }

    /// In virtual time: one instant after the other until `end`, without waiting. Gives the nodes back.
    pub fn run_virtual(mut self, end: Nanos) -> Vec<Node> {
        let mut still = Standstill::default();
        while !self.shared.is_stopping() {
            match self.next() {
                Next::Now => self.instant(),
                Next::At(at) if at < end => self.shared.clock.advance_to(at),
                _ => break,
            }
            if let Some(why) = still.look(self.shared.clock.now()) {
                self.log(Level::ERROR, &why);
                self.shared.abort();
                self.shared.stop();
            }
        }
        self.end_virtual(end)
    }

    /// The same at the instants of a timetable. Gives the nodes back.
    pub fn run_table(mut self, table: Table, end: Nanos) -> Vec<Node> {
        self.table = Some(Box::new(table));
        while !self.shared.is_stopping() {
            let Some(at) = self.table.as_mut().and_then(|table| table.step()) else {
                break;
            };
            self.shared.clock.advance_to(at);
            self.instant_at(at);
        }
        self.end_virtual(end)
    }

    fn end_virtual(self, end: Nanos) -> Vec<Node> {
        if !self.shared.is_stopping() {
            self.shared.clock.advance_to(end);
        }
        self.crew.map(|crew| crew.nodes).unwrap_or_default()
    }

    fn next(&mut self) -> Next {
        let Some(crew) = &self.crew else { return Next::Never };
        let now = self.shared.clock.now();
        self.rung |= crew.nodes.iter().any(Node::has_waiting);
        if self.rung || !self.ready.is_empty() {
            return Next::Now;
        }
        match crew.nodes.iter().filter_map(Node::due).min() {
            Some(due) if due <= now => Next::Now,
            Some(due) => Next::At(joined(crew, due)),
            None => Next::Never,
        }
    }

    /// Waits for a descriptor, the bell, or that instant.
    fn wait(&mut self, until: Option<Nanos>) {
        let Some(crew) = &self.crew else { return };
        let now = self.shared.clock.now();
        let mut until = until;
        let mut watched = Vec::new();
        for node in &crew.nodes {
            match node.descriptors(now) {
                Ok(descriptors) => watched.extend_from_slice(descriptors),
                Err(again) => until = Some(until.map_or(again, |at| at.min(again))),
            }
        }
        let wanted = PollFlags::IN | PollFlags::PRI;
        let mut polled = vec![PollFd::from_borrowed_fd(self.berth.bell.as_fd(), PollFlags::IN)];
        polled.extend(
            watched
                .iter()
                .map(|raw| PollFd::from_borrowed_fd(borrow_descriptor(*raw), wanted)),
        );
        let time = until.map(|at| timespec(at - now));
        // An interrupted wait is a short one.
        let _ = poll(&mut polled, time.as_ref());
        let told = polled.iter().skip(1).filter(|fd| !fd.revents().is_empty());
        let (closed, ready): (Vec<_>, Vec<_>) = told
            .map(|fd| (fd.as_fd().as_raw_fd(), fd.revents().contains(PollFlags::NVAL)))
            .partition(|(_, closed)| *closed);
        self.ready.extend(ready.into_iter().map(|(raw, _)| raw));
        if !polled[0].revents().is_empty() {
            self.berth.bell.empty();
            self.rung = true;
        }
        closed.into_iter().for_each(|(raw, _)| self.rest_from(raw));
    }

    /// A node names a descriptor that is not open, for which no wait lasts.
    #[cold]
    fn rest_from(&mut self, raw: i32) {
        let now = self.shared.clock.now();
        for node in self.nodes_mut() {
            node.rest_from(raw, now);
        }
    }

    fn prepare_thread(&self) {
        let Some(crew) = &self.crew else { return };
        // Without these a lane is a little late, or on another CPU: worth a line, not a failure.
        // A child inherits it through execve(2) (PR_SET_TIMERSLACK(2const)), so a lane that starts workloads keeps its own.
        let starts_workloads = crew.nodes.iter().any(|node| node.plan.stage == Stage::TARGETS);
        let fine = (!starts_workloads).then(|| rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)));
        if let Some(Err(error)) = fine {
            self.log(Level::DEBUG, &format!("cannot set the timer slack: {error}"));
        }
        let Some(cpu) = self.berth.cpu else { return };
        let mut set = rustix::thread::CpuSet::new();
        set.set(cpu as usize);
        if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
            self.log(Level::WARN, &format!("cannot pin the lane to CPU {cpu}: {error}"));
        }
    }

    fn log(&self, level: Level, message: &str) {
        self.shared.logger.log(level, &self.berth.name, message, &[]);
    }
}

/// Notices that nodes have each other called without end at one moment, where time cannot go on by itself.
#[derive(Debug, Default)]
struct Standstill {
    at: Nanos,
    turns: u32,
}

impl Standstill {
    /// Turns of the loop at one moment that no graph needs.
    const MOST: u32 = 100_000;

    fn look(&mut self, now: Nanos) -> Option<String> {
        if now > self.at {
            (self.at, self.turns) = (now, 0);
        }
        self.turns += 1;
        (self.turns > Self::MOST).then(|| {
            format!(
                "nodes have each other called without end at {now} of virtual time, which cannot go on; the run ends"
            )
        })
    }
}

/// The last deadline within [`TOGETHER`] of the first: waiting for it lets one instant serve both.
/// A lane whose nodes tick faster than that keeps the first.
fn joined(crew: &Crew, first: Nanos) -> Nanos {
    let is_fast = |node: &Node| node.plan.every > Nanos::ZERO && node.plan.every <= TOGETHER;
    if crew.nodes.iter().any(is_fast) {
        return first;
    }
    let dues = crew.nodes.iter().filter_map(Node::due);
    let near = dues.filter(|due| due.since(first) < TOGETHER);
    near.max().unwrap_or(first)
}

/// The call for which a thread was given up came back at last, and its node is dropped. Its life could journal nothing
/// any more; what it may have written to what it had journalled before is undone again.
pub fn came_back(host: &NodeHost) {
    let shared = host.shared();
    let why = "the call that was given up came back; its node is not used any more";
    shared.logger.log(Level::WARN, host.name(), why, &[]);
    for report in shared.journal.bury(host.life()) {
        told(&report, &shared.logger, Patience::Once);
    }
}

enum Next {
    Now,
    At(Nanos),
    Never,
}

fn timespec(span: Nanos) -> Timespec {
    Timespec {
        tv_sec: (span.0 / 1_000_000_000) as i64,
        tv_nsec: (span.0 % 1_000_000_000) as i64,
    }
}
