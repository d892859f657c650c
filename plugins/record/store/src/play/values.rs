//! Rows of the tables that have few of them, as values again.

use super::Names;
use super::cursor::Columns;
use crate::block::{Block, WordColumn};
use crate::lists;
use crate::parts::part_named;
use arrow_buffer::ScalarBuffer;
use pipeline_plugin_api::abi::{
    Action, Change, Class, Control, Culprit, Fate, Finding, Kind, KnobId, MetricId, Nanos, Outcome, Part, Phase,
    Quality, Resource, Target, TargetChange, TargetId,
};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What the names of the run are here.
#[derive(Debug, Default)]
pub struct Words {
    metrics: BTreeMap<String, MetricId>,
    knobs: BTreeMap<String, KnobId>,
    parts: BTreeMap<String, Part>,
}

impl Words {
    /// Gives ids to names in the order in which they were first used, by their numbers.
    pub fn take_names(&mut self, block: &Block, names: &mut dyn Names) {
        let (what, name) = (block.words("what"), block.words("name"));
        let (unit, kind, ids) = (block.words("unit"), block.words("kind"), block.small("id"));
        let mut rows: Vec<usize> = (0..block.len()).collect();
        rows.sort_by_key(|row| ids[*row]);
        for row in rows {
            let (text, unit) = (name.text(row), unit.text(row));
            match what.text(row) {
                "metric" => {
                    let kind = Kind::named(kind.text(row)).unwrap_or_default();
                    self.metrics.insert(text.to_owned(), names.metric(text, unit, kind));
                }
                "knob" => drop(self.knobs.insert(text.to_owned(), names.knob(text, unit))),
                "part" => drop(self.parts.insert(text.to_owned(), names.part(text))),
                _ => {}
            }
        }
    }

    /// The id of a metric that was told with its unit.
    pub fn metric(&self, name: &str) -> MetricId {
        self.metrics.get(name).copied().unwrap_or_default()
    }

    /// The id of a knob that was told with its unit.
    pub fn knob(&self, name: &str) -> KnobId {
        self.knobs.get(name).copied().unwrap_or(lists::NO_KNOB)
    }

    /// A part, whether it has a number or a name of its own.
    pub fn part(&self, name: &str, names: &mut dyn Names) -> Part {
        let known = part_named(name).or_else(|| self.parts.get(name).copied());
        known.unwrap_or_else(|| names.part(name))
    }
}

/// A block whose columns are looked up when they are asked for, and then kept.
#[derive(Debug)]
pub struct Plain {
    block: Block,
    sequences: ScalarBuffer<u64>,
    words: RefCell<BTreeMap<&'static str, WordColumn>>,
}

impl Columns for Plain {
    fn of(block: Block, _: &Words, _: &mut dyn Names) -> Self {
        Self {
            sequences: block.unsigned("sequence"),
            block,
            words: RefCell::default(),
        }
    }
    fn sequences(&self) -> &[u64] {
        &self.sequences
    }
}

impl Plain {
    /// A small number.
    pub fn small(&self, name: &str, row: usize) -> u32 {
        self.block.small(name)[row]
    }

    fn word(&self, name: &'static str, row: usize) -> String {
        let mut words = self.words.borrow_mut();
        let column = words.entry(name).or_insert_with(|| self.block.words(name));
        column.text(row).to_owned()
    }

    fn number(&self, name: &str, row: usize) -> f64 {
        self.block.numbers(name)[row]
    }

    fn unsigned(&self, name: &str, row: usize) -> u64 {
        self.block.unsigned(name)[row]
    }

    fn integer(&self, name: &str, row: usize) -> i64 {
        self.block.integers(name)[row]
    }

    fn nanos(&self, name: &str, row: usize) -> Nanos {
        Nanos(self.integer(name, row).cast_unsigned())
    }

    fn target(&self, name: &str, row: usize) -> TargetId {
        TargetId(self.small(name, row))
    }
}

