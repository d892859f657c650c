//! What comes to a node between its calls: mail and batches from other lanes, what nodes of its own lane tell it.

use super::Node;
use crate::run::leases::forget;
use crate::run::link::Mail;
use crate::run::waiting::bound;
use pipeline_plugin_api::abi::{Batch, Change, Nanos, TargetChange};
use std::sync::Arc;

impl Node {
    /// Whether it has input from other lanes that it can take now.
    pub fn has_waiting(&self) -> bool {
        self.callable.is_some() && (!self.mail.is_empty() || self.links.iter().any(|(_, link)| link.waits()))
    }

    /// Takes what came from other lanes: all mail, all actions, and one batch from each link.
    pub fn receive(&mut self) {
        self.take_batches();
        while let Ok(mail) = self.mail.try_recv() {
            match mail {
                Mail::Changes(batch) => self.tell_changes(&batch.changes),
                Mail::Feedback(batch) => self.tell_feedback(&batch),
                Mail::Last(place, batch) => self.tell_last(place, &batch),
                ask @ (Mail::Control { .. } | Mail::Status { .. }) => self.asks.push_back(ask),
            }
        }
    }

    /// Links before mail: a change of a target is posted before anybody can send what it read of it.
    fn take_batches(&mut self) {
        let Some(callable) = &mut self.callable else { return };
        let arrived = &mut callable.waiting.arrived;
        arrived.clear();
        for (port, link) in &self.links {
            arrived.extend(link.take().map(|batch| (*port, batch)));
        }
        for (port, orders) in &self.orders {
            if let Some(taken) = orders.take() {
                self.superseded.extend(taken.superseded);
                if !taken.batch.is_empty() {
                    arrived.push((*port, Arc::new(taken.batch)));
                }
            }
        }
    }

    /// The next setting or question that came for it.
    pub fn next_ask(&mut self) -> Option<Mail> {
        self.asks.pop_front()
    }

    /// A setting that it took, which its next lives are to have as well.
    pub fn keep_setting(&mut self, name: String, value: String) {
        self.settings.insert(name, value);
    }

    /// Changes of targets, to be told ahead of the next input.
    pub fn tell_changes(&mut self, changes: &[TargetChange]) {
        if self.meter.is_stopped() {
            return;
        }
        for change in changes {
            let id = change.target.id;
            match change.change {
                Change::GONE => {
                    self.known.remove(&id);
                    self.gone.add(id);
                    forget(&mut self.offers, id);
                }
                _ => drop(self.known.insert(id, change.target.clone())),
            }
            if let Some(callable) = &mut self.callable {
                callable.waiting.changes.changes.push(change.clone());
            }
        }
    }

    /// Outcomes and controls of the actuators that it feeds. Controls have it called at the next
    /// instant, since a policy that pins has nothing else to wait for.
    pub fn tell_feedback(&mut self, batch: &Batch) {
        if self.meter.is_stopped() {
            return;
        }
        if !batch.controls.is_empty() {
            self.wish = self.shared.clock.now().max(Nanos(1));
        }
        // What an actuator of another lane offers may come after its target went, and nobody would forget it.
        let living = batch.controls.iter().filter(|control| !self.gone.has(control.target));
        for control in living {
            self.offers.insert((control.target, control.knob), control.clone());
        }
        if let Some(callable) = &mut self.callable {
            let feedback = &mut callable.waiting.feedback;
            feedback.outcomes.extend(batch.outcomes.iter().cloned());
            feedback.controls.extend(batch.controls.iter().cloned());
            bound(feedback);
        }
    }

    /// What the node at that place of its `last` said.
    pub fn tell_last(&mut self, place: u32, batch: &Batch) {
        let lasts = self.callable.as_mut().map(|callable| &mut callable.waiting.lasts);
        if let Some((_, kept)) = lasts.and_then(|lasts| lasts.get_mut(place as usize)) {
            kept.append(batch);
            bound(kept);
        }
    }

    /// All that is still under way to it from other lanes, as (port, batch).
    pub fn leftovers(&mut self) -> Vec<(u32, Arc<Batch>)> {
        let mut left = Vec::new();
        loop {
            self.receive();
            let Some(callable) = &mut self.callable else {
                return left;
            };
            if callable.waiting.arrived.is_empty() {
                return left;
            }
            left.append(&mut callable.waiting.arrived);
        }
    }

    /// A new life of a node is told of all targets that there are, and of all knobs.
    pub fn retell(&mut self, at: Nanos) {
        let Some(callable) = &mut self.callable else { return };
        let changes = self.known.values().map(|target| TargetChange {
            at,
            change: Change::APPEARED,
            target: target.clone(),
        });
        callable.waiting.changes.changes = changes.collect();
        callable.waiting.feedback.controls = self.offers.values().cloned().collect();
        self.wish = at + Nanos(1);
    }
}
