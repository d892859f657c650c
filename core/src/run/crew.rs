//! The nodes of a lane, with where what they say goes: all of a lane that outlives the thread which walks it.

use super::link::{Mail, MailSender, Posted};
use super::node::Node;
use super::seat::Call;
use super::shared::Shared;
use pipeline_plugin_api::abi::{Batch, Level, Nanos};
use std::sync::{Arc, PoisonError};

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

/// The nodes of a lane.
#[derive(Default)]
pub struct Crew {
    /// In file order.
    pub nodes: Vec<Node>,
    /// The routes of each.
    pub routes: Vec<Routes>,
    /// How many values each said at this instant for the nodes below it in the lane.
    pub said: Vec<u32>,
    /// The call during which it was last laid down.
    pub call: Call,
}

impl Crew {
    /// Nodes in file order and their routes.
    pub fn new(nodes: Vec<Node>, routes: Vec<Routes>) -> Self {
        Self {
            said: vec![0; nodes.len()],
            nodes,
            routes,
            call: Call::default(),
        }
    }

    /// Sends on what the node at that place said, to all but the nodes below it in this lane, which look for themselves.
    pub fn pass_on(&mut self, place: usize, out: &mut Batch, lane: &str, shared: &Shared) {
        if out.is_empty() {
            self.said[place] = 0;
            return;
        }
        self.nodes[place].spoke();
        // Mostly nobody hears it but the nodes below, and to spread to nobody still moves its routes twice.
        if self.goes_further(place, out) {
            self.spread(place, out, lane, shared);
        }
        self.said[place] = out.len() as u32;
    }

    fn goes_further(&self, place: usize, out: &Batch) -> bool {
        let Routes {
            changes,
            feedback,
            last,
        } = &self.routes[place];
        let node = &self.nodes[place];
        let routed = !(changes.is_empty() && feedback.is_empty() && last.is_empty());
        routed || !node.sends.is_empty() || !node.posts.is_empty() || !out.changes.is_empty()
    }

    fn spread(&mut self, place: usize, out: &mut Batch, lane: &str, shared: &Shared) {
        let routes = std::mem::take(&mut self.routes[place]);
        if !out.changes.is_empty() {
            self.tell_changes(&routes, out, lane, shared);
            out.changes.clear();
        }
        let answers = !out.outcomes.is_empty() || !out.controls.is_empty();
        let mut full = false;
        for route in routes.feedback.iter().filter(|_| answers) {
            full |= self.post(route, out, Mail::Feedback, |node, batch| node.tell_feedback(batch));
        }
        for (route, port) in &routes.last {
            let mail = |batch| Mail::Last(*port, batch);
            full |= self.post(route, out, mail, |node, batch| node.tell_last(*port, batch));
        }
        if full {
            self.tell_full(lane, shared);
        }
        let node = &self.nodes[place];
        node.posts.iter().for_each(|post| post.post(out));
        if !node.sends.is_empty() && !out.is_empty() {
            let batch = Arc::new(out.clone());
            node.sends.iter().for_each(|send| send.send(batch.clone(), shared));
        }
        self.routes[place] = routes;
    }

    fn tell_changes(&mut self, routes: &Routes, out: &Batch, lane: &str, shared: &Shared) {
        {
            let mut targets = shared.targets.write().unwrap_or_else(PoisonError::into_inner);
            out.changes.iter().for_each(|change| targets.tell(change));
        }
        // Those below first: none can send on what the nodes below it were not told yet.
        let mut full = false;
        for (route, only) in routes.changes.iter().rev() {
            let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
            let changes: Vec<_> = out.changes.iter().filter(|c| wanted(&c.target.name)).cloned().collect();
            let batch = Batch {
                at: out.at,
                changes: changes.into(),
                ..Batch::default()
            };
            full |= self.post(route, &batch, Mail::Changes, |node, b| node.tell_changes(&b.changes));
        }
        if full {
            self.tell_full(lane, shared);
        }
    }

    /// Gives something to one node; `true` if its mailbox was full.
    fn post(
        &mut self,
        route: &Route,
        batch: &Batch,
        mail: impl Fn(Arc<Batch>) -> Mail,
        here: impl Fn(&mut Node, &Batch),
    ) -> bool {
        match route {
            Route::Here(place) => {
                here(&mut self.nodes[*place], batch);
                false
            }
            Route::There(sender) => sender.post(mail(Arc::new(batch.clone()))) == Posted::Full,
        }
    }

    fn tell_full(&self, lane: &str, shared: &Shared) {
        let why = "a node's mailbox is full because its lane is stuck; changes of targets or outcomes were lost";
        shared.logger.log(Level::ERROR, lane, why, &[]);
    }

    /// The thread is lost in a call of the node at that place, and with it what the nodes above it said to those
    /// below at this instant: counts that as dropped.
    pub fn count_lost(&mut self, place: usize) {
        let said = &self.said;
        for node in self.nodes.iter().skip(place + 1) {
            let above = node.local.iter().filter(|(_, upstream)| *upstream < place);
            let lost: u64 = above.map(|(_, upstream)| u64::from(said[*upstream])).sum();
            node.meter.dropped.add(lost);
        }
        self.said.fill(0);
    }

    /// When the first lease of the lane ends.
    pub fn first_end(&self) -> Nanos {
        self.nodes.iter().map(Node::first_end).min().unwrap_or(Nanos::FOREVER)
    }
}
