//! A run played back: what nodes said, in the order in which they said it, as the batches that it was.
//!
//! Each table is read once, from its beginning; `emissions` says how many rows of each belong together.

mod cursor;
mod readings;
mod values;

use crate::lists;
use crate::run::{Run, Torn};
use crate::schema::{
    ACTIONS, CONTROLS, CULPRITS, EMISSIONS, EVIDENCE, FINDINGS, NAMES, OUTCOMES, READINGS, TARGETS, Table,
};
use cursor::Cursor;
use pipeline_plugin_api::abi::{Batch, Kind, KnobId, KnobName, MetricId, MetricName, Nanos, Part};
use pipeline_plugin_api::tap::NameTable;
use readings::{READING_COLUMNS, ReadingBlock};
use values::Words;

/// Gives ids to the names of a run.
pub trait Names {
    /// The id of a metric.
    fn metric(&mut self, name: &str, unit: &str, kind: Kind) -> MetricId;
    /// The id of a knob.
    fn knob(&mut self, name: &str, unit: &str) -> KnobId;
    /// A part that has a name of its own.
    fn part(&mut self, name: &str) -> Part;
}

/// Which nodes are played.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// All.
    All,
    /// Those.
    Nodes(Vec<String>),
}

/// What a node said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Emission {
    /// Its place among all that happened.
    pub sequence: u64,
    /// The number of the instant.
    pub instant: u64,
    /// The instant.
    pub at: Nanos,
    /// The place of the node among [`Player::nodes`].
    pub node: usize,
    /// What it said.
    pub batch: Batch,
}

/// Plays a run.
#[derive(Debug)]
pub struct Player {
    heads: Cursor<Heads>,
    nodes: Vec<String>,
    played: Vec<bool>,
    wanted: Wanted,
    words: Words,
    readings: Cursor<ReadingBlock>,
    targets: Cursor<values::Plain>,
    findings: Cursor<values::Plain>,
    culprits: Cursor<values::Plain>,
    evidence: Cursor<ReadingBlock>,
    controls: Cursor<values::Plain>,
    actions: Cursor<values::Plain>,
    outcomes: Cursor<values::Plain>,
}

impl Player {
    /// Plays those nodes. Names are given ids in the order in which the run first used them, so that where nothing else
    /// was named before, they are the same as they were.
    pub fn new(run: &Run, wanted: Wanted, names: &mut dyn Names) -> Self {
        let mut words = Words::default();
        for block in run.read(&NAMES, None) {
            words.take_names(&block, names);
        }
        let all = |table: &Table| Cursor::new(run.read(table, None));
        Self {
            heads: Cursor::new(run.read(&EMISSIONS, None)),
            nodes: Vec::new(),
            played: Vec::new(),
            wanted,
            words,
            readings: Cursor::new(run.read(&READINGS, Some(READING_COLUMNS))),
            targets: all(&TARGETS),
            findings: all(&FINDINGS),
            culprits: all(&CULPRITS),
            evidence: Cursor::new(run.read(&EVIDENCE, Some(READING_COLUMNS))),
            controls: all(&CONTROLS),
            actions: all(&ACTIONS),
            outcomes: all(&OUTCOMES),
        }
    }

    /// The nodes that spoke so far.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// What could not be read so far.
    pub fn torn(&self) -> Vec<Torn> {
        let mut torn: Vec<Torn> = Vec::new();
        for cursor in [
            &self.targets,
            &self.findings,
            &self.culprits,
            &self.controls,
            &self.actions,
            &self.outcomes,
        ] {
            torn.extend_from_slice(cursor.torn());
        }
        torn.extend_from_slice(self.heads.torn());
        torn.extend_from_slice(self.readings.torn());
        torn.extend_from_slice(self.evidence.torn());
        torn
    }

    /// The next that one of the wanted nodes said, into a batch whose room is used again. `false` at the end.
    pub fn next_into(&mut self, out: &mut Emission, names: &mut dyn Names) -> bool {
        loop {
            let Some((heads, row)) = self.heads.row(&self.words, names) else {
                return false;
            };
            let head = heads.head(row);
            let node = heads.nodes.text(row).to_owned();
            let spare = heads.spare(row);
            self.heads.pass(1);
            let place = self.place(node);
            if self.played[place] {
                out.batch.clear();
                self.fill(&head, place, out, names);
                out.batch.spare.extend(lists::spare_of(&spare));
                return true;
            }
            // Rows of others are passed by when the next of the wanted ones is looked for, and not read before.
        }
    }

