//! From what a tap gave to the timetable of a replay. Only arithmetic on numbers: what was said is kept elsewhere.

use crate::abi::{
    Fetched, LAST_PORT, Late, NOBODY, Nanos, OUTCOMES_PORT, Step, TARGETS_PORT, Take, TapBatch, TapEvent, TapKind,
    TapNote, TimedRestart, TimedSetting, Timetable, Turn,
};
use crate::tap::RunFacts;
use std::collections::HashMap;

/// Makes a [`Timetable`] of a run's events, which are told to it in their order.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    table: Timetable,
    /// Whether the node at that place is a transform or scheduler.
    pure: Vec<bool>,
    /// The instant that the last step stands for.
    instant: Option<u64>,
    /// The step at which each node said what it said at that instant.
    said: HashMap<(u32, u64), u32>,
    /// Who is told of whom beside `from`.
    echoes: Vec<Echo>,
    /// The instant and step at which each node was called last.
    called: Vec<Option<(u64, u32)>>,
}

/// What a node is told beside its `from`: of targets, of what later nodes said, of outcomes.
#[derive(Copy, Clone, Debug)]
struct Echo {
    from: u32,
    to: u32,
    port: u32,
    /// The step of the last word that was heard.
    heard: Option<u32>,
}

impl Schedule {
    /// For a run with those nodes. All are strict, see [`Schedule::loosen`].
    pub fn new(facts: &RunFacts) -> Self {
        let names = facts.nodes.iter().map(|node| node.name.as_str().into());
        let table = Timetable {
            nodes: names.collect(),
            strict: (0..facts.nodes.len() as u32).collect(),
            ..Timetable::default()
        };
        let pure = |stage: &str| matches!(stage, "transforms" | "schedulers");
        Self {
            table,
            pure: facts.nodes.iter().map(|node| pure(&node.stage)).collect(),
            called: vec![None; facts.nodes.len()],
            echoes: echoes(facts),
            ..Self::default()
        }
    }

    /// A node that is not what was recorded: its wishes count too. To be told of each transform and scheduler that is
    /// changed or reads one that is.
    pub fn loosen(&mut self, node: u32) {
        self.table.strict.retain(|strict| *strict != node);
    }

    /// Takes in all events of a batch.
    pub fn batch(&mut self, batch: &TapBatch) {
        for event in &batch.events {
            self.event(
                event,
                batch.takes_of(event),
                batch.note_of(event).filter(|_| has_note(event.kind)),
            );
        }
    }

    /// Takes in one event with its takes or its note.
    pub fn event(&mut self, event: &TapEvent, takes: &[Take], note: Option<&TapNote>) {
        match event.kind {
            TapKind::SAID => self.said(event),
            TapKind::CALLED => self.called(event, takes),
            TapKind::DROPPED => self.dropped(event.node, takes),
            TapKind::SET => self.set(event, note),
            TapKind::ENDED => self.ended(event, note),
            TapKind::FETCHED => self.fetched(event, note),
            _ => {}
        }
    }

    /// The timetable.
    pub fn finish(mut self) -> Timetable {
        self.end_echoes();
        self.table
            .late
            .sort_by_key(|late| (late.said, late.from, late.to, late.port));
        self.table
    }

    /// What a node says at the very end may have no more call in which it is heard; it is not to be heard earlier either.
    fn end_echoes(&mut self) {
        for ((node, _), step) in &self.said {
            let unheard = |echo: &&Echo| echo.from == *node && echo.heard.is_none_or(|heard| *step > heard);
            for echo in self.echoes.iter().filter(unheard) {
                self.table.late.push(Late {
                    from: echo.from,
                    to: echo.to,
                    port: echo.port,
                    said: *step,
                    heard: Late::NEVER,
                });
            }
        }
    }

    /// The step of an instant: the last one, unless somebody else's instant came between.
    fn step(&mut self, instant: u64, at: Nanos) -> u32 {
        if self.instant != Some(instant) {
            self.instant = Some(instant);
            self.table.steps.push(Step {
                at,
                first: self.table.turns.len() as u32,
                count: 0,
            });
        }
        self.table.steps.len() as u32 - 1
    }

    fn is_pure(&self, node: u32) -> bool {
        self.pure.get(node as usize).copied().unwrap_or_default()
    }

    /// A transform says what it says where it is called; all others are called to say it.
    fn said(&mut self, event: &TapEvent) {
        let at_call = self.called.get(event.node as usize).copied().flatten();
        let step = match at_call.filter(|(instant, _)| *instant == event.instant && self.is_pure(event.node)) {
            Some((_, step)) => step,
            None => {
                let step = self.step(event.instant, event.at);
                if !self.is_pure(event.node) {
                    self.turn(event.node, 1);
                }
                step
            }
        };
        self.said.insert((event.node, event.instant), step);
    }

