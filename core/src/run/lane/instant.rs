//! One instant: the nodes are walked in file order, and those called that are due or have input.
//!
//! While a call lasts the crew lies in the lane's seat. What the called node reads and writes is the thread's alone:
//! the node with what waits for it, and the outputs of this instant.

use super::Lane;
use crate::run::crew::{Crew, Walk};
use crate::run::host::NodeHost;
use crate::run::link::Mail;
use crate::run::node::Verdict;
use crate::run::seat::CallKind;
use crate::run::tap::{Moment, Tap};
use crate::run::timetable::{Table, Turn};
use abi_stable::std_types::{RSlice, RStr};
use pipeline_plugin_api::abi::{Called, FailureKind, Nanos, PortBatch, Stage, TARGETS_PORT, TapKind, TapNote, Tick};

/// The crew after a call, unless this thread was given up for it.
pub(super) type Back = Option<Box<Crew>>;

impl Lane {
    /// One instant, now.
    pub fn instant(&mut self) {
        self.instant_at(self.shared.clock.now());
    }

    /// One instant, at that time.
    pub(super) fn instant_at(&mut self, at: Nanos) {
        let number = self.shared.tap.get().map(Tap::next_instant).unwrap_or_default();
        self.moment = Moment { number, at };
        self.prepare_step();
        let heard = self.berth.bell.quiet() | std::mem::take(&mut self.rung);
        self.timing = self.shared.telemetry.is_timing();
        self.berth.instants.bump();
        if let Some(crew) = self.crew.take() {
            self.crew = self.walk(crew, at, heard);
        }
        self.ready.clear();
    }

    /// What a timetable has done to nodes at this step.
    fn prepare_step(&mut self) {
        let (Some(table), Some(crew)) = (&self.table, &mut self.crew) else {
            return;
        };
        for setting in table.settings() {
            crew.nodes[setting.place].ask_to_set(&setting.name, &setting.value);
            self.rung = true;
        }
        for restart in table.restarts() {
            crew.nodes[restart.place].break_off(&restart.why);
        }
    }

    fn walk(&mut self, mut crew: Box<Crew>, at: Nanos, heard: bool) -> Back {
        for place in 0..crew.nodes.len() {
            let out = &mut self.outputs[place];
            out.clear();
            out.at = at;
            // What a life left that ended between instants is told before the next one says anything.
            crew.nodes[place].tell_broken(at, out);
            if heard {
                crew.nodes[place].receive();
                crew = self.answer(crew, place, at)?;
            }
            if let Some(table) = &self.table {
                crew.nodes[place].hear_held(table.now());
            }
            if let Some(why) = crew.nodes[place].take_condemned() {
                crew = self.mend(crew, place, at, &why)?;
            }
            if crew.nodes[place].callable.is_some() {
                crew = self.step(crew, place, at, heard)?;
            }
            self.finish_step(&mut crew, place, at);
        }
        Some(crew)
    }

    /// What a node is to say goes where it is heard.
    fn finish_step(&mut self, crew: &mut Crew, place: usize, at: Nanos) {
        let out = &mut self.outputs[place];
        let node = &mut crew.nodes[place];
        if self.table.is_some() {
            node.unmask();
        }
        if matches!(node.plan.stage, Stage::TARGETS | Stage::ACTUATOR) {
            node.conclude(at, out);
        }
        let walk = Walk {
            lane: &self.berth.name,
            shared: &self.shared,
            moment: self.moment,
            late: self.table.as_deref().map(Table::late).unwrap_or_default(),
        };
        crew.pass_on(place, out, walk);
    }

    /// Calls a node if it is due or has input.
    fn step(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos, heard: bool) -> Back {
        let (due, missed) = match self.table.as_ref().map_or(Turn::Own, |table| table.turn(place)) {
            Turn::Own => crew.nodes[place].wanted(at, &self.ready, heard),
            Turn::Called(due) => (due, 0),
            Turn::Rests => return Some(crew),
        };
        if !crew.nodes[place].reads() {
            if due && self.table.is_some() && crew.nodes[place].plan.stage == Stage::ACTUATOR {
                return self.feed_and_have_answer(crew, place, at);
            }
            return self.feed(crew, place, at, due);
        }
        // Target providers and collectors: changes of targets first, then the tick.
        crew = self.tell_targets(crew, place, at)?;
        if due {
            self.tick(crew, place, at, missed)
        } else {
            Some(crew)
        }
    }

