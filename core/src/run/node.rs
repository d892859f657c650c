//! One node as its lane holds it: what it is, when it is due, and what becomes of it when it fails.
//!
//! `inbox` is what comes to it between calls, `after` what a call leads to. The loaded node itself, with what
//! waits for it, is a [`Callable`], which is away while it is called. Calls are made by the lane.

mod after;
mod inbox;

pub use after::Verdict;

use super::budget::{Budget, PERIOD, RESTARTS};
use super::callable::{Callable, Maker};
use super::host::NodeHost;
use super::leases::Leases;
use super::link::{LinkReceiver, LinkSender, Mail, MailReceiver};
use super::mailbox::{ActionReceiver, ActionSender};
use super::plan::PlanNode;
use super::shared::Shared;
use super::tap::Moment;
use super::telemetry::{LATE, Meter};
use super::timetable::{Held, HeldWord};
use super::waiting::Waited;
use pipeline_plugin_api::abi::{
    Control, KnobId, Late, Level, Nanos, Outcome, Stage, TapKind, TapNote, Target, TargetId, borrow_descriptor,
};
use pipeline_plugin_api::frame::Gone;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// Figures of a node for the run's summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls made.
    pub calls: u64,
    /// Instants that were skipped because it or its lane was late.
    pub missed: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Times that it was made anew.
    pub restarts: u64,
    /// Values that its queues dropped.
    pub dropped: u64,
    /// Calls that did not come back.
    pub abandoned: u64,
    /// Whether it was stopped for its failures.
    pub dead: bool,
}

/// One node of a lane.
pub struct Node {
    /// Its place in the graph.
    pub index: usize,
    /// What it was made from.
    pub plan: PlanNode,
    /// Its side of the host, in the life that it has.
    pub host: NodeHost,
    /// Upstream nodes in the same lane: (port, place in the lane).
    pub local: Vec<(u32, usize)>,
    /// Upstream nodes in other lanes.
    pub links: Vec<(u32, LinkReceiver)>,
    /// Schedulers in other lanes, of an actuator.
    pub orders: Vec<(u32, ActionReceiver)>,
    /// Downstream nodes in other lanes.
    pub sends: Vec<LinkSender>,
    /// Actuators in other lanes, of a scheduler.
    pub posts: Vec<ActionSender>,
    /// Whether no transform and no scheduler hears it.
    pub unheard: bool,
    /// Its figures.
    pub meter: Arc<Meter>,
    /// The loaded node; away in a call, and gone when it broke.
    pub callable: Option<Box<Callable>>,
    shared: Arc<Shared>,
    mail: MailReceiver,
    /// Settings and questions that came for it.
    asks: VecDeque<Mail>,
    /// What was set at run time, for its next lives.
    settings: BTreeMap<String, String>,
    next_due: Option<Nanos>,
    wish: Nanos,
    descriptors: Vec<i32>,
    descriptors_rest_until: Nanos,
    known: BTreeMap<TargetId, Target>,
    /// The targets that went lately.
    gone: Gone,
    /// The knobs that its actuators offer.
    offers: BTreeMap<(TargetId, KnobId), Control>,
    /// What an actuator holds.
    leases: Leases,
    /// Actions that it was not given, to be told.
    superseded: Vec<Outcome>,
    /// What a target provider brought and did not tell gone.
    brought: BTreeMap<TargetId, Target>,
    /// Why it was condemned while its lane was stuck.
    condemned: Option<String>,
    /// What it hears at a later step of a timetable.
    held: Vec<Held>,
    /// It broke, and what it held or brought is to be told gone.
    broke: bool,
    last_failed: bool,
    budget: Budget,
    warned: BTreeMap<String, Nanos>,
    has_spoken: bool,
}

/// How long a node's descriptors rest after they had it called, so that one which nobody empties
/// cannot keep a lane busy.
const DESCRIPTOR_REST: Nanos = Nanos(100_000);
/// How long they rest where one of them is not open.
const CLOSED_REST: Nanos = Nanos::from_secs(1);
/// How long the same warning of a node is not repeated.
const WARN_AGAIN: Nanos = Nanos::from_secs(10);
/// How many different warnings of a node are told in that time.
const WARNINGS: usize = 64;

impl Node {
    /// A node that is not made yet.
    pub fn new(
        index: usize,
        plan: PlanNode,
        host: NodeHost,
        meter: Arc<Meter>,
        shared: Arc<Shared>,
        mail: MailReceiver,
    ) -> Self {
        Self {
            index,
            plan,
            host,
            local: Vec::new(),
            links: Vec::new(),
            orders: Vec::new(),
            sends: Vec::new(),
            posts: Vec::new(),
            unheard: false,
            meter,
            callable: None,
            shared,
            mail,
            asks: VecDeque::new(),
            settings: BTreeMap::new(),
            next_due: None,
            wish: Nanos::ZERO,
            descriptors: Vec::new(),
            descriptors_rest_until: Nanos::ZERO,
            known: BTreeMap::new(),
            gone: Gone::default(),
            offers: BTreeMap::new(),
            leases: Leases::default(),
            superseded: Vec::new(),
            brought: BTreeMap::new(),
            condemned: None,
            held: Vec::new(),
            broke: false,
            last_failed: false,
            budget: Budget::default(),
            warned: BTreeMap::new(),
            has_spoken: false,
        }
    }

