//! One node as its lane holds it: the loaded node, when it is due, what waits for it, and its failures.

use super::budget::{Budget, PERIOD, RESTARTS};
use super::host::NodeHost;
use super::link::{LinkReceiver, LinkSender, Mail, MailReceiver};
use super::plan::{OnError, PlanNode};
use super::shared::Shared;
use super::undo::Undone;
use abi_stable::std_types::{RSlice, RStr};
use pipeline_plugin_api::abi::{
    Batch, Called, Change, Control, Failure, FailureKind, Fate, KnobId, LAST_PORT, Level, Nanos, NodeBox,
    OUTCOMES_PORT, Outcome, PortBatch, Stage, TARGETS_PORT, Target, TargetChange, TargetId, Tick,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a failed call asks of the lane.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Go on.
    GoOn,
    /// The whole run is to be stopped: `on_error: Abort`.
    Abort,
}

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
    /// Whether it was stopped for its failures.
    pub dead: bool,
}

/// One node of a lane.
pub struct Node {
    /// Its place in the graph.
    pub index: usize,
    /// What it was made from.
    pub plan: PlanNode,
    /// Its side of the host.
    pub host: NodeHost,
    /// Upstream nodes in the same lane: (port, place in the lane).
    pub local: Vec<(u32, usize)>,
    /// Upstream nodes in other lanes.
    pub links: Vec<(u32, LinkReceiver)>,
    /// Downstream nodes in other lanes.
    pub sends: Vec<LinkSender>,
    shared: Arc<Shared>,
    mail: MailReceiver,
    node: Option<NodeBox>,
    next_due: Option<Nanos>,
    wish: Nanos,
    descriptors: Vec<i32>,
    descriptors_rest_until: Nanos,
    changes: Batch,
    feedback: Batch,
    lasts: Vec<(u32, Batch)>,
    arrived: Vec<(u32, Arc<Batch>)>,
    known: BTreeMap<TargetId, Target>,
    /// The knobs that its actuators offer.
    offers: BTreeMap<(TargetId, KnobId), Control>,
    /// What an actuator holds, by the outcomes that it told: the last action of each knob.
    standing: BTreeMap<(TargetId, KnobId), u64>,
    /// What a target provider brought and did not tell gone.
    brought: BTreeMap<TargetId, Target>,
    /// It broke within this call.
    broke: bool,
    budget: Budget,
    figures: Figures,
    warned: BTreeMap<String, Nanos>,
    has_spoken: bool,
}

/// How long a node's descriptors rest after they had it called, so that one which nobody empties
/// cannot keep a lane busy.
const DESCRIPTOR_REST: Nanos = Nanos(100_000);
/// How long the same warning of a node is not repeated.
const WARN_AGAIN: Nanos = Nanos::from_secs(10);

impl Node {
    /// A node that is not made yet.
    pub fn new(index: usize, plan: PlanNode, host: NodeHost, shared: Arc<Shared>, mail: MailReceiver) -> Self {
        let lasts = (0..plan.last.len())
            .map(|place| (LAST_PORT + place as u32, Batch::default()))
            .collect();
        Self {
            index,
            plan,
            host,
            local: Vec::new(),
            links: Vec::new(),
            sends: Vec::new(),
            shared,
            mail,
            node: None,
            next_due: None,
            wish: Nanos::ZERO,
            descriptors: Vec::new(),
            descriptors_rest_until: Nanos::ZERO,
            changes: Batch::default(),
            feedback: Batch::default(),
            lasts,
            arrived: Vec::new(),
            known: BTreeMap::new(),
            offers: BTreeMap::new(),
            standing: BTreeMap::new(),
            brought: BTreeMap::new(),
            broke: false,
            budget: Budget::default(),
            figures: Figures::default(),
            warned: BTreeMap::new(),
            has_spoken: false,
        }
    }

    /// Makes the loaded node and starts it.
    ///
    /// # Errors
    /// One sentence; the node is then not there.
    pub fn start(&mut self) -> Result<(), String> {
        let made = self.plan.element.create()(RStr::from_str(&self.plan.config), self.host.handle());
        let mut node = made.into_result().map_err(|faults| {
            let sentences: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
            sentences.join("; ")
        })?;
        node.start()
            .into_result()
            .map_err(|failure| failure.message.to_string())?;
        self.node = Some(node);
        self.next_due = (self.plan.every > Nanos::ZERO).then(|| self.shared.clock.now());
        self.wish = Nanos::ZERO;
        self.refresh_descriptors();
        Ok(())
    }

