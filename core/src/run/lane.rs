//! A lane: one thread, a flat loop over its nodes, one instant at a time.
//!
//! At an instant the nodes are walked in file order; each is called at most once with input, never
//! from inside another's call. Nodes that are due within a millisecond share the instant.

use super::link::{Mail, MailSender};
use super::node::{After, Node};
use super::shared::Shared;
use super::wake::Bell;
use pipeline_plugin_api::abi::{Batch, Level, Nanos, Stage, borrow_descriptor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

/// Nodes that are due this close together share an instant.
pub const TOGETHER: Nanos = Nanos::from_millis(1);

/// Where something of a node goes.
#[derive(Clone, Debug)]
pub enum Route {
    /// A node of the same lane, by its place in it.
    Here(usize),
    /// A node of another lane.
    There(MailSender),
}

/// The routes of one node's output beside `from`.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Who is told of its changes of targets, and of which target alone.
    pub changes: Vec<(Route, Option<String>)>,
    /// Who gets its outcomes and controls.
    pub feedback: Vec<Route>,
    /// Who has it in `last`, and at which place there.
    pub last: Vec<(Route, u32)>,
}

/// A lane and its nodes.
pub struct Lane {
    /// Its name.
    pub name: String,
    nodes: Vec<Node>,
    routes: Vec<Routes>,
    outputs: Vec<Batch>,
    shared: Arc<Shared>,
    bell: Bell,
    ready: Vec<i32>,
    /// Something came from outside the lane since the last instant.
    rung: bool,
    cpu: Option<u32>,
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
        let outputs = nodes.iter().map(|_| Batch::default()).collect();
        Self {
            name: name.to_owned(),
            nodes,
            routes,
            outputs,
            shared,
            bell,
            ready: Vec::new(),
            rung: false,
            cpu,
        }
    }

    /// What wakes it.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Its nodes, in file order.
    pub fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut()
    }

    /// Runs until the run is stopped; gives the nodes back.
    pub fn run(mut self) -> Vec<Node> {
        self.prepare_thread();
        while !self.shared.is_stopping() {
            match self.next() {
                Next::Now => self.instant(),
                Next::At(at) => self.wait(Some(at)),
                Next::Never => self.wait(None),
            }
        }
        self.nodes
    }

    /// In virtual time: one instant after the other until `end`, without waiting. Gives the nodes back.
    pub fn run_virtual(mut self, end: Nanos) -> Vec<Node> {
        while !self.shared.is_stopping() {
            match self.next() {
                Next::Now => self.instant(),
                Next::At(at) if at < end => self.shared.clock.advance_to(at),
                _ => break,
            }
        }
        self.shared.clock.advance_to(end);
        self.nodes
    }

    /// One instant, now.
    pub fn instant(&mut self) {
        let at = self.shared.clock.now();
        let heard = self.bell.quiet() | std::mem::take(&mut self.rung);
        for place in 0..self.nodes.len() {
            let (above, rest) = self.outputs.split_at_mut(place);
            let Some(out) = rest.first_mut() else { return };
            out.clear();
            out.at = at;
            let node = &mut self.nodes[place];
            if heard {
                node.receive();
            }
            if node.step(at, &self.ready, above, out, heard) == After::Abort {
                self.shared.stop();
            }
            if !out.is_empty() {
                self.nodes[place].spoke();
                if self.goes_further(place) {
                    self.spread(place);
                }
            }
        }
        self.ready.clear();
    }

    /// Whether anyone hears what the node said but the nodes below it in this lane: mostly nobody,
    /// and to spread to nobody still moves a batch and its routes twice.
    fn goes_further(&self, place: usize) -> bool {
        let Routes {
            changes,
            feedback,
            last,
        } = &self.routes[place];
        let routed = !(changes.is_empty() && feedback.is_empty() && last.is_empty());
        routed || !self.nodes[place].sends.is_empty() || !self.outputs[place].changes.is_empty()
    }

    /// Sends on what a node said, to all but the nodes below it in this lane, which look for themselves.
    fn spread(&mut self, place: usize) {
        let mut out = std::mem::take(&mut self.outputs[place]);
        let routes = std::mem::take(&mut self.routes[place]);
        if !out.changes.is_empty() {
            self.tell_changes(&routes, &out);
            out.changes.clear();
        }
        let answers = !out.outcomes.is_empty() || !out.controls.is_empty();
        if answers && !routes.feedback.is_empty() {
            self.post_all(routes.feedback.iter(), &out, Mail::Feedback, |node, batch| {
                node.tell_feedback(batch)
            });
        }
        for (route, port) in &routes.last {
            self.post_all(
                std::iter::once(route),
                &out,
                |b| Mail::Last(*port, b),
                |node, b| node.tell_last(*port, b),
            );
        }
        let sends = &self.nodes[place].sends;
        if !sends.is_empty() && !out.is_empty() {
            let batch = Arc::new(out.clone());
            sends.iter().for_each(|send| send.send(batch.clone(), &self.shared));
        }
        self.outputs[place] = out;
        self.routes[place] = routes;
    }

    fn tell_changes(&mut self, routes: &Routes, out: &Batch) {
        {
            let mut targets = self
                .shared
                .targets
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            out.changes.iter().for_each(|change| targets.tell(change));
        }
        // Those below first: none can send on what the nodes below it were not told yet.
        for (route, only) in routes.changes.iter().rev() {
            let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
            let changes: Vec<_> = out.changes.iter().filter(|c| wanted(&c.target.name)).cloned().collect();
            let batch = Batch {
                at: out.at,
                changes: changes.into(),
                ..Batch::default()
            };
            self.post_all(std::iter::once(route), &batch, Mail::Changes, |node, b| {
                node.tell_changes(&b.changes)
            });
        }
    }

    fn post_all<'r>(
        &mut self,
        routes: impl Iterator<Item = &'r Route>,
        batch: &Batch,
        mail: impl Fn(Arc<Batch>) -> Mail,
        here: impl Fn(&mut Node, &Batch),
    ) {
        for route in routes {
            match route {
                Route::Here(place) => here(&mut self.nodes[*place], batch),
                Route::There(sender) => {
                    if !sender.post(mail(Arc::new(batch.clone()))) {
                        let why = "a node's mailbox is full because its lane is stuck; changes of targets or outcomes were lost";
                        self.shared.logger.log(Level::ERROR, &self.name, why, &[]);
                    }
                }
            }
        }
    }

    fn next(&mut self) -> Next {
        let now = self.shared.clock.now();
        self.rung |= self.nodes.iter().any(|node| node.has_waiting());
        if self.rung || !self.ready.is_empty() {
            return Next::Now;
        }
        match self.nodes.iter().filter_map(Node::due).min() {
            Some(due) if due <= now => Next::Now,
            Some(due) => Next::At(self.joined(due)),
            None => Next::Never,
        }
    }

    /// The last deadline within [`TOGETHER`] of the first: waiting for it lets one instant serve both.
    /// A lane whose nodes tick faster than that keeps the first.
    fn joined(&self, first: Nanos) -> Nanos {
        let fast = self
            .nodes
            .iter()
            .any(|node| node.plan.every > Nanos::ZERO && node.plan.every <= TOGETHER);
        if fast {
            return first;
        }
        let near = self
            .nodes
            .iter()
            .filter_map(Node::due)
            .filter(|due| due.since(first) < TOGETHER);
        near.max().unwrap_or(first)
    }

    /// Waits for a descriptor, the bell, or that instant.
    fn wait(&mut self, until: Option<Nanos>) {
        let now = self.shared.clock.now();
        let mut until = until;
        let mut watched = Vec::new();
        for node in &self.nodes {
            match node.descriptors(now) {
                Ok(descriptors) => watched.extend_from_slice(descriptors),
                Err(again) => until = Some(until.map_or(again, |at| at.min(again))),
            }
        }
        let wanted = PollFlags::IN | PollFlags::PRI;
        let mut polled = vec![PollFd::from_borrowed_fd(self.bell.as_fd(), PollFlags::IN)];
        polled.extend(
            watched
                .iter()
                .map(|raw| PollFd::from_borrowed_fd(borrow_descriptor(*raw), wanted)),
        );
        let time = until.map(|at| timespec(at - now));
        // An interrupted wait is a short one.
        let _ = poll(&mut polled, time.as_ref());
        let ready = polled
            .iter()
            .skip(1)
            .filter(|fd| !fd.revents().is_empty())
            .map(|fd| fd.as_fd().as_raw_fd());
        self.ready.extend(ready);
        if !polled[0].revents().is_empty() {
            self.bell.empty();
            self.rung = true;
        }
    }

    fn prepare_thread(&self) {
        // Without these a lane is a little late, or on another CPU: worth a line, not a failure.
        // A child inherits it through execve(2) (PR_SET_TIMERSLACK(2const)), so a lane that starts workloads keeps its own.
        let starts_workloads = self.nodes.iter().any(|node| node.plan.stage == Stage::TARGETS);
        let fine = (!starts_workloads).then(|| rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)));
        if let Some(Err(error)) = fine {
            self.shared.logger.log(
                Level::DEBUG,
                &self.name,
                &format!("cannot set the timer slack: {error}"),
                &[],
            );
        }
        let Some(cpu) = self.cpu else { return };
        let mut set = rustix::thread::CpuSet::new();
        set.set(cpu as usize);
        if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
            self.shared.logger.log(
                Level::WARN,
                &self.name,
                &format!("cannot pin the lane to CPU {cpu}: {error}"),
                &[],
            );
        }
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