    /// Makes the loaded node and starts it, here and now.
    ///
    /// # Errors
    /// One sentence; the node is then not there.
    pub fn start(&mut self) -> Result<(), String> {
        let callable = self.maker().make()?;
        self.begin(callable);
        Ok(())
    }

    /// What it takes to make it in the life that it has.
    pub fn maker(&self) -> Maker {
        Maker {
            plan: self.plan.clone(),
            host: self.host.clone(),
            unheard: self.unheard,
            settings: self.settings.clone(),
        }
    }

    /// A life begins with what was made for it.
    pub fn begin(&mut self, callable: Box<Callable>) {
        self.next_due = (self.plan.every > Nanos::ZERO).then(|| self.shared.clock.now());
        self.wish = Nanos::ZERO;
        if self.reads() {
            self.set_descriptors(&callable.node.descriptors());
        }
        self.callable = Some(callable);
        self.takes_from_tap();
    }

    /// A recorder has everything from the tap that it opened, and is given nothing.
    fn takes_from_tap(&mut self) {
        if self.shared.tap.get().is_some_and(|tap| tap.owner() == self.plan.name) {
            self.meter.tap();
            self.local.clear();
            self.links.clear();
        }
    }

    /// What it hears at that step of a timetable.
    pub fn hold(&mut self, heard: u32, what: HeldWord) {
        if heard != Late::NEVER {
            self.held.push(Held { heard, what });
        }
    }

    /// It does not hear what is said at this instant for that port.
    pub fn mask(&mut self, port: u32) {
        if let Some(callable) = &mut self.callable {
            callable.waiting.masked.push(port);
        }
    }

    /// It hears nothing of its own lane at this instant.
    pub fn mask_all(&mut self) {
        if let Some(callable) = &mut self.callable {
            callable.waiting.masked.extend(self.local.iter().map(|(port, _)| *port));
        }
    }

    /// It hears all ports again.
    pub fn unmask(&mut self) {
        if let Some(callable) = &mut self.callable {
            callable.waiting.masked.clear();
        }
    }

    /// Hears what was held back for that step.
    pub fn hear_held(&mut self, step: u32) {
        if self.held.is_empty() {
            return;
        }
        for held in self.held.extract_if(.., |held| held.heard <= step).collect::<Vec<_>>() {
            match held.what {
                HeldWord::Port(port, passed) => self.arrives(port, &passed),
                HeldWord::Mail(mail) => self.hear(&mail),
            }
        }
    }

    /// It is to be made anew when its lane comes to it.
    pub fn break_off(&mut self, why: &str) {
        self.condemned = Some(why.to_owned());
    }

    /// Something happened to it, for whoever records it.
    pub fn note(&self, kind: TapKind, moment: Moment, note: impl FnOnce() -> TapNote) {
        if let Some(tap) = self.shared.tap.get() {
            tap.noted(kind, self.index, moment, note);
        }
    }

    /// Whether it reads the world and is ticked, rather than fed.
    pub fn reads(&self) -> bool {
        matches!(self.plan.stage, Stage::TARGETS | Stage::COLLECTOR)
    }

    /// The instant at which it is due next, if it is.
    pub fn due(&self) -> Option<Nanos> {
        self.callable.as_ref()?;
        let wish = (self.wish > Nanos::ZERO).then_some(self.wish);
        let lease = Some(self.leases.next()).filter(|at| *at < Nanos::FOREVER);
        self.next_due.into_iter().chain(wish).chain(lease).min()
    }

    /// Whether it is to be called at that instant, and how many of its instants were skipped.
    pub fn wanted(&mut self, at: Nanos, ready: &[i32], heard: bool) -> (bool, u64) {
        let is_ready = ready.iter().any(|fd| self.descriptors.contains(fd));
        let (due, missed) = self.take_due(at);
        if is_ready {
            self.descriptors_rest_until = at + DESCRIPTOR_REST;
        }
        (due || is_ready || (heard && self.host.take_wake()), missed)
    }

    /// Whether it is due at that instant, and how many of its instants were skipped. Deadlines are
    /// absolute: a late tick does not shift those after it, and those that passed are skipped.
    fn take_due(&mut self, at: Nanos) -> (bool, u64) {
        let mut due = at >= self.leases.next();
        let mut missed = 0;
        if self.wish > Nanos::ZERO && self.wish <= at {
            self.wish = Nanos::ZERO;
            due = true;
        }
        if let Some(next) = self.next_due.filter(|next| *next <= at) {
            let late = at.since(next);
            missed = late.0 / self.plan.every.0;
            self.next_due = Some(next + Nanos(self.plan.every.0 * (missed + 1)));
            if missed > 0 {
                self.meter.missed.grow(missed);
            }
            if late > LATE {
                self.meter.late.bump();
                self.meter.worst_late_ns.at_least(late.0);
            }
            due = true;
        }
        (due, missed)
    }