    /// The instant at which it is due next, if it is.
    pub fn due(&self) -> Option<Nanos> {
        self.node.as_ref()?;
        let wish = (self.wish > Nanos::ZERO).then_some(self.wish);
        self.next_due.into_iter().chain(wish).min()
    }

    /// The descriptors to wait for now, and otherwise when they may be waited for again.
    pub fn descriptors(&self, now: Nanos) -> Result<&[i32], Nanos> {
        if self.node.is_none() || self.descriptors.is_empty() {
            return Ok(&[]);
        }
        if now < self.descriptors_rest_until {
            Err(self.descriptors_rest_until)
        } else {
            Ok(&self.descriptors)
        }
    }

    /// Whether it has input from other lanes that it can take now.
    pub fn has_waiting(&self) -> bool {
        self.node.is_some() && (!self.mail.is_empty() || self.links.iter().any(|(_, link)| link.waits()))
    }

    /// Takes what came from other lanes: all mail, and one batch from each link.
    pub fn receive(&mut self) {
        self.arrived.clear();
        // Links before mail: a change of a target is posted before anybody can send what it read of it.
        for (port, link) in &self.links {
            self.arrived.extend(link.take().map(|batch| (*port, batch)));
        }
        while let Ok(mail) = self.mail.try_recv() {
            match mail {
                Mail::Changes(batch) => self.tell_changes(&batch.changes),
                Mail::Feedback(batch) => self.tell_feedback(&batch),
                Mail::Last(place, batch) => self.tell_last(place, &batch),
            }
        }
    }

    /// Changes of targets, to be told ahead of the next input.
    pub fn tell_changes(&mut self, changes: &[TargetChange]) {
        if self.figures.dead {
            return;
        }
        for change in changes {
            match change.change {
                Change::GONE => {
                    self.known.remove(&change.target.id);
                    self.offers.retain(|(of, _), _| *of != change.target.id);
                }
                _ => drop(self.known.insert(change.target.id, change.target.clone())),
            }
            self.changes.changes.push(change.clone());
        }
    }

    /// Outcomes and controls of the actuators that it feeds. Controls have it called at the next
    /// instant, since a policy that pins has nothing else to wait for.
    pub fn tell_feedback(&mut self, batch: &Batch) {
        if self.figures.dead {
            return;
        }
        if !batch.controls.is_empty() {
            self.wish = self.shared.clock.now().max(Nanos(1));
        }
        for control in &batch.controls {
            self.offers.insert((control.target, control.knob), control.clone());
        }
        self.feedback.outcomes.extend(batch.outcomes.iter().cloned());
        self.feedback.controls.extend(batch.controls.iter().cloned());
        bound(&mut self.feedback);
    }

    /// What the node at that place of its `last` said.
    pub fn tell_last(&mut self, place: u32, batch: &Batch) {
        if self.figures.dead {
            return;
        }
        if let Some((_, kept)) = self.lasts.get_mut(place as usize) {
            kept.append(batch);
            bound(kept);
        }
    }

    /// All that is still under way to it from other lanes, as (port, batch).
    pub fn leftovers(&mut self) -> Vec<(u32, Arc<Batch>)> {
        let mut left = Vec::new();
        loop {
            self.receive();
            if self.arrived.is_empty() {
                return left;
            }
            left.append(&mut self.arrived);
        }
    }

    /// Changes of targets that it was not told yet.
    pub fn untold(&mut self) -> Batch {
        std::mem::take(&mut self.changes)
    }

    /// It said something; for collectors, `--once` waits for that.
    pub fn spoke(&mut self) {
        if !self.has_spoken {
            self.has_spoken = true;
            self.shared.spoke(self.plan.stage);
        }
    }