    /// At the step of a timetable at which an actuator spoke, what stands in for it is first given what there is for it,
    /// and then called without anything to say what was recorded.
    fn feed_and_have_answer(&mut self, crew: Box<Crew>, place: usize, at: Nanos) -> Back {
        let mut crew = self.feed(crew, place, at, false)?;
        crew.nodes[place].mask_all();
        self.feed(crew, place, at, true)
    }

    fn tell_targets(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos) -> Back {
        let untold = |callable: &mut Box<_>| -> bool {
            let callable: &mut crate::run::callable::Callable = callable;
            !callable.waiting.changes.is_empty()
        };
        let Some(mut callable) = crew.nodes[place].callable.take_if(untold) else {
            return Some(crew);
        };
        let began = self.began();
        self.seat.enter(crew, place, CallKind::Input);
        let port = [PortBatch {
            port: TARGETS_PORT,
            batch: &callable.waiting.changes,
        }];
        let result = callable
            .node
            .input(at, RSlice::from_slice(&port), &mut self.outputs[place]);
        // It may have closed those of a target that went.
        let descriptors = callable.node.descriptors();
        let Some(mut crew) = self.seat.leave() else {
            return self.given_up(callable.host);
        };
        crew.nodes[place].set_descriptors(&descriptors);
        callable.waiting.clear_changes();
        crew.nodes[place].callable = Some(callable);
        self.after(crew, place, at, began, result)
    }

    fn tick(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos, missed: u64) -> Back {
        let Some(mut callable) = crew.nodes[place].callable.take() else {
            return Some(crew);
        };
        let began = self.began();
        self.seat.enter(crew, place, CallKind::Tick);
        let tick = Tick {
            at,
            missed,
            ready: RSlice::from_slice(&self.ready),
        };
        let result = callable.node.tick(&tick, &mut self.outputs[place]);
        let descriptors = callable.node.descriptors();
        let Some(mut crew) = self.seat.leave() else {
            return self.given_up(callable.host);
        };
        crew.nodes[place].set_descriptors(&descriptors);
        crew.nodes[place].callable = Some(callable);
        self.after(crew, place, at, began, result)
    }

    /// All other stages: one call with one batch for each upstream that spoke.
    fn feed(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos, due: bool) -> Back {
        let began = self.began();
        if let Some(tap) = self.shared.tap.get() {
            self.tell_called(tap, &crew, place, due);
        }
        let node = &mut crew.nodes[place];
        let Some(mut callable) = node.callable.take() else {
            return Some(crew);
        };
        let (above, rest) = self.outputs.split_at_mut(place);
        let Some(ports) = callable.waiting.ports(&node.local, above, due) else {
            node.callable = Some(callable);
            return Some(crew);
        };
        let out = &mut rest[0];
        self.seat.enter(crew, place, CallKind::Input);
        let result = callable.node.input(at, RSlice::from_slice(ports.as_slice()), out);
        let Some(mut crew) = self.seat.leave() else {
            drop(ports);
            return self.given_up(callable.host);
        };
        let node = &mut crew.nodes[place];
        if node.plan.stage == Stage::ACTUATOR {
            node.note_leases(at, out, ports.as_slice().iter().map(|port| port.batch));
        }
        callable.waiting.clear();
        node.callable = Some(callable);
        self.after(crew, place, at, began, result)
    }

    /// A transform or scheduler is about to be called, if it is, with what waits for it.
    fn tell_called(&self, tap: &Tap, crew: &Crew, place: usize, due: bool) {
        let node = &crew.nodes[place];
        let Some(callable) = node.callable.as_ref().filter(|_| tap.is_pure(node.index)) else {
            return;
        };
        let above = &self.outputs[..place];
        if callable.waiting.ports(&node.local, above, due).is_none() {
            return;
        }
        let local = node
            .local
            .iter()
            .map(|(port, up)| (*port, *up, crew.nodes[*up].index as u32));
        let takes = callable.waiting.taken(local, above, self.moment.number);
        tap.called(node.index, self.moment, due, &takes);
    }

