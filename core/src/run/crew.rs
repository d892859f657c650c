//! The nodes of a lane, with where what they say goes: all of a lane that outlives the thread which walks it.

use super::link::{LinkSender, Mail, MailSender, Passed, Posted};
use super::node::Node;
use super::seat::Call;
use super::shared::Shared;
use super::tap::{Moment, Said};
use super::timetable::{HeldWord, LateHere};
use abi_stable::std_types::RVec;
use pipeline_plugin_api::abi::{Batch, LAST_PORT, Level, Nanos, OUTCOMES_PORT, TARGETS_PORT};
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

/// The walk in which something is passed on.
#[derive(Copy, Clone)]
pub struct Walk<'a> {
    /// The lane's name.
    pub lane: &'a str,
    /// What the lanes share.
    pub shared: &'a Shared,
    /// The instant.
    pub moment: Moment,
    /// What is said at it and heard later, as a timetable says.
    pub late: &'a [LateHere],
}

/// What one node said, on its way to others.
#[derive(Copy, Clone)]
struct Word<'a> {
    /// The node's place in the lane.
    from: usize,
    said: Said,
    walk: Walk<'a>,
}

impl Word<'_> {
    /// The step at which a node of the lane hears it at that port, if that is not now.
    fn heard_late(&self, to: usize, port: u32) -> Option<u32> {
        let mut late = self.walk.late.iter();
        let late = late.find(|late| late.from == self.from && late.to == to && late.port == port);
        late.map(|late| late.heard)
    }
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
    pub fn pass_on(&mut self, place: usize, out: &mut Batch, walk: Walk<'_>) {
        if out.is_empty() {
            self.said[place] = 0;
            return;
        }
        self.nodes[place].spoke();
        if let Some(tap) = walk.shared.tap.get() {
            tap.said(self.nodes[place].index, walk.moment, out);
        }
        // Mostly nobody hears it but the nodes below, and to spread to nobody still moves its routes twice.
        if self.goes_further(place, out) {
            let said = Said {
                node: self.nodes[place].index as u32,
                instant: walk.moment.number,
            };
            let word = Word {
                from: place,
                said,
                walk,
            };
            self.spread(out, word);
        }
        if !walk.late.is_empty() {
            self.hold(place, out, walk);
        }
        self.said[place] = out.len() as u32;
    }

    /// What nodes below hear later, or never, they do not hear now.
    #[cold]
    fn hold(&mut self, place: usize, out: &Batch, walk: Walk<'_>) {
        let passed = Passed {
            said: Said {
                node: self.nodes[place].index as u32,
                instant: walk.moment.number,
            },
            batch: Arc::new(out.clone()),
        };
        for late in walk
            .late
            .iter()
            .filter(|late| late.from == place && late.port < LAST_PORT)
        {
            self.nodes[late.to].hold(late.heard, HeldWord::Port(late.port, passed.clone()));
            self.nodes[late.to].mask(late.port);
        }
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

    fn spread(&mut self, out: &mut Batch, word: Word<'_>) {
        let routes = std::mem::take(&mut self.routes[word.from]);
        if !out.changes.is_empty() {
            self.tell_changes(&routes, out, word);
            // Not cleared, which would keep the room that the largest of all bursts took.
            out.changes = RVec::new();
        }
        let answers = !out.outcomes.is_empty() || !out.controls.is_empty();
        let mut full = false;
        for route in routes.feedback.iter().filter(|_| answers) {
            full |= self.post(route, out, word, OUTCOMES_PORT, Mail::Feedback, |node, batch| {
                node.tell_feedback(word.said, batch);
            });
        }
        for (route, place) in &routes.last {
            let mail = |passed| Mail::Last(*place, passed);
            full |= self.post(route, out, word, LAST_PORT + place, mail, |node, batch| {
                node.tell_last(word.said, *place, batch);
            });
        }
        if full {
            self.tell_full(word.walk);
        }
        let node = &self.nodes[word.from];
        node.posts.iter().for_each(|post| post.post(out));
        if !out.is_empty() && node.sends.iter().any(LinkSender::is_heard) {
            let passed = Passed {
                said: word.said,
                batch: Arc::new(out.clone()),
            };
            let heard = node.sends.iter().filter(|send| send.is_heard());
            heard.for_each(|send| send.send(passed.clone(), word.walk.shared));
        }
        self.routes[word.from] = routes;
    }

    fn tell_changes(&mut self, routes: &Routes, out: &Batch, word: Word<'_>) {
        {
            let mut targets = word.walk.shared.targets.write().unwrap_or_else(PoisonError::into_inner);
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
            full |= self.post(route, &batch, word, TARGETS_PORT, Mail::Changes, |node, batch| {
                node.tell_changes(word.said, &batch.changes);
            });
        }
        if full {
            self.tell_full(word.walk);
        }
    }

    /// Gives something to one node; `true` if its mailbox was full.
    fn post(
        &mut self,
        route: &Route,
        batch: &Batch,
        word: Word<'_>,
        port: u32,
        mail: impl Fn(Passed) -> Mail,
        here: impl Fn(&mut Node, &Batch),
    ) -> bool {
        let passed = || Passed {
            said: word.said,
            batch: Arc::new(batch.clone()),
        };
        match route {
            Route::Here(place) => {
                match word.heard_late(*place, port) {
                    Some(heard) => self.nodes[*place].hold(heard, HeldWord::Mail(mail(passed()))),
                    None => here(&mut self.nodes[*place], batch),
                }
                false
            }
            Route::There(sender) => sender.post(mail(passed())) == Posted::Full,
        }
    }

    fn tell_full(&self, walk: Walk<'_>) {
        let why = "a node's mailbox is full because its lane is stuck; changes of targets or outcomes were lost";
        walk.shared.logger.log(Level::ERROR, walk.lane, why, &[]);
        if let Some(tap) = walk.shared.tap.get() {
            tap.lost(0);
        }
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