    /// Calls it if it is due or has input. `before` are the outputs of this instant above it.
    pub fn step(&mut self, at: Nanos, ready: &[i32], before: &[Batch], out: &mut Batch, heard: bool) -> After {
        if self.node.is_none() {
            return After::GoOn;
        }
        let is_ready = ready.iter().any(|fd| self.descriptors.contains(fd));
        let (due, missed) = self.take_due(at);
        let due = due || is_ready || (heard && self.host.take_wake());
        if is_ready {
            self.descriptors_rest_until = at + DESCRIPTOR_REST;
        }
        let source = matches!(self.plan.stage, Stage::TARGETS | Stage::COLLECTOR);
        let after = if source {
            self.read(at, due, missed, ready, out)
        } else {
            self.feed(at, due, before, out)
        };
        self.arrived.clear();
        match self.plan.stage {
            Stage::TARGETS => self.follow(at, out),
            Stage::ACTUATOR => self.follow_knobs(at, out),
            _ => {}
        }
        after
    }

    /// Keeps what an actuator holds; of one that broke all of it is told undone, as it was from the journal.
    fn follow_knobs(&mut self, at: Nanos, out: &mut Batch) {
        for outcome in &out.outcomes {
            let knob = (outcome.target, outcome.knob);
            match outcome.fate {
                Fate::APPLIED | Fate::CLAMPED => drop(self.standing.insert(knob, outcome.action)),
                Fate::UNDONE | Fate::LAPSED | Fate::TAKEN => drop(self.standing.remove(&knob)),
                _ => {}
            }
        }
        if std::mem::take(&mut self.broke) {
            let left = std::mem::take(&mut self.standing).into_iter();
            out.outcomes.extend(left.map(|((target, knob), action)| Outcome {
                at,
                action,
                target,
                knob,
                fate: Fate::UNDONE,
                why: "its actuator broke".into(),
                ..Outcome::default()
            }));
        }
    }

    /// Keeps what a provider brings; of one that broke all of it is told gone, since nobody looks
    /// after it any more and its next life brings targets of its own.
    fn follow(&mut self, at: Nanos, out: &mut Batch) {
        for change in &out.changes {
            match change.change {
                Change::GONE => drop(self.brought.remove(&change.target.id)),
                _ => drop(self.brought.insert(change.target.id, change.target.clone())),
            }
        }
        if std::mem::take(&mut self.broke) {
            let left = std::mem::take(&mut self.brought).into_values();
            out.changes.extend(left.map(|target| TargetChange {
                at,
                change: Change::GONE,
                target,
            }));
        }
    }

    /// Whether it is due at that instant, and how many of its instants were skipped. Deadlines are
    /// absolute: a late tick does not shift those after it, and those that passed are skipped.
    fn take_due(&mut self, at: Nanos) -> (bool, u64) {
        let mut due = false;
        let mut missed = 0;
        if self.wish > Nanos::ZERO && self.wish <= at {
            self.wish = Nanos::ZERO;
            due = true;
        }
        if let Some(next) = self.next_due.filter(|next| *next <= at) {
            missed = at.since(next).0 / self.plan.every.0;
            self.next_due = Some(next + Nanos(self.plan.every.0 * (missed + 1)));
            self.figures.missed += missed;
            due = true;
        }
        (due, missed)
    }

    /// Target providers and collectors: changes of targets first, then the tick.
    fn read(&mut self, at: Nanos, due: bool, missed: u64, ready: &[i32], out: &mut Batch) -> After {
        if !self.changes.is_empty() {
            let result = match self.node.as_mut() {
                Some(node) => {
                    let port = [PortBatch {
                        port: TARGETS_PORT,
                        batch: &self.changes,
                    }];
                    node.input(at, RSlice::from_slice(&port), out)
                }
                None => return After::GoOn,
            };
            self.changes.clear();
            let after = self.judge(at, result);
            if after != After::GoOn || self.node.is_none() {
                return after;
            }
        }
        let Some(node) = self.node.as_mut().filter(|_| due) else {
            return After::GoOn;
        };
        let result = node.tick(
            &Tick {
                at,
                missed,
                ready: RSlice::from_slice(ready),
            },
            out,
        );
        let after = self.judge(at, result);
        self.refresh_descriptors();
        after
    }

