//! Rows of readings as readings again, fast: words are looked up once a block.

use super::Names;
use super::cursor::Columns;
use super::values::Words;
use crate::block::{Block, WordColumn};
use abi_stable::std_types::RVec;
use arrow_buffer::ScalarBuffer;
use pipeline_plugin_api::abi::{MetricId, Nanos, Part, Quality, Reading, TargetId};
use std::ops::Range;

/// What a reading is made of.
pub const READING_COLUMNS: &[&str] = &[
    "sequence",
    "at_ns",
    "span_ns",
    "target_id",
    "metric",
    "part",
    "value",
    "quality",
    "detail",
];

/// A block of readings.
#[derive(Debug)]
pub struct ReadingBlock {
    sequences: ScalarBuffer<u64>,
    ats: ScalarBuffer<i64>,
    spans: ScalarBuffer<i64>,
    targets: ScalarBuffer<u32>,
    details: ScalarBuffer<u32>,
    values: ScalarBuffer<f64>,
    metrics: Ids<MetricId>,
    parts: Ids<Part>,
    qualities: Ids<Quality>,
}

/// What the words of a column stand for.
#[derive(Debug)]
struct Ids<T> {
    column: WordColumn,
    ids: Vec<T>,
    absent: T,
}

impl<T: Copy> Ids<T> {
    fn new(column: WordColumn, absent: T, id: impl FnMut(&String) -> T) -> Self {
        let ids = column.texts().iter().map(id).collect();
        Self { column, ids, absent }
    }

    fn of(&self, row: usize) -> T {
        self.column
            .key(row)
            .and_then(|key| self.ids.get(key).copied())
            .unwrap_or(self.absent)
    }
}

impl Columns for ReadingBlock {
    fn of(block: Block, words: &Words, names: &mut dyn Names) -> Self {
        Self {
            sequences: block.unsigned("sequence"),
            ats: block.integers("at_ns"),
            spans: block.integers("span_ns"),
            targets: block.small("target_id"),
            details: block.small("detail"),
            values: block.numbers("value"),
            metrics: Ids::new(block.words("metric"), MetricId::default(), |name| words.metric(name)),
            parts: Ids::new(block.words("part"), Part::WHOLE, |name| words.part(name, names)),
            qualities: Ids::new(block.words("quality"), Quality::default(), |name| {
                super::values::quality(name)
            }),
        }
    }
    fn sequences(&self) -> &[u64] {
        &self.sequences
    }
}

impl ReadingBlock {
    /// Adds the readings of those rows.
    pub fn fill(&self, rows: Range<usize>, out: &mut RVec<Reading>) {
        out.reserve(rows.len());
        out.extend(rows.map(|row| Reading {
            at: Nanos(self.ats[row].cast_unsigned()),
            span: Nanos(self.spans[row].cast_unsigned()),
            value: self.values[row],
            metric: self.metrics.of(row),
            target: TargetId(self.targets[row]),
            part: self.parts.of(row),
            quality: self.qualities.of(row),
            detail: self.details[row] as u16,
        }));
    }
}