    /// Wishes to be called at that instant at the latest.
    fn wish_for(&mut self, wish: Nanos, at: Nanos) {
        if wish > Nanos::ZERO && (self.wish == Nanos::ZERO || wish < self.wish) {
            self.wish = wish.max(at + Nanos(1));
        }
    }

    /// The descriptors to wait for now, and otherwise when they may be waited for again.
    pub fn descriptors(&self, now: Nanos) -> Result<&[i32], Nanos> {
        if self.callable.is_none() || self.descriptors.is_empty() {
            return Ok(&[]);
        }
        if now < self.descriptors_rest_until {
            Err(self.descriptors_rest_until)
        } else {
            Ok(&self.descriptors)
        }
    }

    /// If it names that descriptor, which is not open, none of its own is waited for during a second.
    pub fn rest_from(&mut self, closed: i32, now: Nanos) {
        if self
            .descriptors
            .iter()
            .any(|raw| borrow_descriptor(*raw).as_raw_fd() == closed)
        {
            self.descriptors_rest_until = now + CLOSED_REST;
            let why = format!(
                "it names a descriptor to wait for that is not open; its descriptors are looked at again in {CLOSED_REST}; \
                 mend the plugin"
            );
            self.warn(now, &why);
        }
    }

    /// What it says to wait for, from now on.
    pub fn set_descriptors(&mut self, descriptors: &[i32]) {
        self.descriptors.clear();
        self.descriptors.extend_from_slice(descriptors);
    }

    /// It said something; for collectors, `--once` waits for that.
    pub fn spoke(&mut self) {
        if !self.has_spoken {
            self.has_spoken = true;
            self.shared.spoke(self.plan.stage);
        }
    }

    /// When the first lease of an actuator ends; [`Nanos::FOREVER`] where nothing stands.
    pub fn first_end(&self) -> Nanos {
        self.leases.first_end()
    }

    /// It may change nothing any more and what it changed is undone, while its lane is in a call of another node. The
    /// lane finds it broken for that reason.
    pub fn condemn(&mut self, why: &str) {
        self.fall(true);
        self.leases.end_untold();
        self.condemned = Some(why.to_owned());
    }

    /// Why it was condemned since it was last asked.
    pub fn take_condemned(&mut self) -> Option<String> {
        self.condemned.take()
    }

    /// Takes a restart out of its budget; its next life begins then. `false` if there is none left.
    pub fn may_restart(&mut self, at: Nanos) -> bool {
        let allowed = self.budget.spend(at);
        if allowed {
            self.meter.restarts.set(self.budget.total());
            self.host = self.host.reborn();
        }
        allowed
    }

    /// What is told when its restarts are used up.
    pub fn used_up(why: &str) -> String {
        format!("{why}; it was made anew {RESTARTS} times within {PERIOD}, so the node is stopped; the rest runs on")
    }

    /// It runs no more.
    pub fn give_up(&mut self, why: &str) {
        self.meter.stop();
        self.next_due = None;
        self.links.clear();
        self.orders.clear();
        self.asks.clear();
        self.mail = crossbeam_channel::never();
        self.log(Level::ERROR, why);
    }

    /// One of its last calls failed, and data may be lost.
    pub fn note_last_failure(&mut self) {
        self.last_failed = true;
    }

    /// Whether one of its last calls failed.
    pub fn last_call_failed(&self) -> bool {
        self.last_failed
    }

    /// Figures for the summary.
    pub fn figures(&self) -> Figures {
        Figures {
            calls: self.meter.calls.get(),
            missed: self.meter.missed.get(),
            failures: self.meter.failures.get(),
            restarts: self.meter.restarts.get(),
            dropped: self.meter.dropped.get(),
            abandoned: self.meter.abandoned.get(),
            dead: self.meter.is_stopped(),
        }
    }

    /// One line about what it is doing.
    pub fn status(&self) -> String {
        self.callable
            .as_ref()
            .map(|callable| callable.node.status().to_string())
            .unwrap_or_default()
    }

    /// The same sentence is told once in a while, not at every tick. Of a node that has ever another one to say only so
    /// many are told, and the rest counted.
    pub fn warn(&mut self, at: Nanos, message: &str) {
        let lately = |told: &Nanos| at.since(*told) < WARN_AGAIN;
        if self.warned.get(message).is_some_and(lately) {
            return;
        }
        self.warned.retain(|_, told| lately(told));
        if self.warned.len() >= WARNINGS {
            return self.host.add("warnings that were not told", 1);
        }
        self.warned.insert(message.to_owned(), at);
        self.log(Level::WARN, message);
    }

    /// Writes a log line in its name.
    pub fn log(&self, level: Level, message: &str) {
        self.shared.logger.log(level, &self.plan.name, message, &[]);
    }

    /// What waits for it beside what comes from other lanes, which it is to be given at last.
    pub fn waited(&mut self) -> Waited {
        let waiting = self.callable.as_mut().map(|callable| &mut callable.waiting);
        waiting.map(|waiting| waiting.at_last()).unwrap_or_default()
    }
}