    /// All other stages: one call with one batch for each upstream that spoke.
    fn feed(&mut self, at: Nanos, due: bool, before: &[Batch], out: &mut Batch) -> After {
        let Some(node) = self.node.as_mut() else {
            return After::GoOn;
        };
        let mut ports = Ports::new();
        if !self.changes.is_empty() {
            ports.push(TARGETS_PORT, &self.changes);
        }
        for (port, place) in &self.local {
            if !before[*place].is_empty() {
                ports.push(*port, &before[*place]);
            }
        }
        for (port, batch) in &self.arrived {
            ports.push(*port, batch);
        }
        if !due && ports.is_empty() {
            return After::GoOn;
        }
        for (port, batch) in &self.lasts {
            if !batch.is_empty() {
                ports.push(*port, batch);
            }
        }
        if !self.feedback.is_empty() {
            ports.push(OUTCOMES_PORT, &self.feedback);
        }
        let result = node.input(at, RSlice::from_slice(ports.as_slice()), out);
        self.changes.clear();
        self.feedback.clear();
        self.lasts.iter_mut().for_each(|(_, batch)| batch.clear());
        self.judge(at, result)
    }

    fn judge(&mut self, at: Nanos, result: Called) -> After {
        self.figures.calls += 1;
        match result.into_result() {
            Ok(wish) => {
                if wish > Nanos::ZERO && (self.wish == Nanos::ZERO || wish < self.wish) {
                    self.wish = wish.max(at + Nanos(1));
                }
                After::GoOn
            }
            Err(failure) => self.failed(at, &failure),
        }
    }

    fn failed(&mut self, at: Nanos, failure: &Failure) -> After {
        match failure.kind {
            FailureKind::GONE => {
                self.log(Level::DEBUG, &failure.message);
                After::GoOn
            }
            FailureKind::FATAL | FailureKind::PANIC => {
                self.figures.failures += 1;
                self.broken(at, &failure.message)
            }
            _ => {
                self.figures.failures += 1;
                self.warn(at, &failure.message);
                After::GoOn
            }
        }
    }

    /// A node that cannot go on: its knobs go back, then `on_error` says what becomes of it.
    fn broken(&mut self, at: Nanos, why: &str) -> After {
        self.node = None;
        self.broke = true;
        self.undo();
        match self.plan.on_error {
            OnError::Abort => {
                self.figures.dead = true;
                self.shared.abort();
                self.log(
                    Level::ERROR,
                    &format!("{why}; the run is stopped, as `on_error: Abort` says"),
                );
                After::Abort
            }
            OnError::Stop => {
                self.give_up(&format!("{why}; the node is stopped, the rest runs on"));
                After::GoOn
            }
            OnError::Restart => {
                self.restart(at, why);
                After::GoOn
            }
        }
    }

    fn restart(&mut self, at: Nanos, why: &str) {
        let mut why = why.to_owned();
        while self.budget.spend(at) {
            self.figures.restarts = self.budget.total();
            self.log(Level::WARN, &format!("{why}; the node is made anew"));
            match self.start() {
                Ok(()) => return self.retell(at),
                Err(again) => why = again,
            }
        }
        let (times, span) = (RESTARTS, PERIOD);
        self.give_up(&format!(
            "{why}; it was made anew {times} times within {span}, so the node is stopped; the rest runs on"
        ));
    }

    /// A new life of a node is told of all targets that there are.
    fn retell(&mut self, at: Nanos) {
        self.changes.clear();
        for target in self.known.values() {
            self.changes.changes.push(TargetChange {
                at,
                change: Change::APPEARED,
                target: target.clone(),
            });
        }
        self.feedback.controls = self.offers.values().cloned().collect();
        self.wish = at + Nanos(1);
    }

    fn give_up(&mut self, why: &str) {
        self.figures.dead = true;
        self.figures.dropped = self.dropped();
        self.next_due = None;
        self.links.clear();
        self.mail = crossbeam_channel::never();
        self.log(Level::ERROR, why);
    }

    fn undo(&self) {
        for report in self.shared.journal.undo_node(&self.plan.name) {
            match report.result {
                Ok(Undone::Restored) => self.log(Level::INFO, &format!("undone: {}", report.entry.subject())),
                Ok(Undone::Gone) => {}
                Ok(Undone::Taken(found)) => {
                    self.log(Level::WARN, &format!("left alone, someone else changed it: {found}"))
                }
                // What other nodes still use waits for the end of the run.
                Err(error) if error.is_busy() => self.log(Level::DEBUG, &error.to_string()),
                Err(error) => self.log(Level::ERROR, &error.to_string()),
            }
        }
    }