    /// What a call came to.
    fn after(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos, began: Option<Nanos>, result: Called) -> Back {
        let node = &mut crew.nodes[place];
        if let Some(began) = began {
            node.meter.busy_ns.grow(self.shared.clock.now().since(began).0);
        }
        let gives = node.callable.as_mut().map(|callable| &mut callable.gives);
        let sifted = gives.and_then(|gives| gives.sift(&mut self.outputs[place], &self.shared.names));
        if let Some(sifted) = sifted {
            node.tell_sifted(&sifted);
        }
        let mut verdict = node.judge(at, result);
        if node.plan.stage == Stage::ACTUATOR {
            if verdict == Verdict::GoOn {
                verdict = node.overdue(at);
            }
            self.seat.set_first_end(crew.first_end());
        }
        match verdict {
            Verdict::GoOn => Some(crew),
            Verdict::Broken(why) => self.mend(crew, place, at, &why),
        }
    }

    /// Settings and questions that came for a node.
    fn answer(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos) -> Back {
        while let Some(ask) = crew.nodes[place].next_ask() {
            let Some(mut callable) = crew.nodes[place].callable.take() else {
                return Some(crew);
            };
            let host = callable.host.clone();
            match ask {
                Mail::Control { name, value, answer } => {
                    let set = {
                        let (name, value) = (name.clone(), value.clone());
                        move || {
                            let result = callable.node.control(RStr::from_str(&name), RStr::from_str(&value));
                            let descriptors = callable.node.descriptors();
                            (callable, descriptors, result.into_result())
                        }
                    };
                    let (back, (callable, descriptors, result)) =
                        self.away(crew, place, CallKind::Control, &host, set)?;
                    crew = back;
                    if crew.nodes[place].reads() {
                        crew.nodes[place].set_descriptors(&descriptors);
                    }
                    crew.nodes[place].callable = Some(callable);
                    crew.nodes[place].note(TapKind::SET, self.moment, || TapNote {
                        name: name.as_str().into(),
                        text: value.as_str().into(),
                        number: u64::from(result.is_ok()),
                        ..TapNote::default()
                    });
                    let told = match &result {
                        Ok(_) => Ok(value.clone()),
                        Err(failure) => Err(failure.message.to_string()),
                    };
                    // Whoever asked may have gone.
                    let _ = answer.send(told);
                    match result {
                        Ok(_) => crew.nodes[place].keep_setting(name, value),
                        Err(failure) if matches!(failure.kind, FailureKind::FATAL | FailureKind::PANIC) => {
                            crew = self.mend(crew, place, at, &failure.message)?;
                        }
                        Err(_) => {}
                    }
                }
                Mail::Status { answer } => {
                    let ask = move || {
                        let status = callable.node.status().to_string();
                        (callable, status)
                    };
                    let (back, (callable, status)) = self.away(crew, place, CallKind::Status, &host, ask)?;
                    crew = back;
                    crew.nodes[place].callable = Some(callable);
                    // As above.
                    let _ = answer.send(status);
                }
                Mail::Changes(_) | Mail::Feedback(_) | Mail::Last(..) => crew.nodes[place].callable = Some(callable),
            }
        }
        Some(crew)
    }

    /// A call that is not on the path of every instant.
    pub(super) fn away<T>(
        &mut self,
        crew: Box<Crew>,
        place: usize,
        kind: CallKind,
        host: &NodeHost,
        call: impl FnOnce() -> T,
    ) -> Option<(Box<Crew>, T)> {
        self.seat.enter(crew, place, kind);
        let result = call();
        match self.seat.leave() {
            Some(crew) => Some((crew, result)),
            None => {
                self.late = Some(host.clone());
                None
            }
        }
    }

    /// The call came back too late: this thread is to end.
    #[cold]
    fn given_up(&mut self, host: NodeHost) -> Back {
        self.late = Some(host);
        None
    }

    /// When a call begins, if somebody wants to know.
    fn began(&self) -> Option<Nanos> {
        self.timing.then(|| self.shared.clock.now())
    }
}
