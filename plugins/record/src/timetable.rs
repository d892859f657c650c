//! The timetable of a replay, from what is on disk: the events of three tables, merged in the order in which they
//! happened.

use crate::events::port_of;
use pipeline_plugin_api::abi::{NOBODY, Take, TapEvent, TapKind, TapNote};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::tap::Schedule;
use pipeline_record_store::schema::{DELIVERIES, EMISSIONS, EVENTS, Table};
use pipeline_record_store::{Block, Run, Stream};
use std::collections::{BTreeMap, VecDeque};

/// The schedule of a run. Where a crash cut it off it ends with the last of what is whole.
pub fn schedule(run: &Run) -> Schedule {
    let facts = &run.page().facts;
    let nodes = facts.nodes.iter().enumerate();
    let places = Places(nodes.map(|(place, node)| (node.name.clone(), place as u32)).collect());
    let mut schedule = Schedule::new(facts);
    let mut queues = [
        Queue::new(run, &EMISSIONS, said),
        Queue::new(run, &DELIVERIES, delivered),
        Queue::new(run, &EVENTS, noted),
    ];
    loop {
        let next = queues
            .iter_mut()
            .enumerate()
            .filter_map(|(place, queue)| Some((queue.sequence(&places)?, place)))
            .min();
        let happened = next.and_then(|(_, place)| queues[place].take());
        let Some(happened) = happened else { return schedule };
        schedule.event(&happened.event, &happened.takes, happened.note.as_ref());
    }
}

/// Places of nodes by their names.
struct Places(BTreeMap<String, u32>);

impl Places {
    fn of(&self, name: &str) -> u32 {
        self.0.get(name).copied().unwrap_or(NOBODY)
    }
}

/// One event.
#[derive(Clone, Debug, Default)]
struct Happened {
    sequence: u64,
    event: TapEvent,
    takes: Vec<Take>,
    note: Option<TapNote>,
}

type Read = fn(&Block, &Places) -> Vec<Happened>;

/// The events of one table.
struct Queue {
    stream: Stream,
    read: Read,
    waiting: VecDeque<Happened>,
    ended: bool,
}

impl Queue {
    fn new(run: &Run, table: &'static Table, read: Read) -> Self {
        Self {
            stream: run.read(table, None),
            read,
            waiting: VecDeque::new(),
            ended: false,
        }
    }

    /// The number of the next. The rows of one call may lie in two blocks, so the last is kept until the next is there.
    fn sequence(&mut self, places: &Places) -> Option<u64> {
        while self.waiting.len() < 2 && !self.ended {
            match self.stream.next() {
                Some(block) => (self.read)(&block, places).into_iter().for_each(|next| self.join(next)),
                None => self.ended = true,
            }
        }
        self.waiting.front().map(|next| next.sequence)
    }

    fn join(&mut self, next: Happened) {
        match self.waiting.back_mut() {
            Some(last) if last.sequence == next.sequence => last.takes.extend(next.takes),
            _ => self.waiting.push_back(next),
        }
    }

    fn take(&mut self) -> Option<Happened> {
        self.waiting.pop_front()
    }
}

/// What all three tables have.
fn heads(block: &Block, places: &Places) -> Vec<(u64, TapEvent)> {
    let (sequences, instants, ats) = (
        block.unsigned("sequence"),
        block.unsigned("instant"),
        block.integers("at_ns"),
    );
    let nodes = block.words("node");
    let head = |row: usize| {
        let event = TapEvent {
            node: places.of(nodes.text(row)),
            instant: instants[row],
            at: Nanos(ats[row].cast_unsigned()),
            ..TapEvent::default()
        };
        (sequences[row], event)
    };
    (0..block.len()).map(head).collect()
}

fn said(block: &Block, places: &Places) -> Vec<Happened> {
    let batch_ats = block.integers("batch_at_ns");
    let heads = heads(block, places).into_iter().enumerate();
    let said = heads.map(|(row, (sequence, event))| Happened {
        sequence,
        event: TapEvent {
            kind: TapKind::SAID,
            batch_at: Nanos(batch_ats[row].cast_unsigned()),
            ..event
        },
        ..Happened::default()
    });
    said.collect()
}

fn delivered(block: &Block, places: &Places) -> Vec<Happened> {
    let (what, due, port) = (block.words("event"), block.small("due"), block.words("port"));
    let (producer, said) = (block.words("producer"), block.unsigned("said"));
    let mut all: Vec<Happened> = Vec::new();
    for (row, (sequence, event)) in heads(block, places).into_iter().enumerate() {
        let take = port_of(port.text(row)).map(|port| Take {
            port,
            node: places.of(producer.text(row)),
            instant: said[row],
        });
        match all.last_mut() {
            Some(last) if last.sequence == sequence => last.takes.extend(take),
            _ => all.push(Happened {
                sequence,
                event: TapEvent {
                    kind: if what.text(row) == "dropped" {
                        TapKind::DROPPED
                    } else {
                        TapKind::CALLED
                    },
                    due: due[row],
                    ..event
                },
                takes: take.into_iter().collect(),
                note: None,
            }),
        }
    }
    all
}

fn noted(block: &Block, places: &Places) -> Vec<Happened> {
    let (what, name, text, number) = (
        block.words("event"),
        block.words("name"),
        block.words("text"),
        block.unsigned("number"),
    );
    let heads = heads(block, places).into_iter().enumerate();
    let noted = heads.map(|(row, (sequence, event))| Happened {
        sequence,
        event: TapEvent {
            kind: TapKind::named(what.text(row)).unwrap_or_default(),
            ..event
        },
        takes: Vec::new(),
        note: Some(TapNote {
            name: name.text(row).into(),
            text: text.text(row).into(),
            bytes: block.bytes("bytes", row).into(),
            number: number[row],
        }),
    });
    noted.collect()
}