    /// What the node still has to say. Gives its output even where it fails.
    pub fn drain(&mut self, deadline: Nanos, out: &mut Batch) {
        let Some(node) = self.node.as_mut() else { return };
        if let Err(failure) = node.drain(deadline, out).into_result() {
            self.figures.failures += 1;
            self.shared.fell_short();
            self.log(Level::ERROR, &failure.message);
        }
    }

    /// The last call. What the node left undone is undone from the journal when all nodes have stopped.
    pub fn stop(&mut self) {
        if let Some(mut node) = self.node.take()
            && let Err(failure) = node.stop().into_result()
        {
            self.figures.failures += 1;
            self.log(Level::ERROR, &failure.message);
        }
    }

    /// Feeds it directly, outside of instants: what is still under way when a run ends.
    pub fn deliver(&mut self, at: Nanos, port: u32, batch: &Batch, out: &mut Batch) {
        let Some(node) = self.node.as_mut() else { return };
        let port = [PortBatch { port, batch }];
        let result = node.input(at, RSlice::from_slice(&port), out);
        self.figures.calls += 1;
        if let Err(failure) = result.into_result() {
            self.figures.failures += 1;
            self.log(Level::ERROR, &failure.message);
        }
    }

    /// Figures for the summary.
    pub fn figures(&self) -> Figures {
        Figures {
            dropped: self.dropped(),
            ..self.figures.clone()
        }
    }

    fn dropped(&self) -> u64 {
        self.figures.dropped + self.links.iter().map(|(_, link)| link.dropped()).sum::<u64>()
    }

    /// One line about what it is doing.
    pub fn status(&self) -> String {
        self.node
            .as_ref()
            .map(|node| node.status().to_string())
            .unwrap_or_default()
    }

    fn refresh_descriptors(&mut self) {
        let reads = matches!(self.plan.stage, Stage::TARGETS | Stage::COLLECTOR);
        if let Some(node) = self.node.as_ref().filter(|_| reads) {
            self.descriptors.clear();
            self.descriptors.extend_from_slice(&node.descriptors());
        }
    }

    /// The same sentence is told once in a while, not at every tick.
    fn warn(&mut self, at: Nanos, message: &str) {
        let told = self.warned.get(message).copied();
        if told.is_none_or(|told| at.since(told) >= WARN_AGAIN) {
            if self.warned.len() >= 64 {
                self.warned.clear();
            }
            self.warned.insert(message.to_owned(), at);
            self.log(Level::WARN, message);
        }
    }

    fn log(&self, level: Level, message: &str) {
        self.shared.logger.log(level, &self.plan.name, message, &[]);
    }
}

/// What waits for a node that is not called for long is bounded; the oldest goes.
fn bound(batch: &mut Batch) {
    const MOST: usize = 65_536;
    trim(&mut batch.readings, MOST);
    trim(&mut batch.outcomes, MOST);
    trim(&mut batch.controls, MOST);
    trim(&mut batch.findings, MOST);
    trim(&mut batch.actions, MOST);
}

fn trim<T>(list: &mut abi_stable::std_types::RVec<T>, most: usize) {
    let extra = list.len().saturating_sub(most);
    drop(list.drain(..extra));
}

/// The batches of one call, without an allocation for the usual few.
struct Ports<'a> {
    few: [PortBatch<'a>; 8],
    len: usize,
    many: Vec<PortBatch<'a>>,
}

static NOTHING: Batch = Batch {
    at: Nanos::ZERO,
    changes: abi_stable::std_types::RVec::new(),
    readings: abi_stable::std_types::RVec::new(),
    findings: abi_stable::std_types::RVec::new(),
    controls: abi_stable::std_types::RVec::new(),
    actions: abi_stable::std_types::RVec::new(),
    outcomes: abi_stable::std_types::RVec::new(),
    spare: abi_stable::std_types::RVec::new(),
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

    fn as_slice(&self) -> &[PortBatch<'a>] {
        if self.many.is_empty() {
            &self.few[..self.len]
        } else {
            &self.many
        }
    }
}