    fn turn(&mut self, node: u32, due: u32) {
        self.table.turns.push(Turn { node, due });
        if let Some(step) = self.table.steps.last_mut() {
            step.count += 1;
        }
    }

    fn called(&mut self, event: &TapEvent, takes: &[Take]) {
        let step = self.step(event.instant, event.at);
        self.turn(event.node, event.due);
        if let Some(called) = self.called.get_mut(event.node as usize) {
            *called = Some((event.instant, step));
        }
        for take in takes.iter().filter(|take| take.node != NOBODY) {
            if let Some(said) = self.said.get(&(take.node, take.instant)).copied() {
                self.heard(event.node, take, said);
                if said < step {
                    self.late(event.node, take, said, step);
                }
            }
        }
    }

    fn heard(&mut self, to: u32, take: &Take, said: u32) {
        let this = |echo: &&mut Echo| (echo.from, echo.to, echo.port) == (take.node, to, take.port);
        if let Some(echo) = self.echoes.iter_mut().find(this) {
            echo.heard = echo.heard.max(Some(said));
        }
    }

    fn late(&mut self, to: u32, take: &Take, said: u32, heard: u32) {
        self.table.late.push(Late {
            from: take.node,
            to,
            port: take.port,
            said,
            heard,
        });
    }

    fn dropped(&mut self, to: u32, takes: &[Take]) {
        for take in takes {
            if let Some(said) = self.said.get(&(take.node, take.instant)).copied() {
                self.late(to, take, said, Late::NEVER);
            }
        }
    }

    fn set(&mut self, event: &TapEvent, note: Option<&TapNote>) {
        let step = self.step(event.instant, event.at);
        if let Some(note) = note {
            self.table.settings.push(TimedSetting {
                step,
                node: event.node,
                name: note.name.clone(),
                value: note.text.clone(),
            });
        }
    }

    /// A panic happens again by itself; a call that hung does not.
    fn ended(&mut self, event: &TapEvent, note: Option<&TapNote>) {
        if let Some(note) = note.filter(|note| note.number != 0 && self.is_pure(event.node)) {
            self.take_back_turn(event.node);
            let step = self.step(event.instant, event.at);
            self.table.restarts.push(TimedRestart {
                step,
                node: event.node,
                why: note.text.clone(),
            });
        }
    }

    /// The call that hung said nothing, and what it was given is lost with it.
    fn take_back_turn(&mut self, node: u32) {
        if let Some(turn) = self.table.turns.iter_mut().rev().find(|turn| turn.node == node) {
            turn.node = NOBODY;
        }
    }

    fn fetched(&mut self, event: &TapEvent, note: Option<&TapNote>) {
        if let Some(note) = note {
            self.table.fetched.push(Fetched {
                node: event.node,
                key: note.name.clone(),
                found: note.number as u32,
                bytes: note.bytes.clone(),
            });
        }
    }
}

/// All are told of targets; outcomes go back from actuators and schedulers to the schedulers that these read.
fn echoes(facts: &RunFacts) -> Vec<Echo> {
    let stage = |node: u32| facts.nodes.get(node as usize).map(|node| node.stage.as_str());
    let mut echoes = Vec::new();
    for (place, node) in (0..).zip(&facts.nodes) {
        let mut add = |from: u32, to: u32, port: u32| {
            echoes.push(Echo {
                from,
                to,
                port,
                heard: None,
            });
        };
        if matches!(node.stage.as_str(), "transforms" | "schedulers") {
            let all = 0..facts.nodes.len() as u32;
            all.filter(|from| stage(*from) == Some("targets"))
                .for_each(|from| add(from, place, TARGETS_PORT));
            (LAST_PORT..)
                .zip(&node.last)
                .for_each(|(port, later)| add(*later, place, port));
        }
        if matches!(node.stage.as_str(), "actuators" | "schedulers") {
            let masters = node.from.iter().filter(|from| stage(**from) == Some("schedulers"));
            masters.for_each(|master| add(place, *master, OUTCOMES_PORT));
        }
    }
    echoes
}

