//! What comes to a node between its calls: mail and batches from other lanes, what nodes of its own lane tell it.

use super::Node;
use crate::run::leases::forget;
use crate::run::link::{Mail, Passed};
use crate::run::tap::Said;
use crate::run::waiting::{Arrived, bound};
use pipeline_plugin_api::abi::{Batch, Change, LAST_PORT, NOBODY, Nanos, OUTCOMES_PORT, TARGETS_PORT, TargetChange};
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
                told @ (Mail::Changes(_) | Mail::Feedback(_) | Mail::Last(..)) => self.hear(&told),
                ask @ (Mail::Control { .. } | Mail::Status { .. }) => self.asks.push_back(ask),
            }
        }
    }

    /// Takes in what it is told; settings and questions are asked elsewhere.
    pub fn hear(&mut self, mail: &Mail) {
        match mail {
            Mail::Changes(passed) => self.tell_changes(passed.said, &passed.batch.changes),
            Mail::Feedback(passed) => self.tell_feedback(passed.said, &passed.batch),
            Mail::Last(place, passed) => self.tell_last(passed.said, *place, &passed.batch),
            Mail::Control { .. } | Mail::Status { .. } => {}
        }
    }

    /// A batch for one of its ports, which it is given at this instant.
    pub fn arrives(&mut self, port: u32, passed: &Passed) {
        if let Some(callable) = &mut self.callable {
            let arrived = &mut callable.waiting.arrived;
            let place = arrived.partition_point(|other| other.port <= port);
            arrived.insert(
                place,
                Arrived {
                    port,
                    said: passed.said,
                    batch: passed.batch.clone(),
                },
            );
        }
    }

    /// Who said what waits now at a port, for whoever records it.
    fn note_take(&mut self, said: Said, port: u32) {
        let Some(tap) = self.shared.tap.get().filter(|tap| tap.is_pure(self.index)) else {
            return;
        };
        let room = self
            .callable
            .as_mut()
            .is_none_or(|callable| callable.waiting.note(said.at_port(port)));
        if !room {
            tap.lost(0);
        }
    }

    /// Links before mail: a change of a target is posted before anybody can send what it read of it.
    fn take_batches(&mut self) {
        let Some(callable) = &mut self.callable else { return };
        let arrived = &mut callable.waiting.arrived;
        arrived.clear();
        for (port, link) in &self.links {
            arrived.extend(link.take().map(|passed| Arrived {
                port: *port,
                said: passed.said,
                batch: passed.batch,
            }));
        }
        for (port, orders) in &self.orders {
            if let Some(taken) = orders.take() {
                self.superseded.extend(taken.superseded);
                if !taken.batch.is_empty() {
                    arrived.push(Arrived {
                        port: *port,
                        said: Said::default(),
                        batch: Arc::new(taken.batch),
                    });
                }
            }
        }
    }

    /// The next setting or question that came for it.
    pub fn next_ask(&mut self) -> Option<Mail> {
        self.asks.pop_front()
    }

    /// Asks it to change a setting; nobody waits for the answer.
    pub fn ask_to_set(&mut self, name: &str, value: &str) {
        let (answer, _) = crossbeam_channel::bounded(1);
        self.asks.push_back(Mail::Control {
            name: name.to_owned(),
            value: value.to_owned(),
            answer,
        });
    }

    /// A setting that it took, which its next lives are to have as well.
    pub fn keep_setting(&mut self, name: String, value: String) {
        self.settings.insert(name, value);
    }

    /// Changes of targets, to be told ahead of the next input.
    pub fn tell_changes(&mut self, said: Said, changes: &[TargetChange]) {
        if self.meter.is_stopped() || self.meter.is_tapping() || changes.is_empty() {
            return;
        }
        self.note_take(said, TARGETS_PORT);
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
    pub fn tell_feedback(&mut self, said: Said, batch: &Batch) {
        if self.meter.is_stopped() {
            return;
        }
        self.note_take(said, OUTCOMES_PORT);
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
            let lost = bound(feedback);
            self.note_cut(lost);
        }
    }

    /// What the node at that place of its `last` said.
    pub fn tell_last(&mut self, said: Said, place: u32, batch: &Batch) {
        self.note_take(said, LAST_PORT + place);
        let lasts = self.callable.as_mut().map(|callable| &mut callable.waiting.lasts);
        if let Some((_, kept)) = lasts.and_then(|lasts| lasts.get_mut(place as usize)) {
            kept.append(batch);
            let lost = bound(kept);
            self.note_cut(lost);
        }
    }

    /// What waited too long for it and was cut off cannot be replayed.
    fn note_cut(&self, values: usize) {
        if let Some(tap) = self
            .shared
            .tap
            .get()
            .filter(|tap| values > 0 && tap.is_pure(self.index))
        {
            tap.lost(values as u64);
        }
    }

    /// All that is still under way to it from other lanes.
    pub fn leftovers(&mut self) -> Vec<Arrived> {
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
        let nobody = Said {
            node: NOBODY,
            instant: 0,
        };
        self.note_take(nobody, TARGETS_PORT);
        self.note_take(nobody, OUTCOMES_PORT);
        self.wish = at + Nanos(1);
    }
}