/// The value of a word, numbers of later versions included.
fn open<T>(text: &str, named: fn(&str) -> Option<T>, numbered: impl FnOnce(u32) -> T) -> T {
    let number = || text.strip_prefix("unknown(")?.strip_suffix(')')?.parse().ok();
    named(text).unwrap_or_else(|| numbered(number().unwrap_or(0)))
}

/// A quality.
pub fn quality(text: &str) -> Quality {
    open(text, Quality::named, |number| Quality(number as u16))
}

/// A change of a target.
pub fn change(block: &Plain, row: usize, words: &Words, _: &mut dyn Names) -> TargetChange {
    TargetChange {
        at: block.nanos("at_ns", row),
        change: open(&block.word("change", row), Change::named, Change),
        target: Target {
            id: block.target("target_id", row),
            generation: block.small("generation", row),
            provider: block.word("provider", row).into(),
            parent: block.target("parent_id", row),
            name: block.word("target", row).into(),
            class: open(&block.word("class", row), Class::named, Class),
            priority: i32::try_from(block.integer("priority", row)).unwrap_or_default(),
            goals: lists::goals_of(&block.word("goals", row), |name| words.metric(name)).into(),
            labels: lists::labels_of(&block.word("labels", row)).into(),
            cgroups: lists::cgroups_of(&block.word("cgroups", row)).into(),
            processes: lists::processes_of(&block.word("processes", row)).into(),
            cpus: lists::cpus_of(&block.word("cpus", row)).into(),
            spare: lists::spare_of(block.block.bytes("spare", row)).into(),
        },
    }
}

/// A finding, without its culprits and evidence.
pub fn finding(block: &Plain, row: usize) -> Finding {
    Finding {
        at: block.nanos("at_ns", row),
        id: block.unsigned("finding", row),
        phase: open(&block.word("phase", row), Phase::named, Phase),
        victim: block.target("victim_id", row),
        resource: open(&block.word("resource", row), Resource::named, Resource),
        severity: block.number("severity", row),
        confidence: block.number("confidence", row),
        why: block.word("why", row).into(),
        spare: lists::spare_of(block.block.bytes("spare", row)).into(),
        ..Finding::default()
    }
}

/// A culprit.
pub fn culprit(block: &Plain, row: usize) -> Culprit {
    Culprit {
        target: block.target("target_id", row),
        score: block.number("score", row),
    }
}

/// A control.
pub fn control(block: &Plain, row: usize, words: &Words) -> Control {
    Control {
        at: block.nanos("at_ns", row),
        target: block.target("target_id", row),
        knob: words.knob(&block.word("knob", row)),
        resource: open(&block.word("resource", row), Resource::named, Resource),
        least: block.number("least", row),
        most: block.number("most", row),
        step: block.number("step", row),
        value: block.number("value", row),
        stricter: i32::try_from(block.integer("stricter", row)).unwrap_or_default(),
        cost: block.number("cost", row),
        spare: lists::spare_of(block.block.bytes("spare", row)).into(),
    }
}

/// An action.
pub fn action(block: &Plain, row: usize, words: &Words) -> Action {
    Action {
        at: block.nanos("at_ns", row),
        id: block.unsigned("action", row),
        target: block.target("target_id", row),
        knob: words.knob(&block.word("knob", row)),
        value: block.number("value", row),
        text: block.word("text", row).into(),
        until: block.nanos("until_ns", row),
        set: block.unsigned("set", row),
        why: block.word("why", row).into(),
        spare: lists::spare_of(block.block.bytes("spare", row)).into(),
    }
}

/// An outcome.
pub fn outcome(block: &Plain, row: usize, words: &Words) -> Outcome {
    Outcome {
        at: block.nanos("at_ns", row),
        action: block.unsigned("action", row),
        target: block.target("target_id", row),
        knob: words.knob(&block.word("knob", row)),
        fate: open(&block.word("fate", row), Fate::named, Fate),
        value: block.number("value", row),
        text: block.word("text", row).into(),
        why: block.word("why", row).into(),
        spare: lists::spare_of(block.block.bytes("spare", row)).into(),
    }
}
