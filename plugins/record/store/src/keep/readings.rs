//! Readings as rows, fast: words are looked up once for each metric, target and part, and then are numbers.

use super::Said;
use crate::cells::{Cells, Rows};
use crate::parts::WHOLE;
use crate::words::ABSENT;
use pipeline_plugin_api::abi::{MetricName, Part, Quality, Reading, Reason};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Which words of the table stand for what.
#[derive(Debug, Default)]
pub struct Keys {
    /// Of a metric and its unit, by its id.
    metrics: Vec<Option<(i32, i32)>>,
    targets: HashMap<u32, i32, Plain>,
    parts: HashMap<u32, i32, Plain>,
    /// What was last looked up: neighbours mostly are of one target, and of parts side by side.
    last_target: Option<(u32, i32)>,
    qualities: HashMap<(u16, u16), (i32, i32)>,
}

type Plain = BuildHasherDefault<Multiply>;

/// Ids are small and given by the host, so that a multiplication spreads them well enough (Fibonacci hashing, D. Knuth,
/// "The Art of Computer Programming", volume 3, 6.4).
#[derive(Debug, Default)]
pub struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }
    fn write_u32(&mut self, value: u32) {
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Keys {
    /// Whether something of this reading was never seen.
    pub fn lacks(&mut self, reading: &Reading) -> bool {
        let known = self.metrics.get(reading.metric.0 as usize).is_some_and(Option::is_some)
            && self.target(reading.target.0).is_some()
            && (reading.part == Part::WHOLE || self.parts.contains_key(&reading.part.0))
            && (reading.quality == Quality::EXACT || self.qualities.contains_key(&mark(reading)));
        !known
    }

    fn target(&mut self, id: u32) -> Option<i32> {
        match self.last_target {
            Some((last, key)) if last == id => Some(key),
            _ => {
                let key = self.targets.get(&id).copied()?;
                self.last_target = Some((id, key));
                Some(key)
            }
        }
    }

    /// Takes in the words of a reading.
    pub fn learn(&mut self, rows: &mut Rows, reading: &Reading, metric: &MetricName, target: &str, part: &str) {
        let place = reading.metric.0 as usize;
        if self.metrics.len() <= place {
            self.metrics.resize(place + 1, None);
        }
        self.metrics[place] = Some((key(rows, METRIC, &metric.name), key(rows, UNIT, &metric.unit)));
        self.targets.insert(reading.target.0, key(rows, TARGET, target));
        self.parts.insert(reading.part.0, key(rows, PART, part));
        let quality = key(rows, QUALITY, &reading.quality.to_string());
        self.qualities
            .insert(mark(reading), (quality, key(rows, REASON, &reason(reading))));
    }

    /// Adds readings whose words are all known.
    pub fn push(&mut self, rows: &mut Rows, said: Said<'_>, readings: &[Reading]) {
        let count = readings.len();
        let node = key(rows, NODE, said.node);
        let whole = key(rows, PART, WHOLE);
        let exact = key(rows, QUALITY, Quality::EXACT.name().unwrap_or_default());
        let [
            Cells::Unsigned(sequences),
            Cells::Integer(ats),
            Cells::Derived,
            Cells::Integer(spans),
            Cells::Word(nodes, _),
            Cells::Word(targets, _),
            Cells::Small(target_ids),
            Cells::Word(metrics, _),
            Cells::Word(units, _),
            Cells::Word(parts, _),
            Cells::Number(values),
            Cells::Word(qualities, _),
            Cells::Small(details),
            Cells::Word(reasons, _),
        ] = &mut rows.cells[..]
        else {
            unreachable!("the columns of `readings` are as `schema` says")
        };
        sequences.resize(sequences.len() + count, said.sequence);
        nodes.resize(nodes.len() + count, node);
        ats.extend(readings.iter().map(|reading| reading.at.0.cast_signed()));
        spans.extend(readings.iter().map(|reading| reading.span.0.cast_signed()));
        target_ids.extend(readings.iter().map(|reading| reading.target.0));
        values.extend(readings.iter().map(|reading| reading.value));
        details.extend(readings.iter().map(|reading| u32::from(reading.detail)));
        targets.extend(
            readings
                .iter()
                .map(|reading| self.target(reading.target.0).unwrap_or(ABSENT)),
        );
        let metric = |reading: &Reading| self.metrics.get(reading.metric.0 as usize).copied().flatten();
        metrics.extend(
            readings
                .iter()
                .map(|reading| metric(reading).map_or(ABSENT, |(name, _)| name)),
        );
        units.extend(
            readings
                .iter()
                .map(|reading| metric(reading).map_or(ABSENT, |(_, unit)| unit)),
        );
        parts.extend(readings.iter().map(|reading| match reading.part {
            Part::WHOLE => whole,
            part => self.parts.get(&part.0).copied().unwrap_or(ABSENT),
        }));
        let quality = |reading: &Reading| match reading.quality {
            Quality::EXACT => (exact, ABSENT),
            _ => self.qualities.get(&mark(reading)).copied().unwrap_or((ABSENT, ABSENT)),
        };
        qualities.extend(readings.iter().map(|reading| quality(reading).0));
        reasons.extend(readings.iter().map(|reading| quality(reading).1));
        rows.pushed(count);
    }
}

/// Why a reading has no number; empty where it has one.
pub fn reason(reading: &Reading) -> String {
    match reading.quality {
        Quality::UNAVAILABLE => Reason(reading.detail).to_string(),
        _ => String::new(),
    }
}

/// A detail is a reason only where there is no number.
fn mark(reading: &Reading) -> (u16, u16) {
    let detail = if reading.quality == Quality::UNAVAILABLE {
        reading.detail
    } else {
        0
    };
    (reading.quality.0, detail)
}

const NODE: usize = 4;
const TARGET: usize = 5;
const METRIC: usize = 7;
const UNIT: usize = 8;
const PART: usize = 9;
const QUALITY: usize = 11;
const REASON: usize = 13;

fn key(rows: &mut Rows, place: usize, text: &str) -> i32 {
    match &mut rows.cells[place] {
        Cells::Word(_, words) => words.key(text),
        cells => unreachable!("`{cells:?}` holds no words"),
    }
}