    fn place(&mut self, node: String) -> usize {
        if let Some(place) = self.nodes.iter().position(|name| *name == node) {
            return place;
        }
        self.played.push(match &self.wanted {
            Wanted::All => true,
            Wanted::Nodes(wanted) => wanted.contains(&node),
        });
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn fill(&mut self, head: &Head, node: usize, out: &mut Emission, names: &mut dyn Names) {
        out.sequence = head.sequence;
        out.instant = head.instant;
        out.at = head.at;
        out.node = node;
        let batch = &mut out.batch;
        batch.at = head.batch_at;
        let words = &self.words;
        self.readings
            .each(head.sequence, head.readings, words, names, |block, rows| {
                block.fill(rows, &mut batch.readings)
            });
        if head.others == 0 {
            return;
        }
        let [targets, findings, controls, actions, outcomes] = head.other;
        self.targets
            .rows(head.sequence, targets, words, names, |block, row, names| {
                batch.changes.push(values::change(block, row, words, names));
            });
        let (mut culprits, mut evidence) = (Vec::new(), Vec::new());
        self.findings
            .rows(head.sequence, findings, words, names, |block, row, _| {
                culprits.push(block.small("culprits", row));
                evidence.push(block.small("evidence", row));
                batch.findings.push(values::finding(block, row));
            });
        for (finding, count) in batch.findings.iter_mut().zip(culprits) {
            self.culprits.rows(head.sequence, count, words, names, |block, row, _| {
                finding.culprits.push(values::culprit(block, row));
            });
        }
        for (finding, count) in batch.findings.iter_mut().zip(evidence) {
            let said = &mut finding.evidence;
            self.evidence
                .each(head.sequence, count, words, names, |block, rows| block.fill(rows, said));
        }
        self.controls
            .rows(head.sequence, controls, words, names, |block, row, _| {
                batch.controls.push(values::control(block, row, words));
            });
        self.actions
            .rows(head.sequence, actions, words, names, |block, row, _| {
                batch.actions.push(values::action(block, row, words));
            });
        self.outcomes
            .rows(head.sequence, outcomes, words, names, |block, row, _| {
                batch.outcomes.push(values::outcome(block, row, words));
            });
    }
}

/// A row of `emissions`.
struct Head {
    sequence: u64,
    instant: u64,
    at: Nanos,
    batch_at: Nanos,
    readings: u32,
    /// Rows of `targets`, `findings`, `controls`, `actions`, `outcomes`.
    other: [u32; 5],
    others: u32,
}

/// A block of `emissions`, with its columns at hand.
#[derive(Debug)]
struct Heads {
    block: crate::block::Block,
    sequences: arrow_buffer::ScalarBuffer<u64>,
    instants: arrow_buffer::ScalarBuffer<u64>,
    ats: arrow_buffer::ScalarBuffer<i64>,
    batch_ats: arrow_buffer::ScalarBuffer<i64>,
    nodes: crate::block::WordColumn,
    counts: [arrow_buffer::ScalarBuffer<u32>; 6],
}

impl cursor::Columns for Heads {
    fn of(block: crate::block::Block, _: &Words, _: &mut dyn Names) -> Self {
        Self {
            sequences: block.unsigned("sequence"),
            instants: block.unsigned("instant"),
            ats: block.integers("at_ns"),
            batch_ats: block.integers("batch_at_ns"),
            nodes: block.words("node"),
            counts: ["readings", "targets", "findings", "controls", "actions", "outcomes"]
                .map(|name| block.small(name)),
            block,
        }
    }
    fn sequences(&self) -> &[u64] {
        &self.sequences
    }
}

impl Heads {
    fn head(&self, row: usize) -> Head {
        let [readings, targets, findings, controls, actions, outcomes] = &self.counts;
        let other = [targets[row], findings[row], controls[row], actions[row], outcomes[row]];
        Head {
            sequence: self.sequences[row],
            instant: self.instants[row],
            at: Nanos(self.ats[row].cast_unsigned()),
            batch_at: Nanos(self.batch_ats[row].cast_unsigned()),
            readings: readings[row],
            others: other.iter().sum(),
            other,
        }
    }

    fn spare(&self, row: usize) -> Vec<u8> {
        self.block.bytes("spare", row).to_vec()
    }
}

/// Names that are kept here and nowhere else: for whoever reads a run without a host.
impl Names for pipeline_plugin_api::names::Names {
    fn metric(&mut self, name: &str, unit: &str, kind: Kind) -> MetricId {
        Self::metric(self, name, unit, kind).unwrap_or_default()
    }
    fn knob(&mut self, name: &str, unit: &str) -> KnobId {
        Self::knob(self, name, unit).unwrap_or_default()
    }
    fn part(&mut self, name: &str) -> Part {
        Self::part(self, name)
    }
}

/// All names of a run, by their ids.
pub fn names(run: &Run) -> NameTable {
    let mut table = NameTable::default();
    for block in run.read(&NAMES, None) {
        let (what, name) = (block.words("what"), block.words("name"));
        let (unit, kind) = (block.words("unit"), block.words("kind"));
        for row in 0..block.len() {
            let (name, unit) = (name.text(row), unit.text(row));
            match what.text(row) {
                "metric" => table.metrics.push(MetricName {
                    name: name.into(),
                    unit: unit.into(),
                    kind: Kind::named(kind.text(row)).unwrap_or_default(),
                }),
                "knob" => table.knobs.push(KnobName {
                    name: name.into(),
                    unit: unit.into(),
                }),
                "part" => table.parts.push(name.into()),
                _ => {}
            }
        }
    }
    table
}

#[cfg(test)]
mod tests;