fn has_note(kind: TapKind) -> bool {
    !matches!(kind, TapKind::SAID | TapKind::CALLED | TapKind::DROPPED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::NodeFacts;

    /// `cpi` (collector), `slow` (transform), `guard` (scheduler), `knob` (actuator).
    fn schedule() -> Schedule {
        let node = |(name, stage): (&str, &str)| NodeFacts {
            name: name.to_owned(),
            stage: stage.to_owned(),
            ..NodeFacts::default()
        };
        let nodes = [
            ("cpi", "collectors"),
            ("slow", "transforms"),
            ("guard", "schedulers"),
            ("knob", "actuators"),
        ];
        Schedule::new(&RunFacts {
            nodes: nodes.map(node).into(),
            ..RunFacts::default()
        })
    }

    fn event(kind: TapKind, node: u32, instant: u64, at: u64) -> TapEvent {
        TapEvent {
            kind,
            node,
            instant,
            at: Nanos(at),
            ..TapEvent::default()
        }
    }

    fn take(port: u32, node: u32, instant: u64) -> Take {
        Take { port, node, instant }
    }

    #[test]
    fn in_one_lane_nothing_is_late_but_what_runs_back() {
        let mut schedule = schedule();
        schedule.event(&event(TapKind::SAID, 0, 1, 50), &[], None);
        schedule.event(&event(TapKind::CALLED, 1, 1, 50), &[take(0, 0, 1)], None);
        schedule.event(&event(TapKind::SAID, 1, 1, 50), &[], None);
        schedule.event(&event(TapKind::CALLED, 2, 1, 50), &[take(0, 1, 1)], None);
        schedule.event(&event(TapKind::SAID, 3, 1, 50), &[], None);
        let due = TapEvent {
            due: 1,
            ..event(TapKind::CALLED, 2, 2, 60)
        };
        schedule.event(&due, &[take(OUTCOMES_PORT, 3, 1)], None);
        let table = schedule.finish();
        let steps: Vec<(u64, u32)> = table.steps.iter().map(|step| (step.at.0, step.count)).collect();
        assert_eq!(steps, [(50, 4), (60, 1)]);
        let turns: Vec<(u32, u32)> = table.turns.iter().map(|turn| (turn.node, turn.due)).collect();
        assert_eq!(turns, [(0, 1), (1, 0), (2, 0), (3, 1), (2, 1)]);
        let late = Late {
            from: 3,
            to: 2,
            port: OUTCOMES_PORT,
            said: 0,
            heard: 1,
        };
        assert_eq!(&table.late[..], [late]);
    }

    #[test]
    fn what_crosses_between_lanes_is_heard_at_the_readers_own_instant_or_never() {
        let mut schedule = schedule();
        schedule.event(&event(TapKind::SAID, 0, 1, 50), &[], None);
        schedule.event(&event(TapKind::SAID, 0, 3, 60), &[], None);
        schedule.event(&event(TapKind::DROPPED, 1, 3, 60), &[take(0, 0, 1)], None);
        schedule.event(&event(TapKind::CALLED, 1, 2, 61), &[take(0, 0, 3)], None);
        let table = schedule.finish();
        let late: Vec<(u32, u32)> = table.late.iter().map(|late| (late.said, late.heard)).collect();
        assert_eq!(late, [(0, Late::NEVER), (1, 2)]);
        assert_eq!(
            table.steps.iter().map(|step| step.at.0).collect::<Vec<_>>(),
            [50, 60, 61]
        );
    }

    #[test]
    fn an_instant_into_which_another_lane_spoke_is_two_steps() {
        let mut schedule = schedule();
        schedule.event(&event(TapKind::CALLED, 1, 5, 70), &[], None);
        schedule.event(&event(TapKind::SAID, 0, 6, 71), &[], None);
        schedule.event(&event(TapKind::SAID, 1, 5, 70), &[], None);
        schedule.event(&event(TapKind::CALLED, 2, 5, 70), &[take(0, 1, 5), take(1, 0, 6)], None);
        let table = schedule.finish();
        assert_eq!(
            table.steps.iter().map(|step| step.at.0).collect::<Vec<_>>(),
            [70, 71, 70]
        );
        let late: Vec<(u32, u32, u32)> = table.late.iter().map(|l| (l.from, l.said, l.heard)).collect();
        assert_eq!(late, [(1, 0, 2), (0, 1, 2)]);
    }

    #[test]
    fn a_call_that_hung_is_replayed_by_hand_and_a_panic_by_itself() {
        let mut schedule = schedule();
        let note = |number: u64| TapNote {
            text: "why".into(),
            number,
            ..TapNote::default()
        };
        schedule.event(&event(TapKind::CALLED, 1, 1, 10), &[], None);
        schedule.event(&event(TapKind::ENDED, 1, 1, 10), &[], Some(&note(0)));
        schedule.event(&event(TapKind::CALLED, 1, 2, 20), &[], None);
        schedule.event(&event(TapKind::ENDED, 1, 2, 20), &[], Some(&note(1)));
        let table = schedule.finish();
        let turns: Vec<u32> = table.turns.iter().map(|turn| turn.node).collect();
        assert_eq!(turns, [1, NOBODY], "the call that hung is not made again");
        assert_eq!(table.restarts.len(), 1);
        assert_eq!(table.restarts[0].why, "why");
    }
}
